package providertest

import (
	"context"
	"slices"
	"testing"

	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// unnamed is the candidate at a vendor whose values bear no names.
type unnamed struct {
	provider.Provider
	provider.Prober
	c *candidate
}

func (u unnamed) List(ctx context.Context) ([]provider.Found, error) {
	all, err := u.c.all(ctx)
	var out []provider.Found
	for _, k := range all {
		f := provider.Found{Handle: rotation.Handle{ID: k.ID}, Created: k.Created}
		switch u.c.bug {
		case "list-hides":
			if !u.c.issuedBy[k.ID] {
				continue // it remembers, and knows nothing of a lost answer
			}
		case "list-other-ids":
			f.Handle.ID = "key/" + k.ID
		case "list-labels":
			f.Label = k.Label
		}
		out = append(out, f)
	}
	return out, err
}

func setupUnnamed(bug string) Setup {
	return Setup{Open: func(t testing.TB) Subject {
		a := newAccount(t)
		again := func() provider.Provider {
			c := newCandidate(a, rotation.ByProvider, bug)
			return unnamed{c, c, c}
		}
		return Subject{Provider: again(), Again: again, Live: a.live, Stranger: a.stranger, Break: a.line.Break,
			PageSize: pageSize, HTTP: a.line.HTTP(refusalReply, goneReply), Impostor: a.impostor, Flap: a.flap, Pass: a.pass}
	}}
}

// TestWithoutNames: a vendor whose values bear no names, and what can be wrong there.
func TestWithoutNames(t *testing.T) {
	Run(t, setupUnnamed(""))
	t.Run("journey", func(t *testing.T) { Journey(t, setupUnnamed("")) })
	for bug, asked := range map[string]string{
		"find-one-page": "list", "list-other-ids": "list", "list-labels": "list", "list-hides": "unanswered-issue",
		"cut-is-the-end": "spoiled", "repeat-is-the-end": "spoiled",
	} {
		q := questions()[slices.IndexFunc(questions(), func(q question) bool { return q.name == asked })]
		if err := examine(t, setupUnnamed(bug), q); err == nil {
			t.Errorf("%s: question %s does not catch it", bug, asked)
		}
	}
}
