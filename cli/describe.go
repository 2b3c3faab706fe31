package cli

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/rotation"
)

func number(n int) string { return strconv.Itoa(n) }

// describe reads a record with what its events add up to.
func describe(ctx context.Context, a *app.App, r rotation.Record) (rotationItem, *rotation.State, error) {
	item := rotationItem{ID: r.ID, Kind: r.Kind, Credential: r.Credential, Generation: r.Generation, From: r.From,
		Mode: r.Mode, Strategy: r.Strategy, Status: r.Status, Created: r.Created.Wall.Truncate(time.Second),
		Actor: r.Actor, Reason: r.Reason}
	fresh, events, err := a.Journal.Load(ctx, r.ID)
	if err != nil {
		return item, nil, err
	}
	st := rotation.Replay(fresh, events)
	item.Status = fresh.Status
	if task, ok := st.Next(); ok && !fresh.Status.Over() {
		item.Step = string(task.Step)
		if task.Part != "" {
			item.Step += " " + strings.TrimSuffix(task.Part, ":")
		}
	}
	if fresh.Wake != nil {
		item.Until = fresh.Wake.Until().UTC().Truncate(time.Second)
	}
	why := why(st)
	item.Why, item.Fault = why.Note, why.Fault
	if fresh.Status == rotation.Asking || fresh.Status == rotation.Stuck {
		asked, _ := st.Last(func(e rotation.Event) bool { return e.Type == rotation.Pause })
		item.Asked = asked.At.Wall.UTC().Truncate(time.Second)
	}
	return item, st, nil
}

// why finds the event that explains where a record stands: what it waits for, or
// what went wrong.
func why(st *rotation.State) rotation.Event {
	bad := func(e rotation.Event) bool { return e.Type == rotation.Result && e.Outcome != rotation.OK }
	var e rotation.Event
	switch st.Status {
	case rotation.Waiting, rotation.Asking:
		e, _ = st.Last(func(e rotation.Event) bool { return e.Type == rotation.Pause })
		if failed, ok := st.Last(bad); ok && st.Status == rotation.Waiting && failed.Seq == e.Seq-1 {
			e.Note = failed.Note + "; " + e.Note
		}
	case rotation.Stuck:
		e, _ = st.Last(bad)
		if hint, ok := st.Last(func(e rotation.Event) bool { return e.Type == rotation.Pause }); ok && !strings.Contains(e.Note, hint.Note) {
			e.Note += " (" + hint.Note + ")"
		}
	case rotation.RolledBack, rotation.Failed:
		turned := len(st.Events)
		for i, x := range st.Events {
			if x.Type == rotation.Turn {
				turned = i
			}
		}
		for _, x := range st.Events[:turned] {
			switch {
			case bad(x):
				e = x
			case x.Type == rotation.Input && x.Facts != nil && (x.Facts.Order == rotation.OrderRefuse || x.Facts.Order == rotation.OrderRollback):
				e = rotation.Event{Note: "by order of " + x.Actor}
			}
		}
	}
	return e
}

// serverCode is how providers show a server's: (SQLSTATE 57014), (WRONGPASS).
var serverCode = regexp.MustCompile(`^\((SQLSTATE )?[0-9A-Z]+\)$`)

// splitHint takes the hint off a note, "what (hint)", as the engine writes it. A code in
// parentheses, as of an error without a hint, is none.
func splitHint(note string) (what, hint string) {
	if !strings.HasSuffix(note, ")") {
		return note, ""
	}
	depth := 0
	for i := len(note) - 1; i > 0; i-- {
		switch note[i] {
		case ')':
			depth++
		case '(':
			depth--
		}
		if depth == 0 && note[i-1] == ' ' {
			if serverCode.MatchString(note[i:]) {
				return note, ""
			}
			return note[:i-1], note[i+1 : len(note)-1]
		}
	}
	return note, ""
}
