package providertest

import (
	"context"
	"testing"
	"time"

	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// expiring is a provider whose values end by themselves, so that it neither lists nor
// shows any. For its bug see lives.
type expiring struct{ inner *candidate }

func (e expiring) Traits() provider.Traits {
	t := e.inner.Traits()
	t.Expires = time.Hour
	return t
}

func (e expiring) Issue(ctx context.Context, req provider.Request) (provider.Issued, error) {
	return e.inner.Issue(ctx, req)
}

func (e expiring) Verify(ctx context.Context, v provider.Issued) error { return e.inner.Verify(ctx, v) }

func (e expiring) Revoke(ctx context.Context, h rotation.Handle) error { return e.inner.Revoke(ctx, h) }

// expiringSetup: lives is how long values really live; 0 = for ever.
func expiringSetup(lives time.Duration) Setup {
	return Setup{Open: func(t testing.TB) Subject {
		a := newAccount(t)
		a.lives = lives
		open := func() provider.Provider { return expiring{newCandidate(a, rotation.ByProvider, "")} }
		return Subject{Provider: open(), Again: open, Live: a.live, Break: a.line.Break, Pass: a.pass}
	}}
}

// TestExpiringValuesArrive: rotations replace them before they end, and what a lost
// answer left behind ends by itself.
func TestExpiringValuesArrive(t *testing.T) { Journey(t, expiringSetup(time.Hour)) }

// TestWhatDoesNotEndIsNoticed: a provider that promises it and does not keep it.
func TestWhatDoesNotEndIsNoticed(t *testing.T) {
	if _, err := travel(t, expiringSetup(0), trip{lose: true}); err == nil {
		t.Error("arrived, although what a lost answer left lives on")
	}
}
