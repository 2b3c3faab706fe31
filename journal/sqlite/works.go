package sqlite

import (
	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/rotation"
)

type appending struct {
	adding
	id    string
	fence rotation.Fence

	head  *head
	owner owner
	after rotation.Record
}

func (w *appending) plan(g *group) error {
	h, err := g.record(w.id)
	if err != nil {
		return err
	}
	o, err := g.owner(h.rec.Credential)
	if err != nil {
		return err
	}
	if o == nil {
		return damaged("append to "+w.id, "its credential is missing")
	}
	if o.fence != w.fence {
		return fault.Wrap(fault.Rejected, "append to "+w.id, journal.ErrFenced)
	}
	w.head, w.owner = h, *o
	w.after, err = w.check(g, h.rec, false)
	return err
}

func (w *appending) write(g *group) error {
	before := w.head.rec
	o, err := w.adding.write(g, w.head, w.after, w.owner)
	if err != nil {
		return err
	}
	if w.head.changed(before) {
		if err := g.setRecord(w.head); err != nil {
			return err
		}
	}
	g.wakes(before, w.after)
	return g.putOwner(o)
}

// changed says whether a column that may change did.
func (h *head) changed(before rotation.Record) bool {
	if h.rec.Status != before.Status || h.rec.Undoing != before.Undoing {
		return true
	}
	return (h.rec.Wake == nil) != (before.Wake == nil) || h.rec.Wake != nil && *h.rec.Wake != *before.Wake
}

type creating struct {
	adding
	record rotation.Record
	body   string

	fence rotation.Fence
	owner owner
	after rotation.Record
}

func (w *creating) plan(g *group) error {
	if err := g.free(w.record.ID, false); err != nil {
		return err
	}
	if w.record.Kind == rotation.KindRotation && !w.record.Status.Over() {
		var open string
		found, err := g.conn.one(qOpenRotation, []any{&open}, w.record.Credential)
		if err != nil {
			return classify("look for an open rotation", err)
		}
		if found {
			return fault.Wrap(fault.Rejected, "create "+w.record.ID+" beside "+open, journal.ErrOpen)
		}
	}
	o, err := g.owner(w.record.Credential)
	if err != nil {
		return err
	}
	w.owner = owner{name: w.record.Credential}
	if o != nil {
		w.owner = *o
	}
	w.after, err = w.check(g, w.record, true)
	return err
}

func (w *creating) write(g *group) error {
	o := w.owner
	o.fence++
	w.fence = o.fence
	if err := g.putOwner(o); err != nil { // others refer to it
		return err
	}
	h := &head{rec: w.record}
	if err := g.putRecord(h, w.body); err != nil {
		return err
	}
	if w.record.Status.Over() {
		o = o.with(o.credential().Ended(w.record))
	}
	o, err := w.adding.write(g, h, w.after, o)
	if err != nil {
		return err
	}
	if h.changed(w.record) {
		if err := g.setRecord(h); err != nil {
			return err
		}
	}
	g.wakes(rotation.Record{}, w.after)
	return g.putOwner(o)
}

type taking struct {
	name  string
	fence rotation.Fence
	owner owner
}

func (w *taking) plan(g *group) error {
	o, err := g.owner(w.name)
	if err != nil {
		return err
	}
	if o == nil {
		return fault.Wrap(fault.Rejected, "take "+w.name, journal.ErrNotFound)
	}
	w.owner = *o
	return nil
}

func (w *taking) write(g *group) error {
	w.owner.fence++
	w.fence = w.owner.fence
	return g.putOwner(w.owner)
}

type noting struct {
	entry audit.Entry
	tail  audit.Head
}

func (w *noting) plan(g *group) (err error) {
	w.entry, w.tail, err = audit.Next(g.j.mac, g.known.tail, w.entry)
	return fault.Wrap(fault.NeedsPerson, "state: audit key", err)
}

func (w *noting) write(g *group) error {
	return g.putChain([]audit.Entry{w.entry}, w.tail)
}
