package keycloak_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/agenticverz/rotor/check"
	double "github.com/agenticverz/rotor/doubles/keycloak"
	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/journal/memory"
	"github.com/agenticverz/rotor/provider/keycloak"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
	memstore "github.com/agenticverz/rotor/store/memory"
)

// alone is a catalog of one credential.
type alone struct{ c *engine.Credential }

func (a alone) Credential(string) (*engine.Credential, error) { return a.c, nil }

// redAtFirst is a check that the dead password makes red, until the new one is there.
type redAtFirst struct{ looks *int }

func (c redAtFirst) Measure(context.Context, check.Window) (check.Sample, error) {
	*c.looks++
	return check.Sample{Known: true}, nil
}

func (c redAtFirst) Judge(check.Sample, check.Sample) check.Result {
	if *c.looks < 2 {
		return check.Result{Verdict: check.Fail, Reason: "logins fail"}
	}
	return check.Result{Verdict: check.Pass}
}

// TestAcceptDead: whole rotations with the engine where the present password was ended
// already: one wrong login before the new one works, and one at the end of grace.
func TestAcceptDead(t *testing.T) {
	for name, red := range map[string]bool{"no check": false, "a check that is red": true} {
		t.Run(name, func(t *testing.T) {
			a := newAccount(double.Options{Quick: time.Second}, keycloak.Options{Kind: "user-password"})
			st := memstore.New(nil)
			_, rev, _ := st.Get(t.Context(), "app")
			if _, err := st.Put(t.Context(), "app", store.Edit{Set: secret.Set{"password": secret.New("double-ended-already")}}, rev, store.Mark{}); err != nil {
				t.Fatal(err)
			}
			key, err := secret.ParseTemplate("password")
			if err != nil {
				t.Fatal(err)
			}
			keys, err := secret.NewKeyset()
			if err != nil {
				t.Fatal(err)
			}
			c := &engine.Credential{Name: "c", Owner: "o", Provider: serve(t, a), Grace: time.Hour, Bound: 2 * time.Hour, AtBound: "revoke",
				Targets: []engine.Target{{StoreName: "mem", Store: st, Path: "app", Key: key, Value: secret.FieldTemplate("password")}}}
			if red {
				c.Checks = []engine.Check{{Name: "logins", Check: redAtFirst{new(int)}}}
			}
			now, ids, j := rotation.Instant{Wall: time.Now(), Boot: time.Hour, BootID: "boot"}, 0, memory.New(nil, "exam01")
			e := &engine.Engine{Journal: j, Catalog: alone{c}, Keys: keys, Now: func() rotation.Instant { return now },
				NewID: func(k rotation.Kind) string { ids++; return fmt.Sprintf("%s-%03d", k[:3], ids) }}
			if _, err := e.Start(t.Context(), engine.Request{Credential: "c", Mode: rotation.Manual, Actor: "test", Gone: true}); err != nil {
				t.Fatal(err)
			}
			for range 200 {
				due, next, err := j.Due(t.Context(), now)
				if err != nil || len(due) == 0 && next == 0 {
					break
				}
				if len(due) == 0 {
					now.Wall, now.Boot = now.Wall.Add(next), now.Boot+next
					a.Clock.Advance(next)
				}
				for _, r := range due {
					if _, err := e.Advance(t.Context(), r.ID); err != nil {
						t.Fatal(err)
					}
				}
			}
			records, _ := j.History(t.Context(), "c", 10)
			for _, r := range records {
				if r.Status != rotation.Done {
					_, events, _ := j.Load(t.Context(), r.ID)
					t.Errorf("%s is %s: %v", r.ID, r.Status, events[len(events)-1].Note)
				}
			}
			if n := a.Wrong("backend"); n > 2 || len(records) != 2 {
				t.Errorf("%d wrong logins, %d records", n, len(records))
			}
		})
	}
}
