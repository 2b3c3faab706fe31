package vaultkv_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
	"github.com/agenticverz/rotor/store/vaultkv"
)

// The caller's own settings must not act in tests.
func TestMain(m *testing.M) {
	for _, setting := range os.Environ() {
		name, _, _ := strings.Cut(setting, "=")
		if strings.HasPrefix(name, "VAULT_") || strings.HasPrefix(name, "BAO_") {
			_ = os.Unsetenv(name)
		}
	}
	testserver.Main(m)
}

// root makes a request as root and returns status and answer.
func root(t testing.TB, v *localserver.Vault, method, path string, in any) (int, map[string]any) {
	t.Helper()
	var text []byte
	if in != nil {
		var err error
		if text, err = json.Marshal(in); err != nil {
			t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, v.Addr+"/v1/"+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Vault-Token", v.RootToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer := map[string]any{}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return resp.StatusCode, answer
}

func must(t testing.TB, v *localserver.Vault, method, path string, in any) map[string]any {
	t.Helper()
	status, answer := root(t, v, method, path, in)
	if status/100 != 2 {
		t.Fatalf("%s %s: status %d: %v", method, path, status, answer["errors"])
	}
	return answer
}

// tokenFor makes a token with the policy text.
func tokenFor(t testing.TB, v *localserver.Vault, policy string, more map[string]any) string {
	t.Helper()
	name := strings.ToLower("p" + strings.NewReplacer("/", "-", " ", "-", ",", "", "'", "").Replace(t.Name()))
	must(t, v, "PUT", "sys/policies/acl/"+name, map[string]string{"policy": policy})
	in := map[string]any{"policies": []string{name}}
	for k, x := range more {
		in[k] = x
	}
	auth, _ := must(t, v, "POST", "auth/token/create", in)["auth"].(map[string]any)
	return fmt.Sprint(auth["client_token"])
}

// open makes a store without help from the environment.
func open(t testing.TB, o vaultkv.Options, token string) *vaultkv.Store {
	t.Helper()
	s, err := vaultkv.New(o, secret.Fixed(secret.New(token)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func rootStore(t testing.TB, v *testserver.VaultMount) *vaultkv.Store {
	t.Helper()
	return open(t, vaultkv.Options{Mount: v.Mount, Address: v.Addr}, v.RootToken)
}

func set(kv ...string) store.Edit {
	e := store.Edit{Set: secret.Set{}}
	for i := 0; i < len(kv); i += 2 {
		e.Set[kv[i]] = secret.New(kv[i+1])
	}
	return e
}

func get(t testing.TB, s *vaultkv.Store, path string) (secret.Set, store.Revision) {
	t.Helper()
	got, revision, err := s.Get(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return got, revision
}

func put(t testing.TB, s *vaultkv.Store, path string, e store.Edit, prev store.Revision) store.Revision {
	t.Helper()
	next, err := s.Put(t.Context(), path, e, prev, store.Mark{})
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// cutter stands before Vault: it passes every request on, waits for the answer,
// and cuts the connection instead of delivering it if cut says so.
func cutter(t testing.TB, v *localserver.Vault, cut func(*http.Request) bool) string {
	t.Helper()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, err := http.NewRequestWithContext(r.Context(), r.Method, v.Addr+r.URL.RequestURI(), r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		out.Header = r.Header.Clone()
		resp, err := http.DefaultTransport.RoundTrip(out)
		if err != nil {
			t.Error(err)
			return
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			t.Error(err)
			return
		}
		if cut(r) {
			panic(http.ErrAbortHandler)
		}
		for k, values := range resp.Header {
			w.Header()[k] = values
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = w.Write(text)
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL
}
