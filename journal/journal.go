// Package journal is the room of durable memory: records and their events,
// generations, sealed values and the audit chain, all of which change together
// or not at all. The exam in journal/journaltest tells whether an implementation
// keeps the contract.
//
// What surprises: a write is refused unless it carries the credential's present
// fence, so a worker that slept through a takeover can only fail.
package journal

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/rotation"
)

var (
	// ErrFenced: somebody took the credential over; nothing was written. Load
	// again before doing anything.
	ErrFenced = errors.New("journal: the credential was taken over")
	// ErrOpen: the credential has an open rotation already.
	ErrOpen = errors.New("journal: a rotation of this credential is open")
	// ErrNotFound: no such record, credential or sealed value.
	ErrNotFound = errors.New("journal: not found")
	// ErrDamaged: what was read cannot be right (checksum, schema from the
	// future, a broken row). Nothing is guessed.
	ErrDamaged = errors.New("journal: damaged")
)

// Journal is safe for concurrent use, and several processes may share one. When
// a method returns nil the change is on the disk; when it returns an error that
// wraps fault.Unknown the change may or may not be.
type Journal interface {
	// Create begins a record with its first events and raises the credential's
	// fence. A second open rotation of a credential is ErrOpen. Unknown
	// credentials come into being.
	Create(ctx context.Context, r rotation.Record, events ...rotation.Event) (rotation.Fence, error)
	// Take raises the fence: called once by whoever begins to work on a
	// credential, and by an emergency to stop whoever does.
	Take(ctx context.Context, credential string) (rotation.Fence, error)
	// Fence is the present one: read before each outside effect.
	Fence(ctx context.Context, credential string) (rotation.Fence, error)
	// Append adds events to a record in one transaction, with everything that
	// they carry (generations, sealed values, a spawned record, status) and one
	// audit entry for each event.
	Append(ctx context.Context, id string, f rotation.Fence, events ...rotation.Event) error
	// Load gives a record as its last event left it, and its events in order.
	Load(ctx context.Context, id string) (rotation.Record, []rotation.Event, error)
	// Credential gives what is known of one; an unknown name is an empty
	// Credential, not an error.
	Credential(ctx context.Context, name string) (rotation.Credential, error)
	// Credentials lists all, by name.
	Credentials(ctx context.Context) ([]rotation.Credential, error)
	// Sealed reads a sealed blob.
	Sealed(ctx context.Context, credential string, generation int, slot string) ([]byte, error)
	// Due lists unfinished records that can be advanced now: running ones and
	// those whose wait is ripe. Asking and stuck ones are not due. next is the
	// time until another becomes due, 0 if none is waiting.
	Due(ctx context.Context, now rotation.Instant) (due []rotation.Record, next time.Duration, err error)
	// Unfinished lists all records that are not over, oldest first.
	Unfinished(ctx context.Context) ([]rotation.Record, error)
	// History lists a credential's records, newest first; "" means all
	// credentials, limit 0 means all records.
	History(ctx context.Context, credential string, limit int) ([]rotation.Record, error)

	// Note adds an audit entry that belongs to no record (recover, config
	// trust). No audit, no effect: call it before the effect.
	Note(ctx context.Context, e audit.Entry) error
	// Audit yields the chain from sequence number from (first is 1).
	Audit(ctx context.Context, from int64) iter.Seq2[audit.Entry, error]
	// AuditHead is the last entry's sequence number and MAC.
	AuditHead(ctx context.Context) (audit.Head, error)

	// Installation names this state: the id is made once; the epoch rises when
	// a backup is restored.
	Installation(ctx context.Context) (Installation, error)
	// Changed fires (without blocking the writer) after this process or another
	// one sharing the journal made a record due.
	Changed() <-chan struct{}
	Close() error
}

// Reserve is implemented by journals on a disk that may fill up.
type Reserve interface {
	// Ballast is nil if disk space is in reserve that lets records under way finish
	// on a full disk; it is put back first if there is room again.
	Ballast() error
}

// Installation is written into every label.
type Installation struct {
	ID    string // six of [a-z0-9]
	Epoch int
}
