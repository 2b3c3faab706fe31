package anthropic_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	double "github.com/agenticverz/rotor/doubles/anthropic"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/fault/faulttest"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/anthropic"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// answering is a provider before an API that says the same to everything.
func answering(t *testing.T, status int, body string) *anthropic.Provider {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	return newAccount(double.Options{}, anthropic.Options{}).open(t, server.URL)
}

const envelope = `{"type":"error","error":{"type":"%s","message":"words"},"request_id":"req_1"}`

// TestOddAnswers: a refusal in Anthropic's form, and what merely looks like one.
func TestOddAnswers(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   provider.Liveness
	}{
		{401, fmt.Sprintf(envelope, "authentication_error"), provider.Refused},
		{403, fmt.Sprintf(envelope, "permission_error"), provider.Restricted},
		{401, fmt.Sprintf(envelope, "billing_error"), provider.NotKnown},
		{400, fmt.Sprintf(envelope, "invalid_request_error"), provider.NotKnown},
		{404, fmt.Sprintf(envelope, "not_found_error"), provider.NotKnown},
		{429, fmt.Sprintf(envelope, "rate_limit_error"), provider.NotKnown},
		{529, fmt.Sprintf(envelope, "overloaded_error"), provider.NotKnown},
		{401, `{"error":{"type":"authentication_error"}}`, provider.NotKnown},
		{401, `{"error":"authentication_error"}`, provider.NotKnown},
		{500, fmt.Sprintf(envelope, "authentication_error"), provider.NotKnown},
		{200, `{}`, provider.NotKnown},
		{200, `{"data":[]}`, provider.Alive},
	} {
		live, err := answering(t, c.status, c.body).Probe(t.Context(), provider.Issued{Values: value("double-api03-key")})
		if live != c.want || live == provider.NotKnown && err == nil {
			t.Errorf("%d %s: %s, %v", c.status, c.body, live, err)
		}
	}
}

// TestHints: the list may cut a key's hint as it likes; what proves nothing counts for
// nothing.
func TestHints(t *testing.T) {
	const text = "double-api03-abcdefghijklmnopqrstuvwxyz"
	for hint, want := range map[string]bool{
		"double-api03-abc...wxyz": true, "double-api03-a…yz": true, "double-api03-ab*****xyz": true, "d....z": true,
		"double-api03-abc...wxyy": false, "double-api03-abd...wxyz": false,
		"...": false, "double-api03-abc...": false, "...wxyz": false, "double-api03-abc": false, "": false,
		"double-api03-abcdefghijklmnop...qrstuvwxyz": false, // nothing is left out: not a hint
	} {
		list := fmt.Sprintf(`{"data":[{"id":"apikey_1","status":"active","created_at":"2026-11-01T10:00:00Z","expires_at":null,"partial_key_hint":%q,`+
			`"scope":{"type":"organization"}}],"first_id":"apikey_1","last_id":"apikey_1","has_more":false}`, hint)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, list) }))
		p, err := anthropic.New(anthropic.Options{BaseURL: server.URL, RequestsPerSecond: 1e6}, secret.Fixed(secret.New("double-admin")))
		if err != nil {
			t.Fatal(err)
		}
		v, err := p.Issue(t.Context(), supply(text))
		if got := err == nil && v.Handle.ID == "apikey_1"; got != want {
			t.Errorf("hint %q: %v, %v", hint, v.Handle, err)
		}
		p.Close()
		server.Close()
	}
}

