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
for the salt that it sends to whoever begins a login, which no other secret has. What that does not show,
that PgBouncer gets on to the server with it, is shown by the postgres provider's ` + "`verify-address`" + `.
**Confirm** is the same without RELOAD. An MD5 hash can be neither used nor asked for: it cannot tell.

**Hold and release** are PAUSE and RESUME of ` + "`databases`" + `: clients stay connected, queries wait. PAUSE waits for
open transactions; if they take longer than ` + "`pause-timeout`" + `, all is resumed and tried again later. Keep it well
below query_wait_timeout (120 s), after which PgBouncer drops who waits. Release asks PgBouncer what is
paused, so it also works after a crash; a database that is paused before the rotation stops preflight.

**Who comes through**: before the old user is taken away, the clients that are logged in as that user are listed
(SHOW CLIENTS). Server sessions that PgBouncer keeps open for nobody are told apart by their process ids, and end with
the login. For an in-place change, old and new logins have one name and cannot be told apart.

**Several PgBouncers** are ` + "`instances`" + `, each a unit; if one cannot be reached, preflight says which and nothing is
changed. Several processes behind one port (so_reuseport) need an instance each, through their unix sockets.

**The console** needs a user in admin_users; stats_users is not enough. Its connection string is read at each
use. If the auth_file is ever broken and read, nobody can log in, the admin neither. Ways back, once the file
is whole again: ` + "`pid-file`" + ` and SIGHUP, which Rotor sends itself when the console refuses it; or a login as user
pgbouncer over PgBouncer's unix socket, which needs no password for its own operating system user
(` + "`host=/var/run/postgresql port=6432 user=pgbouncer`" + `, with Rotor running as that user). With ` + "`pid-file`" + ` and
` + "`address`" + ` alone there is no console: SIGHUP and logins work, hold and draining do not.

**auth_query**: with ` + "`auth-query: true`" + ` nothing is reloaded. Users stand in no file, so the acceptor has no targets and
` + "`verify-address`" + ` is the proof.

**Limits**. In-place with SCRAM secrets (or auth_query, which gives PgBouncer the same): PgBouncer can open no
server connection until somebody has logged in with the new password, and if it tries before, all wait for
server_login_retry (15 s). Let the file hold passwords, or take turns with two users (alternate), where this
does not happen. Up to 1.18, a forced ` + "`user=`" + ` in [databases] together with SCRAM secrets fails as well. Up to 1.23, with TLS
to the server, RELOAD opens all server connections anew. The first of ` + "`databases`" + ` is used for logins; a user who may
not use it is shown as refused by the server.
`
