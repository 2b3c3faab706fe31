package cli

import (
	"context"
	"strings"
	"time"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/rotation"
)

// rotationItem is a rotation or retirement as programs see it.
type rotationItem struct {
	ID         string            `json:"id"`
	Kind       rotation.Kind     `json:"record"`
	Credential string            `json:"credential"`
	Generation int               `json:"generation"`
	From       int               `json:"from"`
	Mode       rotation.Mode     `json:"mode"`
	Strategy   rotation.Strategy `json:"strategy"`
	Status     rotation.Status   `json:"status"`
	Step       string            `json:"step,omitempty"` // the next one
	Created    time.Time         `json:"created"`
	Actor      string            `json:"actor"`
	Reason     string            `json:"reason,omitempty"`
	Until      time.Time         `json:"until,omitzero"` // of a wait
	Asked      time.Time         `json:"asked,omitzero"` // since when it waits for a person
	Why        string            `json:"why,omitempty"`  // of a wait, a failure or a question
	Open       []rotationItem    `json:"open,omitempty"` // the credential's other unfinished records
	Events     []rotation.Event  `json:"events,omitempty"`
	Fault      string            `json:"fault,omitempty"`
}

// verdict tells how a run stands and gives its exit code.
func (w *worker) verdict(rep app.Report) int {
	item, code := w.recordItem(rep.Record), exitDone
	for _, x := range rep.Open {
		item.Open = append(item.Open, w.recordItem(x))
	}
	w.shown = append(w.shown, item)
	name := rep.Record.Credential
	switch rep.Record.Status {
	case rotation.Done:
		if rep.Record.Mode == rotation.Adopt && rep.Record.Kind == rotation.KindRotation {
			w.tell("%s %s is adopted: its value is generation %d. Nobody knows how old it is; rotate it soon.\n", w.paint(green, "Done:"), name, rep.Record.Generation)
			w.tell("Next: rotor rotate %s\n", name)
			return code
		} else if rep.Record.Kind == rotation.KindRotation {
			w.tell("%s %s is rotated: generation %d is in use.\n", w.paint(green, "Done:"), name, rep.Record.Generation)
		} else {
			w.tell("%s generation %d of %s has ended.\n", w.paint(green, "Done:"), rep.Record.Generation, name)
		}
	case rotation.Failed:
		if w.ordered {
			w.tell("%s %s had changed nothing yet, and has ended.\n", w.paint(green, "Done:"), rep.Record.ID)
			break
		}
		what, hint := splitHint(item.Why)
		w.tell("rotor: %s %s was not rotated, nothing changed: %s\n", w.paint(red, "error:"), name, what)
		w.hint(item, hint)
		code = failureCode(item)
	case rotation.RolledBack, rotation.Abandoned:
		if w.ordered && rep.Record.Mode == rotation.Adopt {
			w.tell("%s %s is no longer Rotor's; its value goes on working.\n", w.paint(green, "Done:"), name)
			break
		}
		if w.ordered {
			w.tell("%s %s of %s is %s.\n", w.paint(green, "Done:"), rep.Record.ID, name, rep.Record.Status)
			break
		}
		code = exitFailed
		what, hint := splitHint(item.Why)
		w.tell("rotor: %s the %s of %s was %s: %s\n", w.paint(red, "error:"), recordWord(rep.Record.Kind, rep.Record.Mode), name, endWords(rep.Record), what)
		w.hint(rotationItem{ID: rep.Record.ID}, hint)
	default:
		code = w.pending(rep.Record, item)
	}
	for i, x := range rep.Open {
		code = worse(code, w.pending(x, item.Open[i]))
	}
	if code == exitDone && rep.Record.Status == rotation.Done {
		w.tell("Next: rotor status %s\n", name)
	}
	if code == exitWaiting && (w.detach || w.ordered && rep.Record.Status.Over()) {
		return exitDone
	}
	return code
}

func endWords(r rotation.Record) string {
	if r.Status == rotation.Abandoned {
		return "abandoned"
	}
	if r.Mode == rotation.Adopt {
		return "taken back: nothing is changed at the provider, and the value is not Rotor's"
	}
	return "rolled back to generation " + number(r.From)
}

func failureCode(item rotationItem) int {
	if item.Fault == fault.Denied.String() {
		return exitDenied
	}
	return exitFailed
}

// hint prefers the failing room's own words.
func (w *worker) hint(item rotationItem, own string) {
	words := own
	if words == "" {
		words = map[string]string{
			fault.Transient.String():   "try again later: rotor rotate " + item.Credential,
			fault.Denied.String():      "see which identity Rotor uses there, and what it may do",
			fault.BadConfig.String():   "correct it, then: rotor rotate " + item.Credential,
			fault.Unknown.String():     "rotor status " + item.ID + " shows each try",
			fault.NeedsPerson.String(): "rotor status " + item.ID + " shows each step",
		}[item.Fault]
	}
	if words == "" {
		words = "rotor status " + item.ID + " shows each step"
	}
	w.tell("rotor: %s %s\n", w.paint(yellow, "hint:"), words)
}

// pending tells of a record that is not over.
func (w *worker) pending(r rotation.Record, item rotationItem) int {
	what := "the rotation"
	if r.Kind == rotation.KindRetirement {
		what = "the end of generation " + number(r.Generation)
	}
	switch r.Status {
	case rotation.Stuck:
		why, hint := splitHint(item.Why)
		w.tell("rotor: %s %s of %s needs a person at %s: %s\n", w.paint(red, "error:"), what, r.Credential, item.Step, why)
		if hint != "" {
			w.tell("rotor: %s %s\n", w.paint(yellow, "hint:"), hint)
		}
		w.tell("rotor: %s when the cause is gone: rotor resume %s\n", w.paint(yellow, "hint:"), r.Credential)
		return exitPerson
	case rotation.Asking:
		w.tell("Waiting for a person: %s\n", item.Why)
		return exitWaiting
	case rotation.Waiting:
		if r.Kind == rotation.KindRetirement && strings.HasPrefix(item.Step, string(rotation.Grace)) && item.Why == "grace" {
			w.tell("The old value, generation %d, lives on until %s (%s).\n", r.Generation, stamp(item.Until), ago(item.Until, w.app.Now().Wall))
		} else {
			w.tell("Waiting until %s (%s): %s\n", stamp(item.Until), ago(item.Until, w.app.Now().Wall), item.Why)
		}
	default:
		w.tell("%s of %s goes on at %s.\n", what, r.Credential, item.Step)
	}
	w.tell("It continues by itself under rotor serve, or with: rotor resume %s\n", r.Credential)
	return exitWaiting
}

func stamp(t time.Time) string { return t.Local().Format("2006-01-02 15:04 MST") }

// recordItem adds to a record what its events say. A journal that cannot be read
// just now leaves that out.
func (w *worker) recordItem(r rotation.Record) rotationItem {
	item, _, _ := describe(context.Background(), w.app, r)
	return item
}
