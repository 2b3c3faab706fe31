package grafana_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/grafana"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/fault/faulttest"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/grafana"
	"github.com/agenticverz/rotor/secret"
)

var request = provider.Request{Label: "rotor-test-e1-grafana-g1-a1", Generation: 1}

// serve opens the account over HTTP, always at the same place.
func serve(t *testing.T, a *account) *grafana.Provider {
	if a.url == "" {
		server := httptest.NewServer(a.Double)
		t.Cleanup(server.Close)
		a.url = server.URL
	}
	return a.open(t, a.url)
}

func TestBadOptions(t *testing.T) {
	for hint, change := range map[string]func(*grafana.Options){
		"address of Grafana, for":     func(o *grafana.Options) { o.BaseURL = "" },
		"without /api":                func(o *grafana.Options) { o.BaseURL += "/api/" },
		"https://":                    func(o *grafana.Options) { o.BaseURL = "http://grafana.example.com" },
		"options of their own":        func(o *grafana.Options) { o.BaseURL = "https://admin:x@grafana.example.com" },
		"number in the address":       func(o *grafana.Options) { o.ServiceAccountID = -1 },
		"name it":                     func(o *grafana.Options) { o.ServiceAccountID = 0 },
		"keep one of them; the id":    func(o *grafana.Options) { o.ServiceAccount = "backend" },
		"Viewer, Editor":              func(o *grafana.Options) { o.Role = "viewer" },
		"1 to 3650":                   func(o *grafana.Options) { o.ExpiresDays = 4000 },
		"a positive number":           func(o *grafana.Options) { o.RequestsPerSecond = -1 },
		"keep one of them; the token": func(o *grafana.Options) { o.AdminUser = "admin" },
		"name the user":               func(o *grafana.Options) { o.AdminToken, o.AdminPassword = "", "env:X" },
		"name alone":                  func(o *grafana.Options) { o.AdminToken, o.AdminUser = "", "admin:admin" },
	} {
		o := grafana.Options{BaseURL: "https://grafana.example.com", AdminToken: "env:X", ServiceAccountID: 12}
		change(&o)
		_, err := grafana.New(o, secret.Fixed(secret.New("double")))
		faulttest.Want(t, hint, err, fault.BadConfig, hint)
	}
}

// TestMistakes: what Grafana says no to is said in a way that helps, before and instead
// of any effect.
func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		name   string
		double double.Options
		opts   grafana.Options
		change func(*account)
		kind   fault.Kind
		hint   string
		late   bool // only Issue can tell
		early  bool // only Preflight looks
	}{
		{name: "dead admin token", change: func(a *account) { a.AdminToken = "double-of-nobody" }, kind: fault.Denied, hint: "what the option refers to"},
		{name: "wrong password", opts: grafana.Options{AdminUser: "admin"}, kind: fault.Denied, hint: "what the option refers to",
			change: func(a *account) { a.opts.AdminUser = "somebody" }},
		{name: "admin without rights", kind: fault.Denied, hint: "serviceaccounts:write",
			change: func(a *account) { a.AdminToken = a.Token(a.Account("viewer", "Viewer"), "v").Value }},
		{name: "another organisation", kind: fault.BadConfig, hint: "organisation",
			change: func(a *account) { a.AdminToken = a.Token(a.AccountIn(2, "their-admin", "Admin"), "v").Value }},
		{name: "another organisation, by name", opts: grafana.Options{ServiceAccount: "backend"}, kind: fault.BadConfig, hint: "organisation",
			change: func(a *account) { a.AdminToken = a.Token(a.AccountIn(2, "their-admin", "Admin"), "v").Value }},
		{name: "no such account", change: func(a *account) { a.opts.ServiceAccountID = 4711 }, kind: fault.BadConfig, hint: "service-account-id"},
		{name: "no such account in 9.5", double: double.Options{Version: "9.5.2"}, change: func(a *account) { a.opts.ServiceAccountID = 4711 },
			kind: fault.BadConfig, hint: "service-account-id"},
		{name: "no such name", opts: grafana.Options{ServiceAccount: "backen"}, kind: fault.BadConfig, hint: "service-account"},
		{name: "two of the name", opts: grafana.Options{ServiceAccount: "backend"}, change: func(a *account) { a.Account("backend", "Viewer") },
			kind: fault.BadConfig, hint: "service-account-id"},
		{name: "another role", opts: grafana.Options{Role: "Viewer"}, kind: fault.BadConfig, hint: "expects Viewer", early: true},
		{name: "disabled", change: func(a *account) { a.Disable(a.id()) }, kind: fault.BadConfig, hint: "enable it", early: true},
		{name: "before service accounts", double: double.Options{Version: "8.5.0"}, kind: fault.BadConfig, hint: "update", early: true},
		{name: "must end", double: double.Options{MaxLife: 3600e9}, kind: fault.BadConfig, hint: "set expires-days", late: true},
		{name: "must end sooner", double: double.Options{MaxLife: 3600e9}, opts: grafana.Options{ExpiresDays: 1}, kind: fault.BadConfig, hint: "smaller expires-days", late: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAccount(c.double, c.opts)
			if c.change != nil {
				c.change(a)
			}
			before := len(a.Live())
			p := serve(t, a)
			if !c.early {
				_, err := p.Issue(t.Context(), request)
				faulttest.Want(t, "Issue", err, c.kind, c.hint)
			}
			if !c.late {
				faulttest.Want(t, "Preflight", p.Preflight(t.Context(), request), c.kind, c.hint)
			}
			if n := len(a.Live()); n != before {
				t.Errorf("%d tokens live, %d before", n, before)
			}
		})
	}
}

