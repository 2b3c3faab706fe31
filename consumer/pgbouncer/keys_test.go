package pgbouncer_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/consumer/pgbouncer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// load is clients that stay connected and never log in again.
type load struct {
	conns   []*pgx.Conn
	stop    context.CancelFunc
	served  chan struct{} // one went through
	done    sync.WaitGroup
	mu      sync.Mutex
	queries int
	failed  []error
	longest time.Duration
}

// load queries through n connections until end.
func (w *world) load(name, password string, n int) *load {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{stop: cancel, served: make(chan struct{})}
	w.t.Cleanup(cancel)
	for range n {
		conn := w.client(0, name, password)
		w.exec(conn, "SELECT 1")
		l.conns = append(l.conns, conn)
		l.done.Go(func() { l.run(ctx, conn) })
	}
	return l
}

func (l *load) run(ctx context.Context, conn *pgx.Conn) {
	for ctx.Err() == nil {
		began := time.Now()
		_, err := conn.Exec(context.Background(), "SELECT pg_sleep(0.002)")
		l.mu.Lock()
		l.queries++
		l.longest = max(l.longest, time.Since(began))
		if err != nil {
			l.failed = append(l.failed, err)
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		select {
		case l.served <- struct{}{}:
		default:
		}
	}
}

// more waits until n more queries have gone through.
func (l *load) more(t *testing.T, n int) {
	t.Helper()
	for late := time.After(30 * time.Second); n > 0; n-- {
		select {
		case <-l.served:
		case <-late:
			t.Fatalf("%d queries did not go through in 30 s", n)
		}
	}
}

// end: nothing failed, nobody waited for server_login_retry (15 s).
func (l *load) end(t *testing.T) {
	t.Helper()
	l.stop()
	l.done.Wait()
	if len(l.failed) > 0 || l.longest > 8*time.Second {
		t.Errorf("%d queries, failed: %v, longest %s", l.queries, l.failed, l.longest)
	}
	t.Logf("%d queries, longest %s", l.queries, l.longest)
}

// inPlace is a change as an acceptor's Deploy gets it.
func (w *world) inPlace(name, password, verifier string) consumer.Change {
	c := change(w.set(name, verifier), nil)
	c.Fields = secret.Set{"username": secret.Public(w.role(name)), "password": secret.New(password), "verifier": secret.New(verifier)}
	return c
}

// secrets starts a pooler whose list holds a SCRAM secret.
func secrets(t *testing.T) *world {
	t.Helper()
	old := verifier(t, "old-0001")
	return start(t, 1, map[string]string{"app": old}, localserver.PgBouncerOptions{})
}

// TestInPlaceSecrets: clients that stay connected, a list of SCRAM secrets. Whoever
// gives PgBouncer the new keys, it is none of these clients.
func TestInPlaceSecrets(t *testing.T) {
	for name, tc := range map[string]struct {
		elsewhere, newProcess bool
	}{
		"one process":                  {},
		"another process deploys":      {newProcess: true},
		"a long transaction elsewhere": {newProcess: true, elsewhere: true},
	} {
		t.Run(name, func(t *testing.T) {
			w, fresh := secrets(t), verifier(t, "new-0002")
			l := w.load("app", "old-0001", 6)
			var other *pgx.Conn
			if tc.elsewhere {
				other = w.through("elsewhere", "app", "old-0001")
				w.exec(other, "BEGIN")
			}
			c := w.open(w.options())
			next := w.inPlace("app", "new-0002", fresh)
			l.more(t, 20)
			if err := c.Hold(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.db.Exec(t, "ALTER ROLE "+w.role("app")+" PASSWORD '"+fresh+"'")
			w.put(store.Edit{Set: next.Values})
			if tc.newProcess {
				c = w.open(w.options())
			}
			for range 2 { // again after a crash
				if err := c.Deploy(t.Context(), "a", next); err != nil {
					t.Fatal(err)
				}
			}
			if w.paused(0) != "1" {
				t.Error("Deploy let go")
			}
			if err := c.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
			l.more(t, 50)
			l.end(t)
			if other != nil {
				w.exec(other, "COMMIT")
			}
			w.noFailedLogin()
			if all := strings.Contains(w.log(0), "PAUSE command issued"); all != tc.newProcess {
				t.Errorf("everything was paused: %t", all)
			}
			if err := w.login(0, w.role("app"), "new-0002"); err != nil {
				t.Error(err)
			}
		})
	}
}

// through is a client of another database of the same pooler.
func (w *world) through(db, name, password string) *pgx.Conn {
	w.t.Helper()
	config, err := pgx.ParseConfig(w.poolers[0].DSN(db, w.role(name), password))
	if err != nil {
		w.t.Fatal(err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(w.t.Context(), config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// noFailedLogin: no server connection was tried in vain.
func (w *world) noFailedLogin() {
	w.t.Helper()
	for line := range strings.Lines(w.log(0)) {
		if strings.Contains(line, "login failed") || strings.Contains(line, "authentication failed") || strings.Contains(line, "cannot do SCRAM") ||
			strings.Contains(line, " S-0x") && strings.Contains(line, "pause mode") && strings.Contains(line, "(age=0s)") && strings.Contains(line, "/(nodb)") {
			w.t.Errorf("the log: %s", line)
		}
	}
}

// TestInPlaceSecretsQuietly: the clients are silent, and PgBouncer has no server
// connection and no greeting to give to whoever logs in: a login during the pause
// would make it open one, which is cut off.
func TestInPlaceSecretsQuietly(t *testing.T) {
	w, fresh := secrets(t), verifier(t, "new-0002")
	var clients []*pgx.Conn
	for range 3 {
		conn := w.client(0, "app", "old-0001")
		w.exec(conn, "SELECT 1")
		clients = append(clients, conn)
	}
	if err := w.poolers[0].Console(t.Context(), "RECONNECT "+w.db.Name); err != nil {
		t.Fatal(err)
	}
	for w.servers() != 0 {
	}
	c, next := w.open(w.options()), w.inPlace("app", "new-0002", fresh)
	if err := c.Hold(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.db.Exec(t, "ALTER ROLE "+w.role("app")+" PASSWORD '"+fresh+"'")
	w.put(store.Edit{Set: next.Values})
	if err := c.Deploy(t.Context(), "a", next); err != nil {
		t.Fatal(err)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for _, conn := range clients {
		w.exec(conn, "SELECT 1")
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the first queries took %s", took)
	}
	w.noFailedLogin()
}

func (w *world) servers() (n int) {
	w.t.Helper()
	rows, err := w.poolers[0].Show(context.Background(), "SERVERS")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, row := range rows {
		if row["database"] == w.db.Name {
			n++
		}
	}
	return n
}

// TestCrashInStandstill: Release of a process that knows nothing ends the pause of
// everything, too; and leaves alone what somebody else paused when we hold nothing.
func TestCrashInStandstill(t *testing.T) {
	w := secrets(t)
	conn := w.client(0, "app", "old-0001")
	c := w.open(w.options())
	if err := w.poolers[0].Console(t.Context(), "PAUSE"); err != nil {
		t.Fatal(err)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.poolers[0].Console(t.Context(), "RESUME"); err != nil {
		t.Errorf("Release ended a maintenance: %v", err)
	}
	if err := c.Hold(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.poolers[0].Console(t.Context(), "PAUSE"); err != nil {
		t.Fatal(err)
	}
	if err := w.open(w.options()).Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := conn.Exec(ctx, "SELECT 1"); err != nil {
		t.Error(err)
	}
}

// TestForeignPassword: the fields hold a password that is not the secret's. Without
// one nobody logs in, and through a forced user nobody needs to.
func TestForeignPassword(t *testing.T) {
	w, fresh := secrets(t), verifier(t, "new-0002")
	c := w.open(w.options())
	w.db.Exec(t, "ALTER ROLE "+w.role("app")+" PASSWORD '"+fresh+"'")
	next := w.inPlace("app", "other-0003", fresh)
	w.put(store.Edit{Set: next.Values})
	if err := c.Deploy(t.Context(), "a", next); fault.KindOf(err) != fault.Rejected || fault.HintOf(err) == "" || strings.Contains(fmt.Sprint(err), "other-0003") {
		t.Errorf("%s: %v", fault.KindOf(err), err)
	}
	next.Fields["username"] = secret.Public("somebody else")
	if err := c.Deploy(t.Context(), "a", next); err != nil {
		t.Error(err)
	}
	next.Fields = nil
	if err := c.Deploy(t.Context(), "a", next); err != nil {
		t.Error(err)
	}
	o := pgbouncer.Options{Admin: "file:/0", Databases: []string{"forced"}}
	if err := w.open(o).Deploy(t.Context(), "default", w.inPlace("app", "other-0003", fresh)); err != nil {
		t.Errorf("a forced user: %v", err)
	}
	if err := w.open(w.options()).Deploy(t.Context(), "a", w.inPlace("app", "new-0002", fresh)); err != nil {
		t.Error(err)
	}
}
