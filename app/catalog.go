package app

import (
	"errors"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/agenticverz/rotor/config"
	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// catalog builds what a credential needs when it is asked for, once; stores,
// consumers and checks are shared between credentials.
type catalog struct {
	config  *config.Config // nil: there are none
	trusted func() error
	bind    *binder

	mu          sync.Mutex
	credentials map[string]*engine.Credential
	stores      map[string]store.Store
	consumers   map[string]consumer.Consumer
}

func newCatalog(c *config.Config, trusted func() error) *catalog {
	k := &catalog{config: c, trusted: trusted, credentials: map[string]*engine.Credential{},
		stores: map[string]store.Store{}, consumers: map[string]consumer.Consumer{}}
	k.bind = &binder{catalog: k}
	return k
}

// Credential implements engine.Catalog.
func (k *catalog) Credential(name string) (*engine.Credential, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c, ok := k.credentials[name]; ok {
		return c, nil
	}
	if k.config == nil {
		return nil, fault.New(fault.BadConfig, "no rotor.yaml was found, so there is no credential %q", name).
			WithHint("--config FILE names one")
	}
	c, ok := k.config.Credential(name)
	if !ok {
		return nil, unknownCredential(k.config, name)
	}
	if err := k.trusted(); err != nil {
		return nil, err
	}
	out, err := k.build(c)
	if err != nil {
		return nil, at(c.Pos, err)
	}
	k.credentials[name] = out
	return out, nil
}

func (k *catalog) build(c config.Credential) (*engine.Credential, error) {
	out := &engine.Credential{Name: c.Name, Owner: c.Owner,
		Approval: c.Policy.Approval, Monitor: c.Policy.Monitor, Grace: c.Policy.Grace,
		Bound: c.Policy.Bound, AtBound: string(c.Policy.AtBound)}
	var err error
	if out.Provider, err = k.provider(c); err != nil {
		return nil, err
	}
	field := defaultField(out.Provider.Traits())
	if out.Targets, err = k.targets(c.Targets, field); err != nil {
		return nil, err
	}
	if err := carriesAccount(out); err != nil {
		return nil, err
	}
	for _, a := range c.Acceptors {
		one := engine.Acceptor{}
		if one.Targets, err = k.targets(a.Targets, field); err != nil {
			return nil, err
		}
		presents, err := k.consumer(a.Consumer)
		if err != nil {
			return nil, err
		}
		one.Consumer = &engine.Consumer{Name: a.Consumer, Consumer: presents}
		out.Acceptors = append(out.Acceptors, one)
	}
	for _, name := range c.Consumers {
		presents, err := k.consumer(name)
		if err != nil {
			return nil, err
		}
		out.Consumers = append(out.Consumers, engine.Consumer{Name: name, Consumer: presents})
	}
	for _, name := range c.Checks {
		one, err := k.check(name)
		if err != nil {
			return nil, err
		}
		out.Checks = append(out.Checks, engine.Check{Name: name, Check: one})
	}
	return out, nil
}

func (k *catalog) provider(c config.Credential) (provider.Provider, error) {
	t, ok := Providers().Get(c.Provider.Type)
	if !ok {
		return nil, fault.New(fault.BadConfig, "unknown type %q of provider", c.Provider.Type)
	}
	p, err := t.New(c.Provider.Options, provider.Context{Bind: k.bind, Overlap: sideBySide(c)})
	return p, at(c.Provider.Pos, err)
}

// carriesAccount refuses two accounts taking turns whose name no target tells:
// consumers would go on with the old name and the new password.
func carriesAccount(c *engine.Credential) error {
	t := c.Provider.Traits()
	if t.Strategy != rotation.Alternate {
		return nil
	}
	var names []string
	for _, f := range t.Fields {
		if !f.Secret {
			names = append(names, f.Name)
		}
	}
	for _, target := range c.Targets {
		if slices.ContainsFunc(target.Value.Fields(), func(f string) bool { return slices.Contains(names, f) }) {
			return nil
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fault.New(fault.BadConfig, "strategy alternate changes the account with every rotation, and no target tells its name").
		WithHint("add a target with value: \"{{.%s}}\", or one that contains it, such as a connection string; or set strategy: in-place", names[0])
}

// sideBySide says whether everybody who checks the value is given the old one
// too, in the same text or under a key of its own, so that both are accepted for
// a time.
func sideBySide(c config.Credential) bool {
	for _, a := range c.Acceptors {
		both := slices.ContainsFunc(a.Targets, func(t config.Target) bool {
			return t.Template != nil && t.Template.UsesPrevious()
		})
		if !both {
			return false
		}
	}
	return len(c.Acceptors) > 0
}

// defaultField is what a target without a template holds.
func defaultField(t provider.Traits) string {
	for _, f := range t.Fields {
		if f.Secret {
			return f.Name
		}
	}
	return ""
}

func (k *catalog) targets(in []config.Target, field string) ([]engine.Target, error) {
	out := make([]engine.Target, 0, len(in))
	for _, t := range in {
		s, err := k.store(t.Store)
		if err != nil {
			return nil, err
		}
		one := engine.Target{StoreName: t.Store, Store: s, Path: t.Path, Key: t.KeyTemplate, Value: t.Template}
		if one.Key == nil {
			if one.Key, err = secret.ParseTemplate(t.Key); err != nil {
				return nil, at(t.Pos, err)
			}
		}
		if one.Value == nil {
			if field == "" {
				return nil, at(t.Pos, fault.New(fault.BadConfig, "the provider's values have no secret field").WithHint("say which with value: {{.field}}"))
			}
			one.Value = secret.FieldTemplate(field)
		}
		out = append(out, one)
	}
	return out, nil
}

func (k *catalog) store(name string) (store.Store, error) {
	if s, ok := k.stores[name]; ok {
		return s, nil
	}
	part, ok := k.config.Store(name)
	t, known := Stores().Get(part.Type)
	if !ok || !known {
		return nil, fault.New(fault.BadConfig, "there is no store %q", name)
	}
	s, err := t.New(part.Options, store.Context{Bind: k.bind})
	if err != nil {
		return nil, at(part.Pos, err)
	}
	k.stores[name] = s
	return s, nil
}

func (k *catalog) consumer(name string) (consumer.Consumer, error) {
	if c, ok := k.consumers[name]; ok {
		return c, nil
	}
	part, ok := k.config.Consumer(name)
	t, known := Consumers().Get(part.Type)
	if !ok || !known {
		return nil, fault.New(fault.BadConfig, "there is no consumer %q", name)
	}
	c, err := t.New(part.Options, consumer.Context{Name: name, Dir: k.config.Dir, Bind: k.bind})
	if err != nil {
		return nil, at(part.Pos, err)
	}
	k.consumers[name] = c
	return c, nil
}

// close gives back what stores and consumers hold open.
func (k *catalog) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.stores {
		if c, ok := s.(io.Closer); ok {
			_ = c.Close()
		}
	}
	for _, one := range k.consumers {
		if c, ok := one.(io.Closer); ok {
			_ = c.Close()
		}
	}
}

// at says where in rotor.yaml the mistake stands, unless a nearer place is told already.
func at(pos config.Pos, err error) error {
	var list *config.Errors
	if err == nil || errors.As(err, &list) || fault.KindOf(err) != fault.BadConfig || strings.HasPrefix(err.Error(), pos.File+":") {
		return err
	}
	return fault.Wrap(fault.BadConfig, pos.String(), err)
}

// replace takes another rotor.yaml. What was built from the old one is left to
// whoever uses it at this moment.
func (k *catalog) replace(c *config.Config) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.config = c
	k.credentials, k.stores, k.consumers = map[string]*engine.Credential{}, map[string]store.Store{}, map[string]consumer.Consumer{}
}
