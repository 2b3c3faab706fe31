package openai_test

import (
	"testing"

	double "github.com/agenticverz/rotor/doubles/openai"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider/openai"
	"github.com/agenticverz/rotor/rotation"
)

// TestUsage: never used is what the vendor says, not what it is silent about.
func TestUsage(t *testing.T) {
	for _, c := range []struct {
		says  string
		known bool
		last  int64
		fails bool
	}{
		{says: `,"last_used_at":null`, known: true},
		{says: ``},
		{says: `,"last_used_at":1790000000`, known: true, last: 1790000000},
		{says: `,"last_used_at":"yesterday"`, fails: true},
		{says: `,"last_used_at":"2026-11-01T10:00:00Z"`, fails: true},
		{says: `,"last_used_at":0`, fails: true},
		{says: `,"last_used_at":-5`, fails: true},
		{says: `,"last_used_at":{}`, fails: true},
	} {
		u, err := answering(t, `{"id":"key_1"`+c.says+`}`).Usage(t.Context(), rotation.Handle{ID: "key_1"})
		switch {
		case c.fails && (err == nil || u.Known || fault.KindOf(err) != fault.Unknown), !c.fails && err != nil:
			t.Errorf("%q: %+v, %v", c.says, u, err)
		case u.Known != c.known, c.last == 0 != u.LastUsed.IsZero(), c.last != 0 && u.LastUsed.Unix() != c.last:
			t.Errorf("%q: %+v", c.says, u)
		}
	}
}

// TestUsageOfAnAdminKey: an older organisation's answer need not have the field.
func TestUsageOfAnAdminKey(t *testing.T) {
	for silent, known := range map[bool]bool{true: false, false: true} {
		a := newAccount(double.Options{Silent: silent}, openai.Options{Kind: "admin"})
		u, err := serve(t, a).Usage(t.Context(), rotation.Handle{ID: a.Admin("x").ID})
		if err != nil || u.Known != known {
			t.Errorf("silent %v: %+v, %v", silent, u, err)
		}
	}
}
