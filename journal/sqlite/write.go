package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/rotation"
)

// Create implements journal.Journal.
func (j *Journal) Create(ctx context.Context, r rotation.Record, events ...rotation.Event) (rotation.Fence, error) {
	r = r.Born().Clone()
	if err := journal.CheckRecord(r); err != nil {
		return 0, err
	}
	body, err := json.Marshal(r)
	if err != nil {
		return 0, fault.Wrap(fault.BadConfig, "state: encode record", err)
	}
	w := &creating{adding: newAdding(events), record: r, body: string(body)}
	if err := j.group.do(ctx, &call{work: w, finishing: r.Mode == rotation.Emergency}); err != nil {
		return 0, err
	}
	return w.fence, nil
}

// Append implements journal.Journal.
func (j *Journal) Append(ctx context.Context, id string, f rotation.Fence, events ...rotation.Event) error {
	w := &appending{adding: newAdding(events), id: id, fence: f}
	return j.group.do(ctx, &call{work: w, finishing: true})
}

// Take implements journal.Journal.
func (j *Journal) Take(ctx context.Context, credential string) (rotation.Fence, error) {
	w := &taking{name: credential}
	if err := j.group.do(ctx, &call{work: w, finishing: true}); err != nil {
		return 0, err
	}
	return w.fence, nil
}

// Note implements journal.Journal.
func (j *Journal) Note(ctx context.Context, e audit.Entry) error {
	return j.group.do(ctx, &call{work: &noting{entry: e}})
}

// adding is what creating and appending share: events, and all they carry.
type adding struct {
	events []rotation.Event
	bodies []string
	err    error // of encoding; told after what else is wrong
	chain  []audit.Entry
	tail   audit.Head
}

func newAdding(events []rotation.Event) (w adding) {
	w.events, w.bodies, w.err = encode(events)
	return w
}

// check refuses what cannot be added to r, and says how it leaves r.
func (w *adding) check(g *group, r rotation.Record, isNew bool) (rotation.Record, error) {
	after, err := journal.Check(r, w.events)
	if err == nil {
		err = w.err
	}
	if err != nil {
		return after, err
	}
	var spawned []string
	w.tail, w.chain = g.known.tail, make([]audit.Entry, 0, len(w.events)+1)
	for i := range w.events {
		e := &w.events[i]
		if e.Spawn != nil {
			id := e.Spawn.ID
			if err := g.free(id, id == r.ID || slices.Contains(spawned, id)); err != nil {
				return after, err
			}
			spawned = append(spawned, id)
		}
		if err := w.tell(g, journal.EntryOf(r, *e)); err != nil {
			return after, err
		}
	}
	if isNew && len(w.events) == 0 {
		err = w.tell(g, journal.EntryOfBirth(r))
	}
	return after, err
}

func (w *adding) tell(g *group, e audit.Entry) (err error) {
	e, w.tail, err = audit.Next(g.j.mac, w.tail, e)
	w.chain = append(w.chain, e)
	return fault.Wrap(fault.NeedsPerson, "state: audit key", err)
}

