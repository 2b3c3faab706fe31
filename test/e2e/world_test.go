package e2e

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/internal/demo/balancer"
	"github.com/agenticverz/rotor/internal/demo/load"
)

// plan says what a world is made of.
type plan struct {
	vault    *vault   // nil: a mount of the shared one
	backends []string // nil: backend-a and backend-b
	light    bool     // instances are plain processes, not containers
	short    bool     // no time to lose: for tests that rotate some forty times
	quiet    bool     // no load
	loops    bool     // a container that ends is started again, and has no health check
	changes  map[string]string
}

// world is a small system in production: a database, a store, instances of a
// service behind a balancer that does not retry, a client that does not either,
// and a rotor.yaml that knows all of it.
type world struct {
	t      testing.TB
	plan   plan
	dir    string
	state  string
	binary string // of rotor

	db       *logins
	vault    *vault
	app      instances
	urls     map[string]string // of the instances
	caller   *caller
	balancer *balancer.Balancer
	load     *load.Load
	watch    *watch
}

// instances is the service: containers or processes.
type instances interface {
	consumer() string                 // for rotor.yaml
	environment() []string            // rotor needs it
	up()                              // start all, as before Rotor
	holds(name, url string) bool      // whether one runs with this DATABASE_URL
	well(name string) bool            // healthy
	identity() string                 // changes when anything is started again
	logs() map[string]func() []byte   // of the daemon and the instances
	value(name, variable string) bool // whether the variable is what the store says
}

func newWorld(t testing.TB, p plan) *world {
	t.Helper()
	if p.backends == nil {
		p.backends = []string{"backend-a", "backend-b"}
	}
	w := &world{t: t, plan: p, dir: shortDir(t), binary: program(t, "rotor"), urls: map[string]string{}, vault: p.vault}
	w.state = filepath.Join(w.dir, "state")
	first := rand.Text()
	w.db = newLogins(t, first)
	if w.vault == nil {
		w.vault = newVault(t)
	}
	w.watch = newWatch(w)
	w.fill(first)
	for i, address := range freeAddresses(t, len(p.backends)) {
		w.urls[p.backends[i]] = "http://" + address
	}
	var err error
	if w.balancer, err = balancer.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.balancer.Stop() })
	if p.light {
		w.app = newProcesses(w)
	} else {
		w.app = newContainers(w)
	}
	w.app.up()
	for _, name := range p.backends {
		if err := w.balancer.Add(w.urls[name]); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range p.backends {
		w.routed(name)
	}
	w.configure()
	if !p.quiet {
		o := load.Options{URL: w.balancer.URL() + "/work", Bearer: w.caller.token}
		if p.short {
			o.Rate = 30 // for minutes
		}
		w.load = load.Start(o)
		t.Cleanup(func() { w.load.Stop() })
	}
	t.Cleanup(w.watch.search) // first of all, while everything still is there
	return w
}

// fill puts the values from before Rotor into the store.
func (w *world) fill(password string) {
	token, partner := newToken(), newToken()
	w.watch.known(password, token, partner, w.db.adminPassword, w.vault.token)
	w.vault.put("app-prod", map[string]string{"MACHINE_SECRET_TOKEN": token, "PARTNER_KEY": partner, "LOG_LEVEL": "info"})
	w.vault.put("database", map[string]string{"POSTGRES_USER": w.db.a, "POSTGRES_PASSWORD": password, "DATABASE_URL": w.url(w.db.a, password)})
	w.vault.put("caller", map[string]string{"MACHINE_SECRET_TOKEN": token})
	w.vault.put("pg-admin", map[string]string{"url": w.db.adminURL()})
	w.caller = &caller{vault: w.vault}
	if err := w.caller.Deploy(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// url is how rotor.yaml renders DATABASE_URL.
func (w *world) url(user, password string) string {
	return fmt.Sprintf("postgresql://%s:%s@127.0.0.1:%d/%s", url.QueryEscape(user), url.QueryEscape(password), w.db.Port, w.db.Name)
}

// routed waits until the balancer sends requests to an instance.
func (w *world) routed(name string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := w.balancer.WaitHealthy(ctx, w.urls[name]); err != nil {
		w.t.Fatalf("%s does not become healthy", name)
	}
}

// database is the login that the store has now.
func (w *world) database() (user, url string) {
	w.t.Helper()
	content, _ := w.vault.get("database")
	w.watch.known(content["POSTGRES_PASSWORD"])
	return content["POSTGRES_USER"], content["DATABASE_URL"]
}

func (w *world) other(role string) string {
	if role == w.db.a {
		return w.db.b
	}
	return w.db.a
}

func newToken() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// shortDir is a folder whose name leaves room for a socket.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rotor-w-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func freeAddresses(t testing.TB, n int) []string {
	t.Helper()
	var out []string
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		out = append(out, listener.Addr().String())
	}
	return out
}

