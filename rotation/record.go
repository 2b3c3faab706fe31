package rotation

import "time"

// Kind tells the two sorts of record apart. Both are advanced the same way.
type Kind string

const (
	KindRotation   Kind = "rotation"
	KindRetirement Kind = "retirement"
)

// Record is the durable head of a rotation or a retirement; its events say the
// rest. What a record needs of the policy is fixed here when it is created, so
// that a changed rotor.yaml never changes a run under way.
type Record struct {
	ID         string        `json:"id"`
	Kind       Kind          `json:"kind"`
	Credential string        `json:"credential"`
	Generation int           `json:"generation"` // rotation: the new one; retirement: the one that ends
	From       int           `json:"from"`       // rotation: the one it replaces; 0 is the value from before Rotor
	Mode       Mode          `json:"mode"`
	Strategy   Strategy      `json:"strategy"`
	Minter     Minter        `json:"minter"`
	Actor      string        `json:"actor"`
	Reason     string        `json:"reason,omitempty"`
	Created    Instant       `json:"created"`
	Status     Status        `json:"status"`
	Wake       *Wait         `json:"wake,omitempty"` // set while Status is Waiting
	Live       Live          `json:"live"`
	Window     time.Duration `json:"window"` // how long to monitor
	Grace      time.Duration `json:"grace"`
	Late       time.Duration `json:"late,omitempty"` // retirement of what was rolled back: how long a request may still arrive; nobody's word shortens that
	Bound      time.Duration `json:"bound"`          // how long evidence may be missing after grace
	AtBound    string        `json:"atBound"`        // "hold" or "revoke"
	Undoing    bool          `json:"undoing,omitempty"`
	Erase      []Erasure     `json:"erase,omitempty"`    // retirement: store revisions that hold the value
	Units      []Unit        `json:"units,omitempty"`    // retirement: what must be confirmed off the value
	Drift      bool          `json:"drift,omitempty"`    // a person said that a value changed by hand is right
	Gone       bool          `json:"gone,omitempty"`     // a person said that the present value was ended already, if it is refused
	Reverse    bool          `json:"reverse,omitempty"`  // rotation: goes back from Generation to From during grace
	Adoption   *Adoption     `json:"adoption,omitempty"` // mode adopt: what a person was shown and agreed to
	Undone     bool          `json:"undone,omitempty"`   // retirement: of a generation that was rolled back
}

// Adoption is what must be done at a provider before a value that existed before
// Rotor can be rotated. It is shown to a person, and journalled.
type Adoption struct {
	Steps []string `json:"steps,omitempty"` // in order, as they would be sent (SQL) or in words; no values. None: nothing to do
	Notes []string `json:"notes,omitempty"` // what a person should know: what stays, what it costs
	Undo  []string `json:"undo,omitempty"`  // what taking it back would do, likewise
}

// Status is where a record stands.
type Status string

const (
	Running    Status = "running"
	Waiting    Status = "waiting"      // for a time: see Wake
	Asking     Status = "asking"       // for a person's value or yes
	Stuck      Status = "needs-person" // nothing is tried until a person says so
	Done       Status = "done"         // retirement: dead
	RolledBack Status = "rolled-back"
	Failed     Status = "failed" // ended with nothing changed
	Abandoned  Status = "abandoned"
)

// Over says whether nothing more will happen.
func (s Status) Over() bool {
	return s == Done || s == RolledBack || s == Failed || s == Abandoned
}

// Generation is one value's life.
type Generation struct {
	Credential  string    `json:"credential"`
	N           int       `json:"n"`
	Life        Life      `json:"life"`
	Handle      Handle    `json:"handle"`
	Attempt     int       `json:"attempt,omitempty"` // which of its candidates lives: slot "values/ATTEMPT"
	Label       string    `json:"label,omitempty"`
	Fingerprint string    `json:"fingerprint,omitempty"`
	Created     time.Time `json:"created"`
	Ended       time.Time `json:"ended,omitzero"` // when it was found dead
	NotAfter    time.Time `json:"notAfter,omitzero"`
	Proof       string    `json:"proof,omitempty"` // "dead, proven" or "replaced, death not provable"
}

// Credential is what the journal knows of one credential.
type Credential struct {
	Name        string       `json:"name"`
	Fence       Fence        `json:"fence"`
	Generations []Generation `json:"generations"` // ascending
	Open        []Record     `json:"open"`        // unfinished records, oldest first
	Rotated     time.Time    `json:"rotated"`     // when the current generation became current; zero = never
	LastStatus  Status       `json:"lastStatus"`  // of the newest finished rotation
	RolledBack  int          `json:"rolledBack"`  // roll-backs since the last rotation that was done
}

// Latest is the highest number given so far; 0 if none.
func (c Credential) Latest() int {
	if len(c.Generations) == 0 {
		return 0
	}
	return c.Generations[len(c.Generations)-1].N
}

// Get finds a generation.
func (c Credential) Get(n int) (Generation, bool) {
	for _, g := range c.Generations {
		if g.N == n {
			return g, true
		}
	}
	return Generation{}, false
}

// Current is the generation that consumers should present.
func (c Credential) Current() (Generation, bool) {
	for _, g := range c.Generations {
		if g.Life == Current {
			return g, true
		}
	}
	return Generation{}, false
}

// OpenOf lists the unfinished records of a kind.
func (c Credential) OpenOf(k Kind) []Record {
	var out []Record
	for _, r := range c.Open {
		if r.Kind == k {
			out = append(out, r)
		}
	}
	return out
}

// Fence is a number on the credential, +1 at every takeover and wake-up; every
// journal write carries it, and a write with an old one is refused.
type Fence int64