// TestTakenName: whatever sent the request twice left a token that nobody knows. It is
// not a refusal, and it is found.
func TestTakenName(t *testing.T) {
	for _, version := range []string{"9.5.2", ""} {
		a := newAccount(double.Options{Version: version}, grafana.Options{})
		p := serve(t, a)
		a.Arm(doubles.Fault{Do: doubles.ErrorAfter, Method: "POST"})
		for range 2 {
			_, err := p.Issue(t.Context(), request)
			faulttest.Want(t, "Issue "+version, err, fault.Unknown, "")
		}
		_, err := p.Issue(t.Context(), request)
		faulttest.Want(t, "Issue "+version, err, fault.Unknown, "found by its name")
		found, err := p.Find(t.Context(), request.Label)
		if err != nil || len(found) != 1 || p.Revoke(t.Context(), found[0].Handle) != nil || len(a.Live()) != 0 {
			t.Errorf("%v, %v; %d live", found, err, len(a.Live()))
		}
	}
}

// TestASearchThatRepeats, and one that is none: the account cannot be chosen.
func TestASearchThatRepeats(t *testing.T) {
	for body, hint := range map[string]string{
		`{"totalCount":500,"page":1,"perPage":100,"serviceAccounts":[{"id":1,"name":"backend"}]}`: "list cannot be trusted",
		`{"totalCount":1}`: "",
		`{"totalCount":`:   "",
		`<html>login`:      "base-url",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		p := newAccount(double.Options{}, grafana.Options{ServiceAccount: "backend"}).open(t, server.URL)
		_, err := p.Issue(t.Context(), request)
		faulttest.Want(t, body, err, fault.Unknown, hint)
		server.Close()
	}
}

// TestManyAccounts: the account may stand on any page.
func TestManyAccounts(t *testing.T) {
	a := newAccount(double.Options{}, grafana.Options{ServiceAccount: "backend-last"})
	for range 210 {
		a.Account("backend-last-but-"+doubles.Text(5), "Viewer")
	}
	id := a.Account("backend-last", "Viewer")
	v, err := serve(t, a).Issue(t.Context(), request)
	if err != nil || len(a.Live()) != 1 || v.Handle != a.handle(a.Live()[0]) || a.Count("GET", "search") != 3 {
		t.Errorf("account %d: %v, %v; %d searches", id, v.Handle, err, a.Count("GET", "search"))
	}
}