// eventually waits for a condition; it looks often.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline, tick := time.After(60*time.Second), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline:
			t.Fatalf("it does not happen: %s", what)
		case <-tick.C:
		}
	}
}

// configure writes rotor.yaml.
func (w *world) configure() {
	w.t.Helper()
	monitor, grace := "2s", "2s"
	if w.plan.short {
		monitor, grace = "200ms", "100ms"
	}
	values := map[string]string{
		"MOUNT": w.vault.mount, "VAULT": w.vault.Addr, "APP": w.app.consumer(), "CLIENT": w.callerConsumer(),
		"HEALTH": w.balancer.URL() + "/health", "DATABASE": w.db.Name, "OWNER": w.db.owner, "ROLES": w.db.a + ", " + w.db.b,
		"PORT": fmt.Sprint(w.db.Port), "MONITOR": monitor, "GRACE": grace, "CHECKS": "health", "MORE": "",
	}
	if !w.plan.light {
		values["CHECKS"] = "health, auth-errors"
		values["MORE"] = `  auth-errors: {type: logs, consumer: app, match: '\b(401|403)\b|28P01|08P01', max-over-baseline: 3, per: 2s}`
	}
	for name, value := range w.plan.changes {
		values[name] = value
	}
	text := rotorYAML
	for name, value := range values {
		text = strings.ReplaceAll(text, "@"+name+"@", value)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "rotor.yaml"), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

const rotorYAML = `version: 1
stores:
  vault: {type: vaultkv, mount: @MOUNT@, address: "@VAULT@", token: "env:VAULT_TOKEN"}
consumers:
@APP@
@CLIENT@
checks:
  health: {type: http, url: "@HEALTH@"}
@MORE@
credentials:
  database:
    owner: Platform
    every: quarterly
    provider:
      type: postgres
      admin: "vault:pg-admin#url"
      database: @DATABASE@
      owner-role: @OWNER@
      roles: [@ROLES@]
      verify-table: work
    targets:
      - {store: vault, path: database, key: POSTGRES_USER, value: "{{.username}}"}
      - {store: vault, path: database, key: POSTGRES_PASSWORD, value: "{{.password}}"}
      - {store: vault, path: database, key: DATABASE_URL, value: "postgresql://{{.username | userinfo}}:{{.password | userinfo}}@127.0.0.1:@PORT@/@DATABASE@"}
    consumers: [app]
    checks: [@CHECKS@]
    monitor: @MONITOR@
    grace: @GRACE@
  machine-token:
    owner: Platform
    every: quarterly
    provider: {type: generated, bytes: 32, encoding: hex}
    acceptors:
      - consumer: app
        targets:
          - {store: vault, path: app-prod, key: MACHINE_SECRET_TOKEN, value: "{{.value}}{{with .previous.value}},{{.}}{{end}}"}
    targets: [{store: vault, path: caller, key: MACHINE_SECRET_TOKEN}]
    consumers: [client]
    checks: [@CHECKS@]
    monitor: @MONITOR@
    grace: @GRACE@
  partner-key:
    owner: Platform
    every: never
    provider: {type: manual, instructions: "Make a new key in the partner's console."}
    targets: [{store: vault, path: app-prod, key: PARTNER_KEY}]
    consumers: [app]
    checks: [@CHECKS@]
    monitor: @MONITOR@
    grace: @GRACE@
`
