package providertest

import (
	"fmt"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

func askWrongValue(s *sitting) error {
	t := s.traits()
	if s.formOnly != "" {
		if !t.NoIssuer && t.Minter != rotation.ByPerson {
			return fmt.Errorf("FormOnly is for providers without an issuer and for minter person")
		}
		empty := provider.Issued{}
		return wantKind("Verify of no value at all", s.verify(s.ctx, empty), fault.Rejected)
	}
	v, _, err := s.next(provider.Issued{})
	if err != nil {
		return err
	}
	bad := wrong(v)
	s.note(bad.Values.Secrets()...)
	return wantKind("Verify of a wrong value of the same shape", s.verify(s.ctx, bad), fault.Rejected)
}

func askRevokeOne(s *sitting) error {
	if err := s.canRevoke(); err != nil {
		return err
	}
	var stranger rotation.Handle
	if s.Stranger != nil {
		var err error
		if stranger, err = s.Stranger(s.ctx); err != nil {
			return fmt.Errorf("the setup cannot make a stranger: %w", err)
		}
	}
	first, _, err := s.next(provider.Issued{})
	if err != nil {
		return err
	}
	second := first
	if s.traits().Strategy != rotation.InPlace {
		if second, _, err = s.next(first); err != nil {
			return err
		}
		if first.Handle.Shares(second.Handle) {
			return fmt.Errorf("two live generations share handle %v", first.Handle)
		}
		if err := s.verify(s.ctx, first); err != nil {
			return fmt.Errorf("the first value stops to work when the second is issued, although strategy is %s: %w", s.traits().Strategy, err)
		}
	}
	if err := s.revoke(s.ctx, s.other(), first.Handle); err != nil {
		return fmt.Errorf("Revoke, called from another process, fails: %w", err)
	}
	return s.afterRevoke(first, second, stranger)
}

// afterRevoke: the first value is gone, the second and the stranger are not.
func (s *sitting) afterRevoke(first, second provider.Issued, stranger rotation.Handle) error {
	if gone := s.verify(s.ctx, first); gone == nil {
		return fmt.Errorf("the value still works after Revoke of its handle")
	}
	if there, err := s.has(first.Handle); s.Live != nil && (err != nil || there) {
		return fmt.Errorf("handle %v is still live after Revoke (%v)", first.Handle, err)
	}
	if second.Handle != first.Handle {
		if err := s.verify(s.ctx, second); err != nil {
			return fmt.Errorf("Revoke of the first value hit the second: %w", err)
		}
	}
	if stranger.IsZero() {
		return nil
	}
	if there, err := s.has(stranger); err != nil || !there {
		return fmt.Errorf("Revoke hit a stranger's value (%v)", err)
	}
	return nil
}

func askRevokeAgain(s *sitting) error {
	v, _, err := s.next(provider.Issued{})
	if err != nil {
		return err
	}
	if s.byHand != "" || s.traits().Lingers > 0 {
		return wantKind("Revoke of what Rotor cannot end", s.revoke(s.ctx, s.Provider, v.Handle), fault.NeedsPerson)
	}
	if err := s.revoke(s.ctx, s.Provider, v.Handle); err != nil {
		return fmt.Errorf("Revoke fails: %w", err)
	}
	if err := s.revoke(s.ctx, s.other(), v.Handle); err != nil {
		return fmt.Errorf("Revoke of what is already revoked must be nil: %w", err)
	}
	return nil
}

// lives is how many generations askLife goes through: enough for each slot of an
// alternating pair to come round again.
const lives = 4

func askLife(s *sitting) error {
	var current provider.Issued
	var count int
	for n := range lives {
		v, _, err := s.next(current)
		if err != nil {
			return err
		}
		if err := s.verify(s.ctx, v); err != nil {
			return fmt.Errorf("generation %d does not work: %w", n+1, err)
		}
		if n > 0 {
			if err := s.retire(current, v); err != nil {
				return fmt.Errorf("generation %d: %w", n, err)
			}
		}
		all, err := s.live()
		if err != nil {
			return err
		}
		if n == 0 {
			count = len(all)
		} else if len(all) != count && s.byHand == "" { // a person ends the old ones
			return fmt.Errorf("%d live values after %d rotations, %d after the first: something is left behind", len(all), n+1, count)
		}
		current = v
	}
	return nil
}

// retire ends old as the engine does: in-place values were overwritten already.
func (s *sitting) retire(old, now provider.Issued) error {
	t := s.traits()
	if t.NoIssuer || s.byHand != "" {
		return nil
	}
	switch {
	case t.Lingers > 0:
		if err := s.verify(s.ctx, old); err != nil {
			return fmt.Errorf("the old value stops working at once, not %s after: %w", t.Lingers, err)
		}
		if err := s.linger(); err != nil {
			return err
		}
	case t.Strategy != rotation.InPlace:
		if err := s.revoke(s.ctx, s.other(), old.Handle); err != nil {
			return fmt.Errorf("Revoke fails: %w", err)
		}
	}
	if err := s.verify(s.ctx, old); err == nil {
		return fmt.Errorf("the old value still works")
	}
	if err := s.verify(s.ctx, now); err != nil {
		return fmt.Errorf("the new value stopped working with the old: %w", err)
	}
	return nil
}

func askProbe(s *sitting) error {
	if _, ok := provider.As[provider.Prober](s.Provider); !ok {
		return skip("the provider has no Probe")
	}
	v, _, err := s.next(provider.Issued{})
	if err != nil {
		return err
	}
	if got, err := s.probe(s.ctx, v); err != nil || got != provider.Alive {
		return fmt.Errorf("Probe of a fresh value says %q (%v), want %q", got, err, provider.Alive)
	}
	if got, _ := s.probe(s.ctx, provider.Issued{Handle: v.Handle}); got == provider.Refused {
		return fmt.Errorf("Probe without a value says %q; it knows nothing", got)
	}
	lingers := s.traits().Lingers > 0
	if s.canRevoke() != nil && !lingers {
		return nil
	}
	if err := s.probeUnreachable(v, "a live value"); err != nil {
		return err
	}
	if err := s.endForProbe(v, lingers); err != nil {
		return err
	}
	if got, err := s.probe(s.ctx, v); err != nil || got != provider.Refused {
		return fmt.Errorf("Probe of a revoked value says %q (%v), want %q", got, err, provider.Refused)
	}
	return s.probeUnreachable(v, "a revoked value")
}

// endForProbe revokes a value, or replaces it and waits.
func (s *sitting) endForProbe(v provider.Issued, lingers bool) error {
	if lingers {
		if _, _, err := s.next(v); err != nil {
			return err
		}
		return s.linger()
	}
	if err := s.revoke(s.ctx, s.Provider, v.Handle); err != nil {
		return fmt.Errorf("Revoke fails: %w", err)
	}
	return nil
}

func (s *sitting) probeUnreachable(v provider.Issued, what string) error {
	if s.Break == nil {
		return nil
	}
	mend := s.Break(Unsent)
	defer mend()
	if got, _ := s.probe(s.ctx, v); got != provider.NotKnown {
		return fmt.Errorf("Probe of %s says %q while the provider cannot be reached, want %q: no answer is no proof", what, got, provider.NotKnown)
	}
	return nil
}
