package postgres

import (
	"context"
	"strconv"
)

// singly is how many tables one REASSIGN OWNED may move; with more, the tables go first
// and in portions, because each takes several of the server's locks.
const singly = 500

// findings are for the notes.
type findings struct {
	tables, objects int
	definers        []string // SECURITY DEFINER functions
	kept            []string // objects that only a superuser may own
	others          []string // tables that a superuser could use without being asked
	named           []string // policies and defaults that ask who the user is
	mappings        int
}

// lookAtDatabase finds what is to be done inside of one database.
func (a *adopting) lookAtDatabase(ctx context.Context, s *session, d *database) error {
	if err := a.ownership(ctx, s, d); err != nil {
		return err
	}
	for _, look := range []func(context.Context, *session, *database) error{
		a.reachSchemas, a.copyGrants, a.copyDefaults, a.copyPolicies, a.copyMappings, a.inspect,
	} {
		if err := look(ctx, s, d); err != nil {
			return err
		}
	}
	rows, err := s.read(ctx, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)::text`, a.old.name)
	if err != nil {
		return err
	}
	a.pin(d, rows[0][0] == "true")
	a.actAsOwner(&d.rest, d)
	return nil
}

// ownership hands the login's objects to the owner role.
func (a *adopting) ownership(ctx context.Context, s *session, d *database) error {
	tables, objects, err := a.count(ctx, s, d)
	if err != nil || objects == 0 {
		return err
	}
	d.used, d.findings.tables, d.findings.objects = true, tables, objects
	forth := "REASSIGN OWNED BY " + a.old.sql() + " TO " + a.owner.sql()
	back := "REASSIGN OWNED BY " + a.owner.sql() + " TO " + a.old.sql()
	singles := a.old.super || tables > singly
	if singles || a.owner.owns {
		if err := a.singly(ctx, s, d); err != nil {
			return err
		}
	}
	if !a.old.super {
		d.rest.add(forth, "")
	}
	if !singles {
		d.singles.do = nil
	}
	if !a.owner.owns { // else not all that it will own is to go back
		d.rest.undo = append(d.rest.undo, back)
		d.singles.undo = nil
	}
	return nil
}

// count says how much there is to move. The server notes an ordinary role's objects in
// one place; the bootstrap superuser's are found by looking for them.
func (a *adopting) count(ctx context.Context, s *session, d *database) (tables, objects int, err error) {
	sql := `SELECT count(*) FILTER (WHERE classid = 'pg_class'::regclass)::text, count(*)::text FROM pg_shdepend
		WHERE refclassid = 'pg_authid'::regclass AND refobjid = $1::oid AND deptype = 'o'
		AND (dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) OR dbid = 0 AND current_database() = $2)
		AND classid NOT IN ('pg_default_acl'::regclass, 'pg_user_mapping'::regclass)`
	if a.old.super {
		sql = `SELECT count(*) FILTER (WHERE class = 'pg_class'::regclass)::text, count(*)::text FROM (` + movable + `) o`
	}
	params := []string{a.old.oid, a.p.opts.Database} // what databases share is moved in this one
	if a.old.super {
		params = params[:1]
	}
	rows, err := s.read(ctx, sql, params...)
	if err != nil {
		return 0, 0, err
	}
	tables, _ = strconv.Atoi(rows[0][0])
	objects, _ = strconv.Atoi(rows[0][1])
	return tables, objects, nil
}

// movable lists what belongs to role $1 and may belong to a role that is no superuser:
// not what came with the server or with an extension, not what follows another object
// (sequences of columns, array types, multiranges from PostgreSQL 17 on), and not SECURITY DEFINER functions,
// which would lose the powers that they lend.
const movable = `SELECT class, oid, verb FROM (
	SELECT 'pg_namespace'::regclass AS class, oid, 'SCHEMA' AS verb, 1 AS turn FROM pg_namespace WHERE nspowner = $1::oid AND nspname !~ '^pg_'
	UNION ALL SELECT 'pg_class', oid, CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, 2
		FROM pg_class c WHERE relowner = $1::oid AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND relpersistence <> 't'
		AND NOT (relkind = 'S' AND EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i')))
	UNION ALL SELECT 'pg_type', oid, 'TYPE', 3 FROM pg_type t WHERE typowner = $1::oid AND typtype IN ('b', 'c', 'd', 'e', 'r')
		AND (typrelid = 0 OR EXISTS (SELECT FROM pg_class WHERE oid = t.typrelid AND relkind = 'c'))
		AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)
	UNION ALL SELECT 'pg_type', oid, 'TYPE', 4 FROM pg_type WHERE typowner = $1::oid AND typtype = 'm' AND current_setting('server_version_num')::int < 170000
	UNION ALL SELECT 'pg_proc', oid, 'ROUTINE', 5 FROM pg_proc WHERE proowner = $1::oid AND NOT (prosecdef AND (SELECT rolsuper FROM pg_roles WHERE oid = $1::oid))
	UNION ALL SELECT 'pg_operator', oid, 'OPERATOR', 5 FROM pg_operator WHERE oprowner = $1::oid
	UNION ALL SELECT 'pg_opfamily', oid, 'OPERATOR FAMILY', 5 FROM pg_opfamily WHERE opfowner = $1::oid
	UNION ALL SELECT 'pg_opclass', oid, 'OPERATOR CLASS', 5 FROM pg_opclass WHERE opcowner = $1::oid
	UNION ALL SELECT 'pg_collation', oid, 'COLLATION', 5 FROM pg_collation WHERE collowner = $1::oid
	UNION ALL SELECT 'pg_conversion', oid, 'CONVERSION', 5 FROM pg_conversion WHERE conowner = $1::oid
	UNION ALL SELECT 'pg_statistic_ext', oid, 'STATISTICS', 5 FROM pg_statistic_ext WHERE stxowner = $1::oid
	UNION ALL SELECT 'pg_ts_dict', oid, 'TEXT SEARCH DICTIONARY', 5 FROM pg_ts_dict WHERE dictowner = $1::oid
	UNION ALL SELECT 'pg_ts_config', oid, 'TEXT SEARCH CONFIGURATION', 5 FROM pg_ts_config WHERE cfgowner = $1::oid
	UNION ALL SELECT 'pg_foreign_server', oid, 'SERVER', 6 FROM pg_foreign_server WHERE srvowner = $1::oid
	UNION ALL SELECT 'pg_publication', oid, 'PUBLICATION', 6 FROM pg_publication p WHERE pubowner = $1::oid AND NOT puballtables
		AND NOT EXISTS (SELECT FROM pg_depend WHERE refclassid = 'pg_publication'::regclass AND refobjid = p.oid AND classid = to_regclass('pg_catalog.pg_publication_namespace'))
	UNION ALL SELECT 'pg_largeobject', oid, 'LARGE OBJECT', 7 FROM pg_largeobject_metadata WHERE lomowner = $1::oid
	) o WHERE (oid >= 16384 OR verb = 'LARGE OBJECT') AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = class
		AND d.objid = o.oid AND d.objsubid = 0 AND (d.deptype = 'e' OR d.deptype = 'i' AND turn <> 4)) ORDER BY turn, oid`

// singly moves objects one by one.
func (a *adopting) singly(ctx context.Context, s *session, d *database) error {
	rows, err := s.read(ctx, `SELECT verb, (pg_identify_object(class, oid, 0)).identity FROM (`+movable+`) o`, a.old.oid)
	for _, row := range rows {
		what := "ALTER " + row[0] + " " + row[1] + " OWNER TO "
		d.singles.add(what+a.owner.sql(), what+a.old.sql())
	}
	return err
}

// reachSchemas: a superuser needs no rights in a schema that is not its own, its
// successors do. That of the database's owner comes with the database.
func (a *adopting) reachSchemas(ctx context.Context, s *session, d *database) error {
	if !a.old.super || !d.used {
		return nil
	}
	rows, err := s.read(ctx, `SELECT quote_ident(nspname) FROM pg_namespace n, pg_database b
		WHERE nspname = 'public' AND b.datname = current_database() AND n.oid < 16384
		AND NOT (pg_get_userbyid(nspowner) = 'pg_database_owner' AND (b.datdba = $2::oid OR b.datdba = $1::oid AND b.oid >= 16384 AND NOT b.datistemplate))
		AND (SELECT count(DISTINCT privilege_type) FROM aclexplode(nspacl) WHERE grantee IN (0, $2::oid)) < 2`, a.old.oid, a.owner.number())
	for _, row := range rows {
		d.rest.add("GRANT USAGE, CREATE ON SCHEMA "+row[0]+" TO "+a.owner.sql(), "REVOKE USAGE, CREATE ON SCHEMA "+row[0]+" FROM "+a.owner.sql())
	}
	return err
}
