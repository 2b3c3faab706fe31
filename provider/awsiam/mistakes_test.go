package awsiam_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/aws"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/awsiam"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

var request = provider.Request{Label: "rotor-test-e1-aws-g1-a1", Generation: 1}

// serve opens the account over HTTP.
func serve(t *testing.T, a *account) *awsiam.Provider {
	server := httptest.NewServer(a.Double)
	t.Cleanup(server.Close)
	return a.open(t, server.URL)
}

// wantFault: the kind, and words that help.
func wantFault(t *testing.T, what string, err error, kind fault.Kind, words string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind || !strings.Contains(err.Error()+" "+fault.HintOf(err), words) {
		t.Errorf("%s: %v, %v; hint %q, want %s and %q", what, fault.KindOf(err), err, fault.HintOf(err), kind, words)
	}
}

func TestBadOptions(t *testing.T) {
	one := secret.Fixed(secret.New("double"))
	for words, o := range map[string]awsiam.Options{
		"the name alone":       {User: "arn:aws:iam::1:user/app"},
		"like us-east-1":       {Region: "Virginia"},
		"address of its own":   {Region: "eu-central-1"},
		"a positive number":    {RequestsPerSecond: -1},
		"use https://":         {BaseURL: "http://iam.example.com"},
		"not the address of":   {STSURL: "sts.amazonaws.com"},
		"holds a user or pass": {STSURL: "https://a:b@sts.amazonaws.com"},
	} {
		_, err := awsiam.New(o, one, one)
		wantFault(t, words, err, fault.BadConfig, words)
	}
}

// TestMistakes: what AWS says no to is said in a way that helps, before and instead of
// any effect.
func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*account)
		kind   fault.Kind
		words  string
	}{
		{"dead admin key", func(a *account) { a.admin = pair("DOUBLEOFNOBODY", "double-x") }, fault.Denied, "deleted, inactive"},
		{"half of another pair", func(a *account) { a.admin = pair(a.AdminID, "double-x") }, fault.Denied, "belong together"},
		{"empty secret", func(a *account) { a.admin = pair(a.AdminID, "") }, fault.BadConfig, "empty"},
		{"a line break", func(a *account) { a.admin = pair(a.AdminID, a.AdminText+"\n") }, fault.BadConfig, "line break"},
		{"no rights", func(a *account) { a.User("weak", "/"); k := a.Key("weak"); a.admin = pair(k.ID, k.Value) }, fault.Denied, "iam:CreateAccessKey"},
		{"another user", func(a *account) { a.opts.User = "nobody" }, fault.BadConfig, "check user"},
		{"clock behind", func(a *account) { a.Skew(time.Hour) }, fault.BadConfig, "clock of this machine"},
		{"clock ahead", func(a *account) { a.Skew(-time.Hour) }, fault.BadConfig, "clock of this machine"},
		{"full", func(a *account) { a.Key(user); a.Key(user) }, fault.Rejected, "all it can have"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAccount(double.Options{}, awsiam.Options{User: user})
			c.change(a)
			before := len(a.Live(""))
			p := serve(t, a)
			_, err := p.Issue(t.Context(), request)
			wantFault(t, "Issue", err, c.kind, c.words)
			wantFault(t, "Preflight", p.Preflight(t.Context(), request), c.kind, c.words)
			if n := len(a.Live("")); n != before {
				t.Errorf("%d keys live, before %d", n, before)
			}
		})
	}
}

// TestNoRoom: who stands in the way is named, with what a person needs to decide.
func TestNoRoom(t *testing.T) {
	a := newAccount(double.Options{}, awsiam.Options{User: user})
	known, stray := a.Key(user), a.Key(user)
	p := serve(t, a)
	if err := p.Verify(t.Context(), provider.Issued{Values: pair(stray.ID, stray.Value)}); err != nil {
		t.Fatal(err)
	}
	req := request
	req.Current = rotation.Handle{ID: known.ID}
	err := p.Preflight(t.Context(), req)
	today := stray.Born.UTC().Format(time.DateOnly)
	for _, words := range []string{known.ID + " (the current one)", stray.ID + " (unknown to Rotor, active, made " + today + ", last used " + today + " with sts in us-east-1)",
		"aws iam delete-access-key --access-key-id " + stray.ID + " --user-name app"} {
		wantFault(t, "Preflight", err, fault.Rejected, words)
	}
	if err := p.Revoke(t.Context(), rotation.Handle{ID: stray.ID}); err != nil {
		t.Fatal(err)
	}
	if err := p.Preflight(t.Context(), req); err != nil {
		t.Errorf("with room: %v", err)
	}
}

