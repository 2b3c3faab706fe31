package e2e

import (
	"testing"
	"time"

	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/test/pooler"
)

// thousands of rotations are some 750 years of quarters; leaks of a row each would
// show in the first ten.
const thousands = 3000

// TestPoolerThousands: nothing piles up in the server, and nothing stands in its log,
// after thousands of rotations. No journal and no PgBouncer: what is left behind is
// the provider's doing.
func TestPoolerThousands(t *testing.T) {
	t.Parallel()
	w := newPooler(t, pooler.Options{Kind: pooler.Alternate})
	p, err := w.Provider()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	began := time.Now()
	var old provider.Issued
	var shape, sizes string
	for n := 1; n <= thousands; n++ {
		now := turn(t, w, p, old, n)
		switch n {
		case 2: // both roles were used
			if shape, err = w.Shape(t.Context()); err != nil {
				t.Fatal(err)
			}
			if sizes, err = w.Sizes(t.Context()); err != nil {
				t.Fatal(err)
			}
		case 3, thousands / 2, thousands:
			mustEqual(t, "owners, roles and rights", shape, w.Shape)
			mustEqual(t, "the catalogues", sizes, w.Sizes)
		}
		if n%100 == 0 {
			dead(t, p, old)
		}
		old = now
	}
	t.Logf("%d rotations in %v; %s", thousands, time.Since(began).Round(time.Second), sizes)
	leaks, err := w.Leaks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, leak := range leaks {
		t.Error(leak)
	}
}

// turn is one rotation without Rotor's engine.
func turn(t *testing.T, w *pooler.World, p provider.Provider, old provider.Issued, n int) provider.Issued {
	t.Helper()
	req := provider.Request{Label: "e2e-pooler", Generation: n, Current: old.Handle}
	values, err := p.(provider.Maker).Make(t.Context(), req)
	if err != nil {
		t.Fatal(n, err)
	}
	req.Values = values
	now, err := p.Issue(t.Context(), req)
	if err != nil {
		t.Fatal(n, err)
	}
	w.Known(values["password"].Reveal())
	w.KnownVerifier(values["verifier"].Reveal())
	if err := p.Verify(t.Context(), now); err != nil {
		t.Fatal(n, err)
	}
	if n > 1 {
		if err := p.Revoke(t.Context(), old.Handle); err != nil {
			t.Fatal(n, err)
		}
	}
	return now
}

func dead(t *testing.T, p provider.Provider, v provider.Issued) {
	t.Helper()
	if live, err := p.(provider.Prober).Probe(t.Context(), v); live != provider.Refused || err != nil {
		t.Errorf("a login that was revoked is %s (%v)", live, err)
	}
}
