package rotation

import (
	"encoding/json"
	"time"
)

// EventType says what an event records.
type EventType string

const (
	Intent  EventType = "intent"  // about to be done; durable before it is
	Result  EventType = "outcome" // what came of it: see Outcome
	Pause   EventType = "wait"    // until Wake, or until a person acts: see Status
	Input   EventType = "input"   // a person supplied, approved, refused or ordered
	Turn    EventType = "turn"    // from here on the plan is Back's
	Redo    EventType = "redo"    // Action and all after it are to be done again
	Closing EventType = "end"
)

// Event is one journalled fact about a record. It never holds a value; values
// go sealed, in Sealed. Everything in one event, and all events of one append,
// become durable together or not at all, with their audit entries.
type Event struct {
	Seq     int       `json:"seq"` // set by the journal, from 1 within a record
	At      Instant   `json:"at"`
	Type    EventType `json:"type"`
	Action  Action    `json:"action,omitzero"`
	Part    string    `json:"part,omitempty"` // a path "STORE:PATH" or a unit "CONSUMER/UNIT"
	Attempt int       `json:"attempt,omitempty"`
	Outcome Outcome   `json:"outcome,omitempty"`
	Fault   string    `json:"fault,omitempty"` // fault kind of an outcome that is not ok
	Note    string    `json:"note,omitempty"`  // for people
	Actor   string    `json:"actor,omitempty"` // who, if not the record's actor
	Status  Status    `json:"status,omitempty"`
	Wake    *Wait     `json:"wake,omitempty"` // with Status Waiting
	Facts   *Facts    `json:"facts,omitempty"`

	// What changes beside the record, in the same transaction.
	Generations []Generation `json:"generations,omitempty"` // inserted or replaced, by number
	Sealed      []Sealed     `json:"-"`
	Destroy     []Sealed     `json:"-"` // sealed rows to delete (Blob ignored)
	Spawn       *Record      `json:"spawn,omitempty"`
}

// Facts are what later steps need to know of earlier ones.
type Facts struct {
	Label    string                     `json:"label,omitempty"`
	Handle   Handle                     `json:"handle,omitzero"`
	NotAfter time.Time                  `json:"notAfter,omitzero"`
	Paths    []Path                     `json:"paths,omitempty"`
	Units    []Unit                     `json:"units,omitempty"`
	Samples  map[string]json.RawMessage `json:"samples,omitempty"` // baseline by check
	Revision string                     `json:"revision,omitempty"`
	Before   string                     `json:"before,omitempty"` // revision that a publish replaces
	Proof    string                     `json:"proof,omitempty"`
	Order    Order                      `json:"order,omitempty"`   // of an Input
	Started  *Instant                   `json:"started,omitempty"` // monitor: when the window began
	Fails    int                        `json:"fails,omitempty"`   // monitor: bad samples in a row
	InUse    []string                   `json:"inUse,omitempty"`   // retirement: who was seen with the old value
	Longer   bool                       `json:"longer,omitempty"`  // monitor: the second window, after an unknown
	Shown    string                     `json:"shown,omitempty"`   // generate: keyed fingerprint of the value that the provider showed before the try
	Present  []string                   `json:"present,omitempty"` // generate: ids in the account before the try, where values bear no names
}

// Path is one store path that a rotation writes, fixed at preflight.
type Path struct {
	Phase Phase  `json:"phase"` // Accept or Switch
	Name  string `json:"name"`  // "STORE:PATH"
}

// Unit is one unit to deploy, fixed at preflight.
type Unit struct {
	Phase Phase  `json:"phase"`
	Name  string `json:"name"` // "CONSUMER/UNIT"
}

// Erasure says that revisions of a path up to one hold a value that ends.
type Erasure struct {
	Name string `json:"name"`
	UpTo string `json:"upTo"`
}

// Sealed is an encrypted blob kept beside the events.
type Sealed struct {
	Generation int
	Slot       string // "values", "input", "before:STORE:PATH"
	Blob       []byte
}

// Order is what a person can tell a record.
type Order string

const (
	OrderSupply   Order = "supply" // a value; sealed in slot "input"
	OrderApprove  Order = "approve"
	OrderRefuse   Order = "refuse"
	OrderRollback Order = "rollback"
	OrderAbandon  Order = "abandon"
	OrderRetire   Order = "retire" // end a hold: revoke without further evidence
	OrderRetry    Order = "retry"  // try again what was given up
)
