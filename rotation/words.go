// Package rotation is the pure centre of Rotor: the words, the one place with an
// order of steps (Plan), the events of a run and what they add up to (State).
// No I/O, no clock, nothing of ours imported. Read it first.
//
// What surprises: a rotation never revokes. It ends when the new generation is
// proven and presented; the old generation's end is a record of its own, a
// retirement, with its own plan, so that a consumer that never restarts does
// not block the next rotation.
package rotation

// Strategy says whether two values of a credential can live at once.
type Strategy string

const (
	Overlap   Strategy = "overlap"   // the provider holds both for a time
	Alternate Strategy = "alternate" // two accounts taking turns
	InPlace   Strategy = "in-place"  // the new value replaces the old at once
)

// Minter says who makes the value up.
type Minter string

const (
	ByProvider Minter = "provider"
	ByRotor    Minter = "rotor"
	ByPerson   Minter = "person"
)

// Mode says why a rotation runs.
type Mode string

const (
	Scheduled Mode = "scheduled"
	Manual    Mode = "manual"
	Emergency Mode = "emergency" // revoke without grace; red checks are reported, not obeyed
	Drill     Mode = "drill"     // everything up to verify, then the new value is retired
	Adopt     Mode = "adopt"     // nothing is rotated: a value from before Rotor is taken over
)

// Step is one kind of action.
type Step string

const (
	Approve   Step = "approve"   // wait for a person's yes
	Preflight Step = "preflight" // everything that can fail without effect
	Ask       Step = "ask"       // wait for a value from a person
	Await     Step = "await"     // wait for the end of an earlier generation
	Hold      Step = "hold"      // consumers that must stand still around an in-place change
	Generate  Step = "generate"
	Publish   Step = "publish" // one part for each store path
	Deploy    Step = "deploy"  // one part for each unit
	Release   Step = "release"
	Verify    Step = "verify"
	Monitor   Step = "monitor"
	Finish    Step = "finish" // flip: pending becomes current, current becomes previous

	Grace    Step = "grace"
	Evidence Step = "evidence" // every unit confirmed, usage silent
	Revoke   Step = "revoke"
	Prove    Step = "prove" // the provider refuses the old value
	Sweep    Step = "sweep" // values of ours that arrived late
	Erase    Step = "erase" // old store revisions

	Reshape Step = "reshape" // adopt: what the provider needs before the value can be rotated

	Recheck Step = "recheck" // rollback: the old value is proven alive first
)

// Phase tells the occurrences of a step apart.
type Phase string

const (
	Before Phase = "before" // waits for people; nothing has happened yet
	Accept Phase = "accept" // acceptors take the new value beside the old one
	Switch Phase = "switch" // consumers move to it
	Retire Phase = "retire" // the old one goes
	Undo   Phase = "undo"   // rollback
)

// Action is one entry of a plan.
type Action struct {
	Step  Step  `json:"step"`
	Phase Phase `json:"phase"`
}

func (a Action) String() string { return string(a.Step) + "/" + string(a.Phase) }

// HasEffect says whether the action changes anything outside Rotor: such an
// action needs a durable intent before it and is rechecked against the fence.
func (a Action) HasEffect() bool {
	switch a.Step {
	case Hold, Generate, Reshape, Publish, Deploy, Release, Revoke, Sweep, Erase:
		return true
	}
	return false
}

// Outcome is what came of an intent.
type Outcome string

const (
	OK      Outcome = "ok"
	Refused Outcome = "refused" // proven not applied
	Unclear Outcome = "unknown" // may have been applied
)

// Life is where a generation stands.
type Life string

const (
	Pending  Life = "pending"
	Current  Life = "current"
	Previous Life = "previous"
	Dead     Life = "dead" // refused by the provider, or replaced: see Generation.Proof
)

// Handle is the provider's non-secret id of one value. ID is immutable and never
// reused; Slot names the account where accounts are reused (alternate).
type Handle struct {
	ID   string `json:"id,omitempty"`
	Slot string `json:"slot,omitempty"`
}

// IsZero says whether the provider gave no handle.
func (h Handle) IsZero() bool { return h == Handle{} }

// Shares says whether revoking h would also hit o: same id, or same slot.
func (h Handle) Shares(o Handle) bool {
	return h.ID != "" && h.ID == o.ID || h.Slot != "" && h.Slot == o.Slot
}

func (h Handle) String() string {
	if h.Slot != "" {
		return h.Slot
	}
	return h.ID
}
