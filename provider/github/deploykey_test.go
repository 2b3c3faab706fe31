package github_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	double "github.com/agenticverz/rotor/doubles/github"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/fault/faulttest"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/github"
	"github.com/agenticverz/rotor/secret"
)

// made is a request with a fresh pair.
func made(t testing.TB, p provider.Provider) provider.Request {
	t.Helper()
	values, err := p.(provider.Maker).Make(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return provider.Request{Label: request.Label, Values: values}
}

func issued(t testing.TB, p provider.Provider) provider.Issued {
	t.Helper()
	v, err := p.Issue(t.Context(), made(t, p))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestDeployKeyMistakes: what GitHub says no to is said in a way that helps.
func TestDeployKeyMistakes(t *testing.T) {
	for _, c := range []struct {
		name, hint string
		kind       fault.Kind
		change     func(*account)
		late       bool // Preflight cannot see it
	}{
		{"a dead token", "what the option refers to", fault.Denied, func(a *account) { a.Admin = "ghp_double-of-nobody" }, false},
		{"a token that sees nothing", "Administration: write", fault.BadConfig, func(a *account) { a.Admin = a.Token("github_pat", "x", "", double.Nothing, 0) }, false},
		{"a token that may not", "Administration: write", fault.Denied, func(a *account) { a.Admin = a.Token("github_pat", "x", "", double.See, 0) }, false},
		{"no such repository", "no such repository", fault.BadConfig, func(a *account) { a.opts.Repository = "double/other" }, false},
		{"a repository that moved", "renamed or moved", fault.BadConfig, func(a *account) { a.Move() }, false},
		{"no deploy keys there", "installation-token", fault.BadConfig, func(a *account) { a.NoDeployKeys() }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAccount(t, double.Options{}, github.Options{Kind: "deploy-key"})
			c.change(a)
			p := serve(t, a)
			_, err := p.Issue(t.Context(), made(t, p))
			faulttest.Want(t, "Issue", err, c.kind, c.hint)
			if !c.late {
				faulttest.Want(t, "Preflight", p.(provider.Preflighter).Preflight(t.Context(), request), c.kind, c.hint)
			}
			if n := len(a.DeployKeys("double/backend")); n != 0 {
				t.Errorf("%d keys", n)
			}
		})
	}
}

// TestAKeyInUseElsewhere: the same public key can be found again in its own repository,
// and never be had in another.
func TestAKeyInUseElsewhere(t *testing.T) {
	a := newAccount(t, double.Options{}, github.Options{Kind: "deploy-key"})
	p := serve(t, a)
	req := made(t, p)
	a.DeployKey("double/frontend", "by hand", req.Values["public_key"].Reveal(), true)
	_, err := p.Issue(t.Context(), req)
	faulttest.Want(t, "Issue", err, fault.Rejected, "another repository")
	for range 130 { // further than one page
		a.DeployKey(a.Repository, "by hand", made(t, p).Values["public_key"].Reveal(), true)
	}
	req = made(t, p)
	first, err := p.Issue(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.Issue(t.Context(), req)
	if err != nil || again.Handle != first.Handle {
		t.Errorf("%v, %v", again.Handle, err)
	}
}

// TestA404ForALivingKey: GitHub says that there is none to a token that may not see it.
func TestA404ForALivingKey(t *testing.T) {
	a := newAccount(t, double.Options{}, github.Options{Kind: "deploy-key"})
	v := issued(t, serve(t, a))
	a.Admin = a.Token("github_pat", "x", "", double.Nothing, 0)
	blind := serve(t, a)
	faulttest.Want(t, "Revoke", blind.Revoke(t.Context(), v.Handle), fault.BadConfig, "may not see")
	if live, err := blind.(provider.Prober).Probe(t.Context(), v); live != provider.Alive || err != nil {
		t.Errorf("%s, %v", live, err)
	}
	// one that says so of the key and lists it
	id := a.DeployKeys(a.Repository)[0]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, notFound.Body)
			return
		}
		fmt.Fprintf(w, `[{"id":%d,"key":"x"}]`, id)
	}))
	defer server.Close()
	faulttest.Want(t, "Revoke of what is listed", a.open(t, server.URL).Revoke(t.Context(), a.handle(id)), fault.Unknown, "may token")
}

// TestPairs: what is no key, or not the half of one, is refused in words that do not
// repeat it.
func TestPairs(t *testing.T) {
	a := newAccount(t, double.Options{}, github.Options{Kind: "deploy-key"})
	p := serve(t, a)
	one, two := made(t, p).Values, made(t, p).Values
	key, err := ssh.ParseRawPrivateKey([]byte(one["private_key"].Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	locked, err := ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte("double"))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range map[string]secret.Set{
		"nothing":           {},
		"a passphrase":      {"private_key": secret.New(string(pem.EncodeToMemory(locked)))},
		"no key":            {"private_key": secret.New("double-key"), "public_key": one["public_key"]},
		"another half":      {"private_key": one["private_key"], "public_key": two["public_key"]},
		"no public half":    {"private_key": one["private_key"], "public_key": secret.Public("ssh-ed25519 double")},
		"the public as key": {"private_key": secret.New(one["public_key"].Reveal())},
	} {
		_, err := p.Issue(t.Context(), provider.Request{Values: values})
		faulttest.Want(t, name, err, fault.Rejected, "")
		if live, _ := p.(provider.Prober).Probe(t.Context(), provider.Issued{Values: values}); live != provider.NotKnown {
			t.Errorf("%s: %s", name, live)
		}
	}
	if a.Count("POST", "") != 0 {
		t.Error("something was changed")
	}
}

// TestAdoptAnRSAKey: a key that somebody made by hand, with no public half at hand.
func TestAdoptAnRSAKey(t *testing.T) {
	a := newAccount(t, double.Options{}, github.Options{Kind: "deploy-key"})
	p := serve(t, a)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "by hand")
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	v := provider.Issued{Values: secret.Set{"private_key": secret.New(string(pem.EncodeToMemory(block)))}}
	_, err = p.(provider.Identifier).Identify(t.Context(), v.Values)
	faulttest.Want(t, "Identify of a stranger's", err, fault.Rejected, "another repository")
	id := a.DeployKey(a.Repository, "by hand", string(ssh.MarshalAuthorizedKey(public)), true)
	v.Handle, err = p.(provider.Identifier).Identify(t.Context(), v.Values)
	if err != nil || v.Handle != a.handle(id) {
		t.Fatalf("%v, %v", v.Handle, err)
	}
	if err := p.Verify(t.Context(), v); err != nil {
		t.Error(err)
	}
}

