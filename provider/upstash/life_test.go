package upstash_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/upstash"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/resp"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/upstash"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// client logs in as a consumer would.
func client(t *testing.T, a *account, v provider.Issued) *resp.Conn {
	t.Helper()
	c := dial(t, a)
	if _, err := c.Do(t.Context(), "AUTH", v.Values["username"].Reveal(), v.Values["password"].Reveal()); err != nil {
		t.Fatal(err)
	}
	return c
}

func ping(t *testing.T, c *resp.Conn) error {
	t.Helper()
	_, err := c.Do(t.Context(), "PING")
	return err
}

// TestUsersOverlap: two generations work side by side; the end of the first ends its
// own connections and nobody else's.
func TestUsersOverlap(t *testing.T) {
	t.Parallel()
	for name, backend := range backends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, rotation.Overlap, backend(t))
			p := a.open(t)
			first := rotate(t, p)
			second := rotate(t, p)
			old, young := client(t, a, first), client(t, a, second)
			for what, c := range map[string]*resp.Conn{"old": old, "new": young} {
				if err := ping(t, c); err != nil {
					t.Errorf("the %s value: %v", what, err)
				}
			}
			if err := p.Revoke(t.Context(), first.Handle); err != nil {
				t.Fatal(err)
			}
			if err := ping(t, old); err == nil {
				t.Error("a connection of the old user lives on")
			}
			if err := ping(t, young); err != nil {
				t.Errorf("the new user's connection was ended: %v", err)
			}
			if live, err := p.Probe(t.Context(), first); live != provider.Refused || err != nil {
				t.Errorf("the old value is %s (%v)", live, err)
			}
		})
	}
}

// TestResetEndsEverythingAtOnce: password, both tokens, connections.
func TestResetEndsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	for name, backend := range backends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, rotation.InPlace, backend(t))
			p := a.open(t)
			first := rotate(t, p)
			c := client(t, a, first)
			second := rotate(t, p)
			if err := ping(t, c); err == nil {
				t.Error("a connection outlived the reset")
			}
			for _, field := range []string{"password", "rest_token", "read_only_rest_token"} {
				if first.Values[field].Equal(second.Values[field]) {
					t.Errorf("%s did not change", field)
				}
				mixed := provider.Issued{Values: second.Values.Clone()}
				mixed.Values[field] = first.Values[field]
				if err := p.Verify(t.Context(), mixed); fault.KindOf(err) != fault.Rejected || err == nil {
					t.Errorf("an old %s among new fields: %v", field, err)
				}
				if live, _ := p.Probe(t.Context(), mixed); live != provider.Alive {
					t.Errorf("a value with one living part is %s", live)
				}
			}
			if live, err := p.Probe(t.Context(), first); live != provider.Refused || err != nil {
				t.Errorf("the old value is %s (%v)", live, err)
			}
		})
	}
}

// TestAnAnswerWithoutThePassword is completed by reading it; if that fails, the reset
// has happened all the same.
func TestAnAnswerWithoutThePassword(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.InPlace, double.Options{HidePassword: true})
	p := a.open(t)
	if err := p.Verify(t.Context(), rotate(t, p)); err != nil {
		t.Fatal(err)
	}
	for _, do := range []doubles.Do{doubles.ServerError, doubles.TooMany, doubles.HTML, doubles.Truncated} {
		a.Arm(doubles.Fault{Do: do, Method: "GET", Path: "/v2/redis/database/"})
		if _, err := p.Issue(t.Context(), provider.Request{}); fault.KindOf(err) != fault.Unknown || err == nil {
			t.Errorf("%s: %v", do, err)
		}
		v, err := p.(provider.Revealer).Reveal(t.Context(), rotation.Handle{})
		if err == nil {
			err = p.Verify(t.Context(), v)
		}
		if err != nil {
			t.Errorf("%s: Reveal: %v", do, err)
		}
	}
}

// TestProtected: Credential Protection shows secrets once.
func TestProtected(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.InPlace, double.Options{Protected: true})
	err := a.open(t).Preflight(t.Context(), provider.Request{})
	if fault.KindOf(err) != fault.BadConfig || err == nil || !strings.Contains(fault.HintOf(err), "unrevealable") {
		t.Errorf("Preflight: %v", err)
	}
	a.opts.Unrevealable = true
	p := a.open(t)
	if err := p.Preflight(t.Context(), provider.Request{}); err != nil {
		t.Errorf("Preflight with unrevealable: %v", err)
	}
	if err := p.Verify(t.Context(), rotate(t, p)); err != nil {
		t.Error(err)
	}
	if _, err := p.(provider.Revealer).Reveal(t.Context(), rotation.Handle{}); fault.KindOf(err) != fault.NeedsPerson || err == nil || fault.HintOf(err) == "" {
		t.Errorf("Reveal: %v", err)
	}
	// overlap needs no reveal, but the admin's password from elsewhere
	a.opts.Unrevealable, a.opts.Strategy = false, rotation.Overlap
	if err := a.open(t).Preflight(t.Context(), provider.Request{}); fault.KindOf(err) != fault.BadConfig || err == nil || !strings.Contains(fault.HintOf(err), "admin-password") {
		t.Errorf("Preflight of overlap: %v", err)
	}
	q, err := upstash.New(a.opts, secret.Fixed(secret.New(a.Key)), secret.Fixed(secret.New(a.Password())))
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Verify(t.Context(), rotate(t, q)); err != nil {
		t.Errorf("overlap with admin-password: %v", err)
	}
}

func TestPreflightFindsMistakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		strategy rotation.Strategy
		options  double.Options
		spoil    func(a *account)
		kind     fault.Kind
		hint     string
	}{
		"free plan":      {rotation.Overlap, double.Options{Free: true}, nil, fault.BadConfig, "paid"},
		"no tokens":      {rotation.InPlace, double.Options{NoTokens: true}, nil, fault.BadConfig, "no-rest"},
		"wrong id":       {rotation.InPlace, double.Options{}, func(a *account) { a.opts.Database = "not-there-1" }, fault.BadConfig, "database"},
		"wrong email":    {rotation.InPlace, double.Options{}, func(a *account) { a.opts.Email = "x@example.com" }, fault.Denied, ""},
		"wrong address":  {rotation.InPlace, double.Options{}, func(a *account) { a.opts.Address = other(t).Address() }, fault.BadConfig, "address"},
		"not Redis":      {rotation.InPlace, double.Options{}, func(a *account) { a.opts.Address = a.url[len("http://"):] }, fault.BadConfig, "address"},
		"nobody there":   {rotation.InPlace, double.Options{}, func(a *account) { a.opts.Address = "127.0.0.1:1" }, fault.Transient, ""},
		"admin's refuse": {rotation.Overlap, double.Options{}, func(a *account) { a.opts.Address = other(t).Address() }, fault.Denied, "admin-password"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, c.strategy, c.options)
			if c.spoil != nil {
				c.spoil(a)
			}
			err := a.open(t).Preflight(t.Context(), provider.Request{})
			if err == nil || fault.KindOf(err) != c.kind || !strings.Contains(fault.HintOf(err), c.hint) {
				t.Errorf("%s: %v, hint %q", fault.KindOf(err), err, fault.HintOf(err))
			}
		})
	}
}

func other(t *testing.T) *double.Double {
	t.Helper()
	d, err := double.New(double.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestNoREST(t *testing.T) {
	t.Parallel()
	for _, strategy := range []rotation.Strategy{rotation.InPlace, rotation.Overlap} {
		a := newAccount(t, strategy, double.Options{NoTokens: true})
		a.opts.NoREST, a.opts.RESTURL = true, ""
		p := a.open(t)
		if err := p.Preflight(t.Context(), provider.Request{}); err != nil {
			t.Error(err)
		}
		v := rotate(t, p)
		if err := p.Verify(t.Context(), v); err != nil || len(v.Values) != 2 {
			t.Errorf("%v; fields %v", err, v.Values.Names())
		}
		if n := a.Count("GET", "/rest"); n != 0 {
			t.Error("REST was used")
		}
	}
}

// TestLostCommands: what is known of a command whose answer is lost, and the way on.
func TestLostCommands(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Overlap, double.Options{})
	p := a.open(t)
	maker := p.(provider.Maker)
	a.Arm(doubles.Fault{Do: doubles.DropAfter, Method: "RESP", Path: "GENTOKEN"})
	if _, err := maker.Make(t.Context(), provider.Request{Label: "t1"}); fault.KindOf(err) != fault.Transient || err == nil {
		t.Errorf("a token that nobody has: %v", err)
	}
	values, err := maker.Make(t.Context(), provider.Request{Label: "t1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, do := range []doubles.Do{doubles.DropAfter, doubles.DropBefore} {
		a.Arm(doubles.Fault{Do: do, Method: "RESP", Path: "SETUSER"})
		if _, err := p.Issue(t.Context(), provider.Request{Values: values}); fault.KindOf(err) != fault.Unknown || err == nil {
			t.Errorf("%s: %v", do, err)
		}
	}
	v, err := p.Issue(t.Context(), provider.Request{Values: values})
	if err == nil {
		err = p.Verify(t.Context(), v)
	}
	if err != nil {
		t.Errorf("the same values again: %v", err)
	}
}

// TestARefusalThatRepeatsThePassword is not repeated.
func TestARefusalThatRepeatsThePassword(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Overlap, double.Options{})
	mine := secret.New("a-password-of-my-own-0123")
	_, err := a.open(t).Issue(t.Context(), provider.Request{Values: secret.Set{"username": secret.Public("t1"), "password": mine}})
	if fault.KindOf(err) != fault.Rejected || err == nil {
		t.Errorf("%v", err)
	}
	if text := fmt.Sprintf("%v %+v %s", err, err, fault.HintOf(err)); strings.Contains(text, mine.Reveal()) {
		t.Errorf("LEAK: %s", text)
	}
}

// TestTheDefaultUser may be the value before Rotor; its end is a person's business.
func TestTheDefaultUser(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Overlap, double.Options{})
	p := a.open(t)
	h, err := p.Identify(t.Context(), secret.Set{"password": secret.New(a.Password())})
	if err != nil || h.ID != a.opts.Database+"/default" {
		t.Fatalf("%v, %v", h, err)
	}
	if err := p.Revoke(t.Context(), h); fault.KindOf(err) != fault.NeedsPerson || err == nil || fault.HintOf(err) == "" {
		t.Errorf("%v", err)
	}
	if _, err := p.Issue(t.Context(), provider.Request{Values: secret.Set{"username": secret.Public("default"), "password": secret.New("x")}}); fault.KindOf(err) != fault.BadConfig || err == nil {
		t.Errorf("%v", err)
	}
}

// TestThePlaceComesFromTheAPI where the options do not say.
func TestThePlaceComesFromTheAPI(t *testing.T) {
	t.Parallel()
	for _, strategy := range []rotation.Strategy{rotation.InPlace, rotation.Overlap} {
		a := newAccount(t, strategy, double.Options{})
		a.opts.Address = ""
		p := a.open(t)
		if err := p.Preflight(t.Context(), provider.Request{}); err != nil {
			t.Errorf("%s: %v", strategy, err)
		}
		if err := p.Verify(t.Context(), rotate(t, p)); err != nil {
			t.Errorf("%s: %v", strategy, err)
		}
	}
}
