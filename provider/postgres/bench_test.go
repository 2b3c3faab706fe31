package postgres_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// BenchmarkRotation: generate, verify, prove the old password dead.
func BenchmarkRotation(b *testing.B) {
	a := newAccount(b, rotation.InPlace, false)
	p := a.open(b, "")
	old := rotate(b, p, provider.Issued{})
	for b.Loop() {
		v := rotate(b, p, old)
		if live, err := p.Probe(b.Context(), old); live != provider.Refused {
			b.Fatal(live, err)
		}
		old = v
	}
}

// BenchmarkRaw is the floor: ALTER ROLE, a new login, a refused login, by hand.
func BenchmarkRaw(b *testing.B) {
	a := newAccount(b, rotation.InPlace, false)
	p := a.open(b, "")
	admin, err := pgx.Connect(b.Context(), a.URL("", ""))
	if err != nil {
		b.Fatal(err)
	}
	defer admin.Close(context.Background())
	old := rotate(b, p, provider.Issued{})
	for b.Loop() {
		values, err := p.Make(b.Context(), provider.Request{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := admin.Exec(b.Context(), "ALTER ROLE "+ident(a.opts.Role)+" PASSWORD '"+values["verifier"].Reveal()+"'"); err != nil {
			b.Fatal(err)
		}
		conn, err := pgx.Connect(b.Context(), a.URL(a.opts.Role, values["password"].Reveal()))
		if err != nil {
			b.Fatal(err)
		}
		conn.Close(b.Context())
		if _, err := pgx.Connect(b.Context(), a.URL(a.opts.Role, old.Values["password"].Reveal())); err == nil {
			b.Fatal("the old password works")
		}
		old.Values = values
	}
}
