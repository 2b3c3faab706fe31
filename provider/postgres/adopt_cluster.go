package postgres

import (
	"context"
	"slices"

	"github.com/agenticverz/rotor/fault"
)

// moves are statements with their way back.
type moves struct{ do, undo []string }

// add notes a statement and what undoes it; "" if nothing has to.
func (m *moves) add(do, undo string) {
	m.do = append(m.do, do)
	if undo != "" {
		m.undo = append(m.undo, undo)
	}
}

// back is the way back, the last step first.
func (m moves) back() []string {
	out := slices.Clone(m.undo)
	slices.Reverse(out)
	return out
}

// login is a role as adoption sees it.
type login struct {
	oid, name  string // no oid: there is no such role
	super      bool
	inherits   bool
	attributes []string // of CREATEDB, CREATEROLE, BYPASSRLS
	replicates bool
	limit      string // of connections; -1: none
	canLogin   bool
	owns       bool // anything, in any database
	memberOf   []membership
	settings   []setting
}

func (l login) exists() bool { return l.oid != "" }

// sql is its name in a statement.
func (l login) sql() string { return ident(l.name) }

// number is its oid in a query; for a role that does not exist, one that no role has.
func (l login) number() string {
	if l.exists() {
		return l.oid
	}
	return "4294967295"
}

// bootstrap: the server itself needs this role; its objects can only be moved singly.
func (l login) bootstrap() bool { return l.oid == "10" }

type membership struct {
	role  string
	admin bool // may give it on
}

func (l login) member(role string) (membership, bool) {
	i := slices.IndexFunc(l.memberOf, func(m membership) bool { return m.role == role })
	if i < 0 {
		return membership{}, false
	}
	return l.memberOf[i], true
}

// lookAtCluster reads what all databases share.
func (a *adopting) lookAtCluster(ctx context.Context, s *session, name string) error {
	for into, name := range map[*login]string{
		&a.old: name, &a.owner: a.p.opts.OwnerRole, &a.slots[0]: a.p.opts.Roles[0], &a.slots[1]: a.p.opts.Roles[1],
	} {
		l, err := s.login(ctx, name)
		if err != nil {
			return err
		}
		*into = l
	}
	if s.version >= 16 { // where a membership that was given without stays without
		a.inherit = " WITH INHERIT TRUE"
	}
	if err := a.adoptable(ctx, s); err != nil {
		return err
	}
	if err := a.listDatabases(ctx, s); err != nil {
		return err
	}
	return a.lookAround(ctx, s)
}

// login reads a role with all that is to be copied from it.
func (s *session) login(ctx context.Context, name string) (login, error) {
	l := login{name: name}
	rows, err := s.read(ctx, `SELECT oid::text, rolsuper::text, rolinherit::text, rolreplication::text, rolconnlimit::text, rolcanlogin::text,
		rolcreatedb::text, rolcreaterole::text, rolbypassrls::text,
		EXISTS (SELECT FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = r.oid AND deptype = 'o'
			AND classid NOT IN ('pg_default_acl'::regclass, 'pg_user_mapping'::regclass))::text
		FROM pg_roles r WHERE rolname = $1`, name)
	if err != nil || len(rows) == 0 {
		return l, err
	}
	row := rows[0]
	is := func(i int) bool { return row[i] == "true" }
	l.oid, l.super, l.inherits, l.replicates, l.limit, l.canLogin, l.owns = row[0], is(1), is(2), is(3), row[4], is(5), is(9)
	for i, attribute := range []string{"CREATEDB", "CREATEROLE", "BYPASSRLS"} {
		if is(6 + i) {
			l.attributes = append(l.attributes, attribute)
		}
	}
	if l.memberOf, err = s.memberships(ctx, l.oid); err != nil {
		return l, err
	}
	l.settings, err = s.settings(ctx, l.oid)
	return l, err
}

func (s *session) memberships(ctx context.Context, oid string) ([]membership, error) {
	rows, err := s.read(ctx, `SELECT o.rolname, bool_or(m.admin_option)::text FROM pg_auth_members m JOIN pg_roles o ON o.oid = m.roleid
		WHERE m.member = $1::oid GROUP BY 1 ORDER BY 1`, oid)
	var out []membership
	for _, row := range rows {
		out = append(out, membership{row[0], row[1] == "true"})
	}
	return out, err
}

// adoptable refuses what cannot be done, before anything is.
func (a *adopting) adoptable(ctx context.Context, s *session) error {
	switch {
	case s.standby:
		return fault.New(fault.BadConfig, "%s: the admin's connection leads to a standby", a.op).WithHint("let it lead to the primary")
	case !a.old.exists():
		return fault.New(fault.Rejected, "%s: there is no role %q", a.op, a.old.name)
	case a.owner.super || a.owner.canLogin:
		return fault.New(fault.BadConfig, "%s: the owner role %s can log in or is a superuser", a.op, a.owner.name).
			WithHint("name a role for owner-role that only owns; it is created if it is missing")
	case a.old.super && !s.super:
		return fault.New(fault.Denied, "%s: %s is a superuser, and the admin is none", a.op, a.old.name).
			WithHint("let the admin be a superuser for the adoption")
	}
	if err := a.otherRole(); err != nil || s.super {
		return err
	}
	rows, err := s.read(ctx, `SELECT pg_has_role($1::oid, 'USAGE')::text, rolcreaterole::text FROM pg_roles WHERE rolname = current_user`, a.old.oid)
	if err == nil && (rows[0][0] != "true" || rows[0][1] != "true") {
		err = fault.New(fault.Denied, "%s: the admin may not act for %s", a.op, a.old.name).
			WithHint("for the adoption let the admin be a superuser, or have CREATEROLE and GRANT %s TO %s%s", a.old.sql(), ident(s.user), a.inherit)
	}
	return err
}

