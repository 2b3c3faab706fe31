package policy

import (
	"hash/fnv"
	"time"
)

// State is where a credential stands on the axis of time; its health is
// another matter.
type State string

const (
	OK           State = "ok"
	DueSoon      State = "due-soon"
	Due          State = "due"     // its time has come; see Status.Next for when it may start
	Overdue      State = "overdue" // a permitted start has come and gone
	Paused       State = "paused"
	NeverRotated State = "never-rotated" // no age is known; treated as due
	Never        State = "never"         // exempt: time never makes it due
)

// Facts are what the policy must know of a credential.
type Facts struct {
	Name      string    // spreads a fleet
	Rotated   time.Time // when the present value became current; zero = not known
	Since     time.Time // when Rotor first knew the credential; zero = just now
	Expires   time.Time // when the value ends by itself; zero = never
	Neighbour time.Time // latest start of a rotation to keep Spacing from; zero = none
}

// Status is a verdict at one time.
type Status struct {
	State State     `json:"state"`
	Due   time.Time `json:"due,omitzero"`   // when it becomes or became due; zero for paused and never
	Limit time.Time `json:"limit,omitzero"` // when the policy is broken but for windows and freezes
	Next  time.Time `json:"next,omitzero"`  // first permitted start, never before now; zero = none
	Ripe  bool      `json:"ripe,omitempty"` // a scheduled rotation may start now
}

// Due judges a credential. It looks at time alone: whether a rotation is
// already under way, failed before or waits for approval is not its business.
func (p Policy) Due(f Facts, now time.Time) Status {
	if p.Paused {
		return Status{State: Paused}
	}
	t, ok := p.term(f, now)
	if !ok {
		return Status{State: Never}
	}
	s := Status{State: p.stateAt(f, t, now), Due: t.due, Limit: t.limit}
	start := later(t.due, now)
	if !f.Neighbour.IsZero() {
		start = later(start, f.Neighbour.Add(p.Spacing))
	}
	if s.Next, ok = p.Next(start); ok {
		s.Ripe = !s.Next.After(now)
	}
	return s
}

// Forecast lists the starts of scheduled rotations in [now, until), supposing
// that each takes no time and succeeds. At most a thousand.
func (p Policy) Forecast(f Facts, now, until time.Time) []time.Time {
	var starts []time.Time
	for len(starts) < 1000 {
		s := p.Due(f, now)
		if s.Next.IsZero() || !s.Next.Before(until) {
			break
		}
		starts = append(starts, s.Next)
		f.Rotated, f.Expires, now = s.Next, time.Time{}, s.Next
	}
	return starts
}

// Next is the first time from t on at which windows and freezes let a scheduled
// rotation start; false if there is none. Manual and emergency rotations do not
// ask.
func (p Policy) Next(t time.Time) (time.Time, bool) {
	for range 1000 { // each turn passes a freeze or reaches a window
		if end, frozen := p.thaw(t); frozen {
			t = end
			continue
		}
		open, ok := p.opening(t)
		if !ok {
			return time.Time{}, false
		}
		if open.Equal(t) {
			return t, true
		}
		t = open
	}
	return time.Time{}, false
}

// term is the end of a value's scheduled life.
type term struct {
	due, limit time.Time
	length     time.Duration // of the whole interval
}

func (p Policy) term(f Facts, now time.Time) (term, bool) {
	l := p.Zone.Location()
	from := f.Rotated
	if from.IsZero() {
		from = f.Since
	}
	if from.IsZero() {
		from = now
	}
	end, ok := p.Every.after(from, l)
	t := term{due: end, limit: end, length: end.Sub(from)}
	switch {
	case !ok:
	case p.Every.IsCron():
		if f.Rotated.IsZero() && f.Since.IsZero() {
			t.due, t.limit = now, now
		}
		if following, more := p.Every.after(end, l); more {
			t.length = following.Sub(end)
		}
	case f.Rotated.IsZero():
		t.due = from.Add(spread(f.Name, t.length))
		if f.Since.IsZero() {
			t.due = now
		}
		t.limit = t.due
	default:
		t.due = end.Add(-spread(f.Name, t.length))
	}
	if f.Expires.IsZero() || !ok && !p.Has(Expiry) {
		return t, ok
	}
	return t.before(f.Expires, from, p.Grace), true
}

// before shortens a term so that it ends ahead of the value's own expiry: a
// week, or the grace period if that is longer, but never in the first half of
// its life.
func (t term) before(expires, from time.Time, grace time.Duration) term {
	life := expires.Sub(from)
	end := expires.Add(-min(max(7*day, grace), max(life/2, 0)))
	if t.limit.IsZero() || end.Before(t.due) {
		return term{due: end, limit: end, length: max(life, 0)}
	}
	return t
}

// stateAt names the state. What is due soon, and what is overdue, depends on
// how long the interval is: a tenth of it, at most a week or a day.
func (p Policy) stateAt(f Facts, t term, now time.Time) State {
	expired := !f.Expires.IsZero() && !now.Before(f.Expires)
	start, ok := p.Next(t.limit)
	late := expired || ok && now.After(start.Add(min(t.length/10, day)))
	switch {
	case f.Rotated.IsZero() && !p.Every.IsNever():
		return NeverRotated
	case late:
		return Overdue
	case !now.Before(t.due):
		return Due
	case !now.Before(t.due.Add(-min(t.length/10, 7*day))):
		return DueSoon
	}
	return OK
}

// spread is a credential's own share of the last stretch of an interval: the
// same each time, below min(5 %, a day).
func spread(name string, length time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	x := h.Sum64()
	x ^= x >> 33 // similar names differ in few bits of FNV; mix them
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	share := float64(x>>11) / (1 << 53)
	return time.Duration(share * float64(min(length/20, day))).Truncate(time.Second)
}

func (p Policy) thaw(t time.Time) (time.Time, bool) {
	for _, f := range p.Freezes {
		if end, in := f.thaw(t, p.Zone.Location()); in {
			return end, true
		}
	}
	return time.Time{}, false
}

// opening is the first time from t on that lies in one of the windows.
func (p Policy) opening(t time.Time) (time.Time, bool) {
	if len(p.Windows) == 0 {
		return t, true
	}
	var first time.Time
	for _, w := range p.Windows {
		if at, ok := w.opening(t, p.Zone); ok && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first, !first.IsZero()
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
