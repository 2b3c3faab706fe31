package sim

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	room "github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// provider is the model of every class: a table of values that it accepts.
type provider struct {
	w      *World
	class  Class
	live   map[string]*value // by handle id; in place: one entry
	serial int
}

type value struct {
	id, slot, text, label string
	since                 time.Duration // works from then on
	fickle                time.Duration // once it was seen to work, it does not for so long: one front end knows it
	created               time.Time
}

func newProvider(w *World, class Class) *provider {
	p := &provider{w: w, class: class, live: map[string]*value{}}
	first := &value{id: "id-0", text: w.mint("first"), created: w.wall}
	if class == Alternating {
		first.slot, first.id = "a", "role-a"
	}
	w.firstID = first.id
	p.live[first.id] = first
	p.live["stranger"] = &value{id: "stranger", text: "somebody-elses-value", label: "other-team", created: w.wall}
	return p
}

// Accepts is what a login with the text would see now.
func (p *provider) Accepts(text string) bool {
	for _, v := range p.live {
		if v.text == text && p.w.real >= v.since {
			return true
		}
	}
	return false
}

// Live lists the texts of our values that are or will be accepted.
func (p *provider) Live() []string {
	var out []string
	for _, v := range p.live {
		if v.id != "stranger" {
			out = append(out, v.text)
		}
	}
	return out
}

func (p *provider) Traits() room.Traits {
	t := room.Traits{Name: "model", Strategy: rotation.Overlap, Minter: rotation.ByRotor, Fields: []room.Field{{Name: "value", Secret: true}},
		Settle: settle, Steady: settle, InFlight: inFlight}
	switch p.class {
	case OverlapServer:
		t.Minter = rotation.ByProvider
	case Unnamed:
		t.Minter, t.Quota = rotation.ByProvider, full
	case Alternating:
		t.Strategy = rotation.Alternate
		t.Fields = append(t.Fields, room.Field{Name: "slot"})
	case InPlaceCaller, SelfChanging:
		t.Strategy = rotation.InPlace
	case ByHand:
		t.Minter = rotation.ByPerson
	case Timed:
		t.Minter, t.Lingers = rotation.ByProvider, lingers
	case InPlaceServer:
		t.Strategy, t.Minter = rotation.InPlace, rotation.ByProvider
	}
	return t
}

// Make has no effect; a seeded fault cannot hit it.
func (p *provider) make(req room.Request) secret.Set {
	s := secret.Set{"value": secret.New(p.w.mint("made"))}
	if p.class == Alternating && req.Current.Slot == "b" {
		s["slot"] = secret.Public("a")
	} else if p.class == Alternating {
		s["slot"] = secret.Public("b")
	}
	return s
}

func (p *provider) Issue(_ context.Context, req room.Request) (room.Issued, error) {
	if p.class == ByHand { // nothing happens there; the value lives already
		if err := p.w.look("issue"); err != nil {
			return room.Issued{}, err
		}
		return p.issue(req)
	}
	var out room.Issued
	err := p.w.effect("issue", func() (err error) {
		out, err = p.issue(req)
		return err
	})
	if err != nil {
		return out, err
	}
	switch p.w.last() {
	case E8:
		p.live[out.Handle.ID].since = p.w.real + settle/2
	case E9:
		p.live[out.Handle.ID].fickle = settle / 2
	}
	return out, err
}

func (p *provider) issue(req room.Request) (room.Issued, error) {
	v := &value{label: req.Label, created: p.w.wall}
	p.serial++
	v.id = fmt.Sprintf("id-%d", p.serial)
	v.text = req.Values["value"].Reveal()
	switch p.class {
	case OverlapServer:
		v.text = p.w.mint("minted")
	case Unnamed:
		if err := p.unnamed(v); err != nil {
			return room.Issued{}, err
		}
	case OverlapCaller:
		if known := p.byText(v.text); known != nil {
			v.id = known.id
		}
	case Alternating:
		v.slot = req.Values["slot"].Reveal()
		v.id = "role-" + v.slot
	case Timed:
		v.text = p.w.mint("rotated")
		p.endOthers(lingers)
	case InPlaceServer:
		v.text, v.id = p.w.mint("reset"), "id-0"
	case SelfChanging:
		v.id = "id-0"
		if !p.Accepts(v.text) && !p.Accepts(req.Old["value"].Reveal()) {
			return room.Issued{}, fault.New(fault.Denied, "issue: no living value to log in with")
		}
	case InPlaceCaller:
		v.id = "id-0"
	case ByHand:
		known := p.byText(v.text)
		if known == nil {
			return room.Issued{}, fault.New(fault.Rejected, "issue: no such value")
		}
		return room.Issued{Handle: rotation.Handle{ID: known.id}, Values: p.fields(known), Created: known.created}, nil
	}
	p.live[v.id] = v
	return room.Issued{Handle: rotation.Handle{ID: v.id, Slot: v.slot}, Values: p.fields(v)}, nil
}

