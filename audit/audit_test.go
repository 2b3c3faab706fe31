package audit_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/agenticverz/rotor/audit"
)

func keyed(key string) audit.MAC {
	return func(m []byte) ([]byte, error) {
		h := hmac.New(sha256.New, []byte(key))
		h.Write(m)
		return h.Sum(nil), nil
	}
}

var mac = keyed("the key of a test")

func each(entries []audit.Entry) iter.Seq2[audit.Entry, error] {
	return func(yield func(audit.Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// chain makes n entries and the head after each.
func chain(t testing.TB, n int) (entries []audit.Entry, heads []audit.Head) {
	t.Helper()
	var head audit.Head
	for i := range n {
		e := audit.Entry{At: time.Date(2026, 3, 1, 9, i, 0, 1234, time.FixedZone("", 3600)), Actor: "petra",
			Action: "intent generate/accept", Credential: "db", Record: "r1", Generation: 3, Part: "vault:app",
			Outcome: "refused (denied)", Note: "a note"}
		var err error
		if e, head, err = audit.Next(mac, head, e); err != nil {
			t.Fatal(err)
		}
		entries, heads = append(entries, e), append(heads, head)
	}
	return entries, heads
}

func broken(t *testing.T, what string, err error, seq int64) {
	t.Helper()
	var b *audit.BrokenError
	if !errors.As(err, &b) || b.Seq != seq || b.Reason == "" {
		t.Errorf("%s: %v, want a break at %d", what, err, seq)
	}
}

func TestAnUntouchedChainVerifies(t *testing.T) {
	entries, heads := chain(t, 5)
	for n := range 6 {
		head, err := audit.Verify(mac, each(entries[:n]), heads[:n]...)
		want := audit.Head{}
		if n > 0 {
			want = heads[n-1]
		}
		if err != nil || head != want {
			t.Errorf("%d entries: %v %v, want %v", n, head, err, want)
		}
	}
	if _, err := audit.Verify(mac, each(entries), audit.Head{}); err != nil {
		t.Errorf("the head of an empty chain lies on every chain: %v", err)
	}
	if entries[4].Seq != 5 || entries[4].At.Location() != time.UTC || entries[4].At.Nanosecond()%1000 != 0 {
		t.Errorf("entry %+v", entries[4])
	}
	if heads[4].String() != "5:"+entries[4].MAC {
		t.Errorf("head prints as %q", heads[4])
	}
}

func TestEveryFieldIsCovered(t *testing.T) {
	for name, change := range map[string]func(*audit.Entry){
		"at":         func(e *audit.Entry) { e.At = e.At.Add(time.Microsecond) },
		"actor":      func(e *audit.Entry) { e.Actor = "paul" },
		"action":     func(e *audit.Entry) { e.Action = "" },
		"credential": func(e *audit.Entry) { e.Credential = "" },
		"record":     func(e *audit.Entry) { e.Record += "0" },
		"generation": func(e *audit.Entry) { e.Generation++ },
		"part":       func(e *audit.Entry) { e.Part = "" },
		"outcome":    func(e *audit.Entry) { e.Outcome = "ok" },
		"note":       func(e *audit.Entry) { e.Note = "another" },
		"mac":        func(e *audit.Entry) { e.MAC = strings.Repeat("0", 64) },
		"no mac":     func(e *audit.Entry) { e.MAC = "" },
		// text moved from one field to its neighbour
		"border": func(e *audit.Entry) { e.Part, e.Outcome = e.Part+e.Outcome, "" },
	} {
		entries, _ := chain(t, 5)
		change(&entries[2])
		head, err := audit.Verify(mac, each(entries))
		broken(t, name, err, 3)
		if head.Seq != 2 {
			t.Errorf("%s: credible up to %d, want 2", name, head.Seq)
		}
	}
}

func TestGapsSwapsAndStrangers(t *testing.T) {
	entries, _ := chain(t, 5)
	gap := slices.Delete(slices.Clone(entries), 2, 3)
	_, err := audit.Verify(mac, each(gap))
	broken(t, "gap", err, 3)

	_, err = audit.Verify(mac, each(entries[1:]))
	broken(t, "no beginning", err, 1)

	swapped := slices.Clone(entries)
	swapped[2], swapped[3] = swapped[3], swapped[2]
	_, err = audit.Verify(mac, each(swapped))
	broken(t, "swap", err, 3)

	swapped[2].Seq, swapped[3].Seq = 3, 4
	_, err = audit.Verify(mac, each(swapped))
	broken(t, "swap with new numbers", err, 3)

	twice := slices.Insert(slices.Clone(entries), 3, entries[2])
	_, err = audit.Verify(mac, each(twice))
	broken(t, "twice", err, 4)

	_, err = audit.Verify(keyed("another key"), each(entries))
	broken(t, "another key", err, 1)

	// an entry is bound to its place: one written with the right key, elsewhere
	forged, _, _ := audit.Next(mac, audit.Head{Seq: 2, MAC: "00"}, entries[2])
	cut := append(slices.Clone(entries[:2]), forged)
	_, err = audit.Verify(mac, each(cut))
	broken(t, "grafted", err, 3)
}

func TestKeptHeads(t *testing.T) {
	entries, heads := chain(t, 5)
	_, err := audit.Verify(mac, each(entries[:3]), heads[4])
	broken(t, "cut tail", err, 5)
	_, err = audit.Verify(mac, each(nil), heads[0])
	broken(t, "everything cut", err, 1)
	// cut and grown again with the right key
	grown := slices.Clone(entries[:3])
	other, _, _ := audit.Next(mac, heads[2], audit.Entry{Actor: "mallory", Action: "x"})
	_, err = audit.Verify(mac, each(append(grown, other)), heads[3])
	broken(t, "rewritten tail", err, 4)
	if _, err = audit.Verify(mac, each(entries), heads[1], heads[3], heads[1]); err != nil {
		t.Errorf("good heads: %v", err)
	}
}

func TestTwoKeptHeadsThatDisagree(t *testing.T) {
	entries, heads := chain(t, 5)
	liar := heads[3]
	liar.MAC = strings.Repeat("0", 64)
	for _, kept := range [][]audit.Head{{liar, heads[3]}, {heads[3], liar}} {
		_, err := audit.Verify(mac, each(entries), kept...)
		broken(t, "heads that disagree", err, 4)
	}
}

func TestErrorsPassThrough(t *testing.T) {
	sad := errors.New("no key")
	failing := func([]byte) ([]byte, error) { return nil, sad }
	before := audit.Head{Seq: 4, MAC: "aa"}
	if _, head, err := audit.Next(failing, before, audit.Entry{}); !errors.Is(err, sad) || head != before {
		t.Errorf("next: %v %v", head, err)
	}
	entries, _ := chain(t, 2)
	if _, err := audit.Verify(failing, each(entries)); !errors.Is(err, sad) {
		t.Errorf("verify: %v", err)
	}
	torn := func(yield func(audit.Entry, error) bool) {
		_ = yield(entries[0], nil) && yield(audit.Entry{}, sad)
	}
	head, err := audit.Verify(mac, torn)
	if !errors.Is(err, sad) || head.Seq != 1 {
		t.Errorf("a chain that cannot be read: %v %v", head, err)
	}
}

// Any entries verify; any single change is found.
func TestRandomChains(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var entries []audit.Entry
		var head audit.Head
		for range rapid.IntRange(1, 12).Draw(r, "length") {
			e := audit.Entry{
				At:     time.UnixMicro(rapid.Int64Range(-1e15, 1e16).Draw(r, "at")),
				Actor:  rapid.String().Draw(r, "actor"),
				Action: rapid.String().Draw(r, "action"),
				Note:   string(rapid.SliceOf(rapid.Byte()).Draw(r, "note")), // not always UTF-8
			}
			var err error
			if e, head, err = audit.Next(mac, head, e); err != nil {
				r.Fatal(err)
			}
			entries = append(entries, e)
		}
		if got, err := audit.Verify(mac, each(entries), head); err != nil || got != head {
			r.Fatalf("%v %v", got, err)
		}
		i := rapid.IntRange(0, len(entries)-1).Draw(r, "which")
		entries[i].Actor += "."
		if _, err := audit.Verify(mac, each(entries)); err == nil {
			r.Fatal("a change was not found")
		}
	})
}

func BenchmarkNext(b *testing.B) {
	var head audit.Head
	for b.Loop() {
		_, head, _ = audit.Next(mac, head, audit.Entry{Actor: "petra", Action: "intent publish/switch", Credential: "db", Record: "r1"})
	}
}
