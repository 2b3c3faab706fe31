// Package checktest is the exam of the check room: Run asks an implementation
// everything that the monitor step relies on.
//
// What surprises: most of it is about not knowing. A check that passes on no
// data lets a broken rotation through, and nobody notices until the old value
// is dead.
package checktest

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// World is what a check looks at. It is well when setup returns it. Each trial
// gets one of its own.
type World struct {
	// Open builds the check anew, as another process would.
	Open func() (check.Check, error)
	// Ill makes the signal bad; Blind makes it impossible to measure.
	Ill, Blind func() error
	// Window is the span to measure; nil: the last minute.
	Window func() check.Window
	// Witness describes what measuring must not change; nil if nothing could.
	Witness func() string
	// Secrets are the values the check holds or may meet.
	Secrets []secret.Value
}

// Run is the exam. setup is called once for each trial.
func Run(t *testing.T, setup func(t testing.TB) World) {
	for _, tr := range trials {
		t.Run(tr.name, func(t *testing.T) {
			for _, p := range examine(t.Context(), setup(t), tr) {
				t.Error(p)
			}
		})
	}
}

func examine(ctx context.Context, w World, tr trial) []string {
	x := &exam{ctx: ctx, World: w}
	c, err := w.Open()
	x.saw(err)
	if err != nil {
		return append(x.problems, fmt.Sprintf("the check cannot be built: %v", err))
	}
	x.text("the check, printed,", fmt.Sprintf("%v %+v %#v", c, c, c))
	x.c = c
	tr.run(x)
	return x.problems
}

type exam struct {
	World
	c        check.Check
	ctx      context.Context
	problems []string
}

type trial struct {
	name string
	run  func(*exam)
}

var trials = []trial{
	{"a healthy signal passes", healthyPasses},
	{"a bad signal fails", badFails},
	{"no data is unknown", noDataIsUnknown},
	{"an ended context is no sample", endedContext},
	{"judging is pure", judgingIsPure},
	{"measuring has no effect", measuringHasNoEffect},
}

func (x *exam) wrong(format string, args ...any) {
	x.problems = append(x.problems, fmt.Sprintf(format, args...))
}

func (x *exam) saw(err error) {
	if err != nil {
		x.text("the error", fmt.Sprintf("%v %+v %s", err, err, fault.HintOf(err)))
	}
}

func (x *exam) text(what, text string) {
	for _, v := range x.Secrets {
		if slices.ContainsFunc(secret.Encodings(v), func(form string) bool { return strings.Contains(text, form) }) {
			x.wrong("%s holds a value", what)
		}
	}
}

// measure takes a sample and looks at its form.
func (x *exam) measure(ctx context.Context) (check.Sample, error) {
	w := check.Window{To: time.Now()}
	w.From = w.To.Add(-time.Minute)
	if x.Window != nil {
		w = x.Window()
	}
	s, err := x.c.Measure(ctx, w)
	x.saw(err)
	x.text("a sample", s.Detail)
	if len(s.Detail) > 200 || strings.ContainsAny(s.Detail, "\r\n") {
		x.wrong("a sample's detail is not one short line but %d bytes", len(s.Detail))
	}
	if err != nil && s.Known {
		x.wrong("Measure gives a known sample together with the error %v", err)
	}
	if s.Known && (math.IsNaN(s.Value) || math.IsInf(s.Value, 0)) {
		x.wrong("a known sample of %v", s.Value)
	}
	return s, err
}

// judge expects a verdict and, unless it passes, a reason.
func (x *exam) judge(what string, base, now check.Sample, want check.Verdict) {
	r := x.c.Judge(base, now)
	x.text("a reason", r.Reason)
	if r.Verdict != want {
		x.wrong("%s: %q (%s), expected %q", what, r.Verdict, r.Reason, want)
	}
	if r.Verdict != check.Pass && r.Reason == "" {
		x.wrong("%s: %q without a reason", what, r.Verdict)
	}
	if strings.ContainsAny(r.Reason, "\r\n") {
		x.wrong("%s: the reason has several lines", what)
	}
}

func (x *exam) make(what string, how func() error) {
	if err := how(); err != nil {
		x.wrong("the world cannot become %s: %v", what, err)
	}
}

func healthyPasses(x *exam) {
	s, err := x.measure(x.ctx)
	if err != nil || !s.Known {
		x.wrong("a healthy signal is not measured: %+v, %v", s, err)
		return
	}
	x.judge("healthy, no baseline", check.Sample{}, s, check.Pass)
	x.judge("healthy, against itself", s, s, check.Pass)
}

func badFails(x *exam) {
	base, err := x.measure(x.ctx)
	if err != nil {
		x.wrong("no baseline: %v", err)
	}
	x.make("ill", x.Ill)
	now, err := x.measure(x.ctx)
	if err != nil || !now.Known {
		x.wrong("a bad signal is not measured: %+v, %v", now, err)
		return
	}
	x.judge("bad after healthy", base, now, check.Fail)
	x.judge("bad, no baseline", check.Sample{}, now, check.Fail)
}

func noDataIsUnknown(x *exam) {
	base, _ := x.measure(x.ctx)
	x.make("blind", x.Blind)
	s, err := x.measure(x.ctx)
	if err == nil && s.Known {
		x.wrong("no data is a known sample of %v", s.Value)
	}
	x.judge("no data", base, s, check.Unknown)
	x.judge("no data, no baseline", check.Sample{}, s, check.Unknown)
	x.judge("an empty sample", base, check.Sample{}, check.Unknown)
	x.judge("a value that is no number", base, check.Sample{Known: true, Value: math.NaN()}, check.Unknown)
}

func endedContext(x *exam) {
	base, _ := x.measure(x.ctx)
	ctx, cancel := context.WithCancel(x.ctx)
	cancel()
	s, err := x.measure(ctx)
	if err == nil && s.Known {
		x.wrong("with an ended context Measure gives %+v", s)
	}
	x.judge("an ended context", base, s, check.Unknown)
}

// judgingIsPure: the journalled sample, read in another process, gives the same.
func judgingIsPure(x *exam) {
	base, _ := x.measure(x.ctx)
	x.make("ill", x.Ill)
	now, _ := x.measure(x.ctx)
	other, err := x.Open()
	if err != nil {
		x.wrong("the check cannot be built a second time: %v", err)
		return
	}
	for _, pair := range [][2]check.Sample{{base, base}, {base, now}, {{}, base}, {{}, now}, {base, {}}} {
		first := x.c.Judge(pair[0], pair[1])
		if again := x.c.Judge(pair[0], pair[1]); again != first {
			x.wrong("Judge gives %+v and then %+v", first, again)
		}
		if there := other.Judge(journalled(x, pair[0]), journalled(x, pair[1])); there != first {
			x.wrong("Judge gives %+v, and %+v from the journal in another process", first, there)
		}
	}
}

func journalled(x *exam, s check.Sample) check.Sample {
	text, err := json.Marshal(s)
	if err != nil {
		x.wrong("a sample cannot be journalled: %v", err)
		return s
	}
	var out check.Sample
	if err := json.Unmarshal(text, &out); err != nil {
		x.wrong("a journalled sample cannot be read: %v", err)
	}
	return out
}

func measuringHasNoEffect(x *exam) {
	if x.Witness == nil {
		return
	}
	before := x.Witness()
	_, _ = x.measure(x.ctx)
	_, _ = x.measure(x.ctx)
	if after := x.Witness(); after != before {
		x.wrong("Measure changed the system: %s became %s", before, after)
	}
}
