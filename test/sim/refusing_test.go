package sim

import (
	"context"
	"testing"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/fault"
	room "github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// picky is a password policy: it refuses so many values before it takes one.
type picky struct {
	maker
	refuses int
	seen    map[string]bool
}

func (p *picky) Issue(ctx context.Context, req room.Request) (room.Issued, error) {
	p.seen[req.Values["value"].Reveal()] = true
	if len(p.seen) <= p.refuses {
		return room.Issued{}, fault.New(fault.Rejected, "issue: the policy refuses it")
	}
	return p.maker.Issue(ctx, req)
}

func judgedBy(t *testing.T, p *picky, class Class) *stage {
	p.seen = map[string]bool{}
	return newStage(t, Setup{Class: class}, func(s *Sim, c *engine.Credential) {
		p.maker = maker{s.W.Provider}
		c.Provider = p
	})
}

// A policy that refuses a value gets another one; if it refuses for ever, tries are
// bounded, nothing is changed, and after two rotations a person is wanted.
func TestAPolicyThatRefuses(t *testing.T) {
	for _, class := range []Class{Alternating, InPlaceCaller} {
		p := &picky{refuses: 2}
		st := judgedBy(t, p, class)
		id := st.begin(engine.Request{})
		st.until(st.over(id))
		if got := st.record(id).Status; got != rotation.Done || len(p.seen) != 3 {
			t.Errorf("%s: two refusals: %s after %d values\n%s", class, got, len(p.seen), st.show())
		}
		p = &picky{refuses: 1000}
		st = judgedBy(t, p, class)
		for n := 1; n <= 2; n++ {
			id := st.begin(engine.Request{Mode: rotation.Scheduled})
			st.until(never)
			if got := st.record(id).Status; got != rotation.RolledBack || len(p.seen) != 3*n {
				t.Fatalf("%s: refused for ever: %s after %d values\n%s", class, got, len(p.seen), st.show())
			}
		}
		if _, err := st.e.Start(t.Context(), engine.Request{Credential: name, Mode: rotation.Scheduled}); fault.KindOf(err) != fault.NeedsPerson || err == nil {
			t.Errorf("%s: the third of itself: %v", class, err)
		}
		if !st.W.Provider.Accepts(st.W.first) || st.trouble != nil {
			t.Errorf("%s: the old value is lost: %v", class, st.trouble)
		}
	}
}
