package consumertest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// plant is a small real consumer: two units, each holding the value it took.
type plant struct {
	runs    map[string]secret.Set
	changes int
	down    bool
}

func set(text string) secret.Set { return secret.Set{"API_KEY": secret.New(text)} }

var (
	before = set("exam-value-before-1")
	after  = set("exam-value-after-22")
	bad    = set("exam-value-bad-333")
)

func world(wrap func(*plant, consumer.Consumer) consumer.Consumer) World {
	p := &plant{runs: map[string]secret.Set{"a": before, "b": before}}
	return World{
		Open:   func() (consumer.Consumer, error) { return wrap(p, works{p}), nil },
		Before: before, After: after, Bad: bad,
		Running: func(u string) (secret.Set, error) { return p.runs[u], nil },
		Witness: func() (string, error) { return fmt.Sprint(p.changes), nil },
		Break:   func() error { p.down = true; return nil },
	}
}

type works struct{ p *plant }

func (w works) GoString() string { return "works" }
func (w works) String() string   { return "works" }

func (w works) Units(context.Context) ([]string, error) { return []string{"a", "b"}, nil }

func (w works) Preflight(context.Context) error {
	if w.p.down {
		return fault.New(fault.Transient, "plant is down")
	}
	return nil
}

func (w works) Deploy(ctx context.Context, unit string, c consumer.Change) error {
	if w.p.runs[unit] == nil {
		return fault.New(fault.BadConfig, "no unit %q", unit)
	}
	if ctx.Err() != nil || w.p.down {
		return fault.New(fault.Transient, "plant is down")
	}
	w.p.changes++
	w.p.runs[unit] = c.Values
	if c.Values.Equal(bad) {
		return fault.New(fault.Rejected, "unit %s is unhealthy", unit)
	}
	return nil
}

func (w works) Confirm(ctx context.Context, unit string, c consumer.Change) (consumer.Proof, error) {
	got := w.p.runs[unit]
	switch {
	case ctx.Err() != nil || w.p.down:
		return consumer.CannotTell, fault.New(fault.Transient, "plant is down")
	case got == nil:
		return consumer.CannotTell, fault.New(fault.BadConfig, "no unit %q", unit)
	case got.Equal(c.Values) && !got.Equal(bad):
		return consumer.Proven, nil
	}
	return consumer.NotYet, nil
}

func TestAGoodConsumerPasses(t *testing.T) {
	Run(t, func(testing.TB) World {
		return world(func(_ *plant, c consumer.Consumer) consumer.Consumer { return c })
	})
}

// flawed lets a test replace one method.
type flawed struct {
	consumer.Consumer
	units   func() ([]string, error)
	deploy  func(context.Context, string, consumer.Change) error
	confirm func(context.Context, string, consumer.Change) (consumer.Proof, error)
}

func (f flawed) GoString() string { return "flawed" }
func (f flawed) String() string   { return "flawed" }

func (f flawed) Units(ctx context.Context) ([]string, error) {
	if f.units != nil {
		return f.units()
	}
	return f.Consumer.Units(ctx)
}

func (f flawed) Deploy(ctx context.Context, u string, c consumer.Change) error {
	if f.deploy != nil {
		return f.deploy(ctx, u, c)
	}
	return f.Consumer.Deploy(ctx, u, c)
}

func (f flawed) Confirm(ctx context.Context, u string, c consumer.Change) (consumer.Proof, error) {
	if f.confirm != nil {
		return f.confirm(ctx, u, c)
	}
	return f.Consumer.Confirm(ctx, u, c)
}

// leaky prints what it holds.
type leaky struct {
	consumer.Consumer
	Text string
}

