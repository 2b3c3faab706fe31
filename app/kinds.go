package app

import (
	"sync"

	"github.com/agenticverz/rotor/check"
	checkexec "github.com/agenticverz/rotor/check/exec"
	checkhttp "github.com/agenticverz/rotor/check/http"
	checklogs "github.com/agenticverz/rotor/check/logs"
	"github.com/agenticverz/rotor/check/prometheus"
	checksql "github.com/agenticverz/rotor/check/sql"
	"github.com/agenticverz/rotor/config"
	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/consumer/compose"
	consumerexec "github.com/agenticverz/rotor/consumer/exec"
	"github.com/agenticverz/rotor/consumer/pgbouncer"
	"github.com/agenticverz/rotor/consumer/signal"
	"github.com/agenticverz/rotor/provider"
	providers "github.com/agenticverz/rotor/provider/all"
	"github.com/agenticverz/rotor/provider/postgres"
	"github.com/agenticverz/rotor/provider/redis"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
	stores "github.com/agenticverz/rotor/store/all"
)

// Providers, Stores, Consumers and Checks are what this Rotor is built with.
func Providers() provider.Registry { return allProviders() }

// Stores: see Providers.
func Stores() store.Registry { return allStores() }

// Consumers: see Providers.
func Consumers() consumer.Registry { return allConsumers() }

// Checks: see Providers.
func Checks() check.Registry { return allChecks() }

// Built at the first use: a command that needs none of them starts faster.
var (
	allProviders = sync.OnceValue(providers.Registry)
	allStores    = sync.OnceValue(stores.Registry)
	allConsumers = sync.OnceValue(func() consumer.Registry {
		return consumer.NewRegistry(compose.Type(), consumerexec.Type(), pgbouncer.Type(), signal.Type())
	})
	allChecks = sync.OnceValue(func() check.Registry {
		return check.NewRegistry(checkexec.Type(), checkhttp.Type(), checklogs.Type(), prometheus.Type(), checksql.Type())
	})
)

// Kinds tells package config which types there are.
func Kinds() config.Kinds {
	k := config.Kinds{
		Stores: map[string]config.Kind{}, Consumers: map[string]config.Kind{},
		Checks: map[string]config.Kind{}, Providers: map[string]config.Kind{},
		Fields: fields, Texts: texts,
	}
	for _, t := range Stores().All() {
		k.Stores[t.Name] = config.Kind{New: t.NewOptions, Refs: t.Refs, Destination: t.Destination,
			Paths: t.Paths, Place: t.Place, NeedsPath: t.NeedsPath, NoKey: t.NoKey}
	}
	for _, t := range Consumers().All() {
		k.Consumers[t.Name] = config.Kind{New: t.NewOptions, Refs: t.Refs, Commands: t.Commands}
	}
	for _, t := range Checks().All() {
		k.Checks[t.Name] = config.Kind{New: t.NewOptions, Refs: t.Refs, Destination: t.Destination, Commands: t.Commands}
	}
	for _, t := range Providers().All() {
		k.Providers[t.Name] = config.Kind{New: t.NewOptions, Refs: t.Refs, Destination: t.Destination, Commands: t.Commands, Accounts: t.Accounts, Beside: t.Beside}
	}
	return k
}

// fields asks a provider for the fields of its values. One whose options are
// wrong names none; its mistake is reported where it is built.
func fields(name string, options any) []string {
	t, ok := Providers().Get(name)
	if !ok {
		return nil
	}
	p, err := t.New(options, provider.Context{Bind: provider.BindFunc(unbound)})
	if err != nil {
		return nil
	}
	var out []string
	for _, f := range p.Traits().Fields {
		out = append(out, f.Name)
	}
	return out
}

// texts lists what a public field can hold where the options say so: two
// credentials whose keys are made of it must not meet.
func texts(_ string, options any, field string) []string {
	if field != "username" {
		return nil
	}
	one, several := "", []string(nil)
	switch o := options.(type) {
	case *postgres.Options:
		one, several = o.Role, o.Roles
	case *redis.Options:
		one, several = o.User, o.Users
	}
	if one != "" {
		return []string{one}
	}
	return several
}

// unbound is for building what is only looked at.
func unbound(string) (secret.Source, error) { return secret.Fixed(secret.Value{}), nil }

var _ consumer.Bind = (*binder)(nil)
var _ check.Bind = (*binder)(nil)
