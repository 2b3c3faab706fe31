package app

import (
	"context"
	"time"

	"github.com/agenticverz/rotor/config"
	"github.com/agenticverz/rotor/policy"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// Standing is how one credential stands: what rotor.yaml says, what the journal
// knows, what the policy makes of both. Making it resolves nothing.
type Standing struct {
	Name     string
	Config   config.Credential   // zero if rotor.yaml no longer has it
	InConfig bool                // see Config
	Known    rotation.Credential // from the journal
	Schedule policy.Status
}

// Standings lists every credential of rotor.yaml in its order, then those that
// only the journal knows.
func (a *App) Standings(ctx context.Context) ([]Standing, error) {
	all, err := a.Journal.Credentials(ctx)
	if err != nil {
		return nil, err
	}
	known := map[string]rotation.Credential{}
	for _, c := range all {
		known[c.Name] = c
	}
	var out []Standing
	now := a.Now().Wall
	if a.Config() != nil {
		near, seen := neighbours(a.Config(), known), a.firstSeen()
		for _, c := range a.Config().Credentials {
			s := Standing{Name: c.Name, Config: c, InConfig: true, Known: known[c.Name]}
			s.Known.Name = c.Name
			f := facts(s.Known)
			f.Neighbour = near(c)
			f.Since = seen[c.Name]
			s.Schedule = c.Policy.Due(f, now)
			out = append(out, s)
			delete(known, c.Name)
		}
	}
	for _, c := range all {
		if _, left := known[c.Name]; left {
			out = append(out, Standing{Name: c.Name, Known: c, Schedule: policy.Status{State: policy.Never}})
		}
	}
	return out, nil
}

func facts(c rotation.Credential) policy.Facts {
	f := policy.Facts{Name: c.Name, Rotated: c.Rotated}
	if g, ok := c.Current(); ok {
		f.Expires = g.NotAfter
	}
	return f
}

// neighbours finds the latest start of a rotation that shares a consumer: two at
// once could not be told apart by the checks.
func neighbours(c *config.Config, known map[string]rotation.Credential) func(config.Credential) time.Time {
	type begun struct {
		name string
		at   time.Time
	}
	latest := map[string][2]begun{} // by consumer, of two different credentials
	for _, cred := range c.Credentials {
		at := known[cred.Name].Rotated
		for _, r := range known[cred.Name].OpenOf(rotation.KindRotation) {
			at = r.Created.Wall
		}
		for _, name := range cred.Consumers {
			two := latest[name]
			if at.After(two[0].at) {
				two[0], two[1] = begun{cred.Name, at}, two[0]
			} else if at.After(two[1].at) {
				two[1] = begun{cred.Name, at}
			}
			latest[name] = two
		}
	}
	return func(cred config.Credential) time.Time {
		var out time.Time
		if cred.Policy.Spacing == 0 {
			return out
		}
		for _, name := range cred.Consumers {
			for _, b := range latest[name] {
				if b.name != cred.Name && b.at.After(out) {
					out = b.at
				}
			}
		}
		return out
	}
}

// Traits are a credential's provider's, from its options alone: nothing is
// bound.
func Traits(c config.Credential) (provider.Traits, error) {
	p, err := bare(c)
	if err != nil {
		return provider.Traits{}, err
	}
	return p.Traits(), nil
}

func bare(c config.Credential) (provider.Provider, error) {
	t, ok := Providers().Get(c.Provider.Type)
	if !ok {
		return nil, unknownCredential(&config.Config{}, c.Name)
	}
	p, err := t.New(c.Provider.Options, provider.Context{Bind: provider.BindFunc(unbound), Overlap: sideBySide(c)})
	return p, at(c.Provider.Pos, err)
}

// Standing is one credential's, by its name in rotor.yaml.
func (a *App) Standing(ctx context.Context, name string) (Standing, error) {
	c, err := a.Find(name)
	if err != nil {
		return Standing{}, err
	}
	known, err := a.Journal.Credential(ctx, c.Name)
	if err != nil {
		return Standing{}, err
	}
	f := facts(known)
	f.Since = a.firstSeen()[c.Name]
	return Standing{Name: c.Name, Config: c, InConfig: true, Known: known,
		Schedule: c.Policy.Due(f, a.Now().Wall)}, nil
}
