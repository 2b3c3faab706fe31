package postgres

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
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
		Refs:       func(opts any) map[string]string { return map[string]string{"admin": opts.(*Options).Admin} },
		New: func(opts any, c provider.Context) (provider.Provider, error) {
			o := *opts.(*Options)
			if o.Admin == "" {
				return nil, bad("admin is missing").WithHint("refer to the admin's connection string, for example admin: env:ROTOR_PG_ADMIN")
			}
			if _, err := o.validated(); err != nil {
				return nil, err
			}
			dsn, err := c.Bind.Source(o.Admin)
			if err != nil {
				return nil, err
			}
			return New(o, dsn)
		},
	}
}

// Grants is the SQL that a superuser runs once, so that admin, which is no
// superuser, may rotate the roles of o. One statement a line; comments between.
func Grants(o Options, admin string) string {
	a := pgx.Identifier{admin}.Sanitize()
	owner := pgx.Identifier{o.OwnerRole}.Sanitize()
	lines := []string{
		"-- Rotor's own login: alters roles, ends their sessions, sees them",
		"CREATE ROLE " + a + " LOGIN CREATEROLE;",
		"GRANT pg_read_all_stats, pg_signal_backend TO " + a + ";",
		"-- PostgreSQL 15 and newer: keeps password verifiers out of log and statistics",
	}
	for _, q := range quiet {
		lines = append(lines, "GRANT SET ON PARAMETER "+q.name+" TO "+a+";")
	}
	if o.Strategy != rotation.InPlace {
		lines = append(lines,
			"-- the role that owns everything and never logs in",
			"CREATE ROLE "+owner+" NOLOGIN;",
			"-- PostgreSQL 16 and newer need this; older ones do no harm by it",
			"GRANT "+owner+" TO "+a+" WITH ADMIN OPTION;",
		)
	}
	return strings.Join(lines, "\n") + "\n"
}

func doc() string {
	example := Options{OwnerRole: "nova_owner", Roles: []string{"nova_a", "nova_b"}}
	indented := "    " + strings.ReplaceAll(strings.TrimSpace(Grants(example, "rotor_admin")), "\n", "\n    ")
	return fmt.Sprintf(docText, indented)
}

const docText = `Passwords are made by Rotor and reach the server only as SCRAM-SHA-256 verifiers: the
plain text is in no statement, no server log and no statistics view.

    database:
      provider:
        type: postgres
        admin: env:ROTOR_PG_ADMIN
        database: nova_aos
        owner-role: nova_owner
        roles: [nova_a, nova_b]

**Rights.** A superuser works. Better is a role of its own:

%s

Set its password with ` + "`\\password rotor_admin`" + `. From PostgreSQL 16 on, roles that exist
already also need ` + "`GRANT nova_a TO rotor_admin WITH ADMIN OPTION`" + `; Rotor creates missing ones.

**Strategy.** *alternate*: the login that is not in use gets a new password, consumers move to
it, then the other one is closed. Both act as the owner role (` + "`SET role TO`" + ` in the database),
so it makes no difference which of them created a table. Nothing is ever dropped. *in-place*
changes the password of one role: new connections with the old password fail until the
consumer presents the new one.

**A person must**, once, move the objects of the present login to the owner role, in every
database of the cluster: ` + "`REASSIGN OWNED BY nova TO nova_owner`" + `. Rotor refuses to give its
password to a login that owns objects.

**Verify** logs in over TCP, through ` + "`verify-address`" + ` if consumers use a pooler, checks who
it arrived as, and creates a table in a transaction that it rolls back; ` + "`verify-table`" + ` adds an
INSERT. A server that does not ask for a password there (trust, peer) is refused: any
password would "work".

**Limits.** A role has one password: two at a time need two roles. Sessions that were opened
with the old password of an in-place role stay open. PostgreSQL 14 is the oldest supported.
Without the parameter grants above the verifier, never the password, may appear in the
server's log. The label stands at the end of the role's comment.

**What "dead" proves.** The server itself, asked directly and not through a pooler, refused
this login (28P01, or 28000 for a role without LOGIN); and the revocation came back only when
no session of the role was left. A proxy that answers logins by itself (some hosted services)
proves nothing: there death stays *not provable*.`
