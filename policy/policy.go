// Package policy says what is due when: schedules, windows, freezes, jitter.
// It is arithmetic only; every function is given the time.
//
// What surprises: jitter is only ever early. A policy of 90 days is a promise
// that no value grows older, so a fleet is spread over the day before the
// limit and never beyond it.
//
// Rotor's packages are public so that the tree can be read; only sdk/ promises
// compatibility.
package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a policy means the same on a machine without zone files
)

// Policy is when, and under which conditions, a credential is rotated. The zero
// Policy never makes anything due. It goes through JSON without loss.
type Policy struct {
	Every    Every         `json:"every"`
	On       []Occasion    `json:"on,omitempty"`
	Zone     Zone          `json:"zone"`              // for calendar words, cron, freezes, and windows without their own
	Windows  []Window      `json:"windows,omitempty"` // when a scheduled rotation may start; none = always
	Freezes  []Freeze      `json:"freezes,omitempty"` // when none may start
	Paused   bool          `json:"paused,omitempty"`  // never due until a person says so
	Approval bool          `json:"approval,omitempty"`
	Spacing  time.Duration `json:"spacing,omitempty"` // least time after the start of a neighbour's rotation
	Monitor  time.Duration `json:"monitor"`           // how long to look at the checks after deploy
	Grace    time.Duration `json:"grace"`             // how long the old value lives on
	Bound    time.Duration `json:"bound"`             // how long evidence may be missing after grace
	AtBound  AtBound       `json:"atBound"`
	Retain   time.Duration `json:"retain"` // how long dead values stay sealed for leak matching
}

// Default is what holds where nothing is said. A day of grace is the runbook's;
// an old value that cannot be proven unused is held, because a person can
// revoke later but nobody can un-revoke.
func Default() Policy {
	return Policy{
		Monitor: 5 * time.Minute, Grace: 24 * time.Hour,
		Bound: 7 * day, AtBound: Hold, Retain: 400 * day,
	}
}

// AtBound says what happens to an old value that cannot be proven unused.
type AtBound string

const (
	Hold   AtBound = "hold"   // wait for a person
	Revoke AtBound = "revoke" // revoke all the same
)

// Occasion is a reason other than time to rotate. Expiry is watched by Rotor;
// the others are told by a person (rotate, emergency) and stand in the policy
// so that an inventory can show them.
type Occasion string

const (
	Compromise     Occasion = "compromise"
	Expiry         Occasion = "expiry"
	ProviderChange Occasion = "provider-change"
	StaffChange    Occasion = "staff-change"
)

// Occasions lists the words for `on`.
func Occasions() []string {
	return []string{string(Compromise), string(Expiry), string(ProviderChange), string(StaffChange)}
}

// Has says whether the policy names the occasion.
func (p Policy) Has(o Occasion) bool { return slices.Contains(p.On, o) }

// Check finds contradictions that no single field shows.
func (p Policy) Check() error {
	// far away every dated freeze is over; what is closed then is closed for ever
	far := time.Date(2400, 3, 1, 0, 0, 0, 0, time.UTC)
	if _, ok := p.Next(far); !ok && !p.Every.IsNever() {
		return fmt.Errorf("windows and freezes together leave no time at which a rotation may start")
	}
	return nil
}

// Zone is a time zone by its IANA name; the zero Zone is UTC.
type Zone struct{ location *time.Location }

// ParseZone loads a zone. "Local" is refused: a policy means the same on every
// machine.
func ParseZone(name string) (Zone, error) {
	if strings.EqualFold(name, "local") || name == "" {
		return Zone{}, fmt.Errorf("a time zone is named like Europe/Berlin or UTC")
	}
	l, err := time.LoadLocation(name)
	if err != nil {
		return Zone{}, fmt.Errorf("no time zone %q; it is named like Europe/Berlin or UTC", name)
	}
	return Zone{l}, nil
}

// Location is never nil.
func (z Zone) Location() *time.Location {
	if z.location == nil {
		return time.UTC
	}
	return z.location
}

// IsZero says whether no zone was given.
func (z Zone) IsZero() bool { return z.location == nil }

func (z Zone) String() string { return z.Location().String() }

// MarshalText gives the name.
func (z Zone) MarshalText() ([]byte, error) { return []byte(z.String()), nil }

// UnmarshalText is ParseZone.
func (z *Zone) UnmarshalText(text []byte) (err error) {
	*z, err = ParseZone(string(text))
	return err
}
