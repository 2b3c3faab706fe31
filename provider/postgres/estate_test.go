package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/provider/postgres"
	"github.com/agenticverz/rotor/secret"
)

// estate is a cluster whose application logs in as one role that owns everything.
type estate struct {
	*localserver.Postgres
	nova  string // the login
	word  string
	opts  postgres.Options
	admin string // the admin's connection string
	root  string // who made the cluster; nova itself if it is the bootstrap superuser
}

const novaWord = "not-a-real-password-1"

// newEstate makes a cluster with two databases full of what an application has, which
// logs in as an ordinary role.
func newEstate(t *testing.T, o localserver.PostgresOptions) *estate {
	t.Helper()
	e := &estate{Postgres: testserver.OwnPostgres(t, o), nova: "nova", word: novaWord}
	e.root = "postgres"
	e.super(t, "postgres", "CREATE ROLE nova LOGIN CREATEDB PASSWORD '"+novaWord+"' CONNECTION LIMIT 20 VALID UNTIL '2040-01-01'")
	e.furnish(t)
	return e
}

// newSuperEstate is one whose application logs in as the cluster's first superuser, as
// with docker's POSTGRES_USER, or as another superuser.
func newSuperEstate(t *testing.T, bootstrap bool) *estate {
	t.Helper()
	e := &estate{Postgres: testserver.OwnPostgres(t, localserver.PostgresOptions{}), nova: "nova", word: novaWord, root: "nova"}
	if bootstrap {
		e.runAs(t, e.DSN("postgres", "", ""), "CREATE ROLE mover SUPERUSER LOGIN PASSWORD 'mover'", "ALTER ROLE postgres PASSWORD '"+novaWord+"'")
		e.runAs(t, e.DSN("postgres", "mover", "mover"), "ALTER ROLE postgres RENAME TO nova", "DROP ROLE IF EXISTS nobody")
		e.super(t, "postgres", "DROP ROLE mover")
	} else {
		e.runAs(t, e.DSN("postgres", "", ""), "CREATE ROLE nova SUPERUSER LOGIN PASSWORD '"+novaWord+"'")
	}
	e.furnish(t)
	return e
}

func (e *estate) furnish(t *testing.T) {
	t.Helper()
	e.admin = e.rootDSN("postgres")
	e.opts = postgres.Options{Database: "nova_aos", OwnerRole: "nova_owner", Roles: []string{"nova_a", "nova_b"}, VerifyTable: "public.orders"}
	e.super(t, "postgres",
		"CREATE ROLE reader", "CREATE ROLE team", "CREATE ROLE other_app LOGIN PASSWORD 'other'",
		"GRANT team TO nova WITH ADMIN OPTION", "GRANT pg_monitor TO nova",
		"ALTER ROLE nova SET statement_timeout = '40s'", "ALTER ROLE nova SET app.tenant = 'it''s-a-canary'",
		"CREATE DATABASE nova_aos OWNER nova", `CREATE DATABASE "other ""db"`, "CREATE DATABASE third",
		"GRANT CONNECT, TEMPORARY ON DATABASE third TO nova", "REVOKE ALL ON DATABASE third FROM PUBLIC",
		`ALTER ROLE nova IN DATABASE nova_aos SET search_path = app, "Odd, Schema", "$user", public`)
	e.super(t, "nova_aos", "CREATE SCHEMA nova AUTHORIZATION nova", "CREATE EXTENSION pg_stat_statements", "CREATE EXTENSION postgres_fdw",
		"GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO nova WITH GRANT OPTION", "GRANT ALL ON SCHEMA public TO nova",
		"CREATE TABLE public.foreign_table (id int, secret_column int)", "GRANT SELECT (id), UPDATE (id) ON public.foreign_table TO nova",
		"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO nova",
		"CREATE FUNCTION public.only_nova() RETURNS int LANGUAGE sql AS 'SELECT 42'", "REVOKE EXECUTE ON FUNCTION public.only_nova() FROM PUBLIC",
		"GRANT EXECUTE ON FUNCTION public.only_nova() TO nova",
		"CREATE TABLE public.guarded (id int)", "ALTER TABLE public.guarded ENABLE ROW LEVEL SECURITY", "GRANT SELECT, INSERT ON public.guarded TO nova",
		"CREATE POLICY for_nova ON public.guarded TO nova, reader USING (true)", "INSERT INTO public.guarded VALUES (7)")
	e.as(t, "nova_aos", estateOf...)
	e.super(t, `other "db`, "GRANT ALL ON SCHEMA public TO nova")
	e.as(t, `other "db`, "CREATE TABLE public.elsewhere (id serial PRIMARY KEY)", "INSERT INTO public.elsewhere DEFAULT VALUES")
}

// rootDSN is that of the superuser who made the cluster.
func (e *estate) rootDSN(database string) string {
	if e.root == e.nova {
		return e.DSN(database, e.nova, e.word)
	}
	return e.DSN(database, "", "")
}

