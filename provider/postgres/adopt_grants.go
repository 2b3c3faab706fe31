package postgres

import (
	"context"
	"fmt"
	"strings"
)

// granted lists, kind by kind, the objects of a database on which somebody was given
// rights: kind, name as in GRANT, columns, owner, rights.
const granted = `
	SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, oid::regclass::text AS name, ''::text AS cols, relowner AS owner, relacl AS acl
		FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
	UNION ALL SELECT 'TABLE', attrelid::regclass::text, quote_ident(attname), relowner, attacl FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid WHERE NOT attisdropped
	UNION ALL SELECT 'ROUTINE', oid::regprocedure::text, '', proowner, proacl FROM pg_proc
	UNION ALL SELECT 'SCHEMA', quote_ident(nspname), '', nspowner, nspacl FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp)'
	UNION ALL SELECT 'TYPE', oid::regtype::text, '', typowner, typacl FROM pg_type
	UNION ALL SELECT 'LANGUAGE', quote_ident(lanname), '', lanowner, lanacl FROM pg_language WHERE lanpltrusted
	UNION ALL SELECT 'FOREIGN DATA WRAPPER', quote_ident(fdwname), '', fdwowner, fdwacl FROM pg_foreign_data_wrapper
	UNION ALL SELECT 'FOREIGN SERVER', quote_ident(srvname), '', srvowner, srvacl FROM pg_foreign_server
	UNION ALL SELECT 'LARGE OBJECT', oid::text, '', lomowner, lomacl FROM pg_largeobject_metadata`

// grantedShared is the same for what all databases share.
const grantedShared = `
	SELECT 'DATABASE' AS kind, quote_ident(datname) AS name, ''::text AS cols, datdba AS owner, datacl AS acl FROM pg_database
	UNION ALL SELECT 'TABLESPACE', quote_ident(spcname), '', spcowner, spcacl FROM pg_tablespace`

// grantedParameters exists from PostgreSQL 15 on.
const grantedParameters = `
	UNION ALL SELECT 'PARAMETER', parname, '', 10, paracl FROM pg_parameter_acl`

// kept lists objects that stay with a superuser and that its successors need: tables
// that came with an extension, and the functions that lend its powers.
const kept = `
	SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, oid::regclass::text AS name, ''::text AS cols,
		COALESCE(relacl, acldefault(CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END, relowner)) AS acl
		FROM pg_class c WHERE relowner = $1::oid AND oid >= 16384 AND relkind IN ('r', 'p', 'f', 'S')
		AND EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')
	UNION ALL SELECT 'SCHEMA', quote_ident(nspname), '', COALESCE(nspacl, acldefault('n', nspowner))
		FROM pg_namespace n WHERE nspowner = $1::oid AND oid >= 16384
		AND EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_namespace'::regclass AND objid = n.oid AND deptype = 'e')
	UNION ALL SELECT 'ROUTINE', oid::regprocedure::text, '', COALESCE(proacl, acldefault('f', proowner))
		FROM pg_proc p WHERE proowner = $1::oid AND oid >= 16384 AND prosecdef
		AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'e')`

// lacking finds what role $1 may do with objects, and neither role $2 nor everybody may.
const lacking = `SELECT kind, name, cols, string_agg(privilege, ', ' ORDER BY privilege), grantable::text FROM (
	SELECT kind, name, cols, acl, x.privilege_type AS privilege, bool_or(x.is_grantable) AS grantable
	FROM (%s) o, aclexplode(acl) x WHERE x.grantee = $1::oid GROUP BY 1, 2, 3, 4, 5
	) r WHERE NOT EXISTS (SELECT FROM aclexplode(acl) y WHERE (y.grantee = $2::oid OR %s) AND y.privilege_type = privilege AND (y.is_grantable OR NOT grantable))
	GROUP BY kind, name, cols, grantable ORDER BY kind, name, cols, grantable`

// ofOthers narrows a list to what belongs to neither role.
func ofOthers(objects string) string {
	objects = `SELECT * FROM (` + objects + `) g WHERE acl IS NOT NULL AND owner NOT IN ($1::oid, $2::oid)`
	return fmt.Sprintf(lacking, objects, "false")
}

// copyGrants gives the owner role the rights that the login was given on objects of
// others.
func (a *adopting) copyGrants(ctx context.Context, s *session, d *database) error {
	if err := a.lacks(ctx, s, &d.rest, ofOthers(granted)); err != nil || !a.old.super || !d.used {
		return err
	}
	return a.lacks(ctx, s, &d.rest, fmt.Sprintf(lacking, kept, "y.grantee = 0"))
}

// lookAround does so for what all databases share, and finds out who must be whose
// member.
func (a *adopting) lookAround(ctx context.Context, s *session) error {
	objects := grantedShared
	if s.version >= 15 {
		objects += grantedParameters
	}
	if err := a.lacks(ctx, s, &a.shared, ofOthers(objects)); err != nil {
		return err
	}
	rows, err := s.read(ctx, `SELECT reset_val, (NOT $1 IN (SELECT rolname FROM pg_roles WHERE pg_has_role(oid, 'USAGE')))::text,
		COALESCE((SELECT setconfig[n] FROM (
			SELECT setconfig, generate_subscripts(setconfig, 1) AS n, setdatabase FROM pg_db_role_setting
			WHERE setrole = 0 AND (setdatabase = 0 OR setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
			) c WHERE setconfig[n] LIKE 'search\_path=%' ORDER BY setdatabase DESC LIMIT 1), '')
		FROM pg_settings WHERE name = 'search_path'`, a.owner.name)
	if err != nil {
		return err
	}
	a.path = rows[0][0]
	if path, ok := strings.CutPrefix(rows[0][2], "search_path="); ok {
		a.path = path
	}
	if !s.super && rows[0][1] == "true" {
		a.join = s.user
	}
	if !a.owner.exists() {
		return nil
	}
	rows, err = s.read(ctx, `SELECT o.rolname FROM pg_auth_members m JOIN pg_roles o ON o.oid = m.roleid
		WHERE m.member = $1::oid AND pg_has_role(o.rolname, $2, 'MEMBER') AND o.rolname <> $2`, a.old.oid, a.owner.name)
	for _, row := range rows {
		a.circular = append(a.circular, row[0])
	}
	return err
}

func (a *adopting) lacks(ctx context.Context, s *session, m *moves, sql string) error {
	rows, err := s.read(ctx, sql, a.old.oid, a.owner.number())
	for _, row := range rows {
		rights, with := row[3], ""
		if row[2] != "" {
			rights = strings.ReplaceAll(row[3], ",", " ("+row[2]+"),") + " (" + row[2] + ")"
		}
		if row[4] == "true" {
			with = " WITH GRANT OPTION"
		}
		on := " ON " + row[0] + " " + row[1]
		m.add("GRANT "+rights+on+" TO "+a.owner.sql()+with, "REVOKE "+rights+on+" FROM "+a.owner.sql())
	}
	return err
}
