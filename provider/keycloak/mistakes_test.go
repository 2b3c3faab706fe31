package keycloak_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/keycloak"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/fault/faulttest"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/keycloak"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

func TestBadOptions(t *testing.T) {
	user := keycloak.Options{BaseURL: "https://sso.example.com", Realm: "app", Kind: "user-password", Username: "backend", AdminClient: "rotor", AdminClientSecret: "env:X"}
	client := user
	client.Kind, client.Username, client.Client = "client-secret", "", "api"
	for hint, c := range map[string]struct {
		base   keycloak.Options
		change func(*keycloak.Options)
	}{
		"address of Keycloak, for":   {user, func(o *keycloak.Options) { o.BaseURL = "" }},
		"option of its own":          {user, func(o *keycloak.Options) { o.BaseURL += "/realms/app" }},
		"https://":                   {user, func(o *keycloak.Options) { o.BaseURL = "http://sso.example.com" }},
		"realm: master":              {user, func(o *keycloak.Options) { o.Realm = "a/b" }},
		"leave it out for master":    {user, func(o *keycloak.Options) { o.AdminRealm = "a b" }},
		"user-password or":           {user, func(o *keycloak.Options) { o.Kind = "password" }},
		"name admin-client":          {user, func(o *keycloak.Options) { o.AdminClient = "" }},
		"keep one of them":           {user, func(o *keycloak.Options) { o.AdminUser = "admin" }},
		"admin-user has a password":  {user, func(o *keycloak.Options) { o.AdminUser, o.AdminClient = "admin", "" }},
		"name the user":              {user, func(o *keycloak.Options) { o.Username = " " }},
		"is login-client":            {user, func(o *keycloak.Options) { o.Client = "api" }},
		"one password":               {user, func(o *keycloak.Options) { o.Strategy = rotation.Overlap }},
		"22 to 128":                  {user, func(o *keycloak.Options) { o.Length = 12 }},
		"leaves 22":                  {user, func(o *keycloak.Options) { o.Length, o.Symbols = 24, 3 }},
		"admin-cli has no secret":    {user, func(o *keycloak.Options) { o.LoginClientSecret = "env:X" }},
		"a positive number":          {user, func(o *keycloak.Options) { o.RequestsPerSecond = -1 }},
		"name the client":            {client, func(o *keycloak.Options) { o.Client = "" }},
		"Keycloak makes":             {client, func(o *keycloak.Options) { o.Length = 40 }},
		"lock Rotor out":             {client, func(o *keycloak.Options) { o.Client, o.AdminRealm = o.AdminClient, o.Realm }},
		"choose in-place or overlap": {client, func(o *keycloak.Options) { o.Strategy = rotation.Alternate }},
	} {
		o := c.base
		c.change(&o)
		_, err := keycloak.New(o, secret.Fixed(secret.New("double")), nil)
		faulttest.Want(t, hint, err, fault.BadConfig, hint)
	}
}

// mistake is something that is wrong, and what is said of it.
type mistake struct {
	double double.Options
	change func(*account)
	kind   fault.Kind
	hint   string
	early  bool // only Preflight looks
}

var userMistakes = map[string]mistake{
	"wrong secret of the administrator": {change: func(a *account) { a.admin = func() string { return "double-wrong" } }, kind: fault.Denied, hint: "not let in"},
	"wrong password of the administrator": {change: func(a *account) {
		a.rotor.AdminClient, a.rotor.AdminUser, a.admin = "", "admin", func() string { return "double-wrong" }
	}, kind: fault.Denied, hint: "not let in"},
	"administrator without rights": {change: func(a *account) {
		a.rotor.AdminClient, a.rotor.AdminUser, a.admin = "", a.Powerless, func() string { return a.PowerlessPassword }
	}, kind: fault.Denied, hint: "manage-users"},
	"another realm of the administrator": {change: func(a *account) { a.rotor.AdminRealm = "elsewhere" }, kind: fault.BadConfig, hint: "admin-realm"},
	"another realm":                      {change: func(a *account) { a.rotor.Realm = "elsewhere" }, kind: fault.BadConfig, hint: "realm"},
	"no such user":                       {change: func(a *account) { a.rotor.Username = "back" }, kind: fault.BadConfig, hint: "username"},
	"no such user, parts found":          {double: double.Options{Old: true}, change: func(a *account) { a.rotor.Username = "back" }, kind: fault.BadConfig, hint: "username"},
	"disabled": {change: func(a *account) { a.Change("backend", func(u *double.User) { u.Disabled = true }) },
		kind: fault.BadConfig, hint: "enable", early: true},
	"waiting for an action": {change: func(a *account) { a.Change("backend", func(u *double.User) { u.Actions = []string{"VERIFY_EMAIL"} }) },
		kind: fault.BadConfig, hint: "remove it", early: true},
	"second factor": {change: func(a *account) { a.Change("backend", func(u *double.User) { u.OTP = true }) }, kind: fault.NeedsPerson, hint: "factor", early: true},
	"login client": {change: func(a *account) { a.Client("web", "x", double.Client{Public: true}); a.rotor.LoginClient = "web" },
		kind: fault.BadConfig, hint: "direct access grants", early: true},
}

