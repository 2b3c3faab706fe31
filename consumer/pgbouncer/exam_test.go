package pgbouncer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/consumer/consumertest"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// TestExam: two poolers with one auth_file. They log in to the server as somebody
// else, so that both values work there.
func TestExam(t *testing.T) {
	for _, form := range []string{"password", "secret"} {
		t.Run(form, func(t *testing.T) {
			consumertest.Run(t, func(t testing.TB) consumertest.World { return examWorld(t, form == "secret") })
		})
	}
}

func examWorld(t testing.TB, secrets bool) consumertest.World {
	passwords := []string{"before-exam-0001", "after-exam-00002", "bad-exam-0000003"}
	values := []string{passwords[0], passwords[1], passwords[2]}
	if secrets {
		for i, p := range passwords {
			values[i] = verifier(t, p)
		}
	}
	w := start(t, 2, nil, localserver.PgBouncerOptions{Settings: map[string]string{"forced": "yes"}})
	user := "app"
	before, after, bad := secret.Set{user: secret.New(values[0])}, secret.Set{user: secret.New(values[1])}, secret.Set{user: secret.New(values[2])}
	w.put(store.Edit{Set: before})
	for _, b := range w.poolers {
		if err := b.Console(t.Context(), "RELOAD"); err != nil {
			t.Fatal(err)
		}
	}
	return consumertest.World{
		Open:   func() (consumer.Consumer, error) { return w.open(w.options()), nil },
		Before: before, After: after, Bad: bad,
		Publish: func(s secret.Set) error {
			if s.Equal(bad) { // somebody else's file is published
				return w.edit(store.Edit{Delete: []string{user}})
			}
			return w.edit(store.Edit{Set: s})
		},
		Running: func(unit string) (secret.Set, error) {
			for i, s := range []secret.Set{before, after, bad} {
				err := w.enter(int(unit[0]-'a'), "pgbouncer", user, passwords[i])
				if err == nil {
					return s, nil
				}
				if !refused(err) {
					return nil, err
				}
			}
			return secret.Set{}, nil
		},
		Witness: func() (string, error) {
			var text strings.Builder
			for i, b := range w.poolers {
				fmt.Fprintln(&text, b.Pid(), w.paused(i), strings.Count(w.log(i), "RELOAD command"), strings.Count(w.log(i), "PAUSE"))
			}
			set, revision, err := w.list.Get(t.Context(), "")
			fmt.Fprintln(&text, set.Names(), revision)
			return text.String(), err
		},
		Break: func() error {
			for _, b := range w.poolers {
				if err := b.Kill(); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
