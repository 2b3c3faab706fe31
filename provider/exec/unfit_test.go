package exec_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/exec"
	"github.com/agenticverz/rotor/secret"
)

// TestUnfitPrograms: what others could change, or is not there, is not run; then nothing
// has happened.
func TestUnfitPrograms(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"writable by others":  func(path string) error { return os.Chmod(path, 0o722) },
		"gone":                os.Remove,
		"not executable":      func(path string) error { return os.Chmod(path, 0o600) },
		"in a foreign folder": func(path string) error { return os.Chmod(filepath.Dir(path), 0o777) },
		"replaced by a link": func(path string) error {
			open := filepath.Join(filepath.Dir(path), "open")
			return errors.Join(os.Mkdir(open, 0o700), os.Rename(path, filepath.Join(open, "program")), os.Symlink(filepath.Join(open, "program"), path), os.Chmod(open, 0o777))
		},
		"a folder":           func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"without its reader": func(path string) error { return os.WriteFile(path, []byte("#!/no/such/interpreter\n"), 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			dir, opts := place(t, "everything")
			mark := filepath.Join(t.TempDir(), "it-ran")
			home := t.TempDir()
			path := script(t, home, "rotor-provider-acme", "#!/bin/sh\ntouch "+mark+"\nexec "+strings.Join(opts.Program, " ")+"\n")
			opts.Program = []string{path}
			p := open(t, opts, admin)
			v, err := p.Issue(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(os.Remove(mark), spoil(path)); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Chmod(home, 0o700) })
			pre, _ := provider.As[provider.Preflighter](p)
			wantFault(t, "Preflight", pre.Preflight(t.Context(), request), fault.BadConfig, "")
			wantFault(t, "Verify", p.Verify(t.Context(), v), fault.BadConfig, "")
			wantFault(t, "Revoke", p.Revoke(t.Context(), v.Handle), fault.BadConfig, "")
			_, err = p.Issue(t.Context(), request)
			wantFault(t, "Issue", err, fault.BadConfig, "")
			if _, err := os.Stat(mark); err == nil {
				t.Error("it was run")
			}
			if live, err := files(filepath.Join(dir, "values")); err != nil || len(live) != 1 {
				t.Errorf("%d values live, %v", len(live), err)
			}
		})
	}
}

// TestHangingProgram: it is ended with all that it started, and an end that somebody
// else set counts too.
func TestHangingProgram(t *testing.T) {
	p := wrong(t, "hang")
	_, err := p.Issue(t.Context(), request)
	wantFault(t, "Issue", err, fault.Unknown, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = p.Issue(ctx, request)
	wantFault(t, "Issue with a context that has ended", err, fault.Transient, "")
}

// TestTraitsThatDoNotAgree stop a rotation before it begins, and the hint can be copied.
func TestTraitsThatDoNotAgree(t *testing.T) {
	base := object{"version": 1, "strategy": "overlap", "minter": "provider", "can": []string{"find", "identify", "probe", "usage", "preflight", "notes", "now"}}
	for hint, change := range map[string]object{
		"":                     {},
		"a version of":         {"version": 2},
		"strategy: in-place":   {"strategy": "in-place"},
		"minter: rotor":        {"minter": "rotor"},
		"{name: id, public":    {"fields": []object{{"name": "id", "public": true}, {"name": "value"}}},
		"settle: 1m30s":        {"settle": "90s"},
		"steady: 6s":           {"steady": "6s"},
		"in-flight: 2h0m0s":    {"in-flight": "2h"},
		"quota: 2":             {"quota": 2},
		"expires: 1h0m0s":      {"expires": "1h"},
		`outage: "all is lost`: {"outage": "all is lost"},
		"can: [find]":          {"can": []string{"find"}},
	} {
		traits := object{}
		for _, from := range []object{base, change} {
			for k, v := range from {
				traits[k] = v
			}
		}
		text, err := json.Marshal(kind{Traits: traits})
		if err != nil {
			t.Fatal(err)
		}
		dir, opts := place(t, "everything")
		if err := os.WriteFile(filepath.Join(dir, "kind"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		pre, _ := provider.As[provider.Preflighter](open(t, opts, admin))
		err = pre.Preflight(t.Context(), request)
		if hint == "" {
			if err != nil {
				t.Errorf("the same traits: %v", err)
			}
			continue
		}
		wantFault(t, hint, err, fault.BadConfig, hint)
	}
}

// TestMoreCareful: rotor.yaml may wait longer, count on fewer and ask for less.
func TestMoreCareful(t *testing.T) {
	_, opts := place(t, "everything")
	opts.Settle, opts.Steady, opts.InFlight, opts.Quota, opts.Can = time.Hour, time.Hour, time.Hour, 1, []string{"find"}
	p := open(t, opts, admin)
	pre, _ := provider.As[provider.Preflighter](p)
	if err := pre.Preflight(t.Context(), request); err != nil {
		t.Error(err)
	}
	if _, ok := provider.As[provider.Prober](p); ok {
		t.Error("it can probe, and was not asked to")
	}
}

// TestUnreadSecret: nothing is run.
func TestUnreadSecret(t *testing.T) {
	dir, opts := place(t, "everything")
	p, err := exec.New(opts, map[string]secret.Source{"admin": func(context.Context) (secret.Value, error) {
		return secret.Value{}, fault.New(fault.Denied, "vault: sealed").WithHint("unseal it")
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Issue(t.Context(), request)
	wantFault(t, "Issue", err, fault.Denied, "unseal")
	live := provider.Issued{Handle: living.Handle, Values: secret.Set{"value": secret.New("not\xffutf8")}}
	wantFault(t, "Verify of what JSON cannot carry", open(t, opts, admin).Verify(t.Context(), live), fault.BadConfig, "JSON")
	if values, err := files(filepath.Join(dir, "values")); err != nil || len(values) != 0 {
		t.Errorf("%d values, %v", len(values), err)
	}
}