// TestRights: a key is tried for what it is for.
func TestRights(t *testing.T) {
	a := newAccount(t, double.Options{}, github.Options{Kind: "deploy-key"})
	reads := serve(t, a)
	v := issued(t, reads)
	a.opts.ReadOnly = new(bool)
	faulttest.Want(t, "a key that cannot push", serve(t, a).Verify(t.Context(), v), fault.Rejected, "rights")
	pushes := serve(t, a)
	w := issued(t, pushes)
	if err := pushes.Verify(t.Context(), w); err != nil {
		t.Error(err)
	}
	faulttest.Want(t, "a key that can push and must not", reads.Verify(t.Context(), w), fault.Rejected, "read-only")
	a.opts.ReadOnly, a.opts.Repository = nil, "double/frontend"
	faulttest.Want(t, "a key of another repository", serve(t, a).Verify(t.Context(), provider.Issued{Values: v.Values}), fault.Rejected, "rights")
}

// TestUsage: when GitHub says it, and when it does not.
func TestUsage(t *testing.T) {
	a := newAccount(t, double.Options{}, github.Options{Kind: "deploy-key"})
	p := serve(t, a)
	v := issued(t, p)
	reporter := p.(provider.UsageReporter)
	if u, err := reporter.Usage(t.Context(), v.Handle); err != nil || !u.Known || !u.LastUsed.IsZero() {
		t.Errorf("never used: %+v, %v", u, err)
	}
	if err := p.Verify(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if u, err := reporter.Usage(t.Context(), v.Handle); err != nil || !u.Known || u.LastUsed.IsZero() {
		t.Errorf("used: %+v, %v", u, err)
	}
	for body, known := range map[string]bool{`{"id":7,"last_used":null}`: true, `{"id":7}`: false, `{"id":7,"last_used":"yesterday"}`: false} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }))
		p := a.open(t, server.URL)
		u, err := p.(provider.UsageReporter).Usage(t.Context(), a.handle(7))
		if err != nil || u.Known != known {
			t.Errorf("%s: %+v, %v", body, u, err)
		}
		server.Close()
	}
}

// TestAListThatRepeatsItself is no list: what is missing may live.
func TestAListThatRepeatsItself(t *testing.T) {
	a := newAccount(t, double.Options{}, github.Options{Kind: "deploy-key"})
	v := issued(t, serve(t, a))
	page := make([]map[string]any, 100)
	for i := range page {
		page[i] = map[string]any{"id": i + 1, "key": "ssh-ed25519 AAAA"}
	}
	body, err := json.Marshal(page)
	if err != nil {
		t.Fatal(err)
	}
	for what, body := range map[string]string{"the same page": string(body), "null": "null", "a page": "<html>", "half": string(body[:len(body)/2]), "an object": "{}"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodDelete {
				w.WriteHeader(http.StatusNotFound)
				fmt.Fprint(w, notFound.Body)
				return
			}
			fmt.Fprint(w, body)
		}))
		p := a.open(t, server.URL)
		_, err := p.(provider.Identifier).Identify(t.Context(), v.Values)
		faulttest.Want(t, "Identify, "+what, err, fault.Unknown, "")
		faulttest.Want(t, "Revoke, "+what, p.Revoke(t.Context(), a.handle(a.DeployKeys(a.Repository)[0])), fault.Unknown, "")
		server.Close()
	}
}

// TestMake: what ssh-keygen would have made.
func TestMake(t *testing.T) {
	a := newAccount(t, double.Options{}, github.Options{Kind: "deploy-key"})
	values := made(t, serve(t, a)).Values
	text := values["private_key"].Reveal()
	if !strings.HasPrefix(text, "-----BEGIN OPENSSH PRIVATE KEY-----\n") || !strings.HasSuffix(text, "-----END OPENSSH PRIVATE KEY-----\n") {
		t.Error("not OpenSSH's form")
	}
	if public := values["public_key"]; !public.IsPublic() || !strings.HasPrefix(public.Reveal(), "ssh-ed25519 AAAA") {
		t.Errorf("public key %s", public)
	}
}

// TestADeployKeyNotArrivedInTheList: GitHub's ssh server knows a new key, one of its API's
// front ends does not yet. That is repeated within the settle time.
func TestADeployKeyNotArrivedInTheList(t *testing.T) {
	a := newAccount(t, double.Options{}, github.Options{Kind: "deploy-key"})
	v := issued(t, serve(t, a))
	id := a.DeployKeys(a.Repository)[0]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, fmt.Sprint("/keys/", id)) {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"message":"Not Found","documentation_url":"https://docs.github.com/rest","status":"404"}`)
			return
		}
		a.Double.ServeHTTP(w, r)
	}))
	defer server.Close()
	p := a.open(t, server.URL)
	v.Handle = a.handle(id)
	faulttest.Want(t, "Verify", p.Verify(t.Context(), v), fault.Rejected, "may not see it")
}