// TestNoRoomForTheFirst: the engine tells the pair that consumers present as Old; Current
// is nothing at a first rotation, and with a pair that was put there by hand Rotor's former.
// The key in use is never the one to delete.
func TestNoRoomForTheFirst(t *testing.T) {
	a := newAccount(double.Options{}, awsiam.Options{User: user})
	one, two := a.Key(user), a.Key(user)
	p := serve(t, a)
	for _, x := range []struct{ inUse, other *doubles.Key }{{one, two}, {two, one}} {
		for what, current := range map[string]string{"unknown to Rotor": "", "Rotor's own": x.other.ID} {
			req := request
			req.Old, req.Current.ID = pair(x.inUse.ID, x.inUse.Value), current
			err := p.Preflight(t.Context(), req)
			for _, words := range []string{x.inUse.ID + " (the current one)", x.other.ID + " (" + what, "delete-access-key --access-key-id " + x.other.ID + " --user-name app"} {
				wantFault(t, what, err, fault.Rejected, words)
			}
		}
	}
	a.Allow(user, "own")
	a.opts.User, a.admin = "", pair(two.ID, two.Value)
	signs := request
	signs.Old = pair(one.ID, one.Value)
	err := serve(t, a).Preflight(t.Context(), signs)
	wantFault(t, "Rotor's own login", err, fault.Rejected, two.ID+" (what Rotor signs with)")
	if hint := fault.HintOf(err); strings.Contains(hint, "access-key-id") {
		t.Errorf("the hint would end Rotor's login: %s", hint)
	}
	theirs := request
	theirs.Old = pair("DOUBLEOFANOTHER", "double-x")
	for name, req := range map[string]provider.Request{"nothing known": request, "another user's": theirs} {
		err := p.Preflight(t.Context(), req)
		wantFault(t, name, err, fault.Rejected, "find out which of them nobody uses")
		if hint := fault.HintOf(err); strings.Contains(hint, one.ID) || strings.Contains(hint, two.ID) {
			t.Errorf("%s: the hint names a key: %s", name, hint)
		}
	}
}

