package engine

import (
	"strings"
	"time"

	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// Credential is one credential of rotor.yaml with everything bound; app makes it.
type Credential struct {
	Name      string
	Owner     string
	Provider  provider.Provider
	Targets   []Target
	Acceptors []Acceptor
	Consumers []Consumer
	Checks    []Check

	Approval bool          // a person must say yes first
	Monitor  time.Duration // how long to watch the checks after deploy
	Grace    time.Duration // how long the old generation lives on
	Bound    time.Duration // how long evidence may be missing after grace
	AtBound  string        // "hold" (default) or "revoke"
}

// Target is one key of a store path.
type Target struct {
	StoreName string
	Store     store.Store
	Path      string
	Key       *secret.Template // usually plain text; PgBouncer's key is a user name
	Value     *secret.Template
}

// Place names the store path: "STORE:PATH".
func (t Target) Place() string { return t.StoreName + ":" + t.Path }

// words is the place as people read it: a store that is one path has no colon.
func (t Target) words() string { return strings.TrimSuffix(t.Place(), ":") }

// Acceptor checks the value besides the provider; it must take the new one
// before anyone presents it.
type Acceptor struct {
	Targets  []Target
	Consumer *Consumer // nil: it reads its targets by itself
}

// Consumer presents the value.
type Consumer struct {
	Name string
	consumer.Consumer
}

// Check is one signal after a deploy.
type Check struct {
	Name string
	check.Check
}

// Catalog finds credentials; app implements it from rotor.yaml.
type Catalog interface {
	// Credential returns fault.BadConfig for a name it does not know.
	Credential(name string) (*Credential, error)
}

// targets lists what a phase writes.
func (c *Credential) targets(phase rotation.Phase) []Target {
	if phase == rotation.Switch {
		return c.Targets
	}
	var out []Target
	for _, a := range c.Acceptors {
		out = append(out, a.Targets...)
	}
	if phase == rotation.Undo && c.Provider.Traits().Strategy == rotation.InPlace {
		return append(out, c.Targets...)
	}
	if phase == rotation.Undo {
		return c.Targets
	}
	return out
}

// at lists the targets of one path; nil if rotor.yaml no longer has it.
func (c *Credential) at(phase rotation.Phase, place string) []Target {
	var out []Target
	for _, t := range c.targets(phase) {
		if t.Place() == place {
			out = append(out, t)
		}
	}
	return out
}

// places lists the paths of a phase once each, in order.
func (c *Credential) places(phase rotation.Phase) []rotation.Path {
	var out []rotation.Path
	seen := map[string]bool{}
	for _, t := range c.targets(phase) {
		if !seen[t.Place()] {
			seen[t.Place()] = true
			out = append(out, rotation.Path{Phase: phase, Name: t.Place()})
		}
	}
	return out
}

// presenters lists the consumers that a phase deploys.
func (c *Credential) presenters(phase rotation.Phase) []Consumer {
	if phase == rotation.Switch || phase == rotation.Undo && c.Provider.Traits().Strategy != rotation.InPlace {
		return c.Consumers
	}
	var out []Consumer
	for _, a := range c.Acceptors {
		if a.Consumer != nil {
			out = append(out, *a.Consumer)
		}
	}
	if phase == rotation.Undo {
		out = append(out, c.Consumers...)
	}
	return out
}

// Presenters lists every consumer, acceptors' first.
func (c *Credential) Presenters() []Consumer {
	return append(c.presenters(rotation.Accept), c.Consumers...)
}

// Live is what a plan must know of the credential; older says whether an earlier
// generation has not ended.
func (c *Credential) Live(older bool) rotation.Live {
	_, finds := provider.As[provider.Finder](c.Provider)
	l := rotation.Live{Approval: c.Approval, Acceptors: len(c.Acceptors) > 0,
		NoIssuer: c.Provider.Traits().NoIssuer, Older: older,
		Finds: finds && c.Provider.Traits().Minter == rotation.ByProvider}
	for _, one := range c.Presenters() {
		if _, ok := one.Consumer.(consumer.Holder); ok {
			l.Holders = true
		}
	}
	return l
}
