package openai_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	double "github.com/agenticverz/rotor/doubles/openai"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/fault/faulttest"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/openai"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

var request = provider.Request{Label: "rotor-test-e1-openai-g1-a1", Generation: 1}

// serve opens the account over HTTP.
func serve(t *testing.T, a *account) *openai.Provider {
	server := httptest.NewServer(a.Double)
	t.Cleanup(server.Close)
	return a.open(t, server.URL)
}

func TestBadOptions(t *testing.T) {
	for hint, o := range map[string]openai.Options{
		"project or admin":  {Kind: "user"},
		"proj_":             {},
		"svc_acct_":         {Project: "proj_1", ServiceAccount: "a/b"},
		"name the account":  {Project: "proj_1", Scopes: []string{"api.model.read"}},
		"api.model.read":    {Project: "proj_1", ServiceAccount: "svc_acct_1", Scopes: []string{"All of it"}},
		"1 to 365":          {Project: "proj_1", ExpiresDays: 366},
		"remove them":       {Kind: "admin", Project: "proj_1"},
		"a positive number": {Project: "proj_1", RequestsPerSecond: -1},
		"https://":          {Project: "proj_1", BaseURL: "http://api.example.com"},
	} {
		_, err := openai.New(o, secret.Fixed(secret.New("double")))
		faulttest.Want(t, hint, err, fault.BadConfig, hint)
	}
}

// TestMistakes: what the vendor says no to is said in a way that helps, before and
// instead of any effect.
func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		name   string
		double double.Options
		change func(*account)
		kind   fault.Kind
		hint   string
	}{
		{"dead admin key", double.Options{}, func(a *account) { a.AdminKey = "double-of-nobody" }, fault.Denied, "what the option refers to"},
		{"another project", double.Options{}, func(a *account) { a.opts.Project = "proj_other" }, fault.BadConfig, "check project"},
		{"another account", double.Options{}, func(a *account) { a.opts.ServiceAccount = "svc_acct_other" }, fault.BadConfig, "service-account"},
		{"must expire", double.Options{MustExpire: true}, func(*account) {}, fault.BadConfig, "expires-days"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAccount(c.double, openai.Options{ServiceAccount: "backend"})
			c.change(a)
			p := serve(t, a)
			_, err := p.Issue(t.Context(), request)
			faulttest.Want(t, "Issue", err, c.kind, c.hint)
			if c.name != "must expire" { // nothing tells beforehand
				faulttest.Want(t, "Preflight", p.Preflight(t.Context(), request), c.kind, c.hint)
			}
			if n := len(a.Live()); n != 0 {
				t.Errorf("%d keys live", n)
			}
		})
	}
}

// TestKeptKeys: an API that deletes no single key of a service account needs a person,
// who is told how it can be otherwise.
func TestKeptKeys(t *testing.T) {
	a := newAccount(double.Options{Kept: true}, openai.Options{ServiceAccount: "backend"})
	p := serve(t, a)
	v, err := p.Issue(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	faulttest.Want(t, "Revoke", p.Revoke(t.Context(), v.Handle), fault.NeedsPerson, "leave service-account out")
	if p.Verify(t.Context(), v) != nil {
		t.Error("the key does not work any more")
	}
}

// TestOwnAccount ends with its key; one that a person made does not.
func TestOwnAccount(t *testing.T) {
	a := newAccount(double.Options{}, openai.Options{})
	byHand := a.Account("by-hand")
	old := a.Key(byHand, "old")
	p := serve(t, a)
	h, err := p.Identify(t.Context(), value(old.Value))
	if err != nil || h != (rotation.Handle{ID: old.ID}) {
		t.Fatalf("%v, %v", h, err)
	}
	v, err := p.Issue(t.Context(), request)
	if err != nil || len(a.Accounts()) != 2 {
		t.Fatalf("%v, accounts %q", err, a.Accounts())
	}
	for _, h := range []rotation.Handle{h, v.Handle} {
		if err := p.Revoke(t.Context(), h); err != nil {
			t.Error(err)
		}
	}
	if got := a.Accounts(); len(got) != 1 || got[0] != "by-hand" {
		t.Errorf("accounts left: %q", got)
	}
}

// TestRestricted: a key without the scope to list models lives.
func TestRestricted(t *testing.T) {
	a := newAccount(double.Options{}, openai.Options{ServiceAccount: "backend", Scopes: []string{"model.request"}})
	p := serve(t, a)
	v, err := p.Issue(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Verify(t.Context(), v); err != nil {
		t.Errorf("as limited as it was asked to be: %v", err)
	}
	if live, err := p.Probe(t.Context(), v); live != provider.Restricted || err != nil {
		t.Errorf("%s, %v", live, err)
	}
	a.opts.Scopes = []string{"api.model.read"}
	faulttest.Want(t, "fewer rights than asked for", serve(t, a).Verify(t.Context(), v), fault.Rejected, "rights")
}

// TestOddAnswers: a refusal in OpenAI's form, and what merely looks like one.
func TestOddAnswers(t *testing.T) {
	const envelope = `{"error":{"message":"%","type":"x","param":null,"code":null}}`
	for _, c := range []struct {
		status  int
		message string
		want    provider.Liveness
	}{
		{401, "Incorrect API key provided: double.", provider.Refused},
		{401, "You have insufficient permissions. Missing scopes: api.model.read", provider.Restricted},
		{401, "Your account is not active", provider.NotKnown},
		{429, "You exceeded your current quota", provider.NotKnown},
		{404, "Project not found", provider.NotKnown},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(strings.Replace(envelope, "%", c.message, 1)))
		}))
		a := newAccount(double.Options{}, openai.Options{ServiceAccount: "backend"})
		p := a.open(t, server.URL)
		live, err := p.Probe(t.Context(), provider.Issued{Values: value("double-key")})
		if live != c.want || live == provider.NotKnown && err == nil {
			t.Errorf("%d %s: %s, %v", c.status, c.message, live, err)
		}
		if c.status == 404 {
			faulttest.Want(t, "Revoke in a project that is gone", p.Revoke(t.Context(), rotation.Handle{ID: "key_1"}), fault.BadConfig, "ids")
		}
		server.Close()
	}
}

