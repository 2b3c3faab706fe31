package openai_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	double "github.com/agenticverz/rotor/doubles/openai"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/fault/faulttest"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/openai"
	"github.com/agenticverz/rotor/rotation"
)

const labels = "rotor-test-e1-openai-"

// shared is an account that Rotor made for one key and that has got another's since.
func shared(t *testing.T, o double.Options, after time.Duration) (a *account, ours provider.Issued, stranger string) {
	t.Helper()
	a = newAccount(o, openai.Options{})
	a.Clock.Advance(time.Second - time.Duration(a.Clock.Now().Nanosecond())) // a moment is a second
	ours, err := serve(t, a).Issue(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	a.Clock.Advance(after)
	owner, _, _ := strings.Cut(ours.Handle.ID, "/")
	return a, ours, a.Key(owner, "by-hand").ID
}

// TestAStrangersKeyOnOurAccount is not taken for what a lost answer left, neither while
// our own key lives nor when it has ended; and it does not end with ours.
func TestAStrangersKeyOnOurAccount(t *testing.T) {
	a, ours, stranger := shared(t, double.Options{}, time.Hour)
	p := serve(t, a)
	found, err := p.Find(t.Context(), labels)
	if err != nil || len(found) != 1 || found[0].Handle != ours.Handle {
		t.Errorf("found %v, %v; want %v alone", found, err, ours.Handle)
	}
	if err := p.Revoke(t.Context(), ours.Handle); err != nil {
		t.Fatal(err)
	}
	if live := a.Live(); !slices.Equal(live, []string{stranger}) {
		t.Errorf("live: %q, want the stranger's %s", live, stranger)
	}
	if found, err := p.Find(t.Context(), labels); err != nil || len(found) != 0 {
		t.Errorf("found %v, %v after our key ended", found, err)
	}
	if err := p.Revoke(t.Context(), ours.Handle); err != nil || len(a.Live()) != 1 {
		t.Errorf("once more: %v, live %q", err, a.Live())
	}
}

// TestTheWrongKeyOfAnAccount: whatever the handle says, what else is on the account lives on.
func TestTheWrongKeyOfAnAccount(t *testing.T) {
	a, ours, stranger := shared(t, double.Options{}, time.Hour)
	owner, id, _ := strings.Cut(ours.Handle.ID, "/")
	if err := serve(t, a).Revoke(t.Context(), rotation.Handle{ID: owner + "/" + stranger}); err != nil {
		t.Fatal(err)
	}
	if live := a.Live(); !slices.Equal(live, []string{id}) {
		t.Errorf("live: %q, want %s", live, id)
	}
}

// TestASharedAccountThatKeepsItsKeys: where no single key can be deleted, a person ends
// the one that is meant.
func TestASharedAccountThatKeepsItsKeys(t *testing.T) {
	a, ours, _ := shared(t, double.Options{Kept: true}, time.Hour)
	p := serve(t, a)
	faulttest.Want(t, "Revoke", p.Revoke(t.Context(), ours.Handle), fault.NeedsPerson, "not made by Rotor")
	if len(a.Live()) != 2 || p.Verify(t.Context(), ours) != nil {
		t.Error("something ended")
	}
}

// TestTwoKeysOfOneMoment: which of them came with the account nobody can tell, so that a
// person is asked.
func TestTwoKeysOfOneMoment(t *testing.T) {
	a, _, _ := shared(t, double.Options{}, 0)
	_, err := serve(t, a).Find(t.Context(), labels)
	faulttest.Want(t, "Find", err, fault.NeedsPerson, "delete the other")
	if found, err := serve(t, a).Find(t.Context(), "rotor-another-"); err != nil || len(found) != 0 {
		t.Errorf("another credential: %v, %v", found, err)
	}
}

// TestAStrangersKeyAdopted: a key that somebody made on one of Rotor's accounts ends alone.
func TestAStrangersKeyAdopted(t *testing.T) {
	a, _, _ := shared(t, double.Options{}, time.Hour)
	owner := a.Owner(a.Live()[0])
	mine := a.Key(owner, "of the app")
	h, err := serve(t, a).Identify(t.Context(), value(mine.Value))
	if err != nil || h != (rotation.Handle{ID: mine.ID}) {
		t.Errorf("%v, %v", h, err)
	}
}

// TestALostAnswersAccount ends with its key.
func TestALostAnswersAccount(t *testing.T) {
	a := newAccount(double.Options{Kept: true}, openai.Options{})
	p := serve(t, a)
	if _, err := p.Issue(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	a.Clock.Advance(time.Hour)
	found, err := p.Find(t.Context(), labels)
	if err != nil || len(found) != 1 || found[0].Label != request.Label {
		t.Fatalf("found %v, %v", found, err)
	}
	if err := p.Revoke(t.Context(), found[0].Handle); err != nil || len(a.Live()) != 0 || len(a.Accounts()) != 0 {
		t.Errorf("%v, keys %q, accounts %q", err, a.Live(), a.Accounts())
	}
}
