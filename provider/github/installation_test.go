package github_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	double "github.com/agenticverz/rotor/doubles/github"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/fault/faulttest"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/github"
	"github.com/agenticverz/rotor/secret"
)

func pkcs8(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// TestPrivateKeys: in every form that people have them in, and in none.
func TestPrivateKeys(t *testing.T) {
	a := newAccount(t, double.Options{}, github.Options{Kind: "installation-token"})
	block, _ := pem.Decode([]byte(a.PrivateKey))
	own, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(a.Double)
	defer server.Close()
	a.opts.BaseURL = server.URL
	for name, c := range map[string]struct {
		key, hint string
		kind      fault.Kind
	}{
		"as given":          {key: a.PrivateKey},
		"PKCS #8":           {key: pkcs8(t, own)},
		"of an environment": {key: strings.ReplaceAll(a.PrivateKey, "\n", `\n`)},
		"another App's":     {pkcs8(t, other), "app-id", fault.Denied},
		"no RSA":            {pkcs8(t, curve), "BEGIN RSA PRIVATE KEY", fault.BadConfig},
		"no PEM":            {"double-key", "BEGIN RSA PRIVATE KEY", fault.BadConfig},
		"half of it":        {a.PrivateKey[:len(a.PrivateKey)/2], "BEGIN RSA PRIVATE KEY", fault.BadConfig},
		"nothing":           {"", "BEGIN RSA PRIVATE KEY", fault.BadConfig},
	} {
		p, err := github.New(a.opts, secret.Fixed(secret.New(c.key)))
		if err != nil {
			t.Fatal(err)
		}
		before := len(a.Alive("ghs_"))
		_, err = p.Issue(t.Context(), request)
		if c.hint == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		faulttest.Want(t, name, err, c.kind, c.hint)
		faulttest.Want(t, name+": Preflight", p.(provider.Preflighter).Preflight(t.Context(), request), c.kind, c.hint)
		if len(a.Alive("ghs_")) != before {
			t.Errorf("%s: a token was made", name)
		}
	}
}

// TestClockSkew: a minute is nothing; who is further off is told how far.
func TestClockSkew(t *testing.T) {
	a := newAccount(t, double.Options{}, github.Options{Kind: "installation-token"})
	for off, hint := range map[time.Duration]string{
		0: "", 50 * time.Second: "", -50 * time.Second: "", -8 * time.Minute: "",
		12 * time.Minute: "12m0s ahead of", -15 * time.Minute: "15m0s behind",
	} {
		p := github.WithClock(serve(t, a), func() time.Time { return a.Clock.Now().Add(off).Truncate(time.Second) })
		_, err := p.Issue(t.Context(), request)
		if hint == "" {
			if err != nil {
				t.Errorf("%s off: %v", off, err)
			}
			continue
		}
		if err == nil || fault.KindOf(err) != fault.Denied || !strings.Contains(fault.HintOf(err), strings.Fields(hint)[1]) || !strings.Contains(fault.HintOf(err), hint[:2]) {
			t.Errorf("%s off: %v, hint %q", off, err, fault.HintOf(err))
		}
	}
}

// TestInstallationMistakes: what GitHub says no to is said in a way that helps, before
// and instead of any effect.
func TestInstallationMistakes(t *testing.T) {
	for _, c := range []struct {
		name, hint string
		kind       fault.Kind
		change     func(*account)
		late       bool // Preflight cannot see it
	}{
		{"another App", "no App with this app-id", fault.BadConfig, func(a *account) { a.opts.AppID = "1" }, false},
		{"another installation", "installation-id", fault.BadConfig, func(a *account) { a.opts.InstallationID++ }, false},
		{"suspended", "suspended", fault.Denied, func(a *account) { a.Suspend(true) }, false},
		{"a permission that is not granted", "grant", fault.BadConfig, func(a *account) { a.opts.Permissions = map[string]string{"issues": "write"} }, false},
		{"more than is granted", "grant", fault.BadConfig, func(a *account) { a.opts.Permissions = map[string]string{"contents": "admin"} }, false},
		{"a repository that it does not reach", "add it there", fault.BadConfig, func(a *account) { a.opts.Repositories = []string{"other"} }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAccount(t, double.Options{}, github.Options{Kind: "installation-token"})
			c.change(a)
			p := serve(t, a)
			_, err := p.Issue(t.Context(), request)
			faulttest.Want(t, "Issue", err, c.kind, c.hint)
			if !c.late {
				faulttest.Want(t, "Preflight", p.(provider.Preflighter).Preflight(t.Context(), request), c.kind, c.hint)
			}
			if n := len(a.Alive("ghs_")); n != 0 {
				t.Errorf("%d tokens live", n)
			}
		})
	}
}

// TestReach: a token that reaches more, or less, than rotor.yaml lists is not it.
func TestReach(t *testing.T) {
	a := newAccount(t, double.Options{}, github.Options{Kind: "installation-token"})
	all, err := serve(t, a).Issue(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	a.opts.Repositories = []string{"Backend"}
	p := serve(t, a)
	one, err := p.Issue(t.Context(), provider.Request{Label: request.Label})
	if err == nil || fault.KindOf(err) != fault.BadConfig { // the double minds the case, and GitHub need not
		t.Fatal(err)
	}
	a.opts.Repositories = []string{"backend"}
	p = serve(t, a)
	if one, err = p.Issue(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	faulttest.Want(t, "too much", p.Verify(t.Context(), all), fault.Rejected, "")
	a.opts.Repositories = []string{"backend", "frontend", "backend"}
	both := serve(t, a)
	faulttest.Want(t, "too little", both.Verify(t.Context(), one), fault.Rejected, "")
	if err := both.Verify(t.Context(), all); err != nil {
		t.Error(err)
	}
}

// TestItsHour: a token ends by itself, and is dead then; ending it again is nothing.
func TestItsHour(t *testing.T) {
	a := newAccount(t, double.Options{}, github.Options{Kind: "installation-token"})
	p := serve(t, a)
	v, err := p.Issue(t.Context(), request)
	if err != nil || v.NotAfter.Sub(a.Clock.Now().Add(time.Hour)).Abs() > 2*time.Second {
		t.Fatalf("%v, %v", v.NotAfter, err)
	}
	if n := v.Values["token"].Len(); n < 300 {
		t.Errorf("the double's token has %d bytes; GitHub's are long", n)
	}
	a.Clock.Advance(61 * time.Minute)
	if live, err := p.(provider.Prober).Probe(t.Context(), v); live != provider.Refused || err != nil {
		t.Errorf("%s, %v", live, err)
	}
	if err := p.(provider.ValueRevoker).RevokeValue(t.Context(), v); err != nil {
		t.Error(err)
	}
}
