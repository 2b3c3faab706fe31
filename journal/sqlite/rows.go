package sqlite

import (
	"encoding/json"
	"hash/crc32"
	"math"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/rotation"
)

// sum is the checksum of a row. It finds what a failing disk did; what an
// attacker did is found by the audit's MAC and by the sealed values' own.
func sum(numbers []int64, texts ...string) int64 {
	var crc uint32
	var b [8]byte
	number := func(n int64) {
		for i := range b {
			b[i] = byte(n >> (8 * i))
		}
		crc = crc32.Update(crc, castagnoli, b[:])
	}
	for _, n := range numbers {
		number(n)
	}
	for _, t := range texts {
		number(int64(len(t)))
		crc = crc32.Update(crc, castagnoli, []byte(t))
	}
	return int64(crc)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode is done by each caller before it queues: only what depends on the chain
// is left to the one who writes for all. Numbers are columns.
func encode(events []rotation.Event) (clean []rotation.Event, bodies []string, err error) {
	clean, bodies = make([]rotation.Event, len(events)), make([]string, len(events))
	for i, e := range events {
		e = e.Clone()
		if e.Spawn != nil {
			*e.Spawn = e.Spawn.Born()
		}
		e.Seq = 0
		clean[i] = e
		body, failed := json.Marshal(&clean[i])
		if failed != nil && err == nil {
			err = fault.Wrap(fault.BadConfig, "state: encode event", failed)
		}
		bodies[i] = string(body)
	}
	return clean, bodies, err
}

func parseEvent(rec, seq int64, body string, want int64) (rotation.Event, error) {
	var e rotation.Event
	if sum([]int64{rec, seq}, body) != want || json.Unmarshal([]byte(body), &e) != nil {
		return e, damaged("read an event", "checksum")
	}
	e.Seq = int(seq)
	return e.Clone(), nil
}

// head is a record's row.
type head struct {
	no  int64
	rec rotation.Record
	// body is the record as it was born, and as it stands in its row.
	body string
	// last is the highest event number; only the writer knows it.
	last int
}

const headColumns = `no, id, kind, credential, status, undoing, wake, body, sum`

// headRow are the columns of headColumns.
type headRow struct {
	no                          int64
	id, kind, credential, state string
	undoing                     int64
	wake, body                  string
	sum                         int64
}

func (r *headRow) fields() []any {
	return []any{&r.no, &r.id, &r.kind, &r.credential, &r.state, &r.undoing, &r.wake, &r.body, &r.sum}
}

func (r *headRow) want() int64 {
	return sum([]int64{r.no, r.undoing}, r.id, r.kind, r.credential, r.state, r.wake, r.body)
}

func (r *headRow) parse() (head, error) {
	h := head{no: r.no, body: r.body}
	if r.want() != r.sum || json.Unmarshal([]byte(r.body), &h.rec) != nil {
		return h, damaged("read a record", "checksum")
	}
	h.rec.Status, h.rec.Undoing, h.rec.Wake = rotation.Status(r.state), r.undoing != 0, nil
	if r.wake != "" {
		h.rec.Wake = new(rotation.Wait)
		if err := json.Unmarshal([]byte(r.wake), h.rec.Wake); err != nil {
			return h, damaged("read a record", "its wait")
		}
	}
	h.rec = h.rec.Clone()
	return h, nil
}

func (h *head) row(body string) (headRow, error) {
	r := headRow{no: h.no, id: h.rec.ID, kind: string(h.rec.Kind), credential: h.rec.Credential,
		state: string(h.rec.Status), body: body}
	if h.rec.Undoing {
		r.undoing = 1
	}
	if h.rec.Wake != nil {
		wake, err := json.Marshal(h.rec.Wake)
		if err != nil {
			return r, fault.Wrap(fault.BadConfig, "state: encode a wait", err)
		}
		r.wake = string(wake)
	}
	r.sum = r.want()
	return r, nil
}

// until gives the columns by which waiting records are found: nil, nil, nil if
// the record does not wait.
func until(r rotation.Record) (boot, bootUntil, wallUntil any) {
	w := r.Wake
	if r.Status != rotation.Waiting || w == nil {
		return nil, nil, nil
	}
	return w.Since.BootID, micros(add(w.Since.Boot, w.Next())), w.Since.Wall.Add(w.Next()).UnixMicro()
}

// add does not overflow.
func add(a, b time.Duration) time.Duration {
	if a > 0 && b > math.MaxInt64-a {
		return math.MaxInt64
	}
	return a + b
}

// micros rounds down.
func micros(d time.Duration) int64 {
	n := int64(d) / 1000
	if d < 0 && int64(d)%1000 != 0 {
		n--
	}
	return n
}

// owner is a credential's row.
type owner struct {
	name       string
	fence      rotation.Fence
	rotated    time.Time
	last       rotation.Status
	rolledBack int
}

const ownerColumns = `name, fence, rotated, last_status, rolled_back, sum`

type ownerRow struct {
	name, rotated, last    string
	fence, rolledBack, sum int64
}

func (r *ownerRow) fields() []any {
	return []any{&r.name, &r.fence, &r.rotated, &r.last, &r.rolledBack, &r.sum}
}

func (r *ownerRow) want() int64 {
	return sum([]int64{r.fence, r.rolledBack}, r.name, r.rotated, r.last)
}

func (r *ownerRow) parse() (owner, error) {
	o := owner{name: r.name, fence: rotation.Fence(r.fence), last: rotation.Status(r.last), rolledBack: int(r.rolledBack)}
	if r.want() != r.sum {
		return o, damaged("read a credential", "checksum")
	}
	if r.rotated != "" {
		t, err := time.Parse(time.RFC3339Nano, r.rotated)
		if err != nil {
			return o, damaged("read a credential", "a time")
		}
		o.rotated = t.UTC()
	}
	return o, nil
}

func (o owner) row() ownerRow {
	r := ownerRow{name: o.name, fence: int64(o.fence), last: string(o.last), rolledBack: int64(o.rolledBack)}
	if !o.rotated.IsZero() {
		r.rotated = o.rotated.UTC().Format(time.RFC3339Nano)
	}
	r.sum = r.want()
	return r
}

func (o owner) credential() rotation.Credential {
	return rotation.Credential{Name: o.name, Fence: o.fence, Rotated: o.rotated, LastStatus: o.last, RolledBack: o.rolledBack}
}

// with takes what changed in c.
func (o owner) with(c rotation.Credential) owner {
	o.rotated, o.last, o.rolledBack = c.Rotated, c.LastStatus, c.RolledBack
	return o
}

func generationSum(credential string, n int64, life, body string) int64 {
	return sum([]int64{n}, credential, life, body)
}

func parseGeneration(credential string, n int64, life, body string, want int64) (rotation.Generation, error) {
	var g rotation.Generation
	if generationSum(credential, n, life, body) != want || json.Unmarshal([]byte(body), &g) != nil {
		return g, damaged("read a generation", "checksum")
	}
	return g.Clone(), nil
}

func sealedSum(credential string, generation int64, slot string, blob []byte) int64 {
	return sum([]int64{generation}, credential, slot, string(blob))
}
