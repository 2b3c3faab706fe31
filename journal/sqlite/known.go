package sqlite

import (
	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal"
)

// known is what need not be read again as long as no other connection wrote,
// which PRAGMA data_version tells inside the transaction.
type known struct {
	valid   bool
	version int64
	tail    audit.Head
	records map[string]*head
	owners  map[string]*owner
	wakes   bool // somebody is to be woken after the commit
}

func (k *known) forget() {
	*k = known{records: map[string]*head{}, owners: map[string]*owner{}, wakes: k.wakes}
}

// record finds an unfinished or finished record.
func (g *group) record(id string) (*head, error) {
	if h := g.known.records[id]; h != nil {
		return h, nil
	}
	var r headRow
	found, err := g.conn.one(qRecord, r.fields(), id)
	if err != nil {
		return nil, classify("read a record", err)
	}
	if !found {
		return nil, fault.Wrap(fault.Rejected, "record "+id, journal.ErrNotFound)
	}
	h, err := r.parse()
	if err != nil {
		return nil, err
	}
	var last, count int64
	if _, err := g.conn.one(qLastEvent, []any{&last, &count}, h.no); err != nil {
		return nil, classify("read a record", err)
	}
	if last != count {
		return nil, damaged("read a record", "an event is missing")
	}
	h.last = int(last)
	g.known.records[id] = &h
	return &h, nil
}

// owner finds a credential; nil if there is none.
func (g *group) owner(name string) (*owner, error) {
	if o := g.known.owners[name]; o != nil {
		return o, nil
	}
	var r ownerRow
	found, err := g.conn.one(qOwner, r.fields(), name)
	if err != nil || !found {
		return nil, classify("read a credential", err)
	}
	o, err := r.parse()
	if err != nil {
		return nil, err
	}
	g.known.owners[name] = &o
	return &o, nil
}
