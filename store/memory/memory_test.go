package memory_test

import (
	"context"
	"testing"
	"time"

	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
	"github.com/agenticverz/rotor/store/memory"
	"github.com/agenticverz/rotor/store/storetest"
)

func TestExam(t *testing.T) {
	storetest.Run(t, func(testing.TB) storetest.Subject {
		m := memory.New(time.Now)
		return storetest.Subject{Store: m, Path: "app", Old: func(_ context.Context, r store.Revision) (secret.Set, error) {
			set, _, _ := m.Past("app", r)
			return set, nil
		}}
	})
}

func TestPastKeepsTheMark(t *testing.T) {
	m := memory.New(nil)
	mark := store.Mark{Credential: "database", Generation: 3, AuditHead: "ab"}
	r, err := m.Put(t.Context(), "app", store.Edit{Set: secret.Set{"K": secret.New("v")}}, "0", mark)
	if err != nil {
		t.Fatal(err)
	}
	if _, got, ok := m.Past("app", r); !ok || got != mark {
		t.Errorf("Past: %v, %v", got, ok)
	}
	if _, err := m.Now(t.Context()); err == nil {
		t.Error("a store without a clock tells the time")
	}
}
