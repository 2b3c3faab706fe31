package neon_test

import (
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/neon"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

func value(word string) provider.Issued {
	return provider.Issued{Values: secret.Set{"username": secret.Public(app), "password": secret.New(word)}}
}

// TestTheNewPasswordWorksWhenIssueReturns, and the old one no more; on a real server.
func TestTheNewPasswordWorksWhenIssueReturns(t *testing.T) {
	t.Parallel()
	a, address := realAccount(t, testserver.Postgres(t), double.Options{Polls: 3})
	line := providertest.NewLine(t, a.Double)
	a.opts.BaseURL, a.opts.Host = line.URL+"/api/v2", address
	p := a.open(t)
	old := value(a.Password(a.Main(), a.opts.Role))
	for range 3 {
		v := rotate(t, p)
		if err := p.Verify(t.Context(), v); err != nil {
			t.Fatalf("not valid although the operation is finished: %v", err)
		}
		if live, err := p.Probe(t.Context(), old); live != provider.Refused || err != nil {
			t.Errorf("the old password is %s (%v)", live, err)
		}
		old = v
	}
	if n := a.Count("POST", "/reset_password"); n != 3 {
		t.Errorf("%d resets for three rotations", n)
	}
}

// TestAnOperationThatNeverEnds: bounded; the old password works, nothing is lost.
func TestAnOperationThatNeverEnds(t *testing.T) {
	t.Parallel()
	a := newAccount(t, double.Options{})
	p := a.open(t)
	old := rotate(t, p)
	a.Fate(double.Never)
	begun := time.Now()
	_, err := p.Issue(t.Context(), provider.Request{})
	if fault.KindOf(err) != fault.Unknown || err == nil || fault.RetryAfterOf(err) == 0 || !strings.Contains(fault.HintOf(err), "Operations") {
		t.Errorf("Issue: %v, hint %q", err, fault.HintOf(err))
	}
	if d := time.Since(begun); d > 10*time.Second {
		t.Errorf("Issue watched for %s", d)
	}
	if err := p.Verify(t.Context(), old); err != nil {
		t.Errorf("the old password must work until then: %v", err)
	}
	if _, err := p.Reveal(t.Context(), rotation.Handle{}); fault.KindOf(err) != fault.Transient || err == nil || fault.RetryAfterOf(err) == 0 {
		t.Errorf("Reveal of a password that does not count yet: %v", err)
	}
	if err := p.Preflight(t.Context(), provider.Request{}); fault.KindOf(err) != fault.Transient || err == nil {
		t.Errorf("Preflight beside it: %v", err)
	}
	a.Settle()
	v, err := p.Reveal(t.Context(), rotation.Handle{})
	if err != nil || v.Values.Equal(old.Values) {
		t.Fatalf("Reveal after its end: %v", err)
	}
	if err := p.Verify(t.Context(), v); err != nil {
		t.Error(err)
	}
}

// TestAnOperationThatFails: the data base keeps the old password; what is revealed is
// refused, so that the engine makes another.
func TestAnOperationThatFails(t *testing.T) {
	t.Parallel()
	a := newAccount(t, double.Options{Polls: 1})
	p := a.open(t)
	old := rotate(t, p)
	a.Fate(double.Failed)
	if _, err := p.Issue(t.Context(), provider.Request{}); fault.KindOf(err) != fault.Unknown || err == nil {
		t.Errorf("Issue: %v", err)
	}
	v, err := p.Reveal(t.Context(), rotation.Handle{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Verify(t.Context(), v); fault.KindOf(err) != fault.Rejected || err == nil {
		t.Errorf("Verify: %v", err)
	}
	if err := p.Verify(t.Context(), old); err != nil {
		t.Errorf("the old one: %v", err)
	}
	a.Fate(double.Finished)
	if err := p.Verify(t.Context(), rotate(t, p)); err != nil {
		t.Errorf("after another reset: %v", err)
	}
}

// TestWhateverBecomesOfTheAnswer the password is there to be read, and there was one reset.
func TestWhateverBecomesOfTheAnswer(t *testing.T) {
	t.Parallel()
	for _, do := range []doubles.Do{doubles.DropAfter, doubles.ErrorAfter, doubles.HTML, doubles.Truncated} {
		t.Run(string(do), func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, double.Options{Polls: 2})
			p := a.open(t)
			old := a.Password(a.Main(), app)
			a.Arm(doubles.Fault{Do: do, Method: "POST"})
			if _, err := p.Issue(t.Context(), provider.Request{}); fault.KindOf(err) != fault.Unknown || err == nil {
				t.Fatalf("Issue: %v", err)
			}
			if live, err := p.Probe(t.Context(), value(old)); live != provider.Alive {
				t.Errorf("until the operation is finished the old one is %s (%v)", live, err)
			}
			v, err := p.Reveal(t.Context(), rotation.Handle{})
			for n := 0; fault.KindOf(err) == fault.Transient && err != nil && n < 8; n++ { // the engine's patience
				v, err = p.Reveal(t.Context(), rotation.Handle{})
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Verify(t.Context(), v); err != nil {
				t.Errorf("the revealed one: %v", err)
			}
			if n := a.Count("POST", "/reset_password"); n != 1 {
				t.Errorf("%d resets", n)
			}
		})
	}
}

// TestWatchingGoesOnAfterAHiccup: one failed look is no lost operation.
func TestWatchingGoesOnAfterAHiccup(t *testing.T) {
	t.Parallel()
	a := newAccount(t, double.Options{Polls: 3})
	a.Arm(doubles.Fault{Do: doubles.ServerError, Method: "GET", Path: "/operations/"})
	a.Arm(doubles.Fault{Do: doubles.DropBefore, Method: "GET", Path: "/operations/"})
	p := a.open(t)
	if err := p.Verify(t.Context(), rotate(t, p)); err != nil {
		t.Error(err)
	}
	a.Arm(doubles.Fault{Do: doubles.TooMany, Method: "GET", Path: "/operations/", RetryAfter: 9 * time.Second, Times: -1})
	if _, err := p.Issue(t.Context(), provider.Request{}); fault.KindOf(err) != fault.Unknown || err == nil || fault.RetryAfterOf(err) != 9*time.Second {
		t.Errorf("told to stay away: %v, %s", err, fault.RetryAfterOf(err))
	}
}

// TestLocked: another operation of the project runs.
func TestLocked(t *testing.T) {
	t.Parallel()
	a := newAccount(t, double.Options{Polls: 1 << 30})
	p := a.open(t)
	if _, err := p.Issue(t.Context(), provider.Request{}); fault.KindOf(err) != fault.Unknown || err == nil {
		t.Fatal(err)
	}
	_, err := p.Issue(t.Context(), provider.Request{})
	if fault.KindOf(err) != fault.Transient || err == nil || fault.RetryAfterOf(err) == 0 {
		t.Errorf("%v", err)
	}
}

// TestUnstored: a project that stores no passwords could not show a lost one.
func TestUnstored(t *testing.T) {
	t.Parallel()
	a := newAccount(t, double.Options{Unstored: true})
	if err := a.open(t).Preflight(t.Context(), provider.Request{}); fault.KindOf(err) != fault.BadConfig || err == nil || !strings.Contains(fault.HintOf(err), "unstored") {
		t.Errorf("Preflight: %v", err)
	}
	a.opts.Unstored = true
	p := a.open(t)
	if err := p.Preflight(t.Context(), provider.Request{}); err != nil {
		t.Errorf("Preflight with unstored: %v", err)
	}
	if err := p.Verify(t.Context(), rotate(t, p)); err != nil {
		t.Error(err)
	}
	if _, err := p.Reveal(t.Context(), rotation.Handle{}); fault.KindOf(err) != fault.NeedsPerson || err == nil || fault.HintOf(err) == "" {
		t.Errorf("Reveal: %v", err)
	}
}

func TestPreflightFindsMistakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(a *account)
		kind  fault.Kind
	}{
		"wrong role":    {func(a *account) { a.opts.Role = "nobody" }, fault.BadConfig},
		"wrong branch":  {func(a *account) { a.opts.Branch = "br-not-there-1" }, fault.BadConfig},
		"wrong project": {func(a *account) { a.opts.Project = "not-there-1" }, fault.BadConfig},
		"wrong key":     {func(a *account) { a.Key = "other-key" }, fault.Denied},
		"other branch's host": {func(a *account) {
			a.Role(a.Branch("preview", a.Main()), app)
			a.opts.Host, _ = a.Plane().(*double.Wire).Address(a.Branch("empty", a.Main()))
			a.Role(a.Main(), app)
		}, fault.BadConfig},
		"nobody at host": {func(a *account) { a.opts.Host = "127.0.0.1:1" }, fault.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, double.Options{})
			key := a.Key
			c.spoil(a)
			p := a.open(t)
			a.Key = key
			err := p.Preflight(t.Context(), provider.Request{})
			if err == nil || fault.KindOf(err) != c.kind {
				t.Errorf("%s: %v", fault.KindOf(err), err)
			}
		})
	}
}

// TestRevokeEndsNoOtherRole: the handle names a role as it was made.
func TestRevokeEndsNoOtherRole(t *testing.T) {
	t.Parallel()
	a := newAccount(t, double.Options{})
	p := a.open(t)
	v := rotate(t, p)
	a.Clock.Advance(time.Hour)
	word := a.Role(a.Main(), app) // dropped and made anew
	if err := p.Revoke(t.Context(), v.Handle); err != nil {
		t.Errorf("%v", err)
	}
	if err := p.Verify(t.Context(), value(word)); err != nil {
		t.Errorf("the new role was hit: %v", err)
	}
	if err := p.Revoke(t.Context(), rotation.Handle{ID: "br-other/app@x"}); fault.KindOf(err) != fault.BadConfig || err == nil {
		t.Errorf("another branch's handle: %v", err)
	}
}
