package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/agenticverz/rotor/test/pooler"
)

// TestPoolerStraggler: somebody whom nobody knows stays connected with the old login.
// It is not ended; whoever asks is told who it is; and when it has gone, so does the
// login.
func TestPoolerStraggler(t *testing.T) {
	t.Parallel()
	w := newPooler(t, pooler.Options{Kind: pooler.Alternate, Bound: "1500ms"})
	old, err := w.Stored()
	if err != nil {
		t.Fatal(err)
	}
	config, err := pgx.ParseConfig(w.URL(old))
	if err != nil {
		t.Fatal(err)
	}
	config.RuntimeParams["application_name"] = "nightly-report"
	straggler, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer straggler.Close(context.Background())
	c := begin(t, w)
	e := w.Run(t.Context(), w.Rotor, nil, "rotate", "database", "--yes")
	if e.Code == 0 || !strings.Contains(e.Text, "still in use") || !strings.Contains(e.Text, "nightly-report") {
		t.Errorf("the straggler is not named: %s", e)
	}
	t.Log(e.Code)
	if now, err := w.Stored(); err != nil || now == old {
		t.Errorf("everybody else has not moved (%v)", err)
	}
	if _, err := straggler.Exec(t.Context(), "INSERT INTO work (instance) VALUES ('straggler')"); err != nil {
		t.Errorf("the straggler was let down: %v", err)
	}
	if err := straggler.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e := w.Run(t.Context(), w.Rotor, nil, "resume", "database"); e.Code != 0 {
		t.Errorf("the straggler has gone, and rotor does not look again: %s", e)
		w.Run(t.Context(), w.Rotor, nil, "set", "database", "--retire", "0")
	}
	bad, err := w.Look(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range bad {
		t.Error(one)
	}
	calmly(t, w, c)
}
