package local_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/runner/local"
)

// lines is a log that can be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(words string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), words)
}

// A rotation that waits for a yes is brought to mind when serve starts and once a day
// from then on, and no more when it is over.
func TestReminds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.add("a", &vendor{}, func(c *engine.Credential) { c.Approval = true })
		inline := w.inline()
		rep, err := inline.Start(t.Context(), engine.Request{Credential: "a", Mode: rotation.Manual, Actor: "me"})
		if err != nil || rep.Record.Status != rotation.Asking {
			t.Fatalf("%v, %s", err, rep.Record.Status)
		}
		time.Sleep(3 * time.Hour)
		log := &lines{}
		l := local.New(local.Options{Inline: w.inline(), Log: slog.New(slog.NewTextHandler(log, nil))})
		l.Start(t.Context())
		synctest.Wait()
		if log.count("waits for a person") != 1 || log.count("for=3h0m0s") != 1 || log.count("credential=a") != 1 {
			t.Errorf("at the start: %s", log.text.String())
		}
		time.Sleep(73 * time.Hour)
		synctest.Wait()
		if n := log.count("waits for a person"); n != 4 {
			t.Errorf("%d reminders in three days and an hour, want 4", n)
		}
		if err := inline.Supply(t.Context(), rep.Record.ID, rotation.OrderRefuse, "me", nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(72 * time.Hour)
		synctest.Wait()
		if n := log.count("waits for a person"); n != 4 {
			t.Errorf("%d reminders, also after it was refused", n)
		}
		w.stop(l)
	})
}
