package postgres_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/postgres"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// TestAPasswordPolicyRefuses: the real passwordcheck, which of a verifier can find out
// only whether the password is the role's name.
func TestAPasswordPolicyRefuses(t *testing.T) {
	t.Parallel()
	server := testserver.OwnPostgres(t, localserver.PostgresOptions{Settings: map[string]string{"shared_preload_libraries": "passwordcheck,auto_explain", "auto_explain.log_min_duration": "0"}})
	e := &estate{Postgres: server, root: "postgres"}
	e.super(t, "postgres", "CREATE ROLE app_login_1 LOGIN", "CREATE ROLE helper PASSWORD 'app_login_1'")
	var verifier string
	conn := e.session(t, "postgres", "postgres", server.Password)
	if err := conn.QueryRow(t.Context(), "SELECT rolpassword FROM pg_authid WHERE rolname = 'helper'").Scan(&verifier); err != nil {
		t.Fatal(err)
	}
	p, err := postgres.New(postgres.Options{Database: "postgres", Strategy: rotation.InPlace, Role: "app_login_1"}, secret.Fixed(secret.New(server.DSN("postgres", "", ""))))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	bad := secret.Set{"username": secret.Public("app_login_1"), "password": secret.New("app_login_1"), "verifier": secret.New(verifier)}
	_, err = p.Issue(t.Context(), provider.Request{Values: bad})
	if fault.KindOf(err) != fault.Rejected || err == nil || !strings.Contains(fault.HintOf(err), "passwordcheck") {
		t.Errorf("kind %s, %v, hint %q", fault.KindOf(err), err, fault.HintOf(err))
	}
	good, err := p.Make(t.Context(), provider.Request{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Issue(t.Context(), provider.Request{Values: good}); err != nil {
		t.Errorf("another value: %v", err)
	}
	log, err := os.ReadFile(server.LogPath())
	if err != nil || !strings.Contains(string(log), "duration:") || strings.Contains(string(log), "(rolpassword =") {
		t.Errorf("auto_explain tells of the comparison, or of nothing at all (%v)", err)
	}
}

// TestAPasswordThatRunsOut: only the catalogue tells it from one that is wrong.
func TestAPasswordThatRunsOut(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, true)
	a.opts.ValidFor = "3d"
	p := a.open(t, "")
	v := rotate(t, p, provider.Issued{})
	if left := time.Until(v.NotAfter); left < 71*time.Hour || left > 73*time.Hour {
		t.Errorf("it runs out at %v", v.NotAfter)
	}
	a.Exec(t, "ALTER ROLE "+ident(v.Handle.Slot)+" VALID UNTIL '2001-01-01'")
	if live, err := p.Probe(t.Context(), v); live != provider.Expired || err != nil {
		t.Errorf("past its end: %s, %v", live, err)
	}
	a.Exec(t, "ALTER ROLE "+ident(v.Handle.Slot)+" NOLOGIN")
	if live, err := p.Probe(t.Context(), v); live != provider.Refused || err != nil {
		t.Errorf("closed: %s, %v", live, err)
	}
	a.opts.ValidFor = ""
	p = a.open(t, "")
	again := rotate(t, p, provider.Issued{Handle: rotation.Handle{Slot: a.opts.Roles[1]}})
	if again.Handle != v.Handle || !again.NotAfter.IsZero() {
		t.Errorf("without an end: %v, %v", again.Handle, again.NotAfter)
	}
	for _, text := range []string{"1m", "soon", "-3d", "d", "1.5d", "99999d"} {
		a.opts.ValidFor = text
		if _, err := postgres.New(a.opts, nil); fault.KindOf(err) != fault.BadConfig || err == nil {
			t.Errorf("valid-for: %s: %v", text, err)
		}
	}
}
