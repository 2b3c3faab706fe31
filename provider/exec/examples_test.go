package exec_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	double "github.com/agenticverz/rotor/doubles/acme"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/exec"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// sparse: a journey of programs takes minutes, so it is killed at some writes only; at
// all of them in TestProgram.
const sparse = 17

func handles(ids []string, err error) ([]rotation.Handle, error) {
	var out []rotation.Handle
	for _, id := range ids {
		out = append(out, rotation.Handle{ID: id})
	}
	return out, err
}

// TestShell: the example in shell, over a folder of tokens. Lost answers are a program
// that is killed when it has done its work.
func TestShell(t *testing.T) {
	t.Parallel()
	path := example(t, "rotor-provider-tokens", "jq", "sha256sum")
	setup := providertest.Setup{Every: sparse, Open: func(t testing.TB) providertest.Subject {
		dir, w := t.TempDir(), newWay(t)
		opts := exec.Options{Program: w.to(path, dir), Minter: "rotor", Fields: []exec.Field{{Name: "token"}}, Can: []string{"identify", "probe"}}
		again := func() provider.Provider { return open(t, opts, admin) }
		return providertest.Subject{Provider: again(), Again: again, Secrets: []secret.Value{secret.New(admin)}, Break: w.Break,
			Live:     func(context.Context) ([]rotation.Handle, error) { return handles(files(dir)) },
			Stranger: func(context.Context) (rotation.Handle, error) { return token(dir, "by-hand", "a-persons-own-token") },
			Namesake: func(_ context.Context, label string) (rotation.Handle, error) {
				return token(dir, label, "a-token-of-the-same-name")
			},
			Impostor: func(context.Context) (secret.Set, error) {
				_, err := token(dir, "by-hand", "somebody-elses-token")
				return secret.Set{"token": secret.New("somebody-elses-token")}, err
			}}
	}}
	providertest.Run(t, setup)
	t.Run("journey", func(t *testing.T) { providertest.Journey(t, setup) })
}

// TestShellFullDisk: what could not be written has no handle, and leaves nothing behind.
func TestShellFullDisk(t *testing.T) {
	t.Parallel()
	path, dir := example(t, "rotor-provider-tokens", "jq", "sha256sum"), t.TempDir()
	full := script(t, t.TempDir(), "rotor-provider-tokens", "#!/bin/sh\ntrap '' XFSZ\nulimit -f 0\nexec \"$@\"\n")
	p := open(t, exec.Options{Program: []string{full, path, dir}, Minter: "rotor", Fields: []exec.Field{{Name: "token"}}, Can: []string{"identify"}}, admin)
	req := request
	req.Values = secret.Set{"token": secret.New("a-token-for-a-full-disk")}
	v, err := p.Issue(t.Context(), req)
	wantFault(t, "Issue", err, fault.Transient, "")
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 || !v.Handle.IsZero() {
		t.Errorf("%v, %d files, %v", v.Handle, len(left), err)
	}
}

// token lets a token in, as a person would.
func token(dir, label, value string) (rotation.Handle, error) {
	sum := sha256.Sum256([]byte(value))
	id := hex.EncodeToString(sum[:])
	return rotation.Handle{ID: id}, os.WriteFile(filepath.Join(dir, id), []byte(label+"\n"), 0o600)
}

var (
	refused = providertest.Reply{Status: 401, Body: `{"error":{"code":"invalid_key","message":"This key is not valid."}}`}
	gone    = providertest.Reply{Status: 404, Body: `{"error":{"code":"no_such_key","message":"There is no key with this id."}}`}
)

// acmeOptions are what rotor.yaml says of the example in Python.
func acmeOptions(program []string) exec.Options {
	return exec.Options{Program: program, Fields: []exec.Field{{Name: "api_key"}}, Settle: 10 * time.Second, Steady: 6 * time.Second,
		Can: []string{"find", "identify", "probe", "usage", "now", "preflight"}}
}

// TestPython: the example in Python, over the double of a vendor. For lost answers it is
// killed in the middle: its request has had its effect and is not answered yet.
func TestPython(t *testing.T) {
	t.Parallel()
	path := example(t, "rotor-provider-acme", "/usr/bin/python3")
	setup := providertest.Setup{Every: sparse, Open: func(t testing.TB) providertest.Subject { return acme(t, path) }}
	providertest.Run(t, setup)
	t.Run("journey", func(t *testing.T) { providertest.Journey(t, setup) })
}

func acme(t testing.TB, path string) providertest.Subject {
	d, w := double.New(double.Options{PageSize: 3}), newWay(t)
	var kills atomic.Bool
	line := providertest.NewLine(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if kills.Load() && r.Method != http.MethodGet {
			d.ServeHTTP(httptest.NewRecorder(), r)
			w.kill()
			panic(http.ErrAbortHandler)
		}
		d.ServeHTTP(rw, r)
	}))
	opts := acmeOptions(w.to(path, "--url", line.URL))
	again := func() provider.Provider { return open(t, opts, d.AdminKey) }
	return providertest.Subject{Provider: again(), Again: again, Secrets: []secret.Value{secret.New(d.AdminKey)},
		HTTP: line.HTTP(refused, gone), PageSize: 3, Pass: d.Clock.Advance, Flap: func() { d.Flap(true) },
		Settled: func() { d.Clock.Advance(time.Minute) },
		Break: func(b providertest.Breakage) func() {
			if b != providertest.Unanswered {
				return line.Break(b)
			}
			kills.Store(true)
			return func() { kills.Store(false) }
		},
		Live:     func(context.Context) ([]rotation.Handle, error) { return handles(d.Live(), nil) },
		Stranger: func(context.Context) (rotation.Handle, error) { return rotation.Handle{ID: d.Key("by-hand").ID}, nil },
		Namesake: func(_ context.Context, label string) (rotation.Handle, error) {
			return rotation.Handle{ID: d.Key(label).ID}, nil
		},
		Impostor: func(context.Context) (secret.Set, error) {
			return secret.Set{"api_key": secret.New(d.Key("other").Value)}, nil
		}}
}
