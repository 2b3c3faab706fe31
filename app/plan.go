package app

import (
	"context"
	"fmt"
	"time"

	"github.com/agenticverz/rotor/config"
	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// Plan is what a rotation of one credential would do.
type Plan struct {
	Standing
	Strategy rotation.Strategy
	Minter   rotation.Minter
	Windows  []string // what cannot be avoided, in words; none: no request fails
	Notes    []string // what else a person should know, in the provider's words
	Steps    []rotation.Action
	End      []rotation.Action // the old generation's
	Revokes  bool              // somebody outside will refuse the old value
}

// outageLimit is how long a consumer may think about its window.
const outageLimit = 5 * time.Second

// Plan looks ahead without any effect. Consumers are asked for their windows.
func (a *App) Plan(ctx context.Context, s Standing, mode rotation.Mode) (Plan, error) {
	cred, err := a.Credential(s.Name)
	if err != nil {
		return Plan{}, err
	}
	t := cred.Provider.Traits()
	live := cred.Live(len(s.Known.OpenOf(rotation.KindRetirement)) > 0)
	p := Plan{Standing: s, Strategy: t.Strategy, Minter: t.Minter, Revokes: !t.NoIssuer,
		Steps: rotation.Plan(t.Strategy, t.Minter, mode, live), End: rotation.PlanRetirement(t.Strategy, live)}
	if t.Outage != "" {
		words, err := a.windowWords(ctx, s.Name)
		if err != nil {
			return p, err
		}
		if t.NoIssuer || t.Lingers > 0 { // who checks the value begins and ends the window, not Rotor
			words = ""
		}
		p.Windows = append(p.Windows, t.Outage+words)
	}
	ctx, cancel := context.WithTimeout(ctx, outageLimit)
	defer cancel()
	if n, ok := provider.As[provider.Noter](cred.Provider); ok {
		current, _ := s.Known.Current()
		notes, err := n.Notes(ctx, provider.Request{Generation: s.Known.Latest() + 1, Current: current.Handle})
		if err != nil {
			notes = []string{"could not be looked at: " + err.Error()}
		}
		p.Notes = notes
	}
	p.Notes = append(p.Notes, noWayBack(cred, s.Known)...)
	for _, c := range cred.Presenters() {
		if o, ok := c.Consumer.(consumer.Outage); ok {
			if words := o.Outage(ctx); words != "" {
				p.Windows = append(p.Windows, c.Name+": "+words)
			}
		}
	}
	return p, nil
}

// noWayBack lists targets that a rollback could not put back: nobody can read what they
// hold, and no earlier value is sealed.
func noWayBack(c *engine.Credential, known rotation.Credential) []string {
	t := c.Provider.Traits()
	if _, sealed := known.Current(); sealed || t.Strategy == rotation.InPlace && !t.NoIssuer {
		return nil // there is one, or there is no rollback
	}
	var fields []string
	for _, target := range c.Targets {
		if field := target.Value.Field(); field != "" && target.Store.Traits().Readable {
			fields = append(fields, field) // preflight reads and seals it
		}
	}
	var out []string
	for _, target := range c.Targets {
		if !target.Store.Traits().Readable && !target.RestorableFrom(fields...) {
			out = append(out, fmt.Sprintf("%s key %s: what it holds now cannot be read, and no earlier value is sealed: a rollback would remove the key, and the old value must be put back by hand",
				target.Place(), target.Key))
		}
	}
	return out
}

// Instructions is what a person must do for a step; "" if the provider has no
// words for it.
func (a *App) Instructions(name string, step rotation.Step, r rotation.Record, current rotation.Handle) string {
	cred, err := a.Credential(name)
	if err != nil {
		return ""
	}
	guide, ok := provider.As[provider.Guide](cred.Provider)
	if !ok {
		return ""
	}
	return guide.Instructions(step, provider.Request{Generation: r.Generation, Current: current})
}

// Find resolves what a person calls a credential: its name, or STORE:PATH#KEY of
// one of its targets.
func (a *App) Find(name string) (config.Credential, error) {
	if a.Config() == nil {
		_, err := a.catalog.Credential(name)
		return config.Credential{}, err
	}
	if c, ok := a.Config().Credential(name); ok {
		return c, nil
	}
	for _, c := range a.Config().Credentials {
		for _, t := range c.Targets {
			if t.Store+":"+t.Path+"#"+t.Key == name {
				return c, nil
			}
		}
	}
	return config.Credential{}, unknownCredential(a.Config(), name)
}
