// Package memory is a journal in memory, for tests and the fault simulator. It
// keeps the whole contract but durability, and nothing it is given or gives out
// shares memory with what it holds.
//
// What surprises: with a nil MAC the audit entries are numbered but not keyed.
// That leaves out the only costly part of an append.
package memory

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/rotation"
)

// Journal implements journal.Journal.
type Journal struct {
	mac     audit.MAC
	changed chan struct{}

	mu     sync.Mutex
	state  state
	closed bool
}

var _ journal.Journal = (*Journal)(nil)

// New makes an empty journal. mac may be nil: see the package comment.
func New(mac audit.MAC, installationID string) *Journal {
	return &Journal{
		mac:     mac,
		changed: make(chan struct{}, 1),
		state: state{
			installation: journal.Installation{ID: installationID, Epoch: 1},
			credentials:  map[string]*credential{},
			records:      map[string]*record{},
		},
	}
}

// Create implements journal.Journal.
func (j *Journal) Create(ctx context.Context, r rotation.Record, events ...rotation.Event) (rotation.Fence, error) {
	r = r.Born().Clone()
	if err := journal.CheckRecord(r); err != nil {
		return 0, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.usable(ctx); err != nil {
		return 0, err
	}
	s := &j.state
	if s.records[r.ID] != nil {
		return 0, fault.New(fault.BadConfig, "journal: record %s exists", r.ID)
	}
	if c := s.credentials[r.Credential]; c != nil && r.Kind == rotation.KindRotation && !r.Status.Over() && c.open != "" {
		return 0, fault.Wrap(fault.Rejected, "create "+r.ID, journal.ErrOpen)
	}
	w := writing{record: &record{head: r}, isNew: true}
	if err := j.prepare(&w, events); err != nil {
		return 0, err
	}
	c := s.credential(r.Credential)
	c.Fence++
	j.apply(&w)
	return c.Fence, nil
}

// Append implements journal.Journal.
func (j *Journal) Append(ctx context.Context, id string, f rotation.Fence, events ...rotation.Event) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.usable(ctx); err != nil {
		return err
	}
	r := j.state.records[id]
	if r == nil {
		return fault.Wrap(fault.Rejected, "append to "+id, journal.ErrNotFound)
	}
	if j.state.credentials[r.head.Credential].Fence != f && !seeded.Bug("late-write") {
		return fault.Wrap(fault.Rejected, "append to "+id, journal.ErrFenced)
	}
	w := writing{record: r}
	if err := j.prepare(&w, events); err != nil {
		return err
	}
	j.apply(&w)
	return nil
}

// Take implements journal.Journal.
func (j *Journal) Take(ctx context.Context, credential string) (rotation.Fence, error) {
	return j.fence(ctx, credential, 1)
}

// Fence implements journal.Journal.
func (j *Journal) Fence(ctx context.Context, credential string) (rotation.Fence, error) {
	return j.fence(ctx, credential, 0)
}

func (j *Journal) fence(ctx context.Context, credential string, raise rotation.Fence) (rotation.Fence, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.usable(ctx); err != nil {
		return 0, err
	}
	c := j.state.credentials[credential]
	if c == nil {
		return 0, fault.Wrap(fault.Rejected, "fence of "+credential, journal.ErrNotFound)
	}
	c.Fence += raise
	return c.Fence, nil
}

// Load implements journal.Journal.
func (j *Journal) Load(ctx context.Context, id string) (rotation.Record, []rotation.Event, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.usable(ctx); err != nil {
		return rotation.Record{}, nil, err
	}
	r := j.state.records[id]
	if r == nil {
		return rotation.Record{}, nil, fault.Wrap(fault.Rejected, "load "+id, journal.ErrNotFound)
	}
	events := make([]rotation.Event, len(r.events))
	for i, e := range r.events {
		events[i] = e.Clone()
	}
	return r.head.Clone(), events, nil
}

