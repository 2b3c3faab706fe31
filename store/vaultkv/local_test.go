package vaultkv_test

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
	"github.com/agenticverz/rotor/store/storetest"
	"github.com/agenticverz/rotor/store/vaultkv"
)

func TestOptions(t *testing.T) {
	for name, c := range map[string]struct {
		o   vaultkv.Options
		bad bool
	}{
		"plain http elsewhere":   {vaultkv.Options{Mount: "m", Address: "http://vault.example.com:8200"}, true},
		"plain http, like local": {vaultkv.Options{Mount: "m", Address: "http://localhost.example.com:8200"}, true},
		"plain http, 127.0.0.2":  {vaultkv.Options{Mount: "m", Address: "http://127.0.0.2:8200"}, false},
		"plain http, ::1":        {vaultkv.Options{Mount: "m", Address: "http://[::1]:8200"}, false},
		"https":                  {vaultkv.Options{Mount: "m", Address: "https://vault.example.com"}, false},
		"socket":                 {vaultkv.Options{Mount: "m", Address: "unix:///run/vault.sock"}, false},
		"password":               {vaultkv.Options{Mount: "m", Address: "https://u:hunter-mark-3f9a@vault.example.com"}, true},
		"query":                  {vaultkv.Options{Mount: "m", Address: "https://vault.example.com?token=hunter-mark-3f9a"}, true},
		"scheme":                 {vaultkv.Options{Mount: "m", Address: "ftp://vault.example.com"}, true},
		"no host":                {vaultkv.Options{Mount: "m", Address: "vault.example.com:8200"}, true},
		"no mount":               {vaultkv.Options{Address: "https://vault.example.com"}, true},
		"mount with slash":       {vaultkv.Options{Mount: "m/", Address: "https://vault.example.com"}, true},
		"mount with dots":        {vaultkv.Options{Mount: "../sys", Address: "https://vault.example.com"}, true},
		"missing authority":      {vaultkv.Options{Mount: "m", Address: "https://vault.example.com", CACert: "/no/such/file"}, true},
		"half a certificate":     {vaultkv.Options{Mount: "m", Address: "https://vault.example.com", ClientCert: "/no/such/file"}, true},
	} {
		_, err := vaultkv.New(c.o, secret.Fixed(secret.New("t")))
		if (err != nil) != c.bad || c.bad && (fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "") {
			t.Errorf("%s: %s: %v", name, fault.KindOf(err), err)
		}
		if leak := storetest.NoLeak(err, "hunter-mark-3f9a"); leak != nil {
			t.Errorf("%s: %v", name, leak)
		}
	}
}

func TestPaths(t *testing.T) {
	s := open(t, vaultkv.Options{Mount: "m", Address: "http://127.0.0.1:1"}, "t")
	for _, path := range []string{"", "/a", "a/", "a//b", "../sys/x", "a/../b", "a/./b", "a\n", "a\x00", "\xff", " a"} {
		if _, _, err := s.Get(t.Context(), path); fault.KindOf(err) != fault.BadConfig {
			t.Errorf("Get(%q): %s: %v", path, fault.KindOf(err), err)
		}
	}
}

// serve answers like a Vault until the request for data, which is given to f.
func serve(t *testing.T, f http.HandlerFunc) *vaultkv.Store {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/v1/sys/internal/ui/mounts/"):
			_, _ = w.Write([]byte(`{"data":{"type":"kv","path":"m/","options":{"version":"2"}}}`))
		case strings.HasPrefix(r.URL.Path, "/v1/m/data/"):
			f(w, r)
		default:
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	t.Cleanup(server.Close)
	return open(t, vaultkv.Options{Mount: "m", Address: server.URL}, "hvs.token-mark-3f9a")
}

