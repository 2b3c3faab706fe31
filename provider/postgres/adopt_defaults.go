package postgres

import (
	"context"
	"strings"
)

// defaults compares the rights that new objects get from the login with those that they
// get from the owner role, in every schema and overall ($2 may not exist yet). Both
// roles count as one, 'same'. The kinds are those of pg_default_acl.
const defaults = `WITH kinds (kind, word, letter) AS (VALUES ('r'::"char", 'TABLES', 'r'::"char"), ('S', 'SEQUENCES', 's'), ('f', 'FUNCTIONS', 'f'), ('T', 'TYPES', 'T'), ('n', 'SCHEMAS', 'n'), ('L', 'LARGE OBJECTS', 'L')),
	rows_ AS (SELECT word, letter, kind, defaclnamespace AS ns, defaclacl AS acl FROM pg_default_acl JOIN kinds ON kind = defaclobjtype WHERE defaclrole = $1::oid),
	want AS (SELECT word, ns, CASE WHEN grantee = $1::oid THEN $2::oid ELSE grantee END AS grantee, privilege_type, is_grantable FROM rows_, aclexplode(acl)),
	have AS (SELECT word, ns, CASE WHEN x.grantee = $1::oid THEN $2::oid ELSE x.grantee END AS grantee, x.privilege_type, x.is_grantable FROM rows_ r
		LEFT JOIN pg_default_acl d ON d.defaclrole = $2::oid AND d.defaclnamespace = r.ns AND d.defaclobjtype = r.kind,
		aclexplode(COALESCE(d.defaclacl, CASE WHEN r.ns = 0 THEN acldefault(r.letter, $1::oid) END)) x)
	SELECT verb, word, COALESCE(quote_ident(nspname), ''), CASE grantee WHEN 0 THEN 'PUBLIC' WHEN $2::oid THEN '' ELSE quote_ident(pg_get_userbyid(grantee)) END,
		string_agg(privilege_type, ', ' ORDER BY privilege_type), is_grantable::text FROM (
		SELECT 'GRANT' AS verb, * FROM (TABLE want EXCEPT TABLE have) w UNION ALL
		SELECT 'REVOKE', word, ns, grantee, privilege_type, false FROM (
			SELECT word, ns, grantee, privilege_type FROM have EXCEPT SELECT word, ns, grantee, privilege_type FROM want) h
	) x LEFT JOIN pg_namespace n ON n.oid = ns GROUP BY verb, word, ns, nspname, grantee, is_grantable ORDER BY 1 DESC, 2, 3, 4, 6`

// copyDefaults: what either login makes from now on is made by the owner role, and should
// be open to the same roles as before.
func (a *adopting) copyDefaults(ctx context.Context, s *session, d *database) error {
	rows, err := s.read(ctx, defaults, a.old.oid, a.owner.number())
	if err != nil {
		return err
	}
	for _, row := range rows {
		a.alterDefaults(&d.rest, a.owner.sql(), row)
	}
	rows, err = s.read(ctx, `SELECT 'GRANT', CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END,
		COALESCE(quote_ident(nspname), ''), '', string_agg(x.privilege_type, ', ' ORDER BY x.privilege_type), x.is_grantable::text, quote_ident(pg_get_userbyid(defaclrole))
		FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = defaclnamespace, aclexplode(defaclacl) x
		WHERE x.grantee = $1::oid AND defaclrole NOT IN ($1::oid, $2::oid)
		AND NOT EXISTS (SELECT FROM aclexplode(defaclacl) y WHERE y.grantee = $2::oid AND y.privilege_type = x.privilege_type)
		GROUP BY defaclobjtype, nspname, x.is_grantable, defaclrole ORDER BY 7, 2, 3`, a.old.oid, a.owner.number())
	for _, row := range rows {
		a.alterDefaults(&d.rest, row[6], row)
	}
	return err
}

// alterDefaults turns a row (verb, kind, schema, grantee, rights, grantable) into a
// statement for objects that maker makes. No grantee: the owner role.
func (a *adopting) alterDefaults(m *moves, maker string, row []string) {
	to, schema, with := row[3], "", ""
	if to == "" {
		to = a.owner.sql()
	}
	if row[2] != "" {
		schema = " IN SCHEMA " + row[2]
	}
	if row[5] == "true" {
		with = " WITH GRANT OPTION"
	}
	head := "ALTER DEFAULT PRIVILEGES FOR ROLE " + maker + schema
	grant := head + " GRANT " + row[4] + " ON " + row[1] + " TO " + to + with
	revoke := head + " REVOKE " + row[4] + " ON " + row[1] + " FROM " + to
	if row[0] == "REVOKE" {
		grant, revoke = revoke, grant
	}
	m.add(grant, revoke)
}

// copyPolicies adds the owner role to row policies that name the login.
func (a *adopting) copyPolicies(ctx context.Context, s *session, d *database) error {
	rows, err := s.read(ctx, `SELECT quote_ident(polname) || ' ON ' || polrelid::regclass::text,
		(SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, ', ') FROM unnest(polroles) r)
		FROM pg_policy WHERE $1::oid = ANY (polroles) AND NOT $2::oid = ANY (polroles) ORDER BY 1`, a.old.oid, a.owner.number())
	for _, row := range rows {
		alter := "ALTER POLICY " + row[0] + " TO " + row[1]
		d.rest.add(alter+", "+a.owner.sql(), alter)
	}
	return err
}

// copyMappings: who a session is on a foreign server depends on whom it acts as. The
// options may hold a password, so the server copies them, and only a superuser may see
// them there.
func (a *adopting) copyMappings(ctx context.Context, s *session, d *database) error {
	rows, err := s.read(ctx, `SELECT srvname FROM pg_user_mappings m WHERE umuser = $1::oid
		AND NOT EXISTS (SELECT FROM pg_user_mappings o WHERE o.srvid = m.srvid AND o.umuser = $2::oid) ORDER BY 1`, a.old.oid, a.owner.number())
	for _, row := range rows {
		if !s.super {
			d.findings.mappings++
			continue
		}
		body := "BEGIN EXECUTE (SELECT format('CREATE USER MAPPING FOR %I SERVER %I', " + literal(a.owner.name) + ", srvname) || COALESCE(' OPTIONS (' || " +
			"string_agg(format('%I %L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ') || ')', '') " +
			"FROM pg_user_mapping m JOIN pg_foreign_server s ON s.oid = umserver LEFT JOIN unnest(umoptions) o ON true " +
			"WHERE srvname = " + literal(row[0]) + " AND umuser = (SELECT oid FROM pg_roles WHERE rolname = " + literal(a.old.name) + ") GROUP BY srvname); END"
		d.rest.add("DO "+literal(body), "DROP USER MAPPING IF EXISTS FOR "+a.owner.sql()+" SERVER "+ident(row[0]))
	}
	return err
}

// some names the first few of a list.
func some(names []string) string {
	const few = 5
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:few], ", ") + " and others"
}
