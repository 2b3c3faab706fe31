package journaltest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/journal"
)

// Observe tells everything a journal can be asked, as text: two journals that
// were used alike must answer alike, and a refused write must not change it.
// slots are the slots in which to look for sealed values of generations 0 to 5.
func Observe(t testing.TB, j journal.Journal, slots ...string) string {
	t.Helper()
	ctx := t.Context()
	var b strings.Builder
	say := func(what string, v any, err error) {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		fmt.Fprintf(&b, "%s: %s\n", what, text)
	}
	all, err := j.Credentials(ctx)
	say("credentials", all, err)
	for _, c := range all {
		one, err := j.Credential(ctx, c.Name)
		say("credential "+c.Name, one, err)
		for n := range 6 {
			for _, slot := range slots {
				if blob, err := j.Sealed(ctx, c.Name, n, slot); err == nil {
					say(fmt.Sprintf("sealed %s %d %s", c.Name, n, slot), blob, nil)
				}
			}
		}
	}
	open, err := j.Unfinished(ctx)
	say("unfinished", open, err)
	history, err := j.History(ctx, "", 0)
	say("history", history, err)
	for _, r := range history {
		head, events, err := j.Load(ctx, r.ID)
		say("record "+r.ID, head, err)
		say("events "+r.ID, events, nil)
	}
	for e, err := range j.Audit(ctx, 1) {
		say("audit", e, err)
	}
	head, err := j.AuditHead(ctx)
	say("head", head, err)
	return b.String()
}

// unchanged observes j before and after f.
func unchanged(t testing.TB, j journal.Journal, what string, f func(), slots ...string) {
	t.Helper()
	before := Observe(t, j, slots...)
	f()
	if after := Observe(t, j, slots...); after != before {
		t.Fatalf("%s changed the journal\nbefore:\n%s\nafter:\n%s", what, before, after)
	}
}

// verified checks the chain and gives it.
func verified(t testing.TB, j journal.Journal) []audit.Entry {
	t.Helper()
	kept, err := j.AuditHead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	head, err := audit.Verify(MAC, j.Audit(t.Context(), 1), kept)
	if err != nil {
		t.Fatal(err)
	}
	if head != kept {
		t.Fatalf("the chain ends at %v, its head is %v", head, kept)
	}
	var out []audit.Entry
	for e, err := range j.Audit(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}
