// Package consumer is the room of those who present a value: compose services,
// processes that take a signal, commands. deploy = make it take the new value;
// confirm = prove that it runs with it.
//
// What surprises: deploy and confirm are separate, because a command that says
// "restarted" proves nothing (docker compose restart keeps the old environment).
package consumer

import (
	"context"
	"io"
	"time"

	"github.com/agenticverz/rotor/secret"
)

// Consumer is deployed unit by unit; the first unit is the canary.
type Consumer interface {
	// Units lists the parts in the order of deployment. A unit's name must be
	// enough for Deploy after a crash in another process (replicas carry their
	// old container's id in it).
	Units(ctx context.Context) ([]string, error)
	// Deploy makes the unit take the change and waits until it is healthy, or
	// fails. Calling again for a unit that was deployed is harmless.
	// fault.Rejected: the unit does not come up with this value.
	Deploy(ctx context.Context, unit string, c Change) error
	// Confirm looks, without effect, whether the unit runs with the change.
	Confirm(ctx context.Context, unit string, c Change) (Proof, error)
}

// Change is what a unit must take.
type Change struct {
	Credential  string
	Generation  int
	Values      secret.Set // the targets' keys and texts as they now stand in the stores
	Old         secret.Set // the same keys before the change, empty texts where unknown; and keys that the change takes away
	Fingerprint string     // of the new value; may be shown
	Fields      secret.Set // the value's own fields, for acceptors alone: what they check is used, or derived, elsewhere (PgBouncer must see one login for a SCRAM secret)
}

// Proof is what Confirm can say.
type Proof string

const (
	Proven     Proof = "proven"
	NotYet     Proof = "not yet" // proven to run with something else
	CannotTell Proof = "cannot tell"
)

// Preflighter asks, without effect, whether Deploy can work: the compose file
// parses, variables are set, services run and are healthy.
type Preflighter interface {
	Preflight(ctx context.Context) error
}

// Holder makes a consumer stand still around an in-place change. Release always
// runs, after a crash too, and is nil when nothing is held.
type Holder interface {
	Hold(ctx context.Context) error
	Release(ctx context.Context) error
}

// Watcher is implemented by acceptors that see who comes through them (PgBouncer:
// SHOW CLIENTS).
type Watcher interface {
	// Present looks, without effect, who presents the values of old at this unit now.
	Present(ctx context.Context, unit string, old Change) (Presence, error)
}

// Presence is who was seen.
type Presence struct {
	Blind bool     // it cannot tell: the rest means nothing
	Who   []string // one line each, for people; nobody is evidence
	Idle  []string // sessions that the unit keeps open at the provider while nobody uses them, by the provider's ids (provider.Session)
}

// LogSource gives a consumer's log lines since a time, one a line; the caller
// closes it.
type LogSource interface {
	Logs(ctx context.Context, since time.Time) (io.ReadCloser, error)
}

// Outage is implemented by consumers whose deployment cannot be without a
// window; the words are shown by plan. "" = no window.
type Outage interface {
	Outage(ctx context.Context) string
}
