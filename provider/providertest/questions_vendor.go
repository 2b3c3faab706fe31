package providertest

import (
	"context"
	"fmt"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// askNamesake: an id is revoked, not a name.
func askNamesake(s *sitting) error {
	if s.Namesake == nil {
		return skip("the setup has no Namesake")
	}
	if err := s.canRevoke(); err != nil {
		return err
	}
	v, req, err := s.next(provider.Issued{})
	if err != nil {
		return err
	}
	other, err := s.Namesake(s.ctx, req.Label)
	if err != nil {
		return fmt.Errorf("the setup cannot make a namesake: %w", err)
	}
	if err := s.revoke(s.ctx, s.other(), v.Handle); err != nil {
		return fmt.Errorf("Revoke fails beside a value of the same name: %w", err)
	}
	return s.afterRevoke(v, v, other)
}

// askImpostor: that some value works proves nothing about this one.
func askImpostor(s *sitting) error {
	if s.Impostor == nil {
		return skip("the setup has no Impostor")
	}
	v, _, err := s.next(provider.Issued{})
	if err != nil {
		return err
	}
	values, err := s.Impostor(s.ctx)
	if err != nil {
		return fmt.Errorf("the setup cannot make an impostor: %w", err)
	}
	s.note(values.Secrets()...)
	return wantKind("Verify of a living value that is another one", s.verify(s.ctx, provider.Issued{Handle: v.Handle, Values: values}), fault.Rejected)
}

// flapping is for how long Flap's values are refused, and a little more.
const flapping = 6 * time.Second

// askSteady: the engine, with what the provider says of itself in Traits.Steady, must
// publish no value that works once and fails then.
func askSteady(s *sitting) error {
	if s.Flap == nil || s.Pass == nil {
		return skip("the setup has no Flap and Pass")
	}
	j, err := newJourney(s.Subject)
	if err != nil {
		return err
	}
	s.Flap()
	var failed error
	j.store.written = func() {
		for passed := time.Duration(0); passed < flapping && failed == nil; passed += time.Second {
			v, err := j.present()
			if newest, ok := j.newest(); ok {
				v.Handle = newest // the journal still calls the old one current
			}
			if err == nil {
				err = s.Provider.Verify(s.ctx, v)
			}
			if err != nil {
				failed = fmt.Errorf("the value was published, and fails %s later (want a longer Traits.Steady): %w", passed, err)
			}
			s.Pass(time.Second)
		}
	}
	if _, err := j.rotate(trip{}); err != nil {
		return fmt.Errorf("with a value that works once and fails then: %w\n%s", err, j.tell())
	}
	return s.hear("Verify", failed)
}

// askSpoiled: half an answer is no answer, and a list that repeats itself is no list.
func askSpoiled(s *sitting) error {
	if s.HTTP == nil || s.HTTP.Spoil == nil {
		return skip("the provider does not speak HTTP")
	}
	if err := s.spoiledIssue(); err != nil {
		return err
	}
	finder, ok := provider.As[provider.Finder](s.Provider)
	if !ok {
		return nil
	}
	for range s.crowd() {
		if _, _, err := s.next(provider.Issued{}); err != nil {
			return err
		}
	}
	for _, how := range []Spoilage{Cut, Repeat} {
		if how == Repeat && s.PageSize == 0 {
			continue // one page is all there is
		}
		mend := s.HTTP.Spoil(how)
		ctx, cancel := context.WithTimeout(s.ctx, prompt)
		found, err := finder.Find(ctx, s.label(1, 0).Prefix())
		ended := ctx.Err()
		cancel()
		mend()
		if ended != nil {
			return fmt.Errorf("Find while answers are spoiled (%s) does not come back within %v", how, prompt)
		}
		if s.hear("Find", err, found) == nil {
			return fmt.Errorf("Find while answers are spoiled (%s) gives %d values and no error; what is missing may live", how, len(found))
		}
	}
	return nil
}

func (s *sitting) spoiledIssue() error {
	req := s.request(provider.Issued{})
	if err := s.prepare(&req, provider.Issued{}); err != nil {
		return err
	}
	mend := s.HTTP.Spoil(Cut)
	_, err := s.issue(s.ctx, s.Provider, req)
	mend()
	s.settle()
	kinds := []fault.Kind{fault.Unknown}
	if s.traits().Minter != rotation.ByProvider {
		kinds = append(kinds, fault.Transient)
		if err == nil {
			return nil // there is nothing in the answer that it needs
		}
	}
	return wantKind("Issue whose answer is cut in half", err, kinds...)
}
