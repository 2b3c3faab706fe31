package pgbouncer_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/consumer/pgbouncer"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
	"github.com/agenticverz/rotor/store/userlist"
)

func TestMain(m *testing.M) { testserver.Main(m) }

// world is a database with login roles, and poolers in front of it.
type world struct {
	t       testing.TB
	db      *testserver.Database
	poolers []*localserver.PgBouncer
	list    *userlist.Store
}

// start makes n poolers that read one auth_file with users, which are roles too.
func start(t testing.TB, n int, users map[string]string, o localserver.PgBouncerOptions) *world {
	t.Helper()
	w := &world{t: t, db: testserver.Postgres(t)}
	file := map[string]string{}
	for name, password := range users {
		w.db.Exec(t, "CREATE ROLE "+w.role(name)+" LOGIN PASSWORD '"+password+"'")
		file[w.role(name)] = password
	}
	o.Server, o.Users = w.db.Address(), file
	o.Databases = map[string]string{w.db.Name: "", "elsewhere": "dbname=" + w.db.Name,
		"forced": fmt.Sprintf("dbname=%s user=%s password=%s", w.db.Name, w.db.User, w.db.Password)}
	if o.Settings["forced"] != "" { // everybody arrives at the server as the superuser
		o.Databases[w.db.Name] = fmt.Sprintf("user=%s password=%s", w.db.User, w.db.Password)
		o.Settings = map[string]string{"stats_users": "app"}
	}
	if name := o.Settings["auth_query_for"]; name != "" {
		o.AuthUser, o.AuthQuery = w.role(name), "SELECT u, p FROM public.lookup($1)"
		o.Settings = nil
	}
	for range n {
		b := testserver.PgBouncer(t, o)
		w.poolers = append(w.poolers, b)
		o.AuthFile, o.Admin, o.AdminPassword = b.AuthFile, b.Admin, b.AdminPassword
	}
	var err error
	if w.list, err = userlist.New(userlist.Options{Path: w.poolers[0].AuthFile}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) role(name string) string { return w.db.Role(name) }

// set makes a set of role: value.
func (w *world) set(kv ...string) secret.Set {
	out := secret.Set{}
	for i := 0; i < len(kv); i += 2 {
		out[w.role(kv[i])] = secret.New(kv[i+1])
	}
	return out
}

// options name every pooler; the admin's URL goes by reference "file:/N".
func (w *world) options() pgbouncer.Options {
	o := pgbouncer.Options{Databases: []string{w.db.Name}, LoginTimeout: 20 * time.Second}
	for i := range w.poolers {
		o.Instances = append(o.Instances, pgbouncer.Instance{Name: string(rune('a' + i)), Admin: "file:/" + string(rune('0'+i))})
	}
	return o
}

// Source implements secret.Binder.
func (w *world) Source(ref string) (secret.Source, error) {
	return secret.Fixed(secret.New(w.poolers[ref[len(ref)-1]-'0'].AdminDSN())), nil
}

func (w *world) open(o pgbouncer.Options) *pgbouncer.T {
	w.t.Helper()
	c, err := pgbouncer.New(o, "/", w)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// put edits the auth_file; poolers do not notice.
func (w *world) put(e store.Edit) {
	w.t.Helper()
	if err := w.edit(e); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) edit(e store.Edit) error {
	_, revision, err := w.list.Get(context.Background(), "")
	if err != nil {
		return err
	}
	_, err = w.list.Put(context.Background(), "", e, revision, store.Mark{})
	return err
}

// login asks the pooler for itself; enter asks its console, where no server is needed.
func (w *world) login(i int, user, password string) error {
	return w.enter(i, w.db.Name, user, password)
}

func (w *world) enter(i int, db, user, password string) error {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgconn.Connect(ctx, w.poolers[i].DSN(db, user, password))
	if err == nil {
		return conn.Close(ctx)
	}
	return err
}

// client is a connection that stays, as a role.
func (w *world) client(i int, name, password string) *pgx.Conn {
	w.t.Helper()
	config, err := pgx.ParseConfig(w.poolers[i].DSN(w.db.Name, w.role(name), password))
	if err != nil {
		w.t.Fatal(err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	config.RuntimeParams["application_name"] = "nightly \x1bjob"
	conn, err := pgx.ConnectConfig(w.t.Context(), config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func (w *world) exec(conn *pgx.Conn, sql string) {
	w.t.Helper()
	if _, err := conn.Exec(w.t.Context(), sql); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) paused(i int) string {
	w.t.Helper()
	rows, err := w.poolers[i].Show(context.Background(), "DATABASES")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, row := range rows {
		if row["name"] == w.db.Name {
			return row["paused"]
		}
	}
	w.t.Fatal("no such database")
	return ""
}

func (w *world) log(i int) string {
	text, err := os.ReadFile(w.poolers[i].LogPath())
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// refused says whether the pooler looked at the password and said no.
func refused(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && strings.Contains(e.Message, "authentication failed")
}

func change(values, old secret.Set) consumer.Change {
	return consumer.Change{Credential: "database", Generation: 2, Values: values, Old: old, Fingerprint: "f0000002"}
}