// TestSenselessAnswers: what is no list, and no key, is an answer that nobody knows.
func TestSenselessAnswers(t *testing.T) {
	const key = "double-api03-abcdefghijklmnop"
	for body, what := range map[string]string{
		`{}`: "an object", `{"data":null}`: "no list", `<html>`: "a page", `{"data":[`: "half of it",
		`{"data":[],"has_more":true,"last_id":null}`:                                    "a list that cannot go on",
		`{"data":[{"id":"apikey_1"}],"has_more":true,"last_id":"apikey_1"}`:             "a list that repeats itself",
		`{"data":[{"id":"apikey_1","created_at":"yesterday"}],"has_more":false}`:        "a date that is none",
		`{"data":[{"id":"apikey_1","partial_key_hint":{"a":1}}],"has_more":false}`:      "a hint that is none",
		`{"id":"apikey_2","status":"inactive","data":[{"id":1}],"has_more":false}`:      "another key",
		`{"id":"apikey_1","data":[{"id":"apikey_1","status":7}],"has_more":false}`:      "no status",
		`{"id":"apikey_1","status":"active","data":[{"id":"a","name":3}],"has_more":1}`: "wrong types",
	} {
		p := answering(t, 200, body)
		if _, err := p.Issue(t.Context(), supply(key)); err == nil || fault.KindOf(err) != fault.Unknown {
			t.Errorf("Issue, %s: %v", what, err)
		}
		if err := p.Revoke(t.Context(), rotation.Handle{ID: "apikey_1"}); err == nil || fault.KindOf(err) != fault.Unknown {
			t.Errorf("Revoke, %s: %v", what, err)
		}
	}
}

// TestNotArrivedInTheList: a key that the Admin API's front end does not know yet is
// asked about again within the settle time; it does not turn a rotation back.
func TestNotArrivedInTheList(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/models" {
			fmt.Fprint(w, `{"data":[]}`)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, envelope, "not_found_error")
	}))
	defer server.Close()
	p := newAccount(double.Options{}, anthropic.Options{}).open(t, server.URL)
	err := p.Verify(t.Context(), provider.Issued{Handle: rotation.Handle{ID: "apikey_1"}, Values: value("double-api03-key")})
	if err == nil || fault.KindOf(err) != fault.Rejected {
		t.Errorf("%v, %v", fault.KindOf(err), err)
	}
}

// TestUnclearAnswers: what is said to the value under test is no word about the admin
// key, and only Anthropic's own refusal says that the value is dead.
func TestUnclearAnswers(t *testing.T) {
	for _, body := range []string{fmt.Sprintf(envelope, "invalid_request_error"), fmt.Sprintf(envelope, "not_found_error"), "<html>no</html>", `{}`} {
		for _, status := range []int{400, 401, 403, 404, 407, 422} {
			p := answering(t, status, body)
			v := provider.Issued{Handle: rotation.Handle{ID: "apikey_1"}, Values: value("double-api03-key")}
			live, err := p.Probe(t.Context(), v)
			faulttest.Want(t, fmt.Sprint("Probe ", status, body), err, fault.Unknown, "network")
			if live != provider.NotKnown {
				t.Errorf("%d %s: %s", status, body, live)
			}
			faulttest.Want(t, fmt.Sprint("Verify ", status, body), p.Verify(t.Context(), v), fault.Unknown, "network")
		}
	}
}

// TestNotFoundWhereItIsUsed: a 404 alone proves nothing. Where the Admin API says of that
// key that it is disabled, the vendor has said so.
func TestNotFoundWhereItIsUsed(t *testing.T) {
	a := newAccount(double.Options{NotFound: true}, anthropic.Options{})
	p := serve(t, a)
	for status, want := range map[string]provider.Liveness{double.Inactive: provider.Refused, double.Archived: provider.Refused, "expired": provider.Expired} {
		k, other := a.Mint("x", a.Workspace, time.Hour), a.Mint("other", a.Workspace, time.Hour)
		if status == "expired" {
			a.Clock.Advance(2 * time.Hour)
		} else {
			a.Set(k.ID, status)
			a.Set(other.ID, status)
		}
		v := provider.Issued{Handle: rotation.Handle{ID: k.ID}, Values: value(k.Value)}
		if live, err := p.Probe(t.Context(), v); live != want || err != nil {
			t.Errorf("%s: %s, %v", status, live, err)
		}
		for what, h := range map[string]rotation.Handle{"no handle": {}, "another's": {ID: other.ID}, "one that is not there": {ID: "apikey_none"}} {
			live, err := p.Probe(t.Context(), provider.Issued{Handle: h, Values: v.Values})
			if live != provider.NotKnown || err == nil || fault.KindOf(err) != fault.Unknown {
				t.Errorf("%s, %s: %s, %v", status, what, live, err)
			}
		}
	}
}
