package provider_test

import (
	"errors"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
)

// TestJudged: only what was recognised and refused is called refused, in words for people
// and for the engine.
func TestJudged(t *testing.T) {
	broken := fault.New(fault.Transient, "no connection")
	for live, want := range map[provider.Liveness]struct {
		kind    fault.Kind
		refused bool
		text    string
	}{
		provider.Refused:    {fault.Rejected, true, "acme: verify: the value is refused (dead)"},
		provider.Expired:    {fault.Rejected, true, "acme: verify: the value is refused (expired)"},
		provider.Restricted: {fault.Rejected, false, "acme: verify: the value works and lacks a right"},
		provider.NotKnown:   {fault.Transient, false, "no connection"},
	} {
		err := provider.Judged("acme: verify", live, broken)
		if fault.KindOf(err) != want.kind || errors.Is(err, provider.ErrRefused) != want.refused || err.Error() != want.text {
			t.Errorf("%s: %s, %v", live, fault.KindOf(err), err)
		}
	}
	if err := provider.Judged("acme: verify", provider.Alive, nil); err != nil {
		t.Error(err)
	}
}