// TestAWrongClock: it is no sign of a dead key, and no reason to refuse a value.
func TestAWrongClock(t *testing.T) {
	a := newAccount(double.Options{}, awsiam.Options{User: user})
	p := serve(t, a)
	v, err := p.Issue(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	a.Skew(-time.Hour)
	wantFault(t, "Verify", p.Verify(t.Context(), v), fault.BadConfig, "clock of this machine")
	live, err := p.Probe(t.Context(), v)
	if live != provider.NotKnown {
		t.Errorf("Probe: %s", live)
	}
	wantFault(t, "Probe", err, fault.BadConfig, "clock of this machine")
	wantFault(t, "Revoke", p.Revoke(t.Context(), v.Handle), fault.BadConfig, "clock of this machine")
	a.Skew(4 * time.Minute)
	if err := p.Verify(t.Context(), v); err != nil {
		t.Errorf("four minutes off: %v", err)
	}
}

// TestWrongSecret: refused for Verify, and no proof that the key is dead.
func TestWrongSecret(t *testing.T) {
	a := newAccount(double.Options{}, awsiam.Options{User: user})
	p := serve(t, a)
	v, err := p.Issue(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	v.Values = pair(v.Handle.ID, "double-wrong")
	wantFault(t, "Verify", p.Verify(t.Context(), v), fault.Rejected, "not that of the key id")
	if live, _ := p.Probe(t.Context(), v); live != provider.NotKnown {
		t.Errorf("Probe: %s", live)
	}
}

// TestReplacesItself: the pair that signs is the credential's own.
func TestReplacesItself(t *testing.T) {
	a := newAccount(double.Options{}, awsiam.Options{})
	a.Allow(user, "own")
	old := a.Key(user)
	a.admin = pair(old.ID, old.Value)
	p := serve(t, a)
	h, err := p.Identify(t.Context(), a.admin)
	if err != nil || h != (rotation.Handle{ID: old.ID}) {
		t.Fatalf("%v, %v", h, err)
	}
	v, err := p.Issue(t.Context(), request)
	if err != nil || p.Verify(t.Context(), v) != nil {
		t.Fatal(err)
	}
	// not published yet: nobody saws off the branch that he sits on
	wantFault(t, "Revoke", p.Revoke(t.Context(), h), fault.BadConfig, "credential's own targets write")
	if a.Inactive(old.ID) {
		t.Fatal("it is switched off all the same")
	}
	a.admin = v.Values
	if err := p.Revoke(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	if live := a.Live(user); len(live) != 1 || live[0] != v.Handle.ID {
		t.Errorf("live: %q", live)
	}
}

// TestGoneOrNot: "no such entity" about a user, and about a key that another user has,
// is no end of the key.
func TestGoneOrNot(t *testing.T) {
	a := newAccount(double.Options{}, awsiam.Options{User: user})
	a.User("other", "/")
	theirs := a.Key("other")
	h := rotation.Handle{ID: theirs.ID}
	wantFault(t, "a key of another user", serve(t, a).Revoke(t.Context(), h), fault.BadConfig, "is a key of user other")
	a.opts.User = "nobody"
	wantFault(t, "a user that is none", serve(t, a).Revoke(t.Context(), h), fault.BadConfig, "check user")
	if len(a.Live("other")) != 1 {
		t.Error("the key is gone")
	}
}

// TestHalfRevoked: switched off, and the deletion was not answered; the next try ends it.
func TestHalfRevoked(t *testing.T) {
	a := newAccount(double.Options{}, awsiam.Options{User: user})
	k := a.Key(user)
	inner := a.Double
	refuse := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if actionOf(r) == "DeleteAccessKey" && refuse {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	defer server.Close()
	p := a.open(t, server.URL)
	wantFault(t, "Revoke", p.Revoke(t.Context(), rotation.Handle{ID: k.ID}), fault.Unknown, "502")
	if live, err := p.Probe(t.Context(), provider.Issued{Values: pair(k.ID, k.Value)}); !a.Inactive(k.ID) || live != provider.Refused || err != nil {
		t.Errorf("inactive %v, probe %s, %v", a.Inactive(k.ID), live, err)
	}
	refuse = false
	if err := p.Revoke(t.Context(), rotation.Handle{ID: k.ID}); err != nil || len(a.Live(user)) != 0 {
		t.Errorf("%v, %d live", err, len(a.Live(user)))
	}
}

// TestIdentify: whose a pair is, is told by AWS.
func TestIdentify(t *testing.T) {
	a := newAccount(double.Options{}, awsiam.Options{User: user})
	mine := a.Key(user)
	a.User("other", "/")
	theirs := a.Key("other")
	p := serve(t, a)
	if h, err := p.Identify(t.Context(), pair(mine.ID, mine.Value)); err != nil || h.ID != mine.ID {
		t.Errorf("%v, %v", h, err)
	}
	_, err := p.Identify(t.Context(), pair(theirs.ID, theirs.Value))
	wantFault(t, "a key of another user", err, fault.Rejected, "user other, not of app")
	_, err = p.Identify(t.Context(), pair(theirs.ID, mine.Value))
	wantFault(t, "half of two pairs", err, fault.Rejected, "not that of the key id")
	second := a.Key(user)
	wantFault(t, "Verify of the user's other key", p.Verify(t.Context(), provider.Issued{Handle: rotation.Handle{ID: mine.ID}, Values: pair(second.ID, second.Value)}), fault.Rejected, "is not key "+mine.ID)
	wantFault(t, "Verify of another user's", p.Verify(t.Context(), provider.Issued{Values: pair(theirs.ID, theirs.Value)}), fault.Rejected, "user other")
}

// TestOddAnswers: what AWS says of a pair in its own form, and what merely looks like it.
func TestOddAnswers(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   provider.Liveness
	}{
		{403, envelope("InvalidClientTokenId", "x"), provider.Refused},
		{403, envelope("ExpiredToken", "x"), provider.Expired},
		{403, envelope("AccessDenied", "an explicit deny"), provider.Restricted},
		{403, envelope("SignatureDoesNotMatch", "x"), provider.NotKnown},
		{403, envelope("RequestExpired", "x"), provider.NotKnown},
		{400, envelope("Throttling", "Rate exceeded"), provider.NotKnown},
		{503, envelope("ServiceUnavailable", "x"), provider.NotKnown},
		{403, `{"Error":{"Code":"InvalidClientTokenId"}}`, provider.NotKnown},
		{403, `<Error><Code>InvalidClientTokenId</Code></Error>`, provider.NotKnown},
		{200, `<GetCallerIdentityResponse></GetCallerIdentityResponse>`, provider.NotKnown},
		{200, `<ListUsersResponse></ListUsersResponse>`, provider.NotKnown},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		}))
		a := newAccount(double.Options{}, awsiam.Options{User: user})
		live, err := a.open(t, server.URL).Probe(t.Context(), provider.Issued{Values: pair("DOUBLE", "double-key")})
		if live != c.want || live == provider.NotKnown && err == nil {
			t.Errorf("%d %s: %s, %v", c.status, c.body, live, err)
		}
		server.Close()
	}
}

// TestSpoiltMints: an answer that is half there, or about somebody else, is no key.
func TestSpoiltMints(t *testing.T) {
	const answer = `<CreateAccessKeyResponse><CreateAccessKeyResult><AccessKey><UserName>%u</UserName><AccessKeyId>%i</AccessKeyId><SecretAccessKey>double-x</SecretAccessKey><CreateDate>%d</CreateDate></AccessKey></CreateAccessKeyResult></CreateAccessKeyResponse>`
	for name, c := range map[string]struct {
		values []string
		lost   bool
	}{
		"another user": {[]string{"%u", "other", "%i", "DOUBLE", "%d", "2026-01-01T00:00:00Z"}, true},
		"no id":        {[]string{"%u", user, "%i", "", "%d", "2026-01-01T00:00:00Z"}, true},
		"an odd date":  {[]string{"%u", user, "%i", "DOUBLE", "%d", "yesterday"}, false}, // no reason to lose the key
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strings.NewReplacer(c.values...).Replace(answer)))
		}))
		a := newAccount(double.Options{}, awsiam.Options{User: user})
		v, err := a.open(t, server.URL).Issue(context.Background(), request)
		if c.lost && (err == nil || fault.KindOf(err) != fault.Unknown) || !c.lost && (err != nil || v.Handle.ID != "DOUBLE" || !v.Created.IsZero()) {
			t.Errorf("%s: %v, %v", name, v, err)
		}
		server.Close()
	}
}
