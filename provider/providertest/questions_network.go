package providertest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// prompt is how soon a provider must come back after its context ended.
const prompt = 5 * time.Second

func (s *sitting) breakable() error {
	if s.Break == nil {
		return skip("the setup has no Break")
	}
	return nil
}

// askUnsent: what cannot be sent has proven not happened.
func askUnsent(s *sitting) error {
	if err := s.breakable(); err != nil {
		return err
	}
	v, _, err := s.next(provider.Issued{})
	if err != nil {
		return err
	}
	req := s.request(v)
	if err := s.prepare(&req, v); err != nil {
		return err
	}
	before, err := s.live()
	if err != nil {
		return err
	}
	mend := s.Break(Unsent)
	_, issueErr := s.issue(s.ctx, s.Provider, req)
	verifyErr := s.verify(s.ctx, v)
	can := s.canRevoke() == nil
	var revokeErr error
	if can {
		revokeErr = s.revoke(s.ctx, s.Provider, v.Handle)
	}
	mend()
	if err := wantKind("Issue while connections are refused", issueErr, fault.Transient); err != nil {
		return err
	}
	if err := wantKind("Verify while connections are refused", verifyErr, fault.Transient, fault.Unknown); err != nil {
		return err
	}
	if can {
		if err := wantKind("Revoke while connections are refused", revokeErr, fault.Transient); err != nil {
			return err
		}
	}
	after, err := s.live()
	if err == nil && len(before) != len(after) {
		err = fmt.Errorf("%d live values, before %d, although nothing could be sent", len(after), len(before))
	}
	if err != nil {
		return err
	}
	if err := s.verify(s.ctx, v); err != nil {
		return fmt.Errorf("Verify fails when the provider is back: %w", err)
	}
	return nil
}

// askUnansweredIssue: the value may live; the engine's ways back must work.
func askUnansweredIssue(s *sitting) error {
	if err := s.breakable(); err != nil {
		return err
	}
	if s.traits().Minter == rotation.ByPerson {
		return skip("a person issues")
	}
	before, err := s.live()
	if err != nil {
		return err
	}
	req := s.request(provider.Issued{})
	if err := s.prepare(&req, provider.Issued{}); err != nil {
		return err
	}
	there, err := s.listed() // the engine notes it before each try
	if err != nil {
		return err
	}
	mend := s.Break(Unanswered)
	_, err = s.issue(s.ctx, s.Provider, req)
	mend()
	s.settle()
	if err := wantKind("Issue whose answer is lost", err, fault.Unknown); err != nil {
		return err
	}
	if s.traits().Minter != rotation.ByProvider {
		v, err := s.issue(s.ctx, s.other(), req)
		if err != nil {
			return fmt.Errorf("Issue with the same Values after a lost answer fails: %w", err)
		}
		s.settle()
		return s.verify(s.ctx, v)
	}
	if err := s.onlyOne(len(before)); err != nil {
		return err
	}
	if !s.seeks() {
		return nil // a Revealer: askReveal; or what expires by itself
	}
	return s.killFound(req.Label, there, len(before))
}

// onlyOne: a request whose answer is lost may have made one value, and no second try
// may have made another.
func (s *sitting) onlyOne(before int) error {
	after, err := s.live()
	if err == nil && s.Live != nil && len(after) > before+1 {
		err = fmt.Errorf("one Issue whose answer was lost made %d values: the provider tried again by itself", len(after)-before)
	}
	return err
}

// killFound finds what the try left and revokes it, after which nothing new may be alive.
func (s *sitting) killFound(label string, there map[string]provider.Found, before int) error {
	found, err := s.strays(label, there)
	if err != nil {
		return err
	}
	for _, f := range found {
		if err := s.revoke(s.ctx, s.other(), f.Handle); err != nil {
			return fmt.Errorf("Revoke of a found value fails: %w", err)
		}
	}
	after, err := s.live()
	if err != nil {
		return err
	}
	if s.Live != nil && len(after) != before {
		return fmt.Errorf("after a lost answer Find(%q), or List, gives %d values; with those revoked %d values live instead of %d: an orphan",
			label, len(found), len(after), before)
	}
	return nil
}

