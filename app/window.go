package app

import (
	"context"
	"fmt"
	"time"

	"github.com/agenticverz/rotor/rotation"
)

// windowWords says how long the window was last time; nobody can know how long it
// will be.
func (a *App) windowWords(ctx context.Context, name string) (string, error) {
	records, err := a.Journal.History(ctx, name, 0)
	if err != nil {
		return "", err
	}
	for _, r := range records {
		if r.Kind != rotation.KindRotation || r.Strategy != rotation.InPlace || r.Status != rotation.Done || r.Mode == rotation.Adopt {
			continue
		}
		_, events, err := a.Journal.Load(ctx, r.ID)
		if err != nil {
			return "", err
		}
		if d, ok := Window(events); ok {
			return fmt.Sprintf("; last time %s", d.Round(time.Millisecond)), nil
		}
	}
	return "; how long is not known before the first rotation: it ends when the last consumer has the new value", nil
}

// Window is how long a rotation in place had consumers with a value that is
// refused: from the intent to replace it until the last of them had the new one,
// or until those that were held went on.
func Window(events []rotation.Event) (time.Duration, bool) {
	var begin, end *rotation.Event
	for i, e := range events {
		switch {
		case begin == nil && e.Type == rotation.Intent && e.Action.Step == rotation.Generate:
			begin = &events[i]
		case e.Type == rotation.Result && e.Outcome == rotation.OK && e.Action.Phase == rotation.Switch &&
			(e.Action.Step == rotation.Publish || e.Action.Step == rotation.Deploy || e.Action.Step == rotation.Release):
			end = &events[i]
		}
	}
	if begin == nil || end == nil {
		return 0, false
	}
	if begin.At.BootID == end.At.BootID {
		return end.At.Boot - begin.At.Boot, true
	}
	return end.At.Wall.Sub(begin.At.Wall), true
}
