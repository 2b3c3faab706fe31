package checktest

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// gauge is a small real check of a number in memory.
type gauge struct {
	errors   float64
	blind    bool
	touched  int
	judgings float64
}

const token = "exam-check-token-77"

type works struct{ g *gauge }

func (works) String() string   { return "works" }
func (works) GoString() string { return "works" }

func (w works) Measure(ctx context.Context, _ check.Window) (check.Sample, error) {
	if ctx.Err() != nil || w.g.blind {
		return check.Sample{}, fault.New(fault.Transient, "gauge cannot be read")
	}
	return check.Sample{Known: true, Value: w.g.errors, Detail: "read"}, nil
}

func (works) Judge(base, now check.Sample) check.Result {
	switch {
	case !now.Known || math.IsNaN(now.Value):
		return check.Result{Verdict: check.Unknown, Reason: "no data"}
	case now.Value > base.Value+1:
		return check.Result{Verdict: check.Fail, Reason: "more errors"}
	}
	return check.Result{Verdict: check.Pass}
}

func world(wrap func(*gauge, check.Check) check.Check) World {
	g := &gauge{errors: 1}
	return World{
		Open:    func() (check.Check, error) { return wrap(g, works{g}), nil },
		Ill:     func() error { g.errors = 50; return nil },
		Blind:   func() error { g.blind = true; return nil },
		Witness: func() string { return fmt.Sprint(g.touched) },
		Secrets: []secret.Value{secret.New(token)},
	}
}

func TestAGoodCheckPasses(t *testing.T) {
	Run(t, func(testing.TB) World { return world(func(_ *gauge, c check.Check) check.Check { return c }) })
}

type flawed struct {
	check.Check
	measure func(context.Context, check.Window) (check.Sample, error)
	judge   func(base, now check.Sample) check.Result
}

func (flawed) String() string   { return "flawed" }
func (flawed) GoString() string { return "flawed" }

func (f flawed) Measure(ctx context.Context, w check.Window) (check.Sample, error) {
	if f.measure != nil {
		return f.measure(ctx, w)
	}
	return f.Check.Measure(ctx, w)
}

func (f flawed) Judge(base, now check.Sample) check.Result {
	if f.judge != nil {
		return f.judge(base, now)
	}
	return f.Check.Judge(base, now)
}

type leaky struct {
	check.Check
	Token string
}

func measuring(f func(g *gauge, c check.Check, ctx context.Context) (check.Sample, error)) func(*gauge, check.Check) check.Check {
	return func(g *gauge, c check.Check) check.Check {
		return flawed{Check: c, measure: func(ctx context.Context, _ check.Window) (check.Sample, error) { return f(g, c, ctx) }}
	}
}

func judging(f func(g *gauge, c check.Check, base, now check.Sample) check.Result) func(*gauge, check.Check) check.Check {
	return func(g *gauge, c check.Check) check.Check {
		return flawed{Check: c, judge: func(base, now check.Sample) check.Result { return f(g, c, base, now) }}
	}
}

var seeded = map[string]func(*gauge, check.Check) check.Check{
	"passes on no data": judging(func(_ *gauge, c check.Check, base, now check.Sample) check.Result {
		if !now.Known {
			return check.Result{Verdict: check.Pass}
		}
		return c.Judge(base, now)
	}),
	"no data is zero": measuring(func(g *gauge, c check.Check, ctx context.Context) (check.Sample, error) {
		if s, err := c.Measure(ctx, check.Window{}); err == nil {
			return s, nil
		}
		return check.Sample{Known: true}, nil
	}),
	"a known sample with an error": measuring(func(g *gauge, c check.Check, ctx context.Context) (check.Sample, error) {
		s, err := c.Measure(ctx, check.Window{})
		s.Known = true
		return s, err
	}),
	"passes everything": judging(func(*gauge, check.Check, check.Sample, check.Sample) check.Result {
		return check.Result{Verdict: check.Pass}
	}),
	"fails everything": judging(func(*gauge, check.Check, check.Sample, check.Sample) check.Result {
		return check.Result{Verdict: check.Fail, Reason: "no"}
	}),
	"passes without a baseline": judging(func(_ *gauge, c check.Check, base, now check.Sample) check.Result {
		if !base.Known && now.Known {
			return check.Result{Verdict: check.Pass}
		}
		return c.Judge(base, now)
	}),
	"fails without a reason": judging(func(_ *gauge, c check.Check, base, now check.Sample) check.Result {
		return check.Result{Verdict: c.Judge(base, now).Verdict}
	}),
	"remembers": judging(func(g *gauge, c check.Check, base, now check.Sample) check.Result {
		g.judgings++
		r := c.Judge(base, now)
		r.Reason = fmt.Sprintf("%s, judged %v times", r.Reason, g.judgings)
		return r
	}),
	"NaN passes": judging(func(_ *gauge, c check.Check, base, now check.Sample) check.Result {
		if math.IsNaN(now.Value) {
			return check.Result{Verdict: check.Pass}
		}
		return c.Judge(base, now)
	}),
	"an error holds the token": measuring(func(g *gauge, c check.Check, ctx context.Context) (check.Sample, error) {
		s, err := c.Measure(ctx, check.Window{})
		if err != nil {
			err = fault.Wrap(fault.Transient, "with bearer "+token, err)
		}
		return s, err
	}),
	"a detail holds the token": measuring(func(g *gauge, c check.Check, ctx context.Context) (check.Sample, error) {
		s, err := c.Measure(ctx, check.Window{})
		s.Detail = "answer: " + token
		return s, err
	}),
	"a detail is a body": measuring(func(g *gauge, c check.Check, ctx context.Context) (check.Sample, error) {
		s, err := c.Measure(ctx, check.Window{})
		s.Detail = "line\nline"
		return s, err
	}),
	"measuring has an effect": measuring(func(g *gauge, c check.Check, ctx context.Context) (check.Sample, error) {
		g.touched++
		return c.Measure(ctx, check.Window{})
	}),
	"ignores the context": measuring(func(g *gauge, c check.Check, _ context.Context) (check.Sample, error) {
		return c.Measure(context.Background(), check.Window{})
	}),
	"prints its token": func(_ *gauge, c check.Check) check.Check { return leaky{c, token} },
}

func TestEveryFlawIsFound(t *testing.T) {
	for name, wrap := range seeded {
		var found []string
		for _, tr := range trials {
			found = append(found, examine(t.Context(), world(wrap), tr)...)
		}
		if len(found) == 0 {
			t.Errorf("the exam passes a check with this flaw: %s", name)
		}
	}
}