func askUnansweredRevoke(s *sitting) error {
	if err := s.breakable(); err != nil {
		return err
	}
	if err := s.canRevoke(); err != nil {
		return err
	}
	v, _, err := s.next(provider.Issued{})
	if err != nil {
		return err
	}
	mend := s.Break(Unanswered)
	err = s.revoke(s.ctx, s.Provider, v.Handle)
	mend()
	if err := wantKind("Revoke whose answer is lost", err, fault.Unknown); err != nil {
		return err
	}
	if err := s.revoke(s.ctx, s.other(), v.Handle); err != nil {
		return fmt.Errorf("Revoke again after a lost answer fails: %w", err)
	}
	if err := s.verify(s.ctx, v); err == nil {
		return fmt.Errorf("the value still works after Revoke")
	}
	return nil
}

// calls are the methods that must come back when their context ends.
func (s *sitting) calls(v provider.Issued, req provider.Request) map[string]func(context.Context) error {
	out := map[string]func(context.Context) error{
		"Issue":  func(ctx context.Context) error { _, err := s.issue(ctx, s.Provider, req); return err },
		"Verify": func(ctx context.Context) error { return s.verify(ctx, v) },
		"Revoke": func(ctx context.Context) error { return s.revoke(ctx, s.Provider, v.Handle) },
	}
	if s.byHand != "" || s.traits().Lingers > 0 {
		delete(out, "Revoke") // it only speaks to a person
	}
	if p, ok := provider.As[provider.Prober](s.Provider); ok {
		out["Probe"] = func(ctx context.Context) error {
			live, err := p.Probe(ctx, v)
			if live != provider.NotKnown {
				return fmt.Errorf("Probe says %q without an answer", live) // of kind unknown: see ended
			}
			if err == nil {
				err = ctx.Err() // "unknown" without an error is an answer too
			}
			return s.hear("Probe", err)
		}
	}
	return out
}

// ended calls all methods with contexts of newContext and wants each to fail soon
// and to claim nothing.
func (s *sitting) ended(what string, newContext func() (context.Context, context.CancelFunc)) error {
	v, _, err := s.next(provider.Issued{})
	if err != nil {
		return err
	}
	req := s.request(v)
	if err := s.prepare(&req, v); err != nil {
		return err
	}
	for name, call := range s.calls(v, req) {
		ctx, cancel := newContext()
		done := make(chan error, 1)
		go func() { done <- call(ctx) }()
		select {
		case err = <-done:
		case <-time.After(prompt):
			err = errHangs
		}
		cancel()
		if errors.Is(err, errHangs) {
			return fmt.Errorf("%s %s does not come back within %v", name, what, prompt)
		}
		if err := wantKind(name+" "+what, err, fault.Transient, fault.Unknown); err != nil {
			return err
		}
	}
	return nil
}

var errHangs = errors.New("hangs")

func askCancelled(s *sitting) error {
	before, err := s.live()
	if err != nil {
		return err
	}
	err = s.ended("with a cancelled context", func() (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(s.ctx)
		cancel()
		return ctx, cancel
	})
	if err != nil {
		return err
	}
	want := len(before) + 1
	if s.traits().Minter == rotation.ByPerson {
		want++ // the person made the second one, too
	}
	after, err := s.live()
	if err == nil && s.Live != nil && len(after) != want {
		err = fmt.Errorf("%d values live, want %d: a call with a cancelled context had an effect", len(after), want)
	}
	return err
}

func askSilent(s *sitting) error {
	if err := s.breakable(); err != nil {
		return err
	}
	var mend func()
	defer func() {
		if mend != nil {
			mend()
		}
	}()
	return s.ended("with a provider that never answers", func() (context.Context, context.CancelFunc) {
		if mend == nil { // the first value is issued before the silence
			mend = s.Break(Silent)
		}
		return context.WithTimeout(s.ctx, 300*time.Millisecond)
	})
}
