package sqlite_test

import (
	"time"

	"github.com/agenticverz/rotor/rotation"
)

var benchNow = rotation.Instant{Wall: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), Boot: time.Hour, BootID: "b"}

// appendOf is what an engine writes at once: an outcome and the next intent.
func appendOf() []rotation.Event {
	out := rotation.Event{At: benchNow, Type: rotation.Result, Outcome: rotation.OK, Attempt: 1, Part: "vault:app-prod",
		Action: rotation.Action{Step: rotation.Publish, Phase: rotation.Switch},
		Facts:  &rotation.Facts{Revision: "17", Before: "16"}}
	next := rotation.Event{At: benchNow, Type: rotation.Intent, Attempt: 1, Part: "app/backend",
		Action: rotation.Action{Step: rotation.Deploy, Phase: rotation.Switch}}
	return []rotation.Event{out, next}
}

func benchRecord(id, credential string) rotation.Record {
	return rotation.Record{ID: id, Kind: rotation.KindRotation, Credential: credential, Generation: 1, Actor: "bench",
		Mode: rotation.Scheduled, Strategy: rotation.Overlap, Minter: rotation.ByProvider, Created: benchNow}
}

var intent = rotation.Event{At: benchNow, Type: rotation.Intent}
