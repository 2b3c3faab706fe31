// Package provider is the room of those who issue and revoke values. A provider
// implements four methods; every further ability is an optional interface, asked for
// with As. The exam in provider/providertest tells whether it keeps the contract.
//
// What surprises: a provider never retries, never sleeps and keeps no state
// between calls. The engine does all three, because only it has the journal.
package provider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Provider issues and revokes the values of one credential. All methods may be
// called again after a crash with the same arguments, from another process.
// Errors carry a fault.Kind; never a body, a header, a query or a value.
type Provider interface {
	Traits() Traits
	// Issue brings req's value to life. Minter rotor: req.Values is what Make
	// returned and was sealed before; calling again with the same Values must
	// have the same result (idempotent). Minter provider: each call may mint
	// another value, so the engine calls it once for each journalled attempt;
	// req.Label must be written on the value so that Find sees it. Minter person:
	// req.Values is what the person supplied; Issue has no effect and only reads its
	// handle. It is asked when the value is supplied, so that a wrong paste is refused
	// at once (fault.Rejected), and again later.
	Issue(ctx context.Context, req Request) (Issued, error)
	// Verify uses the value for real on a fresh connection, with the rights it
	// must have. nil: works. fault.Rejected: proven not to work. Within
	// Traits.Settle after Issue the engine repeats a Rejected.
	Verify(ctx context.Context, v Issued) error
	// Revoke ends the value of handle, by immutable id. Already gone is nil, if the
	// vendor itself says so: a 404 of something in between proves nothing.
	Revoke(ctx context.Context, h rotation.Handle) error
}

// Traits are fixed facts about a configured provider.
type Traits struct {
	Name     string            // "postgres"
	Strategy rotation.Strategy // as configured
	Minter   rotation.Minter
	Fields   []Field       // what a value consists of; the first secret field is the default of a target
	Settle   time.Duration // how long a new or revoked value may still behave as before
	// Steady is how long a new value must go on passing Verify before it counts: a
	// vendor with many front ends may know it at one of them first. 0: once is enough.
	Steady   time.Duration
	InFlight time.Duration // longest time after which a request whose answer was lost may still take effect
	Quota    int           // live values the provider holds at most; 0 = no limit known
	// Expires: every value ends by itself so long after it was made; 0 = never. A
	// provider whose values do may do without Find and Reveal: what a lost answer
	// left behind is waited for.
	Expires time.Duration
	// Lingers (strategy overlap): once a new value is made, the old one ends by itself
	// so long after, whatever becomes of the new one. Nobody can stop that or hasten it,
	// so there is no way back from a rotation, the old value is not revoked, and grace
	// is as long as this at least. 0: the old value lives until it is revoked.
	Lingers time.Duration
	// Shared: others make values in the account that List lists. What the journal does
	// not explain is then never revoked: a person is asked.
	Shared bool
	// NoIssuer: nobody outside refuses a value (provider generated); the old
	// value can be put back even in place, and its death cannot be proven.
	NoIssuer bool
	// Outage says in words what cannot be avoided ("" if nothing): shown by plan.
	Outage string
}

// Field describes one field of a value.
type Field struct {
	Name   string
	Secret bool
}

// Request asks for a new value.
type Request struct {
	Label      string          // at most 50 of [a-z0-9-]
	Generation int             // the new value's number
	Current    rotation.Handle // the live value; zero if there is none or it is unknown
	Values     secret.Set      // see Issue; for Make: the current value, may be nil
	// Old is the current value: for Preflight, and for a login that changes itself in
	// place; nil if unknown.
	Old secret.Set
}

// Issued is a live value.
type Issued struct {
	Handle   rotation.Handle
	Values   secret.Set
	NotAfter time.Time // when it expires by itself; zero = never
	// Created is when it was made, as the vendor dates it; zero = not known. A person's
	// value that is too old is refused.
	Created time.Time
}

// Maker is required of providers with Minter rotor: it makes a candidate value
// without any outside effect. The engine seals it before Issue sees it.
type Maker interface {
	Make(ctx context.Context, req Request) (secret.Set, error)
}

// Preflighter asks, without effect, whether Issue and Revoke can work: the
// management login, its rights, the quota, the name of the next account.
type Preflighter interface {
	Preflight(ctx context.Context, req Request) error
}

// Found is a live value at the provider that carries our label, or (from a Lister)
// any one.
type Found struct {
	Handle  rotation.Handle
	Label   string
	Created time.Time
}

// Finder lists live values by label prefix, all pages. Required of minter
// provider unless it is a Revealer or a Lister.
type Finder interface {
	Find(ctx context.Context, labelPrefix string) ([]Found, error)
}