// endOthers starts the timers of all our values: the next one is their successor.
func (p *provider) endOthers(after time.Duration) {
	for id := range p.live {
		if id != "stranger" {
			p.w.later(after, func() { delete(p.live, id) })
		}
	}
}

func (p *provider) byText(text string) *value {
	for _, v := range p.live {
		if v.text == text {
			return v
		}
	}
	return nil
}

func (p *provider) fields(v *value) secret.Set {
	s := secret.Set{"value": secret.New(v.text)}
	if p.class == Alternating {
		s["slot"] = secret.Public(v.slot)
	}
	return s
}

func (p *provider) Verify(_ context.Context, v room.Issued) error {
	if err := p.w.look("verify"); err != nil {
		return err
	}
	text := v.Values["value"].Reveal()
	if !p.Accepts(text) {
		return fault.New(fault.Rejected, "verify: refused")
	}
	if known := p.byText(text); known.fickle > 0 {
		known.since, known.fickle = p.w.real+known.fickle, 0
	}
	return nil
}

func (p *provider) Probe(_ context.Context, v room.Issued) (room.Liveness, error) {
	if err := p.w.look("probe"); err != nil {
		return room.NotKnown, err
	}
	if p.Accepts(v.Values["value"].Reveal()) {
		return room.Alive, nil
	}
	return room.Refused, nil
}

func (p *provider) Revoke(_ context.Context, h rotation.Handle) error {
	if p.class == ByHand {
		return fault.New(fault.NeedsPerson, "revoke: only in the console").WithHint("revoke %s", h.ID)
	}
	if p.class == Timed {
		return fault.New(fault.NeedsPerson, "revoke: it ends by itself")
	}
	return p.w.effect("revoke "+h.ID, func() error {
		if p.w.last() == E8 {
			p.w.later(settle/2, func() { delete(p.live, h.ID) })
			return nil
		}
		delete(p.live, h.ID)
		return nil
	})
}

func (p *provider) Usage(_ context.Context, h rotation.Handle) (room.Usage, error) {
	u := room.Usage{Known: true}
	if v, ok := p.live[h.ID]; ok {
		for _, text := range p.w.Units.holds {
			if text == v.text {
				u.Active++
			}
		}
	}
	return u, nil
}

// The abilities by class: an engine finds them by type.
type (
	maker  struct{ *provider }
	finder struct{ *provider }
	lister struct{ finder }
	named  struct{ maker }
	shows  struct{ *provider }
	// console has no API at all, but a probe works with any value
	console struct{ *provider }
)

func (m maker) Make(_ context.Context, req room.Request) (secret.Set, error) {
	return m.make(req), nil
}

func (f finder) Find(_ context.Context, prefix string) ([]room.Found, error) {
	if err := f.w.look("find"); err != nil {
		return nil, err
	}
	var out []room.Found
	for _, v := range f.live {
		if strings.HasPrefix(v.label, prefix) {
			out = append(out, room.Found{Handle: rotation.Handle{ID: v.id}, Label: v.label, Created: v.created})
		}
	}
	return out, nil
}

// identify names a value by its text, or by its slot where there are slots.
func (p *provider) identify(s secret.Set) (rotation.Handle, error) {
	for _, v := range p.live {
		if slot := s["slot"].Reveal(); slot != "" && v.slot == slot || v.text == s["value"].Reveal() {
			return rotation.Handle{ID: v.id, Slot: v.slot}, nil
		}
	}
	return rotation.Handle{}, fault.New(fault.Rejected, "identify: unknown value")
}

func (c console) Identify(_ context.Context, s secret.Set) (rotation.Handle, error) {
	return c.identify(s)
}

func (n named) Identify(_ context.Context, s secret.Set) (rotation.Handle, error) {
	return n.identify(s)
}

func (f lister) Identify(_ context.Context, s secret.Set) (rotation.Handle, error) {
	return f.identify(s)
}

func (s shows) Reveal(context.Context, rotation.Handle) (room.Issued, error) {
	if err := s.w.look("reveal"); err != nil {
		return room.Issued{}, err
	}
	v := s.live["id-0"]
	if s.class == Timed {
		v = s.live[fmt.Sprintf("id-%d", s.serial)]
	}
	return room.Issued{Handle: rotation.Handle{ID: v.id}, Values: s.fields(v)}, nil
}

func (p *provider) withAbilities() room.Provider {
	switch p.class {
	case OverlapServer:
		if p.w.sim.Nameless {
			return finder{p}
		}
		return lister{finder{p}}
	case ByHand:
		return console{p}
	case Unnamed:
		return lists{p}
	case Alternating, OverlapCaller:
		return named{maker{p}}
	case InPlaceServer, Timed:
		return shows{p}
	}
	return maker{p}
}