// free refuses an id that is taken.
func (g *group) free(id string, taken bool) error {
	if !taken {
		_, err := g.record(id)
		if errors.Is(err, journal.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return fault.New(fault.BadConfig, "state: record %s exists", id)
}

// write puts the events of h, which becomes after, and returns the owner as
// they leave it.
func (w *adding) write(g *group, h *head, after rotation.Record, o owner) (owner, error) {
	before := h.rec
	for i, body := range w.bodies {
		h.last++
		seq := int64(h.last)
		if err := g.conn.exec(qPutEvent, h.no, seq, body, sum([]int64{h.no, seq}, body)); err != nil {
			return o, err
		}
		var err error
		if o, err = g.carry(o, &w.events[i]); err != nil {
			return o, err
		}
	}
	if err := g.putChain(w.chain, w.tail); err != nil {
		return o, err
	}
	h.rec = after
	if after.Status.Over() && !before.Status.Over() {
		o = o.with(o.credential().Ended(after))
	}
	return o, nil
}

// carry writes what an event changes beside its record: destroyed values go
// before new ones come.
func (g *group) carry(o owner, e *rotation.Event) (owner, error) {
	for _, gen := range e.Generations {
		var err error
		if o, err = g.putGeneration(o, gen, e.At); err != nil {
			return o, err
		}
	}
	for _, d := range e.Destroy {
		if err := g.conn.exec(qDropSealed, o.name, int64(d.Generation), d.Slot); err != nil {
			return o, err
		}
	}
	for _, s := range e.Sealed {
		n := int64(s.Generation)
		if err := g.conn.exec(qPutSealed, o.name, n, s.Slot, s.Blob, sealedSum(o.name, n, s.Slot, s.Blob)); err != nil {
			return o, err
		}
	}
	if e.Spawn == nil {
		return o, nil
	}
	body, err := json.Marshal(e.Spawn)
	if err != nil {
		return o, fault.Wrap(fault.BadConfig, "state: encode record", err)
	}
	h := &head{rec: *e.Spawn}
	if err := g.putRecord(h, string(body)); err != nil {
		return o, err
	}
	g.wakes(rotation.Record{}, h.rec)
	return o.with(o.credential().Ended(h.rec)), nil
}

func (g *group) wakes(before, after rotation.Record) {
	g.known.wakes = g.known.wakes || journal.Wakes(before, after)
}

func (g *group) putGeneration(o owner, gen rotation.Generation, at rotation.Instant) (owner, error) {
	gen.Credential = o.name
	n := int64(gen.N)
	if gen.Life == rotation.Current {
		c := o.credential()
		var life string
		found, err := g.conn.one(qLife, []any{&life}, o.name, n)
		if err != nil {
			return o, err
		}
		if found {
			c.Generations = []rotation.Generation{{N: gen.N, Life: rotation.Life(life)}}
		}
		o = o.with(c.Set(gen, at))
	}
	body, err := json.Marshal(gen)
	if err != nil {
		return o, fault.Wrap(fault.BadConfig, "state: encode generation", err)
	}
	life := string(gen.Life)
	return o, g.conn.exec(qPutGeneration, o.name, n, life, string(body), generationSum(o.name, n, life, string(body)))
}

func (g *group) putChain(chain []audit.Entry, tail audit.Head) error {
	for _, e := range chain {
		if err := g.conn.exec(qAudit, e.Seq, e.At.UnixMicro(), e.Actor, e.Action, e.Credential, e.Record,
			int64(e.Generation), e.Part, e.Outcome, e.Note, e.MAC); err != nil {
			return err
		}
	}
	g.known.tail = tail
	return nil
}

// putRecord inserts h and gives it its number.
func (g *group) putRecord(h *head, body string) error {
	if _, err := g.conn.one(qNextRecord, []any{&h.no}); err != nil {
		return err
	}
	r, err := h.row(body)
	if err != nil {
		return err
	}
	boot, bootUntil, wallUntil := until(h.rec)
	if err := g.conn.exec(qPutRecord, r.no, r.id, r.kind, r.credential, r.state, r.undoing, r.wake, r.body, r.sum,
		boot, bootUntil, wallUntil); err != nil {
		return err
	}
	h.body = body
	g.known.records[r.id] = h
	return nil
}

// setRecord updates what may change in a record.
func (g *group) setRecord(h *head) error {
	r, err := h.row(h.body)
	if err != nil {
		return err
	}
	boot, bootUntil, wallUntil := until(h.rec)
	return g.conn.exec(qSetRecord, r.state, r.undoing, r.wake, r.sum, boot, bootUntil, wallUntil, r.no)
}

// putOwner writes o if it is new or changed.
func (g *group) putOwner(o owner) error {
	if old := g.known.owners[o.name]; old != nil && *old == o {
		return nil
	}
	r := o.row()
	if err := g.conn.exec(qPutOwner, r.name, r.fence, r.rotated, r.last, r.rolledBack, r.sum); err != nil {
		return err
	}
	g.known.owners[o.name] = &o
	return nil
}
