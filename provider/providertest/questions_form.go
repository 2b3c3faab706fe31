package providertest

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

var (
	typeName  = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	fieldName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`) // usable as {{.name}} in a template
)

func askTraits(s *sitting) error {
	t := s.traits()
	if !reflect.DeepEqual(t, s.traits()) || !reflect.DeepEqual(t, s.other().Traits()) {
		return fmt.Errorf("traits differ from call to call; they are fixed facts")
	}
	switch {
	case !typeName.MatchString(t.Name):
		return fmt.Errorf("Traits.Name %q: want [a-z0-9-]", t.Name)
	case !slices.Contains([]rotation.Strategy{rotation.Overlap, rotation.Alternate, rotation.InPlace}, t.Strategy):
		return fmt.Errorf("Traits.Strategy %q is none", t.Strategy)
	case t.Settle < 0 || t.InFlight < 0 || t.Quota < 0:
		return fmt.Errorf("a negative duration or quota")
	case t.NoIssuer && t.Minter != rotation.ByRotor:
		return fmt.Errorf("without an issuer only Rotor can make the value up, not minter %s", t.Minter)
	case t.Lingers < 0 || t.Lingers > 0 && t.Strategy != rotation.Overlap:
		return fmt.Errorf("Traits.Lingers %v with strategy %s: it is for values that overlap", t.Lingers, t.Strategy)
	case t.Lingers > 0 && t.Outage == "":
		return fmt.Errorf("the old value ends by itself, without words in Traits.Outage: who fails then?")
	case t.Strategy == rotation.InPlace && t.Outage == "":
		return fmt.Errorf("in-place without words in Traits.Outage: what fails meanwhile?")
	}
	if err := fieldsOf(t); err != nil {
		return err
	}
	return abilities(s.Provider, t)
}

func fieldsOf(t provider.Traits) error {
	seen, hidden := map[string]bool{}, false
	for _, f := range t.Fields {
		if !fieldName.MatchString(f.Name) || f.Name == "previous" || seen[f.Name] {
			return fmt.Errorf("field %q: want unique names of [a-z0-9_], usable in a template; previous is reserved", f.Name)
		}
		seen[f.Name], hidden = true, hidden || f.Secret
	}
	if !hidden {
		return fmt.Errorf("Traits.Fields has no secret field")
	}
	return nil
}

func abilities(p provider.Provider, t provider.Traits) error {
	_, maker := provider.As[provider.Maker](p)
	_, finder := provider.As[provider.Finder](p)
	_, revealer := provider.As[provider.Revealer](p)
	_, lister := provider.As[provider.Lister](p)
	_, guide := provider.As[provider.Guide](p)
	switch {
	case t.Minter == rotation.ByRotor && !maker:
		return fmt.Errorf("minter rotor needs Make")
	case t.Minter == rotation.ByProvider && !finder && !revealer && !lister && t.Expires == 0:
		return fmt.Errorf("minter provider needs Find, List or Reveal: after a lost answer the value must be found again")
	case finder && lister:
		return fmt.Errorf("Find and List: values bear labels or they do not")
	case t.Minter == rotation.ByPerson && !guide:
		return fmt.Errorf("minter person needs Instructions")
	case !slices.Contains([]rotation.Minter{rotation.ByProvider, rotation.ByRotor, rotation.ByPerson}, t.Minter):
		return fmt.Errorf("Traits.Minter %q is none", t.Minter)
	}
	return nil
}

// fits compares a value with the traits: the same fields, marked public or not as announced.
func fits(what string, t provider.Traits, values secret.Set) error {
	for _, f := range t.Fields {
		v, ok := values[f.Name]
		switch {
		case !ok || v.IsZero():
			return fmt.Errorf("%s: field %q is missing or empty", what, f.Name)
		case f.Secret == v.IsPublic():
			return fmt.Errorf("%s: field %q: traits say secret=%v, the value says the opposite", what, f.Name, f.Secret)
		}
	}
	if len(values) != len(t.Fields) {
		return fmt.Errorf("%s: %d fields, the traits announce %d", what, len(values), len(t.Fields))
	}
	return nil
}

func askMake(s *sitting) error {
	maker, ok := provider.As[provider.Maker](s.Provider)
	if !ok {
		return skip("the provider has no Make")
	}
	before, err := s.live()
	if err != nil {
		return err
	}
	var last secret.Set
	for range 3 {
		values, err := maker.Make(s.ctx, s.request(provider.Issued{}))
		if s.hear("Make", err) != nil {
			return fmt.Errorf("Make fails: %w", err)
		}
		s.note(values.Secrets()...)
		if err := fits("Make", s.traits(), values); err != nil {
			return err
		}
		if err := fresh(s.traits(), values, last); err != nil {
			return err
		}
		last = values
	}
	after, err := s.live()
	if err == nil && !slices.Equal(before, after) {
		err = fmt.Errorf("Make changed something at the provider; only Issue may")
	}
	return err
}

// fresh: each secret field is new and too long to be guessed.
func fresh(t provider.Traits, values, last secret.Set) error {
	for _, f := range t.Fields {
		switch {
		case !f.Secret:
		case values[f.Name].Len() < 16:
			return fmt.Errorf("Make: field %q has %d bytes; want 16 at least", f.Name, values[f.Name].Len())
		case values[f.Name].Equal(last[f.Name]):
			return fmt.Errorf("Make: field %q is the same twice", f.Name)
		}
	}
	return nil
}

func askIssue(s *sitting) error {
	v, _, err := s.next(provider.Issued{})
	if err != nil {
		return err
	}
	t := s.traits()
	if err := fits("Issue", t, v.Values); err != nil {
		return err
	}
	if v.Handle.ID == "" && !t.NoIssuer && s.byHand == "" {
		return fmt.Errorf("Issue returns no Handle.ID: nobody could revoke the value after a crash")
	}
	if v.Handle.Slot == "" && t.Strategy == rotation.Alternate {
		return fmt.Errorf("strategy alternate, but Issue returns no Handle.Slot: the next rotation cannot tell whose turn it is")
	}
	for _, hidden := range v.Values.Secrets() {
		for _, part := range []string{v.Handle.ID, v.Handle.Slot} {
			if part != "" && part == hidden.Reveal() {
				return fmt.Errorf("the handle is the secret value itself; handles are printed")
			}
		}
	}
	if err := s.verify(s.ctx, v); err != nil {
		return fmt.Errorf("Verify refuses a fresh value: %w", err)
	}
	if there, err := s.has(v.Handle); err != nil || !there && v.Handle.ID != "" {
		return fmt.Errorf("handle %s is not among the live values of the account (%v)", v.Handle, err)
	}
	return nil
}

func askIssueAgain(s *sitting) error {
	if s.traits().Minter == rotation.ByProvider {
		return skip("each call may mint another value (minter provider)")
	}
	first, req, err := s.next(provider.Issued{})
	if err != nil {
		return err
	}
	before, err := s.live()
	if err != nil {
		return err
	}
	second, err := s.issue(s.ctx, s.other(), req)
	if err != nil {
		return fmt.Errorf("Issue with the same Values again, as after a crash, fails: %w", err)
	}
	s.settle()
	after, err := s.live()
	switch {
	case err != nil:
		return err
	case first.Handle != second.Handle:
		return fmt.Errorf("Issue with the same Values again gives handle %v, not %v", second.Handle, first.Handle)
	case !first.Values.Equal(second.Values):
		return fmt.Errorf("Issue with the same Values again gives other values")
	case len(before) != len(after):
		return fmt.Errorf("Issue with the same Values again: %d live values, before %d", len(after), len(before))
	}
	return s.verify(s.ctx, second)
}

func askGuide(s *sitting) error {
	guide, ok := provider.As[provider.Guide](s.Provider)
	if !ok {
		return skip("the provider has no Instructions")
	}
	req := s.request(provider.Issued{Handle: rotation.Handle{ID: "the-old-id"}})
	for _, step := range []rotation.Step{rotation.Ask, rotation.Revoke} {
		text := guide.Instructions(step, req)
		_ = s.hear("Instructions", nil, text)
		if s.traits().Minter == rotation.ByPerson && text == "" {
			return fmt.Errorf("Instructions says nothing for step %s", step)
		}
	}
	return nil
}

func askPreflight(s *sitting) error {
	pre, ok := provider.As[provider.Preflighter](s.Provider)
	if !ok {
		return skip("the provider has no Preflight")
	}
	before, err := s.live()
	if err != nil {
		return err
	}
	if err := s.hear("Preflight", pre.Preflight(s.ctx, s.request(provider.Issued{}))); err != nil {
		return fmt.Errorf("Preflight refuses a healthy account: %w", err)
	}
	after, err := s.live()
	if err == nil && !slices.Equal(before, after) {
		err = fmt.Errorf("Preflight changed something at the provider")
	}
	if err != nil || s.Break == nil {
		return err
	}
	mend := s.Break(Unsent)
	defer mend()
	err = s.hear("Preflight", pre.Preflight(s.ctx, s.request(provider.Issued{})))
	return wantKind("Preflight while the provider cannot be reached", err, fault.Transient, fault.Unknown)
}
