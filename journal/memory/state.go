package memory

import (
	"maps"
	"slices"
	"time"

	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/rotation"
)

// state is everything. Events, blobs and audit entries are never changed once
// they are in it, so copies of a state share them.
type state struct {
	installation journal.Installation
	credentials  map[string]*credential
	records      map[string]*record
	all, open    []*record // in order of creation
	audit        []audit.Entry
	head         audit.Head
}

type credential struct {
	rotation.Credential        // Open stays empty: see view
	open                string // id of the open rotation
	sealed              map[place][]byte
}

type place struct {
	generation int
	slot       string
}

type record struct {
	head   rotation.Record
	events []rotation.Event
}

// credential finds or makes one.
func (s *state) credential(name string) *credential {
	c := s.credentials[name]
	if c == nil {
		c = &credential{Credential: rotation.Credential{Name: name}, sealed: map[place][]byte{}}
		s.credentials[name] = c
	}
	return c
}

// view is a credential as callers see it.
func (s *state) view(name string) rotation.Credential {
	c := s.credentials[name]
	if c == nil {
		return rotation.Credential{Name: name}
	}
	out := c.Credential.Clone()
	for _, r := range s.open {
		if r.head.Credential == name {
			out.Open = append(out.Open, r.head.Clone())
		}
	}
	return out
}

func heads(records []*record) []rotation.Record {
	var out []rotation.Record
	for _, r := range records {
		out = append(out, r.head.Clone())
	}
	return out
}

// writing is an append on its way: everything that can fail happens in prepare,
// nothing in apply.
type writing struct {
	record *record
	isNew  bool
	after  rotation.Record
	events []rotation.Event
	chain  []audit.Entry
	head   audit.Head
}

func (j *Journal) prepare(w *writing, events []rotation.Event) error {
	var err error
	if w.after, err = journal.Check(w.record.head, events); err != nil {
		return err
	}
	w.events = make([]rotation.Event, len(events))
	spawned := map[string]bool{w.record.head.ID: true}
	for i, e := range events {
		e = e.Clone()
		e.Seq = len(w.record.events) + i + 1
		if e.Spawn != nil {
			*e.Spawn = e.Spawn.Born()
			if spawned[e.Spawn.ID] || j.state.records[e.Spawn.ID] != nil {
				return fault.New(fault.BadConfig, "journal: record %s exists", e.Spawn.ID)
			}
			spawned[e.Spawn.ID] = true
		}
		w.events[i] = e
	}
	return j.tell(w)
}

// tell makes the audit entries.
func (j *Journal) tell(w *writing) error {
	w.head = j.state.head
	add := func(e audit.Entry) (err error) {
		e, w.head, err = j.next(w.head, e)
		w.chain = append(w.chain, e)
		return fault.Wrap(fault.NeedsPerson, "journal: audit key", err)
	}
	if w.isNew && len(w.events) == 0 {
		return add(journal.EntryOfBirth(w.record.head))
	}
	for _, e := range w.events {
		if err := add(journal.EntryOf(w.record.head, e)); err != nil {
			return err
		}
	}
	return nil
}

func (j *Journal) next(head audit.Head, e audit.Entry) (audit.Entry, audit.Head, error) {
	if j.mac != nil {
		return audit.Next(j.mac, head, e)
	}
	e.Seq, e.MAC = head.Seq+1, ""
	e.At = e.At.UTC().Truncate(time.Microsecond)
	return e, audit.Head{Seq: e.Seq}, nil
}

func (j *Journal) apply(w *writing) {
	s := &j.state
	before := w.record.head
	if w.isNew {
		s.add(w.record)
		before = rotation.Record{}
	}
	wakes := journal.Wakes(before, w.after)
	c := s.credential(w.after.Credential)
	for _, e := range w.events {
		wakes = s.applyEvent(c, e) || wakes
		e.Sealed, e.Destroy = nil, nil
		w.record.events = append(w.record.events, e)
	}
	w.record.head = w.after.Clone()
	s.settle(w.record)
	s.audit = append(s.audit, w.chain...)
	s.head = w.head
	if wakes {
		j.wake()
	}
}

// applyEvent does what e changes beside its record: destroyed blobs go before
// new ones come.
func (s *state) applyEvent(c *credential, e rotation.Event) (wakes bool) {
	for _, g := range e.Generations {
		g.Credential = c.Name
		c.Credential = c.Set(g, e.At)
	}
	for _, d := range e.Destroy {
		delete(c.sealed, place{d.Generation, d.Slot})
	}
	for _, b := range e.Sealed {
		c.sealed[place{b.Generation, b.Slot}] = b.Blob
	}
	if e.Spawn == nil {
		return false
	}
	s.add(&record{head: e.Spawn.Clone()})
	return journal.Wakes(rotation.Record{}, *e.Spawn)
}

func (s *state) add(r *record) {
	s.records[r.head.ID] = r
	s.all = append(s.all, r)
	c := s.credential(r.head.Credential)
	if r.head.Status.Over() {
		c.Credential = c.Ended(r.head)
		return
	}
	s.open = append(s.open, r)
	if r.head.Kind == rotation.KindRotation {
		c.open = r.head.ID
	}
}

// settle takes a record that is over off the list of open ones.
func (s *state) settle(r *record) {
	i := slices.Index(s.open, r)
	if i < 0 || !r.head.Status.Over() {
		return
	}
	s.open = slices.Delete(s.open, i, i+1)
	c := s.credential(r.head.Credential)
	if c.open == r.head.ID {
		c.open = ""
	}
	c.Credential = c.Ended(r.head)
}

// wake never blocks.
func (j *Journal) wake() {
	select {
	case j.changed <- struct{}{}:
	default:
	}
}

func (s *state) clone() state {
	c := *s
	c.credentials = make(map[string]*credential, len(s.credentials))
	for name, old := range s.credentials {
		k := *old
		k.sealed = maps.Clone(old.sealed) // Generations is replaced, never written into
		c.credentials[name] = &k
	}
	c.records = make(map[string]*record, len(s.records))
	c.all = make([]*record, len(s.all))
	for i, old := range s.all {
		c.all[i] = &record{head: old.head, events: slices.Clip(old.events)}
		c.records[old.head.ID] = c.all[i]
	}
	c.open = make([]*record, len(s.open))
	for i, old := range s.open {
		c.open[i] = c.records[old.head.ID]
	}
	c.audit = slices.Clip(s.audit)
	return c
}
