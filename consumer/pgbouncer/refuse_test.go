package pgbouncer_test

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/consumer/pgbouncer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

func TestOptions(t *testing.T) {
	good := pgbouncer.Options{Admin: "file:/x", Databases: []string{"app"}}
	bind := secret.BinderFunc(func(string) (secret.Source, error) { return secret.Fixed(secret.Value{}), nil })
	if _, err := pgbouncer.New(good, "/", bind); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*pgbouncer.Options){
		"no databases":          func(o *pgbouncer.Options) { o.Databases = nil },
		"the console":           func(o *pgbouncer.Options) { o.Databases = []string{"pgbouncer"} },
		"a database twice":      func(o *pgbouncer.Options) { o.Databases = []string{"a", "a"} },
		"no admin, no pid-file": func(o *pgbouncer.Options) { o.Admin = "" },
		"a value as reference":  func(o *pgbouncer.Options) { o.Admin = "postgres://a:hunter2@h/pgbouncer" },
		"signal, no address":    func(o *pgbouncer.Options) { o.Admin, o.PIDFile = "", "/run/p.pid" },
		"address":               func(o *pgbouncer.Options) { o.Address = "/tmp:6432" },
		"address without port":  func(o *pgbouncer.Options) { o.Address = "localhost" },
		"instances beside":      func(o *pgbouncer.Options) { o.Instances = []pgbouncer.Instance{{Name: "a", Admin: "file:/x"}} },
		"no name":               func(o *pgbouncer.Options) { *o = several("", "b") },
		"a name twice":          func(o *pgbouncer.Options) { *o = several("a", "a") },
		"a name with a space":   func(o *pgbouncer.Options) { *o = several("a b") },
		"negative time":         func(o *pgbouncer.Options) { o.PauseTimeout = -1 },
		"a name too long":       func(o *pgbouncer.Options) { o.Databases = []string{strings.Repeat("x", 64)} },
		"a line break in names": func(o *pgbouncer.Options) { o.Databases = []string{"a\nb"} },
	} {
		o := good
		spoil(&o)
		if _, err := pgbouncer.New(o, "/", bind); fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "" || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	refs := pgbouncer.Type().Refs(&pgbouncer.Options{Instances: []pgbouncer.Instance{{Name: "a", Admin: "file:/a"}, {Name: "b"}, {Name: "c", Admin: "file:/c"}}})
	if fmt.Sprint(refs) != "map[instances[0].admin:file:/a instances[2].admin:file:/c]" {
		t.Error(refs)
	}
}

func several(names ...string) pgbouncer.Options {
	o := pgbouncer.Options{Databases: []string{"app"}}
	for _, n := range names {
		o.Instances = append(o.Instances, pgbouncer.Instance{Name: n, Admin: "file:/x"})
	}
	return o
}

