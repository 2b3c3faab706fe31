package postgres

import (
	"slices"

	"github.com/agenticverz/rotor/provider"
)

const name = "postgres"

// Type is its entry in provider/all.
func Type() provider.Type {
	return provider.Type{
		Name:       name,
		Summary:    "PostgreSQL logins: two roles taking turns, or one role's password",
		Doc:        doc(),
		Evidence:   provider.EvidenceServer,
		NewOptions: func() any { return new(Options) },
		Refs: func(opts any) map[string]string {
			if o := opts.(*Options); !o.bySelf() {
				return map[string]string{"admin": o.Admin}
			}
			return nil
		},
		Accounts: func(opts any) []string {
			o := opts.(*Options)
			return provider.AccountsAt(o.Admin+" "+o.Server, append(slices.Clone(o.Roles), o.Role)...)
		},
		New: func(opts any, c provider.Context) (provider.Provider, error) {
			o := *opts.(*Options)
			if o.Admin == "" {
				return nil, bad("admin is missing").WithHint("refer to the admin's connection string, for example admin: env:ROTOR_PG_ADMIN")
			}
			if _, err := o.validated(); err != nil {
				return nil, err
			}
			if o.bySelf() {
				return New(o, nil)
			}
			dsn, err := c.Bind.Source(o.Admin)
			if err != nil {
				return nil, err
			}
			return New(o, dsn)
		},
	}
}

const docText = `Passwords are made by Rotor and reach the server only as SCRAM-SHA-256 verifiers: the
plain text is in no statement, no server log and no statistics view (but see hosted services).

    database:
      provider:
        type: postgres
        admin: env:ROTOR_PG_ADMIN
        database: nova_aos
        owner-role: nova_owner
        roles: [nova_a, nova_b]

**Rights.** A superuser works. Better is a role of its own. On PostgreSQL 16 and newer:

%s

On PostgreSQL 15 the same without the last line, and so on 14, where the
` + "`GRANT SET ON PARAMETER`" + ` lines do not exist yet either: there the verifier, never the
password, may appear in the server's log. Set its password with ` + "`\\password rotor_admin`" + `.
From 16 on it can alter only roles that it made or was given: for logins that exist already,
the present one included, ` + "`GRANT nova_a TO rotor_admin WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`" + `.

**A person must** make the admin's login once, and say yes to an adoption; all else is automatic.

**Without an admin.** ` + "`admin: self`" + ` with ` + "`strategy: in-place`" + ` and ` + "`server:`" + ` (a connection string
without user and password) lets a role change its own password, logged in with the present
one. Which of the two passwords works tells what became of a try whose answer was lost.
Nobody can close the login then, label it, or see its sessions.

**Strategy.** *alternate*: the login that is not in use gets a new password, consumers move to
it, then the other one is closed. Both act as the owner role (` + "`SET role TO`" + ` in the database),
so it makes no difference which of them created a table. Nothing is ever dropped. *in-place*
changes the password of one role: new connections with the old password fail until the
consumer presents the new one.

**Adoption.** ` + "`rotor adopt`" + ` hands the objects of the present login to the owner role, in every
database of the cluster, with its grants, default privileges, row policies, user mappings,
memberships, settings and limits, so that the new logins can do what it could. It shows the
SQL first and can be undone until the old login is retired. The old login goes on working,
and acts as the owner role from its next session on. Tables are locked for a moment each; a
lock that is not had within 5 s ends the try, and the next one goes on from there. Rotor
does not rotate away from a login that still owns objects. The admin must be a superuser for
it, or a member of the present login.

A superuser (docker's POSTGRES_USER) is never closed: its objects are moved one by one, it
goes on as itself until the first rotation, and is kept as break-glass. Its functions with
SECURITY DEFINER, extensions, event triggers and foreign data wrappers stay its own. Give it
a password of its own afterwards, as a credential of its own:

    break-glass:
      provider: {type: postgres, admin: env:ROTOR_PG_ADMIN, database: postgres,
        strategy: in-place, role: postgres, break-glass: true}

**Verify** logs in over TCP, through ` + "`verify-address`" + ` if consumers use a pooler, checks who
it arrived as, and creates a type in a transaction that it rolls back; ` + "`verify-table`" + ` adds an
INSERT. A server that does not ask for a password there (trust, peer) is refused: any
password would "work".

**TLS.** sslmode, sslrootcert, sslcert and sslkey of the admin's connection string hold for
the logins too. Where pg_hba.conf has ` + "`clientcert=verify-full`" + `, each role presents a
certificate with its own name: ` + "`client-cert: /etc/rotor/{role}.crt`" + ` and ` + "`client-key`" + `.

**Limits.** A role has one password: two at a time need two roles. Sessions that were opened
with the old password of an in-place role stay open; end those from before the change with
` + "`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app' AND backend_start < '…'`" + `.
Acting as the owner role, a login cannot end or look into other sessions of its own name.
PostgreSQL 14 is the oldest supported. The label stands at the end of the role's comment.

A verifier is kept out of the server's log, pg_stat_statements and pg_stat_activity where the
admin may change those settings for its transaction: a superuser may all of it, others what
was granted above. Nobody can keep it out of the write-ahead log and of backups, nor out of
an extension that logs by itself (pgaudit, which blots passwords out); and
` + "`log_transaction_sample_rate`" + ` only a superuser can evade. It is no password: from a random
one of 32 characters nothing can be guessed.

**Hosted services.** Neon sees every change of a role itself and takes no verifier. ` + "`plaintext: true`" + ` sends the
password; the connection string must say sslmode=verify-full, values have no field ` + "`verifier`" + `, and what the
service writes down of the statement is its own affair. Two roles take turns there as anywhere.

**What "dead" proves.** The server itself, asked directly and not through a pooler, refused
this login (28P01 in the middle of the password exchange, or 28000 for a role without
LOGIN); and the revocation came back only when
no session of the role was left. The refusal of a proxy that answers logins by itself (some
hosted services) counts if the server's catalogue says that the role may not log in; of a
password that was replaced it cannot tell, and a person is asked.`
