package sim

import (
	"testing"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/rotation"
)

// TestRollbackDuringGrace: a rotation that was done is rolled back while the old
// value is in its grace, with every fault at every point from there on.
func TestRollbackDuringGrace(t *testing.T) {
	for _, class := range []Class{OverlapServer, OverlapCaller, Alternating} {
		from, points := reverse(t, class, nil)
		for n := from; n < points; n++ {
			for _, f := range append(append([]Fault{}, EffectFaults...), WriteFaults...) {
				reverse(t, class, map[int]Fault{n: f})
			}
		}
	}
}

// reverse returns the points between which the rollback ran.
func reverse(t *testing.T, class Class, script map[int]Fault) (from, to int) {
	s := New(Setup{Class: class, Mode: rotation.Manual, Script: script})
	s.start()
	for s.status(t) != rotation.Done {
		s.protect(s.engine, func(e *engine.Engine) error { _, err := e.Advance(t.Context(), s.rotation); return err })
		s.W.Advance(20e9)
	}
	from = len(s.W.Points)
	s.rotation = ""
	for range 5 {
		var r rotation.Record
		alive := s.protect(s.engine, func(e *engine.Engine) (err error) {
			r, err = e.Reverse(t.Context(), name, "person", "")
			return err
		})
		if s.open(); s.rotation != "" && alive || r.ID != "" {
			s.rotation = r.ID
			break
		}
	}
	s.settle()
	for i := 0; i < 4 && s.trouble == nil && s.waiting() > 0; i++ {
		s.heal()
		s.settle()
	}
	key := s.W.Store.text("KEY")
	if err := s.atRest(key); err != nil || s.trouble != nil || script == nil && key != s.W.first {
		t.Fatalf("%s %v: %v %v\n%s", class, script, err, s.trouble, s.show())
	}
	return from, len(s.W.Points)
}