// estateOf is what nova itself made.
var estateOf = []string{
	"CREATE SCHEMA app", `CREATE SCHEMA "Odd, Schema"`, "CREATE TYPE app.mood AS ENUM ('ok', 'sad')", "CREATE DOMAIN app.positive AS int CHECK (VALUE > 0)",
	"CREATE TYPE app.pair AS (a int, b text)", "CREATE TYPE app.span AS RANGE (subtype = int)",
	"CREATE TABLE public.orders (id serial PRIMARY KEY, note text DEFAULT current_user)", "CREATE TABLE app.items (id int GENERATED ALWAYS AS IDENTITY, m app.mood, n app.positive)",
	"ALTER TABLE app.items REPLICA IDENTITY FULL", "CREATE INDEX ON app.items (n)", "CREATE SEQUENCE app.numbers", "CREATE VIEW app.shown AS SELECT * FROM public.orders",
	"CREATE MATERIALIZED VIEW app.counted AS SELECT count(*) FROM public.orders",
	"CREATE TABLE app.parts (id int) PARTITION BY RANGE (id)", "CREATE TABLE app.parts_1 PARTITION OF app.parts FOR VALUES FROM (0) TO (10)",
	"CREATE FUNCTION app.double(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1'",
	"CREATE FUNCTION app.lent() RETURNS name LANGUAGE sql SECURITY DEFINER AS 'SELECT current_user'",
	"CREATE PROCEDURE app.tidy() LANGUAGE sql AS 'DELETE FROM app.items WHERE n IS NULL'",
	"CREATE AGGREGATE app.total(int) (sfunc = int4pl, stype = int)",
	"CREATE OPERATOR app.@@@ (leftarg = int, rightarg = int, function = int4pl)", "CREATE COLLATION app.plain (locale = 'C')",
	"CREATE TEXT SEARCH CONFIGURATION app.words (COPY = simple)", "CREATE STATISTICS app.linked ON m, n FROM app.items",
	`CREATE TABLE "Odd, Schema"."a ""table" (id int)`, "CREATE PUBLICATION some_tables FOR TABLE app.items",
	"CREATE TABLE nova.private (id int)", "SELECT lo_create(4711)",
	"CREATE SERVER away FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'nowhere.invalid')", "CREATE USER MAPPING FOR nova SERVER away OPTIONS (user 'x', password 'map-canary')",
	"GRANT SELECT ON public.orders TO reader", "GRANT INSERT (note) ON public.orders TO reader", "REVOKE EXECUTE ON FUNCTION app.double(int) FROM PUBLIC",
	"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader", "ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT USAGE ON SEQUENCES TO reader WITH GRANT OPTION",
	"ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
}

// application is what its sessions do all day. The tables without a schema are found by
// its search path.
var application = []string{
	"INSERT INTO orders (note) VALUES ('x')", "UPDATE orders SET note = 'y'", "INSERT INTO items (m, n) VALUES ('ok', 1)", "SELECT nextval('numbers')",
	"SELECT * FROM app.shown", "REFRESH MATERIALIZED VIEW counted", "INSERT INTO parts VALUES (1)", "SELECT app.double(2), app.lent(), app.total(1)", "CALL tidy()",
	"SELECT 1 OPERATOR(app.@@@) 2", `INSERT INTO "a ""table" VALUES (1)`, "INSERT INTO private VALUES (1)", "SELECT id FROM foreign_table", "UPDATE foreign_table SET id = 1",
	"SELECT only_nova()", "SELECT 1 / count(*) FROM guarded", "SELECT lo_put(4711, 0, 'x')", "SELECT 1 / (current_setting('app.tenant') = 'it''s-a-canary')::int",
	"SELECT 1 / (current_setting('statement_timeout') = '40s')::int", "CREATE TABLE app.made_%s (id serial)", "INSERT INTO app.made_%s DEFAULT VALUES", "ALTER TABLE app.items ADD COLUMN %s int",
	"CREATE INDEX ON orders (note)", "CREATE SCHEMA schema_%s", "CREATE DATABASE database_%s", "DROP DATABASE database_%s", "GRANT team TO reader", "ANALYZE orders",
	"SELECT pg_ls_waldir()", "CREATE SERVER away_%s FOREIGN DATA WRAPPER postgres_fdw", "GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO reader",
}

func (e *estate) super(t *testing.T, database string, statements ...string) {
	t.Helper()
	e.runAs(t, e.rootDSN(database), statements...)
}

func (e *estate) as(t *testing.T, database string, statements ...string) {
	t.Helper()
	e.runAs(t, e.DSN(database, e.nova, e.word), statements...)
}