// seeded has one flaw each; the exam must find every one of them.
func seeded(ctx context.Context) map[string]func(*plant, consumer.Consumer) consumer.Consumer {
	count := 0
	return map[string]func(*plant, consumer.Consumer) consumer.Consumer{
		"deploy says yes without effect": func(_ *plant, c consumer.Consumer) consumer.Consumer {
			return flawed{Consumer: c, deploy: func(context.Context, string, consumer.Change) error { return nil }}
		},
		"confirm has an effect": func(p *plant, c consumer.Consumer) consumer.Consumer {
			return flawed{Consumer: c, confirm: func(ctx context.Context, u string, ch consumer.Change) (consumer.Proof, error) {
				p.changes++
				return c.Confirm(ctx, u, ch)
			}}
		},
		"confirm always says proven": func(_ *plant, c consumer.Consumer) consumer.Consumer {
			return flawed{Consumer: c, confirm: func(context.Context, string, consumer.Change) (consumer.Proof, error) {
				return consumer.Proven, nil
			}}
		},
		"confirm never knows": func(_ *plant, c consumer.Consumer) consumer.Consumer {
			return flawed{Consumer: c, confirm: func(context.Context, string, consumer.Change) (consumer.Proof, error) {
				return consumer.CannotTell, nil
			}}
		},
		"an error holds the value": func(_ *plant, c consumer.Consumer) consumer.Consumer {
			return flawed{Consumer: c, deploy: func(ctx context.Context, u string, ch consumer.Change) error {
				if err := c.Deploy(ctx, u, ch); err != nil {
					return fault.Wrap(fault.KindOf(err), "deploy with "+ch.Values["API_KEY"].Reveal(), err)
				}
				return nil
			}}
		},
		"the consumer prints a value": func(_ *plant, c consumer.Consumer) consumer.Consumer {
			return leaky{Consumer: c, Text: "exam-value-before-1"}
		},
		"all units at once": func(_ *plant, c consumer.Consumer) consumer.Consumer {
			return flawed{Consumer: c, deploy: func(ctx context.Context, u string, ch consumer.Change) error {
				err := c.Deploy(ctx, u, ch)
				if err == nil && !ch.Values.Equal(bad) {
					err = errors.Join(c.Deploy(ctx, "a", ch), c.Deploy(ctx, "b", ch))
				}
				return err
			}}
		},
		"a bad value is unknown": func(_ *plant, c consumer.Consumer) consumer.Consumer {
			return flawed{Consumer: c, deploy: func(ctx context.Context, u string, ch consumer.Change) error {
				if err := c.Deploy(ctx, u, ch); fault.KindOf(err) == fault.Rejected {
					return errors.New("exit status 1")
				} else if err != nil {
					return err
				}
				return nil
			}}
		},
		"a broken world blames the value": func(p *plant, c consumer.Consumer) consumer.Consumer {
			return flawed{Consumer: c, deploy: func(ctx context.Context, u string, ch consumer.Change) error {
				if p.down {
					return fault.New(fault.Rejected, "unit does not come up")
				}
				return c.Deploy(ctx, u, ch)
			}}
		},
		"an unknown unit is nothing to do": func(_ *plant, c consumer.Consumer) consumer.Consumer {
			return flawed{Consumer: c, deploy: func(ctx context.Context, u string, ch consumer.Change) error {
				if u != "a" && u != "b" {
					return nil
				}
				return c.Deploy(ctx, u, ch)
			}}
		},
		"the second deploy fails": func(p *plant, c consumer.Consumer) consumer.Consumer {
			return flawed{Consumer: c, deploy: func(ctx context.Context, u string, ch consumer.Change) error {
				if p.runs[u].Equal(ch.Values) {
					return fault.New(fault.BadConfig, "already there")
				}
				return c.Deploy(ctx, u, ch)
			}}
		},
		"there is no way back": func(_ *plant, c consumer.Consumer) consumer.Consumer {
			return flawed{Consumer: c, deploy: func(ctx context.Context, u string, ch consumer.Change) error {
				if ch.Generation == 1 {
					return nil
				}
				return c.Deploy(ctx, u, ch)
			}}
		},
		"an ended context is success": func(_ *plant, c consumer.Consumer) consumer.Consumer {
			return flawed{Consumer: c, deploy: func(ctx context.Context, u string, ch consumer.Change) error {
				if ctx.Err() != nil {
					return nil
				}
				return c.Deploy(ctx, u, ch)
			}}
		},
		"units change their names": func(_ *plant, c consumer.Consumer) consumer.Consumer {
			return flawed{Consumer: c, units: func() ([]string, error) {
				count++
				return []string{fmt.Sprintf("a%d", count)}, nil
			}}
		},
		"no units": func(_ *plant, c consumer.Consumer) consumer.Consumer {
			return flawed{Consumer: c, units: func() ([]string, error) { return nil, nil }}
		},
		"a unit that cannot be logged": func(_ *plant, c consumer.Consumer) consumer.Consumer {
			return flawed{Consumer: c, units: func() ([]string, error) { return []string{"a\nb"}, nil }}
		},
	}
}

func TestEveryFlawIsFound(t *testing.T) {
	for name, wrap := range seeded(t.Context()) {
		var found []string
		for _, tr := range trials {
			found = append(found, examine(t.Context(), world(wrap), tr)...)
		}
		if len(found) == 0 {
			t.Errorf("the exam passes a consumer with this flaw: %s", name)
		}
	}
}
