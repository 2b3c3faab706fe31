package pgbouncer

const doc = `
An acceptor: PgBouncer checks the password before PostgreSQL sees it, so it must know the new one before
anyone presents it. Its targets lie in a store of type userlist; each key is a user name, each value a
password or a SCRAM secret.

    consumers:
      pgbouncer: {type: pgbouncer, admin: "file:/run/rotor/pgbouncer-admin-url", databases: [nova_aos]}
    credentials:
      database:
        acceptors:
          - {consumer: pgbouncer, targets: [{store: userlist, key: "{{.username}}", value: "{{.password}}"}]}

**Deploy** sends RELOAD and then logs in through PgBouncer as each user. Its answer to RELOAD is not believed:
it says RELOAD also when it could not read the file. With a SCRAM secret nobody can log in; there it is asked
for the salt that it sends to whoever begins a login, which no other secret has. Then Rotor logs in with the
password behind it, because PgBouncer gets on to the server with a SCRAM secret only once somebody has done so
(below). **Confirm** is the same without RELOAD and without that login. An MD5 hash can be neither used nor asked for: it cannot tell.

**Hold and release** are PAUSE and RESUME of ` + "`databases`" + `: clients stay connected, queries wait. PAUSE waits for
open transactions; if they take longer than ` + "`pause-timeout`" + `, all is resumed and tried again later. Keep it well
below query_wait_timeout (120 s), after which PgBouncer drops who waits. Release asks PgBouncer what is
paused, so it also works after a crash; a database that is paused before the rotation stops preflight. A pause
cuts off server logins that are under way, and PgBouncer counts them as failed: hold waits, up to 1 s, until
there are none, and if clients are not served after RESUME, release sets server_login_retry to 0.1 until they are.

**Who is connected**: before the old user is taken away, the clients that are logged in as that user are listed
(SHOW CLIENTS), and the server sessions that PgBouncer keeps for it are told apart from them. For an in-place
change, old and new logins have one name and cannot be told apart.

**Several PgBouncers** are ` + "`instances`" + `, each a unit; if one cannot be reached, preflight says which and nothing is
changed. Several processes behind one port (so_reuseport) need an instance each, through their unix sockets.

**The console** needs a user in admin_users; stats_users is not enough. Its connection string is read at each
use. If the auth_file is ever broken and read, nobody can log in, the admin neither. Ways back, once the file
is whole again: ` + "`pid-file`" + ` and SIGHUP, which Rotor sends itself when the console refuses it; or a login as user
pgbouncer over PgBouncer's unix socket, which needs no password for its own operating system user
(` + "`host=/var/run/postgresql port=6432 user=pgbouncer`" + `, with Rotor running as that user). With ` + "`pid-file`" + ` and
` + "`address`" + ` alone there is no console: SIGHUP and logins work; hold does not, and clients are seen only by the
sessions that they have at the server.

**In-place with SCRAM secrets**. PgBouncer knows no password then; it opens server connections with the keys of
the last login. After the change these are the old ones, until somebody logs in with the new password, which
clients that stay connected never do. Deploy does it, with the password of the rotated value (its fields
` + "`username`" + ` and ` + "`password`" + `; without a password nobody can). During a hold no server connection is opened by that. If
PgBouncer had none for the user when the hold began, or another Rotor process began it, all databases of this
PgBouncer are paused for the moment of the login (about 20 ms, at most 0.2 s and a login): queries wait, none
fails, idle server connections are opened anew.

**auth_query**: with ` + "`auth-query: true`" + ` nothing is reloaded. Users stand in no file, so the acceptor has no targets;
deploy logs in to each of ` + "`databases`" + ` with the value's ` + "`username`" + ` and ` + "`password`" + `, which also gives PgBouncer the
new keys, and confirm does the same. Hold pauses nothing: server connections that are open outlive the change
and serve on, a pause would close them, and a login would wait for auth_query, which waits for the pause.

**Limits**. In-place with auth_query: a server connection that PgBouncer opens between the change and deploy is
refused. Clients are served by the others; if there is none (an idle pool, after server_idle_timeout), a query in
that time waits for deploy, which sets server_login_retry to 0.1 until it is served, and queries after it
fail ("server login has been failing"). min_pool_size makes that rare; two users that take turns
(alternate) know none of it. Up to 1.18, a forced ` + "`user=`" + ` in [databases] together with SCRAM secrets of clients fails: PgBouncer
takes their keys for those of the forced user. Rotor makes no login for keys there. Up to 1.23, with TLS to
the server, RELOAD opens all server connections anew. The first of ` + "`databases`" + ` is used for logins; a user who may
not use it is shown as refused by the server.
`