// Credential implements journal.Journal.
func (j *Journal) Credential(ctx context.Context, name string) (rotation.Credential, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.usable(ctx); err != nil {
		return rotation.Credential{}, err
	}
	return j.state.view(name), nil
}

// Credentials implements journal.Journal.
func (j *Journal) Credentials(ctx context.Context) ([]rotation.Credential, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.usable(ctx); err != nil {
		return nil, err
	}
	var out []rotation.Credential
	for name := range j.state.credentials {
		out = append(out, j.state.view(name))
	}
	slices.SortFunc(out, func(a, b rotation.Credential) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// Sealed implements journal.Journal.
func (j *Journal) Sealed(ctx context.Context, credential string, generation int, slot string) ([]byte, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.usable(ctx); err != nil {
		return nil, err
	}
	if c := j.state.credentials[credential]; c != nil {
		if blob, ok := c.sealed[place{generation, slot}]; ok {
			return bytes.Clone(blob), nil
		}
	}
	return nil, fault.Wrap(fault.Rejected, "sealed value of "+credential, journal.ErrNotFound)
}

// Due implements journal.Journal.
func (j *Journal) Due(ctx context.Context, now rotation.Instant) ([]rotation.Record, time.Duration, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.usable(ctx); err != nil {
		return nil, 0, err
	}
	var due []rotation.Record
	var next time.Duration
	for _, r := range j.state.open {
		is, left := r.head.Due(now)
		if is {
			due = append(due, r.head.Clone())
		} else if left > 0 && (next == 0 || left < next) {
			next = left
		}
	}
	return due, next, nil
}

// Unfinished implements journal.Journal.
func (j *Journal) Unfinished(ctx context.Context) ([]rotation.Record, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.usable(ctx); err != nil {
		return nil, err
	}
	return heads(j.state.open), nil
}

// History implements journal.Journal.
func (j *Journal) History(ctx context.Context, credential string, limit int) ([]rotation.Record, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.usable(ctx); err != nil {
		return nil, err
	}
	var out []rotation.Record
	for _, r := range slices.Backward(j.state.all) {
		if credential == "" || r.head.Credential == credential {
			out = append(out, r.head.Clone())
		}
		if limit > 0 && len(out) == limit {
			break
		}
	}
	return out, nil
}

// Note implements journal.Journal.
func (j *Journal) Note(ctx context.Context, e audit.Entry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.usable(ctx); err != nil {
		return err
	}
	e, head, err := j.next(j.state.head, e)
	if err != nil {
		return fault.Wrap(fault.NeedsPerson, "journal: audit key", err)
	}
	j.state.audit = append(j.state.audit, e)
	j.state.head = head
	return nil
}

// Audit implements journal.Journal. It yields the chain as it is when the loop
// begins; the loop may use the journal.
func (j *Journal) Audit(ctx context.Context, from int64) iter.Seq2[audit.Entry, error] {
	return func(yield func(audit.Entry, error) bool) {
		j.mu.Lock()
		err := j.usable(ctx)
		chain := j.state.audit[:len(j.state.audit):len(j.state.audit)]
		j.mu.Unlock()
		if err != nil {
			yield(audit.Entry{}, err)
			return
		}
		for _, e := range chain[min(max(from-1, 0), int64(len(chain))):] {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// AuditHead implements journal.Journal.
func (j *Journal) AuditHead(ctx context.Context) (audit.Head, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.usable(ctx); err != nil {
		return audit.Head{}, err
	}
	return j.state.head, nil
}

// Installation implements journal.Journal.
func (j *Journal) Installation(ctx context.Context) (journal.Installation, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.state.installation, j.usable(ctx)
}

// Changed implements journal.Journal.
func (j *Journal) Changed() <-chan struct{} { return j.changed }

// Close implements journal.Journal.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	return nil
}

// usable is called with mu held.
func (j *Journal) usable(ctx context.Context) error {
	if j.closed {
		return fault.New(fault.Transient, "journal: closed")
	}
	return fault.Wrap(fault.Transient, "journal: not asked", ctx.Err())
}