// What a proxy, another server or a broken one answers must never be taken for
// an absent path, a success, or a proof that nothing was written.
func TestNonsense(t *testing.T) {
	const shown = "value-mark-77aa10"
	page := "<html>" + shown + " hvs.token-mark-3f9a</html>"
	for name, c := range map[string]struct {
		status   int
		body     string
		get, put fault.Kind
	}{
		"page":               {200, page, fault.BadConfig, fault.Unknown},
		"page not found":     {404, page, fault.BadConfig, fault.BadConfig},
		"empty":              {200, "", fault.BadConfig, fault.Unknown},
		"no content":         {204, "", fault.BadConfig, fault.Unknown},
		"other JSON":         {200, `{"data":{"A":"` + shown + `"}}`, fault.BadConfig, fault.Unknown},
		"old version":        {200, `{"data":{"version":1}}`, fault.BadConfig, fault.Unknown},
		"no handler":         {404, `{"errors":["no handler for route \"m/data/app\""]}`, fault.BadConfig, fault.BadConfig},
		"wrong folder":       {404, `{"warnings":["Invalid path for a versioned K/V secrets engine"]}`, fault.BadConfig, fault.BadConfig},
		"gateway":            {502, page, fault.Transient, fault.Unknown},
		"gateway timeout":    {504, page, fault.Transient, fault.Unknown},
		"unavailable":        {503, page, fault.Transient, fault.Unknown},
		"sealed":             {503, `{"errors":["Vault is sealed"]}`, fault.Transient, fault.Transient},
		"internal":           {500, `{"errors":["` + shown + `"]}`, fault.Transient, fault.Unknown},
		"too many":           {429, "", fault.Transient, fault.Transient},
		"too large":          {413, page, fault.Rejected, fault.Rejected},
		"bad request":        {400, `{"errors":["` + shown + `"]}`, fault.BadConfig, fault.Rejected},
		"forbidden by proxy": {403, page, fault.Denied, fault.Denied},
		"standby":            {473, "", fault.BadConfig, fault.BadConfig},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			})
			_, _, getErr := s.Get(t.Context(), "app")
			_, putErr := s.Put(t.Context(), "app", set("A", shown), "1", store.Mark{})
			if fault.KindOf(getErr) != c.get || getErr == nil {
				t.Errorf("Get: %s: %v", fault.KindOf(getErr), getErr)
			}
			if fault.KindOf(putErr) != c.put || putErr == nil {
				t.Errorf("Put: %s: %v", fault.KindOf(putErr), putErr)
			}
			for _, err := range []error{getErr, putErr} {
				if leak := storetest.NoLeak(err, shown, "hvs.token-mark-3f9a"); leak != nil {
					t.Error(leak)
				}
			}
			if c.status == 429 && fault.RetryAfterOf(putErr).Seconds() != 7 {
				t.Errorf("Retry-After is lost: %v", fault.RetryAfterOf(putErr))
			}
		})
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	var met atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { met.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 307, 308} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL+r.URL.Path, status) })
		_, _, err := s.Get(t.Context(), "app")
		if fault.KindOf(err) != fault.BadConfig || !strings.Contains(fault.HintOf(err), "active node") {
			t.Errorf("%d: %v; %s", status, err, fault.HintOf(err))
		}
		if _, err := s.Put(t.Context(), "app", set("A", "x"), "1", store.Mark{}); fault.KindOf(err) != fault.BadConfig {
			t.Errorf("%d: Put: %v", status, err)
		}
	}
	if met.Load() != 0 {
		t.Error("the other host was sent a token")
	}
}

func TestWritesAreSentOnce(t *testing.T) {
	for _, status := range []int{500, 502, 503, 412, 429} {
		var sent atomic.Int32
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			sent.Add(1)
			w.WriteHeader(status)
		})
		_, err := s.Put(t.Context(), "app", set("A", "x"), "1", store.Mark{})
		if err == nil || sent.Load() != 1 {
			t.Errorf("%d: sent %d times, %v", status, sent.Load(), err)
		}
	}
}

func TestTLS(t *testing.T) {
	var tokens atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Vault-Token") != "" {
			tokens.Add(1)
		}
		_, _ = w.Write([]byte(`{"initialized":true,"sealed":false,"server_time_utc":1800000000}`))
	}))
	defer server.Close()
	server.Config.ErrorLog = nil
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	plain := "http" + strings.TrimPrefix(server.URL, "https")
	for name, c := range map[string]struct {
		o    vaultkv.Options
		kind fault.Kind
		hint string
	}{
		"unknown authority": {vaultkv.Options{Address: server.URL}, fault.BadConfig, "ca-cert"},
		"wrong name":        {vaultkv.Options{Address: server.URL, CACert: ca, TLSServerName: "vault.invalid"}, fault.BadConfig, "tls-server-name"},
		"plain http":        {vaultkv.Options{Address: plain}, fault.BadConfig, "https"},
	} {
		c.o.Mount = "m"
		s := open(t, c.o, "t")
		for what, err := range map[string]error{"preflight": s.Preflight(t.Context(), "app"), "clock": second(s.Now(t.Context()))} {
			if fault.KindOf(err) != c.kind || !strings.Contains(fault.HintOf(err), c.hint) {
				t.Errorf("%s, %s: %s: %v; %s", name, what, fault.KindOf(err), err, fault.HintOf(err))
			}
		}
	}
	if tokens.Load() != 0 {
		t.Error("a server that was not proven got the token")
	}
	for name, o := range map[string]vaultkv.Options{
		"authority": {Mount: "m", Address: server.URL, CACert: ca},
		"folder":    {Mount: "m", Address: server.URL, CAPath: filepath.Dir(ca)},
		"unproven":  {Mount: "m", Address: server.URL, SkipVerify: true},
		"name":      {Mount: "m", Address: server.URL, CACert: ca, TLSServerName: "example.com"},
	} {
		if _, err := open(t, o, "t").Now(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestTokenThatIsNone(t *testing.T) {
	for _, token := range []string{"", "two words", "new\nline", "é"} {
		s := open(t, vaultkv.Options{Mount: "m", Address: "http://127.0.0.1:1"}, token)
		_, _, err := s.Get(t.Context(), "app")
		if fault.KindOf(err) != fault.Denied {
			t.Errorf("%q: %s: %v", token, fault.KindOf(err), err)
		}
	}
	s, err := vaultkv.New(vaultkv.Options{Mount: "m", Address: "http://127.0.0.1:1"}, func(context.Context) (secret.Value, error) {
		return secret.Value{}, fault.New(fault.Transient, "the other store is away")
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Get(t.Context(), "app"); fault.KindOf(err) != fault.Transient {
		t.Errorf("a source that is away: %s: %v", fault.KindOf(err), err)
	}
}