// TestAdminURL: whatever the connection string is, the words are clear and hold
// nothing of it.
func TestAdminURL(t *testing.T) {
	const word = "hunter-mark-3f9a"
	closed := closedPort(t)
	for url, want := range map[string]struct {
		kind fault.Kind
		says string
	}{
		"":                           {fault.BadConfig, "empty"},
		"postgres://a:" + word + "/": {fault.BadConfig, "not a connection string"},
		"postgres://admin:" + word + "/x@127.0.0.1:6432/pgbouncer":                                  {fault.BadConfig, "not a connection string"},
		"host=127.0.0.1,127.0.0.2 port=1 user=a password=" + word + " sslmode=disable":              {fault.BadConfig, "several hosts"},
		"postgres://admin:" + word + "@127.0.0.1:" + closed + "/pgbouncer":                          {fault.Transient, "connection refused"},
		"postgres://admin:" + word + "@" + word + ".invalid:1/pgbouncer":                            {fault.Transient, ""},
		"host=/nonexistent/" + word + " port=6432 user=pgbouncer dbname=pgbouncer password=" + word: {fault.Transient, "no such socket"},
	} {
		bind := secret.BinderFunc(func(string) (secret.Source, error) { return secret.Fixed(secret.New(url)), nil })
		c, err := pgbouncer.New(pgbouncer.Options{Admin: "file:/x", Databases: []string{"app"}}, "/", bind)
		if err != nil {
			t.Fatal(err)
		}
		for what, err := range map[string]error{"Preflight": c.Preflight(t.Context()), "Hold": c.Hold(t.Context()), "Release": c.Release(t.Context()),
			"Deploy": c.Deploy(t.Context(), "default", change(nil, nil))} {
			text := fmt.Sprintf("%v %+v %s", err, err, fault.HintOf(err))
			if fault.KindOf(err) != want.kind || !strings.Contains(text, want.says) || fault.HintOf(err) == "" || strings.Contains(text, word) {
				t.Errorf("%s of %q: %s: %s", what, url, fault.KindOf(err), text)
			}
		}
	}
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func TestPreflightRefusals(t *testing.T) {
	w := start(t, 1, map[string]string{"app": "old-0001"}, localserver.PgBouncerOptions{})
	b := w.poolers[0]
	expect := func(what string, c *pgbouncer.T, kind fault.Kind, says string) {
		t.Helper()
		if err := c.Preflight(t.Context()); fault.KindOf(err) != kind || !strings.Contains(err.Error(), says) || fault.HintOf(err) == "" {
			t.Errorf("%s: %s: %v", what, fault.KindOf(err), err)
		}
	}
	c := w.open(w.options())
	if err := b.Console(t.Context(), "PAUSE "+w.db.Name); err != nil {
		t.Fatal(err)
	}
	expect("paused", c, fault.Transient, "is paused")
	if err := b.Console(t.Context(), "RESUME "+w.db.Name, "DISABLE "+w.db.Name); err != nil {
		t.Fatal(err)
	}
	expect("disabled", c, fault.BadConfig, "is disabled")
	if err := b.Console(t.Context(), "ENABLE "+w.db.Name, "SET server_login_retry = 30"); err != nil {
		t.Fatal(err)
	}
	expect("a login shorter than the retry", c, fault.BadConfig, "server_login_retry")
	if err := b.Console(t.Context(), "SET server_login_retry = 15", "SET stats_users = '"+b.Admin+"'", "SET admin_users = 'other'"); err != nil {
		t.Fatal(err)
	}
	expect("may only look", c, fault.Denied, "may look and not command")
	if err := c.Hold(t.Context()); fault.KindOf(err) != fault.Denied {
		t.Errorf("Hold: %v", err)
	}
	if err := c.Deploy(t.Context(), "a", change(w.set("app", "old-0001"), nil)); fault.KindOf(err) != fault.Denied {
		t.Errorf("Deploy: %v", err)
	}
}

// TestNobodyAsked: where PgBouncer checks no password, a login proves nothing.
func TestNobodyAsked(t *testing.T) {
	w := start(t, 1, map[string]string{"app": "old-0001"}, localserver.PgBouncerOptions{AuthType: "trust"})
	c, any := w.open(w.options()), change(w.set("app", "anything"), nil)
	for what, err := range map[string]error{"Preflight": c.Preflight(t.Context()), "Deploy": c.Deploy(t.Context(), "a", any)} {
		if fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if proof, err := c.Confirm(t.Context(), "a", any); proof != consumer.CannotTell || fault.KindOf(err) != fault.BadConfig {
		t.Errorf("Confirm: %s, %v", proof, err)
	}
}

// TestServerRefuses: PgBouncer takes the value and the server does not. After that
// it waits before it tries again; a later deployment waits with it.
func TestServerRefuses(t *testing.T) {
	w := start(t, 1, map[string]string{"app": "old-0001"}, localserver.PgBouncerOptions{Settings: map[string]string{"server_login_retry": "1"}})
	o := w.options()
	o.LoginTimeout = 5 * time.Second
	c, fresh := w.open(o), change(w.set("app", "new-0002"), w.set("app", "old-0001"))
	w.put(store.Edit{Set: fresh.Values})
	if err := c.Deploy(t.Context(), "a", fresh); fault.KindOf(err) != fault.Rejected || !strings.Contains(err.Error(), "the server behind it does not") {
		t.Errorf("%s: %v", fault.KindOf(err), err)
	}
	if proof, err := c.Confirm(t.Context(), "a", fresh); proof == consumer.Proven {
		t.Errorf("%s, %v", proof, err)
	}
	w.db.Exec(t, "ALTER ROLE "+w.role("app")+" PASSWORD 'new-0002'")
	for until := time.Now().Add(10 * time.Second); ; {
		err := c.Deploy(t.Context(), "a", fresh)
		if err == nil {
			break
		}
		if time.Now().After(until) {
			t.Fatal(err)
		}
	}
}

// TestMD5: a client login of the older kind; also while paused.
func TestMD5(t *testing.T) {
	w := start(t, 1, map[string]string{"app": "old-0001"}, localserver.PgBouncerOptions{AuthType: "md5"})
	c := w.open(w.options())
	fresh := change(w.set("app", "new-0002"), w.set("app", "old-0001"))
	if proof, err := c.Confirm(t.Context(), "a", fresh); err != nil || proof != consumer.NotYet {
		t.Errorf("%s, %v", proof, err)
	}
	if err := c.Hold(t.Context()); err != nil {
		t.Fatal(err)
	}
	if proof, err := c.Confirm(t.Context(), "a", fresh); err != nil || proof != consumer.NotYet {
		t.Errorf("%s, %v", proof, err)
	}
	w.put(store.Edit{Set: fresh.Values})
	if err := c.Deploy(t.Context(), "a", fresh); err != nil {
		t.Error(err)
	}
	if proof, err := c.Confirm(t.Context(), "a", fresh); err != nil || proof != consumer.Proven {
		t.Errorf("%s, %v", proof, err)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Error(err)
	}
	hash := change(w.set("app", "md5"+strings.Repeat("0a", 16)), nil)
	if proof, err := c.Confirm(t.Context(), "a", hash); err != nil || proof != consumer.CannotTell {
		t.Errorf("a hash: %s, %v", proof, err)
	}
}

// TestSecrets: with SCRAM secrets the salt tells which one PgBouncer holds, also
// while paused, and nobody's login fails by asking.
func TestSecrets(t *testing.T) {
	old, fresh := verifier(t, "old-0001"), verifier(t, "new-0002")
	w := start(t, 1, map[string]string{"app": old}, localserver.PgBouncerOptions{})
	c, next := w.open(w.options()), change(w.set("app", fresh), w.set("app", old))
	w.db.Exec(t, "ALTER ROLE "+w.role("app")+" PASSWORD '"+fresh+"'")
	w.put(store.Edit{Set: next.Values})
	if err := c.Hold(t.Context()); err != nil {
		t.Fatal(err)
	}
	if proof, err := c.Confirm(t.Context(), "a", next); err != nil || proof != consumer.NotYet {
		t.Errorf("%s, %v", proof, err)
	}
	if err := c.Deploy(t.Context(), "a", next); err != nil {
		t.Fatal(err)
	}
	if proof, err := c.Confirm(t.Context(), "a", next); err != nil || proof != consumer.Proven {
		t.Errorf("%s, %v", proof, err)
	}
	if strings.Contains(w.log(0), "authentication failed") {
		t.Error("asking made a login fail")
	}
	if err := c.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if err := w.login(0, w.role("app"), "new-0002"); err != nil {
		t.Error(err)
	}
}

func TestUnitsAndPrinting(t *testing.T) {
	c, err := pgbouncer.New(several("east", "west"), "/", secret.BinderFunc(func(string) (secret.Source, error) {
		return secret.Fixed(secret.New("postgres://a:hunter2@h/pgbouncer")), nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	units, err := c.Units(t.Context())
	if err != nil || fmt.Sprint(units) != "[east west]" {
		t.Error(units, err)
	}
	if text := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(text, "hunter2") {
		t.Error(text)
	}
	if _, err := c.Present(t.Context(), "north", consumer.Change{}); fault.KindOf(err) != fault.BadConfig {
		t.Error(err)
	}
}
