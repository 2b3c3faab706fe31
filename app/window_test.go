package app_test

import (
	"testing"
	"time"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/rotation"
)

func TestWindow(t *testing.T) {
	at := func(d time.Duration, boot string) rotation.Instant {
		return rotation.Instant{Wall: time.Unix(1000, 0).Add(d + time.Hour), Boot: d, BootID: boot}
	}
	generate := rotation.Action{Step: rotation.Generate, Phase: rotation.Accept}
	deploy := rotation.Action{Step: rotation.Deploy, Phase: rotation.Switch}
	events := []rotation.Event{
		{At: at(time.Second, "b"), Type: rotation.Intent, Action: generate},
		{At: at(2*time.Second, "b"), Type: rotation.Result, Outcome: rotation.OK, Action: generate},
		{At: at(3*time.Second, "b"), Type: rotation.Result, Outcome: rotation.OK, Action: deploy},
		{At: at(4*time.Second, "b"), Type: rotation.Result, Outcome: rotation.Refused, Action: deploy},
		{At: at(5*time.Second, "b"), Type: rotation.Result, Outcome: rotation.OK, Action: deploy},
	}
	if d, ok := app.Window(events); !ok || d != 4*time.Second {
		t.Errorf("%s %v, want 4s", d, ok)
	}
	if _, ok := app.Window(events[:2]); ok {
		t.Error("a window without an end")
	}
	events[4].At = at(10*time.Second, "another boot")
	if d, ok := app.Window(events); !ok || d != 9*time.Second {
		t.Errorf("after a reboot: %s %v, want 9s by the wall clock", d, ok)
	}
}
