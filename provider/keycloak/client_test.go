package keycloak_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/keycloak"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/fault/faulttest"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/keycloak"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

func clientValue(text string) provider.Issued {
	return provider.Issued{Values: secret.Set{"client_id": secret.Public("api"), "client_secret": secret.New(text)}}
}

// TestWithoutServiceAccount: a client that gets no tokens of its own asks about one.
func TestWithoutServiceAccount(t *testing.T) {
	for _, old := range []bool{false, true} {
		a := newAccount(double.Options{Old: old}, keycloak.Options{Kind: "client-secret", Client: "web"})
		a.Client("web", firstWord, double.Client{})
		p := serve(t, a)
		if err := p.Preflight(t.Context(), provider.Request{}); err != nil {
			t.Fatal(err)
		}
		v, err := next(t, p, nil)
		if err != nil || p.Verify(t.Context(), v) != nil {
			t.Errorf("%v, %v", err, p.Verify(t.Context(), v))
		}
		if live, err := p.Probe(t.Context(), clientValue(firstWord)); live != provider.Refused || err != nil {
			t.Errorf("%s, %v", live, err)
		}
		if a.Count("POST", "introspect") == 0 {
			t.Error("nothing was asked")
		}
	}
}

// TestDisabledClient is refused in the words for a wrong secret.
func TestDisabledClient(t *testing.T) {
	a := newAccount(double.Options{}, keycloak.Options{Kind: "client-secret"})
	a.ChangeClient("api", func(c *double.Client) { c.Disabled = true })
	live, err := serve(t, a).Probe(t.Context(), clientValue(firstWord))
	if live != provider.NotKnown {
		t.Error(live)
	}
	faulttest.Want(t, "Probe", err, fault.NeedsPerson, "enable")
}

// TestExpiredSecret: a policy ends the present secret too.
func TestExpiredSecret(t *testing.T) {
	a := newAccount(double.Options{Rotation: rotated}, keycloak.Options{Kind: "client-secret", Strategy: rotation.Overlap})
	p := serve(t, a)
	v, err := next(t, p, nil)
	if off := time.Until(v.NotAfter) - rotated.Expires; err != nil || off > time.Minute || off < -time.Minute {
		t.Fatalf("%v, until %s", err, v.NotAfter)
	}
	a.Clock.Advance(30 * 24 * time.Hour)
	if live, err := p.Probe(t.Context(), v); live != provider.Expired || err != nil {
		t.Errorf("%s, %v", live, err)
	}
}

// TestRollback: the newer secret ends, the older is the present one again, and nothing
// else of the client changes.
func TestRollback(t *testing.T) {
	a := newAccount(double.Options{Rotation: rotated}, keycloak.Options{Kind: "client-secret", Strategy: rotation.Overlap})
	p := serve(t, a)
	first, err := next(t, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	end := p.(provider.ValueRevoker)
	a.Clock.Advance(time.Minute)
	second, err := next(t, p, nil)
	if err != nil || a.Rotated("api") != first.Values["client_secret"].Reveal() {
		t.Fatalf("%v", err)
	}
	for _, do := range []doubles.Fault{{Do: doubles.ErrorAfter, Method: "PUT"}, {Do: doubles.DropAfter, Method: "DELETE"}} {
		a.Arm(do)
		faulttest.Want(t, "a lost answer to "+do.Method, end.RevokeValue(t.Context(), second), fault.Unknown, "")
		if err := p.Verify(t.Context(), first); err != nil {
			t.Fatalf("the older one: %v", err)
		}
		if do.Method == "PUT" { // again, from the start: the newer one stands nowhere
			if err := end.RevokeValue(t.Context(), second); err != nil {
				t.Errorf("%v", err)
			}
			a.Clock.Advance(time.Minute)
			if second, err = next(t, p, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if live, _ := p.Probe(t.Context(), second); live != provider.Refused || !a.Authorization("api") {
		t.Errorf("the newer one is %s; authorization settings kept: %v", live, a.Authorization("api"))
	}
	if err := end.RevokeValue(t.Context(), first); err != nil || p.Verify(t.Context(), first) == nil || a.Rotated("api") != "" {
		t.Errorf("alone: %v; rotated left: %v", err, a.Rotated("api") != "")
	}
}

// TestNobodyElsesSecret: a value that stands nowhere is gone, whatever stands there.
func TestNobodyElsesSecret(t *testing.T) {
	a := newAccount(double.Options{Rotation: rotated}, keycloak.Options{Kind: "client-secret", Strategy: rotation.Overlap})
	p := serve(t, a)
	var all []provider.Issued
	for range 3 {
		v, err := next(t, p, nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
		a.Clock.Advance(time.Minute)
	}
	if err := p.(provider.ValueRevoker).RevokeValue(t.Context(), all[0]); err != nil {
		t.Error(err)
	}
	for _, v := range all[1:] {
		if err := p.Verify(t.Context(), v); err != nil {
			t.Errorf("another one was hit: %v", err)
		}
	}
	faulttest.Want(t, "Revoke by handle", p.Revoke(t.Context(), all[1].Handle), fault.NeedsPerson, "invalidate the rotated secret")
	_, err := p.Identify(t.Context(), all[1].Values)
	faulttest.Want(t, "Identify of the rotated one", err, fault.Rejected, "adopt the present")
}

// TestOneSecond: two secrets of one second could not be told apart.
func TestOneSecond(t *testing.T) {
	a := newAccount(double.Options{Rotation: rotated}, keycloak.Options{Kind: "client-secret", Strategy: rotation.Overlap})
	p := serve(t, a)
	if _, err := next(t, p, nil); err != nil {
		t.Fatal(err)
	}
	_, err := next(t, p, nil)
	if fault.KindOf(err) != fault.Transient || fault.RetryAfterOf(err) == 0 || len(a.Secrets("api")) != 2 {
		t.Errorf("%v, %d secrets", err, len(a.Secrets("api")))
	}
}

// TestOddRefusals: a refusal of the secret, and what merely looks like one. The
// administrator's requests go to a real double.
func TestOddRefusals(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   provider.Liveness
	}{
		{401, `{"error":"invalid_client","error_description":"Invalid client or Invalid client credentials"}`, provider.Refused},
		{401, `{"error":"unauthorized_client","error_description":"Invalid client secret"}`, provider.Refused},
		{401, `{"error":"invalid_client"}`, provider.Refused},
		{401, `{"error":"unauthorized_client"}`, provider.NotKnown},
		{401, `{"error":"unauthorized_client","error_description":"Client disabled"}`, provider.NotKnown},
		{400, `{"error":"invalid_client","error_description":"Invalid client or Invalid client credentials"}`, provider.NotKnown},
		{403, `{"error":"invalid_client","error_description":"Invalid client or Invalid client credentials"}`, provider.NotKnown},
		{401, `{"error":"invalid_grant","error_description":"Invalid user credentials"}`, provider.NotKnown},
		{401, `{"message":"Invalid client"}`, provider.NotKnown},
		{401, `Invalid client`, provider.NotKnown},
		{200, `{"access_token":""}`, provider.NotKnown},
	} {
		a := newAccount(double.Options{}, keycloak.Options{Kind: "client-secret"})
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasPrefix(r.URL.Path, "/realms/app/") {
				a.ServeHTTP(w, r)
				return
			}
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		}))
		live, err := a.open(t, server.URL).Probe(t.Context(), clientValue("double-secret"))
		if live != c.want || (live == provider.NotKnown) != (err != nil) {
			t.Errorf("%d %s: %s, %v; want %s", c.status, c.body, live, err, c.want)
		}
		server.Close()
	}
}