// database is one to look into.
type database struct {
	oid, name string
	used      bool   // the login has something there: it, and the new ones, act as the owner
	taken     bool   // it belongs to the login
	path      string // its search_path, if "$user" has to be spelt out

	singles  moves
	rest     moves
	findings findings
}

// listDatabases takes those in which the server has noted anything of the login; of the
// bootstrap superuser it notes nothing, so all are looked into.
func (a *adopting) listDatabases(ctx context.Context, s *session) error {
	rows, err := s.read(ctx, `SELECT d.oid::text, d.datname, d.datallowconn::text,
		(d.datdba = $1::oid AND d.oid >= 16384 AND NOT d.datistemplate)::text,
		(EXISTS (SELECT FROM pg_shdepend p WHERE p.refclassid = 'pg_authid'::regclass AND p.refobjid = $1::oid AND p.dbid = d.oid)
			OR EXISTS (SELECT FROM pg_db_role_setting c WHERE c.setrole = $1::oid AND c.setdatabase = d.oid) OR d.datname = $2)::text
		FROM pg_database d ORDER BY d.datname <> $2, d.datname`, a.old.oid, a.p.opts.Database)
	for _, row := range rows {
		d := database{oid: row[0], name: row[1], taken: row[3] == "true", used: row[4] == "true"}
		switch {
		case row[2] != "true" && d.used:
			a.notes = append(a.notes, "database "+ident(d.name)+" takes no connections and is left as it is")
		case row[2] == "true" && (d.used || d.taken || a.old.super):
			a.databases = append(a.databases, d)
		}
	}
	return err
}

// roles are the steps on what all databases share.
func (a *adopting) roles() moves {
	var m moves
	a.makeOwner(&m)
	for _, slot := range a.slots {
		if !slot.exists() {
			limit := ""
			if a.old.limit != "-1" {
				limit = " CONNECTION LIMIT " + a.old.limit
			}
			m.add("CREATE ROLE "+slot.sql()+" NOLOGIN INHERIT"+limit, "DROP ROLE IF EXISTS "+slot.sql())
		}
		if _, ok := slot.member(a.owner.name); !ok {
			m.add("GRANT "+a.owner.sql()+" TO "+slot.sql(), "REVOKE "+a.owner.sql()+" FROM "+slot.sql())
		}
	}
	if _, ok := a.old.member(a.owner.name); !ok && !a.old.super {
		m.add("GRANT "+a.owner.sql()+" TO "+a.old.sql(), "REVOKE "+a.owner.sql()+" FROM "+a.old.sql())
	}
	if !a.old.inherits && !a.old.super { // else sessions that are open now lose their objects
		m.add("ALTER ROLE "+a.old.sql()+" INHERIT", "ALTER ROLE "+a.old.sql()+" NOINHERIT")
	}
	a.copyMemberships(&m)
	m.do, m.undo = append(m.do, a.shared.do...), append(m.undo, a.shared.undo...)
	for _, d := range a.databases {
		back := "ALTER DATABASE " + ident(d.name) + " OWNER TO " + a.old.sql()
		switch {
		case d.taken && a.old.super: // those of other logins go with REASSIGN OWNED
			m.add("ALTER DATABASE "+ident(d.name)+" OWNER TO "+a.owner.sql(), back)
		case d.taken && a.owner.owns:
			m.undo = append(m.undo, back)
		}
	}
	a.copySettings(&m)
	return m
}

func (a *adopting) makeOwner(m *moves) {
	var lacking string
	for _, attribute := range a.old.attributes {
		if !a.old.super && !slices.Contains(a.owner.attributes, attribute) {
			lacking += " " + attribute
		}
	}
	switch {
	case !a.owner.exists():
		m.add("CREATE ROLE "+a.owner.sql()+" NOLOGIN"+lacking, "DROP ROLE IF EXISTS "+a.owner.sql())
	case lacking != "":
		undo := "ALTER ROLE " + a.owner.sql()
		for _, attribute := range a.old.attributes {
			if !slices.Contains(a.owner.attributes, attribute) {
				undo += " NO" + attribute
			}
		}
		m.add("ALTER ROLE "+a.owner.sql()+lacking, undo)
	}
	if a.join != "" {
		m.add("GRANT "+a.owner.sql()+" TO "+ident(a.join)+a.inherit, "")
	}
}

// copyMemberships gives the owner role what the login reaches through other roles.
func (a *adopting) copyMemberships(m *moves) {
	for _, of := range a.old.memberOf {
		had, ok := a.owner.member(of.role)
		if of.role == a.owner.name || ok && (had.admin || !of.admin) || slices.Contains(a.circular, of.role) {
			continue
		}
		with := ""
		if of.admin {
			with = " WITH ADMIN OPTION"
		}
		undo := "REVOKE " + ident(of.role) + " FROM " + a.owner.sql()
		if ok {
			undo = "REVOKE ADMIN OPTION FOR " + ident(of.role) + " FROM " + a.owner.sql()
		}
		m.add("GRANT "+ident(of.role)+" TO "+a.owner.sql()+with, undo)
	}
}