func (e *estate) runAs(t *testing.T, dsn string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, sql := range statements {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// works runs the application's statements as a login; tag makes the names new.
func (e *estate) works(t *testing.T, user, word, tag string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), e.DSN("nova_aos", user, word))
	if err != nil {
		t.Fatalf("%s: %v", tag, err)
	}
	defer conn.Close(context.Background())
	for _, sql := range application {
		if (strings.Contains(sql, "DATABASE") || strings.Contains(sql, "WRAPPER")) && e.root == e.nova {
			continue // the new logins may not, and should not
		}
		if strings.Contains(sql, "%s") {
			sql = fmt.Sprintf(sql, tag)
		}
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Errorf("%s: as %s: %s: %v", tag, user, sql, err)
		}
	}
	e.runAs(t, e.DSN(`other "db`, user, word), "INSERT INTO elsewhere DEFAULT VALUES", "ALTER TABLE elsewhere ADD COLUMN "+tag+" int")
	e.runAs(t, e.DSN("third", user, word), "CREATE TEMP TABLE scratch (id int)")
}

func (e *estate) open(t *testing.T) *postgres.Provider {
	t.Helper()
	p, err := postgres.New(e.opts, secret.Fixed(secret.New(e.admin)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func (e *estate) values() secret.Set {
	return secret.Set{"username": secret.Public(e.nova), "password": secret.New(e.word)}
}

// picture describes who owns what and who may what, in all databases.
func (e *estate) picture(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, db := range []string{"nova_aos", `other "db`, "third"} {
		conn, err := pgx.Connect(t.Context(), e.rootDSN(db))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := conn.Query(t.Context(), picture)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			out = append(out, db+": "+l)
		}
		conn.Close(t.Context())
	}
	return out
}

const picture = `SELECT line FROM (
	SELECT 'relation ' || oid::regclass || ' ' || relowner::regrole || ' ' || COALESCE(relacl::text, '-') AS line FROM pg_class WHERE oid >= 16384
	UNION ALL SELECT 'column ' || attrelid::regclass || attname || attacl::text FROM pg_attribute WHERE attacl IS NOT NULL AND attrelid >= 16384
	UNION ALL SELECT 'routine ' || oid::regprocedure || ' ' || proowner::regrole || ' ' || COALESCE(proacl::text, '-') FROM pg_proc WHERE oid >= 16384
	UNION ALL SELECT 'type ' || oid::regtype || ' ' || typowner::regrole || ' ' || COALESCE(typacl::text, '-') FROM pg_type WHERE oid >= 16384
	UNION ALL SELECT 'schema ' || nspname || ' ' || nspowner::regrole || ' ' || COALESCE(nspacl::text, '-') FROM pg_namespace WHERE nspname !~ '^pg_(temp|toast_temp)'
	UNION ALL SELECT 'operator ' || oid::regoperator || ' ' || oprowner::regrole FROM pg_operator WHERE oid >= 16384
	UNION ALL SELECT 'collation ' || collname || ' ' || collowner::regrole FROM pg_collation WHERE oid >= 16384
	UNION ALL SELECT 'config ' || cfgname || ' ' || cfgowner::regrole FROM pg_ts_config WHERE oid >= 16384
	UNION ALL SELECT 'statistics ' || stxname || ' ' || stxowner::regrole FROM pg_statistic_ext
	UNION ALL SELECT 'server ' || srvname || ' ' || srvowner::regrole || COALESCE(srvacl::text, '-') FROM pg_foreign_server
	UNION ALL SELECT 'wrapper ' || fdwname || ' ' || fdwowner::regrole || COALESCE(fdwacl::text, '-') FROM pg_foreign_data_wrapper
	UNION ALL SELECT 'mapping ' || umuser::regrole || ' ' || COALESCE(umoptions::text, '-') FROM pg_user_mapping
	UNION ALL SELECT 'publication ' || pubname || ' ' || pubowner::regrole FROM pg_publication
	UNION ALL SELECT 'large object ' || oid || ' ' || lomowner::regrole || COALESCE(lomacl::text, '-') FROM pg_largeobject_metadata
	UNION ALL SELECT 'default ' || defaclrole::regrole || defaclnamespace || defaclobjtype::text || defaclacl::text FROM pg_default_acl
	UNION ALL SELECT 'policy ' || polname || polroles::regrole[]::text FROM pg_policy
	UNION ALL SELECT 'extension ' || extname || ' ' || extowner::regrole FROM pg_extension
	UNION ALL SELECT 'database ' || datname || ' ' || datdba::regrole || COALESCE(datacl::text, '-') FROM pg_database
	UNION ALL SELECT 'member ' || member::regrole || ' of ' || roleid::regrole || admin_option FROM pg_auth_members
	UNION ALL SELECT 'setting ' || setrole::regrole || ' ' || setdatabase || setconfig::text FROM pg_db_role_setting WHERE setrole <> 0
	UNION ALL SELECT 'role ' || rolname || rolinherit || rolcanlogin || rolcreatedb || rolconnlimit FROM pg_roles
	) x ORDER BY line COLLATE "C"`

func same(t *testing.T, what string, before, after []string) {
	t.Helper()
	for _, l := range before {
		if !slices.Contains(after, l) {
			t.Errorf("%s: gone: %s", what, l)
		}
	}
	for _, l := range after {
		if !slices.Contains(before, l) {
			t.Errorf("%s: new: %s", what, l)
		}
	}
}
