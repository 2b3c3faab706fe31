// Package check is the room of signals looked at after a deploy: an HTTP probe,
// log lines, a Prometheus query, a command.
//
// What surprises: no data is Unknown, never Pass. A monitor that is blind must
// not let a rotation through.
package check

import (
	"context"
	"time"
)

// Check measures one signal. Measure has no effect on the system.
type Check interface {
	// Measure takes a sample over the window (checks that probe take it now and
	// ignore From). An error means that the sample could not be taken; the
	// engine treats it as a Sample with Known false.
	Measure(ctx context.Context, w Window) (Sample, error)
	// Judge compares a sample with the one from before the change. Pure. A base
	// with Known false is judged on now alone.
	Judge(base, now Sample) Result
}

// Window is the span a sample covers.
type Window struct{ From, To time.Time }

// Sample is journalled as JSON; it must hold no value and no body.
type Sample struct {
	Known  bool    `json:"known"`
	Value  float64 `json:"value"`            // what is compared: a count, a rate, 1 for healthy
	Detail string  `json:"detail,omitempty"` // "status 200", "3 lines"; for people
}

// Verdict is the result of one check.
type Verdict string

const (
	Pass    Verdict = "pass"
	Fail    Verdict = "fail"
	Unknown Verdict = "unknown"
)

// Result is a verdict and the reason for it.
type Result struct {
	Verdict Verdict
	Reason  string
}