// TestUserMistakes: they are said in a way that helps, before and instead of any effect.
func TestUserMistakes(t *testing.T) {
	for name, c := range userMistakes {
		t.Run(name, func(t *testing.T) {
			a := newAccount(c.double, keycloak.Options{Kind: "user-password"})
			c.change(a)
			p := serve(t, a)
			old := secret.Set{"password": secret.New(firstWord)}
			faulttest.Want(t, "Preflight", p.Preflight(t.Context(), provider.Request{Old: old}), c.kind, c.hint)
			if !c.early {
				_, err := next(t, p, old)
				faulttest.Want(t, "Issue", err, c.kind, c.hint)
			}
			if a.Count("PUT", "reset-password") != 0 {
				t.Error("the password was changed")
			}
		})
	}
}

var clientMistakes = map[string]mistake{
	"wrong secret of the administrator": {change: func(a *account) { a.admin = func() string { return "double-wrong" } }, kind: fault.Denied, hint: "not let in"},
	"administrator without rights": {change: func(a *account) {
		a.rotor.AdminClient, a.rotor.AdminUser, a.admin = "", a.Powerless, func() string { return a.PowerlessPassword }
	}, kind: fault.Denied, hint: "manage-clients"},
	"no such client": {change: func(a *account) { a.rotor.Client = "apis" }, kind: fault.BadConfig, hint: "client ID"},
	"public": {change: func(a *account) { a.Client("web", "x", double.Client{Public: true}); a.rotor.Client = "web" },
		kind: fault.BadConfig, hint: "client authentication", early: true},
	"by certificate":           {change: func(a *account) { a.ChangeClient("api", func(c *double.Client) { c.Method = "client-x509" }) }, kind: fault.BadConfig, hint: "client-secret", early: true},
	"in a vault":               {change: func(a *account) { a.ChangeClient("api", func(c *double.Client) { c.Vaulted = true }) }, kind: fault.BadConfig, hint: "reference", early: true},
	"disabled":                 {change: func(a *account) { a.ChangeClient("api", func(c *double.Client) { c.Disabled = true }) }, kind: fault.BadConfig, hint: "enable", early: true},
	"in place beside a policy": {double: double.Options{Rotation: rotated}, change: func(*account) {}, kind: fault.BadConfig, hint: "strategy: overlap", early: true},
	"overlap without a policy": {change: func(a *account) { a.rotor.Strategy = rotation.Overlap }, kind: fault.BadConfig, hint: "client-secret-rotation", early: true},
}

func TestClientMistakes(t *testing.T) {
	for name, c := range clientMistakes {
		t.Run(name, func(t *testing.T) {
			a := newAccount(c.double, keycloak.Options{Kind: "client-secret"})
			before := a.Secrets("api")
			c.change(a)
			p := serve(t, a)
			faulttest.Want(t, "Preflight", p.Preflight(t.Context(), provider.Request{}), c.kind, c.hint)
			if !c.early {
				_, err := next(t, p, nil)
				faulttest.Want(t, "Issue", err, c.kind, c.hint)
			}
			if after := a.Secrets("api"); len(after) != 1 || after[0] != before[0] {
				t.Errorf("the secret was changed")
			}
		})
	}
}

// TestAnotherRealm: "not found" in another realm is no proof of an end.
func TestAnotherRealm(t *testing.T) {
	for _, kind := range []string{"user-password", "client-secret"} {
		a := newAccount(double.Options{}, keycloak.Options{Kind: kind})
		v, err := next(t, serve(t, a), nil)
		if err != nil {
			t.Fatal(err)
		}
		a.rotor.Realm = "master"
		faulttest.Want(t, kind, serve(t, a).Revoke(t.Context(), v.Handle), fault.BadConfig, "put the old one back")
		for _, id := range []string{"", "app", "app/", "master", "master/"} {
			faulttest.Want(t, kind+" "+id, serve(t, a).Revoke(t.Context(), rotation.Handle{ID: id}), fault.BadConfig, "realm")
		}
	}
}

// TestNonsense: what is no answer of Keycloak's proves nothing.
func TestNonsense(t *testing.T) {
	for _, body := range []string{`<html>login`, `{"access_token":`, `{}`, `[]`, `null`, ``} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		for _, kind := range []string{"user-password", "client-secret"} {
			p := newAccount(double.Options{}, keycloak.Options{Kind: kind}).open(t, server.URL)
			_, err := next(t, p, nil)
			faulttest.Want(t, "Issue: "+body, err, fault.Unknown, "")
			live, err := p.Probe(t.Context(), provider.Issued{Values: secret.Set{"password": secret.New("x"), "client_secret": secret.New("x")}})
			if live != provider.NotKnown || err == nil {
				t.Errorf("Probe: %s: %s, %v", body, live, err)
			}
		}
		server.Close()
	}
	for _, path := range []string{"/users", "/clients"} { // the login goes well, the list does not
		for _, do := range []doubles.Do{doubles.HTML, doubles.Truncated} {
			kind := map[string]string{"/users": "user-password", "/clients": "client-secret"}[path]
			a := newAccount(double.Options{}, keycloak.Options{Kind: kind})
			a.Arm(doubles.Fault{Do: do, Method: "GET", Path: path})
			_, err := next(t, serve(t, a), nil)
			faulttest.Want(t, "Issue: "+path, err, fault.Unknown, "")
		}
	}
}
