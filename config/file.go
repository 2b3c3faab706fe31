package config

import (
	"reflect"
	"time"

	"github.com/agenticverz/rotor/policy"
)

// The shape of rotor.yaml. Documents and the JSON Schema are made from these
// structs and their comments.

type fileShape struct {
	Version     int              `yaml:"version" json:"version"`
	Defaults    later            `yaml:"defaults" json:"defaults,omitempty"`
	Stores      map[string]later `yaml:"stores" json:"stores,omitempty"`
	Consumers   map[string]later `yaml:"consumers" json:"consumers,omitempty"`
	Checks      map[string]later `yaml:"checks" json:"checks,omitempty"`
	Credentials map[string]later `yaml:"credentials" json:"credentials,omitempty"`
}

// termsShape is what defaults may set for all credentials.
type termsShape struct {
	Owner    string          `yaml:"owner" json:"owner,omitempty" jsonschema:"description=The team or person that answers for the credential."`
	Every    policy.Every    `yaml:"every" json:"every,omitempty"`
	Timezone policy.Zone     `yaml:"timezone" json:"timezone,omitempty"`
	Window   []policy.Window `yaml:"window" json:"window,omitempty"`
	Freeze   []policy.Freeze `yaml:"freeze" json:"freeze,omitempty"`
	Spacing  time.Duration   `yaml:"spacing" json:"spacing,omitempty" jsonschema:"description=Least time after the start of a rotation that shares a consumer."`
	Approval bool            `yaml:"approval" json:"approval,omitempty" jsonschema:"description=A person must say yes before a scheduled or manual rotation."`
	Monitor  time.Duration   `yaml:"monitor" json:"monitor,omitempty" jsonschema:"description=How long to look at the checks after deploy."`
	Grace    time.Duration   `yaml:"grace" json:"grace,omitempty" jsonschema:"description=How long the old value lives on after the new one is in use."`
	Bound    time.Duration   `yaml:"bound" json:"bound,omitempty" jsonschema:"description=How long after grace the proof that nobody uses the old value may be missing."`
	AtBound  policy.AtBound  `yaml:"at-bound" json:"at-bound,omitempty" jsonschema:"enum=hold,enum=revoke,description=What to do with the old value when that proof is still missing."`
	Retain   time.Duration   `yaml:"retain" json:"retain,omitempty" jsonschema:"description=How long dead values stay sealed for finding leaks."`
}

type credentialShape struct {
	termsShape `yaml:",inline"`
	Note       string            `yaml:"note" json:"note,omitempty" jsonschema:"description=Anything that whoever is on call should know."`
	On         []policy.Occasion `yaml:"on" json:"on,omitempty"`
	Paused     bool              `yaml:"paused" json:"paused,omitempty" jsonschema:"description=Never due until this line is removed."`
	Provider   later             `yaml:"provider" json:"provider"`
	Acceptors  []acceptorShape   `yaml:"acceptors" json:"acceptors,omitempty" jsonschema:"description=Consumers that must take the new value before anyone presents it."`
	Targets    []targetShape     `yaml:"targets" json:"targets" jsonschema:"description=Where the value is read."`
	Consumers  []string          `yaml:"consumers" json:"consumers,omitempty" jsonschema:"description=Who presents the value; deployed in this order."`
	Checks     []string          `yaml:"checks" json:"checks,omitempty" jsonschema:"description=What must stay well after deploy."`
}

type acceptorShape struct {
	Consumer string        `yaml:"consumer" json:"consumer"`
	Targets  []targetShape `yaml:"targets" json:"targets,omitempty"`
}

type targetShape struct {
	Store string `yaml:"store" json:"store"`
	Path  string `yaml:"path" json:"path,omitempty"`
	Key   string `yaml:"key" json:"key,omitempty"`
	Value string `yaml:"value" json:"value,omitempty" jsonschema:"description=A template of the value's fields; without it the first secret field."`
}

// vocabulary holds the keys that are config's own, shown wherever they stand.
var vocabulary = func() map[string]bool {
	out := map[string]bool{"type": true}
	for _, t := range []reflect.Type{reflect.TypeFor[fileShape](), reflect.TypeFor[credentialShape](), reflect.TypeFor[acceptorShape](), reflect.TypeFor[targetShape]()} {
		for name := range fieldsOf(t) {
			out[name] = true
		}
	}
	return out
}()

func shapeOf(p policy.Policy) termsShape {
	return termsShape{
		Every: p.Every, Timezone: p.Zone, Window: p.Windows, Freeze: p.Freezes, Spacing: p.Spacing, Approval: p.Approval,
		Monitor: p.Monitor, Grace: p.Grace, Bound: p.Bound, AtBound: p.AtBound, Retain: p.Retain,
	}
}

func (c credentialShape) policy() policy.Policy {
	return policy.Policy{
		Every: c.Every, On: c.On, Zone: c.Timezone, Windows: c.Window, Freezes: c.Freeze, Paused: c.Paused, Approval: c.Approval,
		Spacing: c.Spacing, Monitor: c.Monitor, Grace: c.Grace, Bound: c.Bound, AtBound: c.AtBound, Retain: c.Retain,
	}
}
