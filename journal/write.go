package journal

import (
	"encoding/json"

	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/rotation"
)

// What every implementation does the same way stands here: which records and
// events are taken at all, what an audit entry says of an event, and which
// changes wake whoever waits on Changed.

// CheckRecord refuses a record that could never be advanced.
func CheckRecord(r rotation.Record) error {
	switch {
	case r.ID == "" || r.Credential == "":
		return fault.New(fault.BadConfig, "journal: a record needs an id and a credential")
	case r.Kind != rotation.KindRotation && r.Kind != rotation.KindRetirement:
		return fault.New(fault.BadConfig, "journal: record %s: kind %q", r.ID, r.Kind)
	case !known(r.Status):
		return fault.New(fault.BadConfig, "journal: record %s: status %q", r.ID, r.Status)
	case r.Status == rotation.Waiting && r.Wake == nil:
		return fault.New(fault.BadConfig, "journal: record %s waits for nothing", r.ID)
	}
	return nil
}

// Check says whether events may be appended to r, and how they leave it. It
// does not know whether a spawned record's id is taken.
func Check(r rotation.Record, events []rotation.Event) (rotation.Record, error) {
	for i, e := range events {
		if r.Status.Over() {
			return r, fault.New(fault.Rejected, "journal: record %s is over (%s)", r.ID, r.Status)
		}
		if reason := reject(r, e); reason != "" {
			return r, fault.New(fault.BadConfig, "journal: record %s: event %d: %s", r.ID, i+1, reason)
		}
		r = r.After(e)
	}
	return r, nil
}

func reject(r rotation.Record, e rotation.Event) string {
	if !knownType(e.Type) {
		return "type " + string(e.Type)
	}
	if !known(e.Status) {
		return "status " + string(e.Status)
	}
	if e.Status == rotation.Waiting && e.Wake == nil {
		return "waits for nothing"
	}
	for _, g := range e.Generations {
		if g.N < 0 || !knownLife(g.Life) || g.Credential != "" && g.Credential != r.Credential {
			return "carries a generation that is not this credential's"
		}
	}
	for _, s := range e.Sealed {
		if s.Slot == "" || len(s.Blob) == 0 {
			return "carries an empty sealed value"
		}
	}
	if e.Facts != nil {
		for _, raw := range e.Facts.Samples {
			if len(raw) > 0 && !json.Valid(raw) {
				return "carries a sample that is not JSON"
			}
		}
	}
	return rejectSpawn(r, e.Spawn)
}

func rejectSpawn(r rotation.Record, s *rotation.Record) string {
	switch {
	case s == nil:
		return ""
	case s.Kind != rotation.KindRetirement:
		return "spawns what is not a retirement"
	case s.Credential != r.Credential:
		return "spawns a record of another credential"
	case s.ID == r.ID:
		return "spawns itself"
	case CheckRecord(*s) != nil:
		return "spawns a record that cannot be advanced"
	}
	return ""
}

func known(s rotation.Status) bool {
	switch s {
	case "", rotation.Running, rotation.Waiting, rotation.Asking, rotation.Stuck:
		return true
	}
	return s.Over()
}

func knownType(t rotation.EventType) bool {
	switch t {
	case rotation.Intent, rotation.Result, rotation.Pause, rotation.Input, rotation.Turn, rotation.Redo, rotation.Closing:
		return true
	}
	return false
}

func knownLife(l rotation.Life) bool {
	switch l {
	case rotation.Pending, rotation.Current, rotation.Previous, rotation.Dead:
		return true
	}
	return false
}

// EntryOf is the audit entry of one event of r. The outcome of an input is what
// the person ordered.
func EntryOf(r rotation.Record, e rotation.Event) audit.Entry {
	a := audit.Entry{
		At: e.At.Wall, Actor: e.Actor, Action: string(e.Type),
		Credential: r.Credential, Record: r.ID, Generation: r.Generation,
		Part: e.Part, Outcome: string(e.Outcome), Note: e.Note,
	}
	if a.Actor == "" {
		a.Actor = r.Actor
	}
	if e.Action != (rotation.Action{}) {
		a.Action += " " + e.Action.String()
	}
	if e.Fault != "" {
		a.Outcome += " (" + e.Fault + ")"
	}
	if e.Type == rotation.Input && e.Outcome == "" && e.Facts != nil {
		a.Outcome = string(e.Facts.Order)
	}
	return a
}

// EntryOfBirth is the audit entry of a record that was created without events;
// otherwise its first event tells of it.
func EntryOfBirth(r rotation.Record) audit.Entry {
	return audit.Entry{
		At: r.Created.Wall, Actor: r.Actor, Action: "begin " + string(r.Kind),
		Credential: r.Credential, Record: r.ID, Generation: r.Generation, Note: r.Reason,
	}
}

// Wakes says whether the step from before to after (the zero Record: it was not
// there) makes a record due or changes when it will be. A running record that
// goes on running wakes nobody: whoever wrote it is advancing it.
func Wakes(before, after rotation.Record) bool {
	switch after.Status {
	case rotation.Running:
		return before.Status != rotation.Running
	case rotation.Waiting:
		return before.Status != rotation.Waiting || before.Wake == nil || *before.Wake != *after.Wake
	}
	return false
}