// TestItsOwnKey: the engine asks which key Rotor enters with before it ends one.
func TestItsOwnKey(t *testing.T) {
	a := newAccount(double.Options{}, openai.Options{Kind: "admin"})
	holder, ok := provider.As[provider.Keyholder](serve(t, a))
	if !ok {
		t.Fatal("nobody can tell")
	}
	keys, err := holder.Keys(t.Context())
	if err != nil || !slices.ContainsFunc(keys.Secrets(), secret.New(a.AdminKey).Equal) {
		t.Errorf("%v, %v", keys, err)
	}
}

// TestAListWithoutItsEnd: a list that goes on and does not say where is not all of it:
// what is missing may be an orphan.
func TestAListWithoutItsEnd(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"object":"list","data":[],"first_id":null,"last_id":null,"has_more":true}`))
	}))
	defer server.Close()
	found, err := newAccount(double.Options{}, openai.Options{ServiceAccount: "backend"}).open(t, server.URL).Find(t.Context(), "rotor-")
	if err == nil || fault.KindOf(err) != fault.Unknown {
		t.Errorf("%v, %v", found, err)
	}
}

// TestNotArrivedInTheList: a new key works before the Admin API's every front end
// knows it. That is repeated within the settle time; it does not turn a rotation back.
func TestNotArrivedInTheList(t *testing.T) {
	a := newAccount(double.Options{}, openai.Options{ServiceAccount: "backend"})
	v, err := serve(t, a).Issue(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/"+v.Handle.ID) {
			w.WriteHeader(gone.Status)
			_, _ = w.Write([]byte(gone.Body))
			return
		}
		a.Double.ServeHTTP(w, r)
	}))
	defer server.Close()
	faulttest.Want(t, "Verify", a.open(t, server.URL).Verify(t.Context(), v), fault.Rejected, "")
}

// TestAnAccountOfRotorsThatStays: who names an account that Rotor once made for one
// key wants it to stay, whatever handles say.
func TestAnAccountOfRotorsThatStays(t *testing.T) {
	a := newAccount(double.Options{}, openai.Options{})
	old, err := serve(t, a).Issue(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	a.opts.ServiceAccount, _, _ = strings.Cut(old.Handle.ID, "/")
	p := serve(t, a)
	label := "rotor-test-e1-openai-g2-a1"
	v, err := p.Issue(t.Context(), provider.Request{Label: label, Generation: 2})
	if err != nil {
		t.Fatal(err)
	}
	found, err := p.Find(t.Context(), label)
	if err != nil || len(found) != 1 || found[0].Handle != v.Handle {
		t.Errorf("the new key is found as %v, %v; want %v", found, err, v.Handle)
	}
	if err := p.Revoke(t.Context(), old.Handle); err != nil {
		t.Error(err)
	}
	if err := p.Verify(t.Context(), v); err != nil {
		t.Errorf("the new key ended with the old one: %v", err)
	}
	if live, err := p.Probe(t.Context(), old); live != provider.Refused {
		t.Errorf("the old key: %s, %v", live, err)
	}
}
