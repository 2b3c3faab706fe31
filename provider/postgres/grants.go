package postgres

import (
	"fmt"
	"strings"

	"github.com/agenticverz/rotor/rotation"
)

// Grants is the SQL that a superuser runs once, so that admin, which is no superuser,
// may rotate the roles of o. One statement a line; comments between. It is for
// PostgreSQL 15, works on newer servers too, and gives more than is needed there.
func Grants(o Options, admin string) string {
	text := GrantsFor(o, admin, 15)
	if o.Strategy != rotation.InPlace {
		text += "-- PostgreSQL 16 and newer need this; older ones do no harm by it\n" +
			"GRANT " + ident(o.OwnerRole) + " TO " + ident(admin) + " WITH ADMIN OPTION;\n"
	}
	return text
}

// GrantsFor is exactly what a server of the given major version wants, and no more. The
// owner role, or the one login of in-place, must not reach admin: only be given by it.
func GrantsFor(o Options, admin string, version int) string {
	a := ident(admin)
	lines := []string{
		"-- Rotor's own login: alters roles, ends their sessions, sees them",
		"CREATE ROLE " + a + " LOGIN CREATEROLE;",
		"GRANT pg_read_all_stats, pg_signal_backend TO " + a + ";",
	}
	if version >= 15 {
		lines = append(lines, "-- keeps password verifiers out of log and statistics")
		for _, q := range quiet {
			lines = append(lines, "GRANT SET ON PARAMETER "+q.name+" TO "+a+";")
		}
	}
	given := o.Role
	if o.Strategy != rotation.InPlace {
		given = o.OwnerRole
		lines = append(lines,
			"-- the role that owns everything and never logs in",
			"CREATE ROLE "+ident(given)+" NOLOGIN;",
		)
	}
	if version >= 16 {
		lines = append(lines, fmt.Sprintf("GRANT %s TO %s WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;", ident(given), a))
	}
	return strings.Join(lines, "\n") + "\n"
}

func doc() string {
	example := Options{OwnerRole: "nova_owner", Roles: []string{"nova_a", "nova_b"}}
	indented := "    " + strings.ReplaceAll(strings.TrimSpace(GrantsFor(example, "rotor_admin", 16)), "\n", "\n    ")
	return fmt.Sprintf(docText, indented)
}