// TestStillThere: a 404 for a token that still works is no proof.
func TestStillThere(t *testing.T) {
	a := newAccount(double.Options{}, grafana.Options{})
	v, err := serve(t, a).Issue(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	ours := a.AdminToken
	a.AdminToken = a.Token(a.AccountIn(2, "their-admin", "Admin"), "v").Value
	faulttest.Want(t, "Revoke from another organisation", serve(t, a).Revoke(t.Context(), v.Handle), fault.NeedsPerson, "organisation")
	a.AdminToken = ours
	p := serve(t, a)
	if live, err := p.Probe(t.Context(), v); live != provider.Alive || err != nil {
		t.Errorf("%s, %v", live, err)
	}
	for _, id := range []string{"", "1", "12/", "/7", "-1/7", "0/7", "key", "key/x", "9/../../7"} {
		faulttest.Want(t, "Revoke of "+id, p.Revoke(t.Context(), a.handle(id)), fault.BadConfig, "")
	}
}

// TestAnotherGrafana: ids are small numbers, so another Grafana has a token of the same
// ones. It is not touched, it is not asked, and it is shown no value that is not its own.
func TestAnotherGrafana(t *testing.T) {
	before, now := newAccount(double.Options{}, grafana.Options{}), newAccount(double.Options{}, grafana.Options{})
	v, err := serve(t, before).Issue(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	now.Token(now.id(), "a stranger's")
	if len(before.Live()) != 1 || len(now.Live()) != 1 || before.Live()[0] != now.Live()[0] {
		t.Fatalf("%q and %q", before.Live(), now.Live())
	}
	p := serve(t, now)
	const hint = "put the old one back"
	faulttest.Want(t, "Revoke", p.Revoke(t.Context(), v.Handle), fault.BadConfig, hint)
	faulttest.Want(t, "Verify", p.Verify(t.Context(), v), fault.BadConfig, hint)
	_, err = p.Usage(t.Context(), v.Handle)
	faulttest.Want(t, "Usage", err, fault.BadConfig, hint)
	live, err := p.Probe(t.Context(), v)
	faulttest.Want(t, "Probe", err, fault.BadConfig, hint)
	if live != provider.NotKnown || len(now.Live()) != 1 || len(now.Seen()) != 0 {
		t.Errorf("%s; %d tokens live; %d requests", live, len(now.Live()), len(now.Seen()))
	}
	if live, err := p.Probe(t.Context(), provider.Issued{Values: v.Values}); live != provider.Refused || err != nil {
		t.Errorf("a value without a handle: %s, %v", live, err)
	}
}

// TestAPlace has a path, too, and is the same however it is written.
func TestAPlace(t *testing.T) {
	a := newAccount(double.Options{}, grafana.Options{})
	server := httptest.NewServer(http.StripPrefix("/monitoring", a.Double))
	defer server.Close()
	v, err := a.open(t, server.URL+"/monitoring/").Issue(t.Context(), request)
	if err != nil || !strings.HasPrefix(v.Handle.ID, strings.TrimPrefix(server.URL, "http://")+"/monitoring/"+a.Live()[0]) {
		t.Fatalf("%v, %v", v.Handle, err)
	}
	if err := a.open(t, server.URL+"/monitoring").Revoke(t.Context(), v.Handle); err != nil {
		t.Error(err)
	}
}

// TestOddAnswers: a refusal in Grafana's form, and what merely looks like one.
func TestOddAnswers(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   provider.Liveness
	}{
		{401, `{"message":"Invalid API key","messageId":"api-key.invalid"}`, provider.Refused},
		{401, `{"message":"Revoked API key","messageId":"api-key.revoked"}`, provider.Refused},
		{401, `{"message":"Expired API key","messageId":"api-key.expired"}`, provider.Expired},
		{401, `{"message":"Expired API key"}`, provider.Expired},
		{401, `{"message":"Invalid API key"}`, provider.Refused},
		{401, `{"message":"API key does not belong to the requested organization","messageId":"api-key.organization-mismatch"}`, provider.NotKnown},
		{401, `{"message":"Unauthorized","messageId":"auth.unauthorized"}`, provider.NotKnown},
		{401, `{"message":"User is disabled","messageId":"user.sync.user-disabled"}`, provider.NotKnown},
		{401, `{"message":"Invalid API key","messageId":"proxy.invalid"}`, provider.NotKnown},
		{401, `Invalid API key`, provider.NotKnown},
		{403, `{"message":"Invalid API key","messageId":"api-key.invalid"}`, provider.NotKnown},
		{403, `{"message":"You'll need additional permissions to perform this action.","title":"Access denied"}`, provider.Restricted},
		{429, `{"message":"Invalid API key","messageId":"api-key.invalid"}`, provider.NotKnown},
		{200, `{"name":"Main Org."}`, provider.NotKnown},
		{200, `{}`, provider.NotKnown},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/user" {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		}))
		p := newAccount(double.Options{}, grafana.Options{}).open(t, server.URL)
		live, err := p.Probe(t.Context(), provider.Issued{Values: value("double-token")})
		if live != c.want || (live == provider.NotKnown) != (err != nil) {
			t.Errorf("%d %s: %s, %v; want %s", c.status, c.body, live, err, c.want)
		}
		server.Close()
	}
}