// Lister stands in for Finder where values bear no name that a label could be written
// on: it lists all live values of the account, strangers' too, all pages; Label is
// "". The engine journals what is there before each try. What a lost answer left is
// what is there besides and no generation's: it is revoked, unless Traits.Shared.
type Lister interface {
	List(ctx context.Context) ([]Found, error)
}

// Revealer reads a live value again by its handle; a zero handle means the
// single value there is. fault.Rejected: it cannot be shown; the engine makes
// another.
type Revealer interface {
	Reveal(ctx context.Context, h rotation.Handle) (Issued, error)
}

// ValueRevoker ends a value by presenting it, where there is no id to name it by:
// whoever has it may end it. It is asked instead of Revoke whenever the value is
// known. Already gone is nil.
type ValueRevoker interface {
	RevokeValue(ctx context.Context, v Issued) error
}

// Keyholder says with which secrets Rotor enters at this moment, where one may be a value
// of the very kind that is rotated. The engine does not end that one: nothing could be made
// or ended any more without it.
type Keyholder interface {
	Keys(ctx context.Context) (secret.Set, error)
}

// ErrRefused: the other side recognised the value and refused it. Wrapped in the fault of
// Identify, so that nobody needs to try it once more: refused logins lock accounts.
var ErrRefused = errors.New("the value is refused")

// Identifier names the handle of a value that is already in use; used to adopt.
// Nothing is changed. A value it does not know is fault.Rejected; with ErrRefused in it
// if that was found out by trying the value.
type Identifier interface {
	Identify(ctx context.Context, values secret.Set) (rotation.Handle, error)
}

// Adoption is rotation's: the journal keeps it.
type Adoption = rotation.Adoption

// Adopter reshapes what existed before Rotor: a login that owns objects becomes
// one of several under an owner role. The value goes on working throughout.
type Adopter interface {
	// PlanAdoption looks, without effect.
	PlanAdoption(ctx context.Context, values secret.Set) (Adoption, error)
	// Adopt does what was shown. If it would now have to do anything else, it does
	// nothing and returns fault.Rejected. Idempotent: after a crash in the middle
	// it finishes.
	Adopt(ctx context.Context, values secret.Set, shown Adoption) error
	// Unadopt undoes an adoption while the value still lives. Idempotent.
	Unadopt(ctx context.Context, values secret.Set, done Adoption) error
}

// Liveness is what a probe saw.
type Liveness string

const (
	Alive      Liveness = "alive"
	Restricted Liveness = "restricted" // alive, but lacks a right
	Refused    Liveness = "dead"       // positively recognised and refused
	Expired    Liveness = "expired"
	NotKnown   Liveness = "unknown" // anything else, network errors included
)

// Judged is the verdict of Verify on what a probe saw: nil for a value that works.
// One that is alive and lacks a right is refused, for Verify is about these rights.
// What nobody recognised refuses nothing: a 400 may be a proxy's.
func Judged(op string, live Liveness, err error) error {
	switch live {
	case Alive:
		return nil
	case Refused, Expired:
		return fault.Wrap(fault.Rejected, op, fmt.Errorf("%w (%s)", ErrRefused, live))
	case Restricted:
		return fault.New(fault.Rejected, "%s: the value works and lacks a right", op).
			WithHint("give new values the rights that the old one has")
	}
	if err == nil {
		return fault.New(fault.Unknown, "%s: no clear answer", op)
	}
	if fault.KindOf(err) == fault.Rejected {
		return fault.Wrap(fault.Unknown, op+": no clear answer", err)
	}
	return err
}

// Prober tries a value on a fresh connection. Only a positive match of the
// provider's refusal may say Refused; an error of any other sort is NotKnown.
type Prober interface {
	Probe(ctx context.Context, v Issued) (Liveness, error)
}

// Usage is what the provider knows of a value's use.
type Usage struct {
	Known    bool
	LastUsed time.Time // zero = never, or not reported
	Active   int       // sessions open now
	Sessions []Session // each of them, where the provider can tell them apart
	Who      []string  // who uses it, in the provider's words: addresses, application names; no values
}

// Session is one login that is open now.
type Session struct {
	ID  string // as others who look at the provider name it, such as a process id
	Who string // as in Usage.Who
}

// UsageReporter reports use without counting as use.
type UsageReporter interface {
	Usage(ctx context.Context, h rotation.Handle) (Usage, error)
}

// Guide tells a person what to do where there is no API.
type Guide interface {
	Instructions(step rotation.Step, req Request) string
}

// Noter says, without effect, what a person should know before a rotation: what
// else has the value, what it will cost.
type Noter interface {
	Notes(ctx context.Context, req Request) ([]string, error)
}

// Clock is the provider's own clock, an outside witness for grace periods.
type Clock interface {
	Now(ctx context.Context) (time.Time, error)
}
