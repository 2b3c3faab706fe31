// Package compose is the consumer of docker compose services: deploy recreates
// their containers with the stores' values as environment, confirm compares what
// the containers hold.
//
// What surprises: a deployed service is recognised by what its containers hold,
// not by what was done. So a Deploy that was killed anywhere is simply called
// again: it finds old, new and half-made containers and goes on from there.
package compose

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/compose"
)

var (
	_ consumer.Consumer    = (*T)(nil)
	_ consumer.Preflighter = (*T)(nil)
	_ consumer.LogSource   = (*T)(nil)
	_ consumer.Outage      = (*T)(nil)
)

// Units implements consumer.Consumer.
func (t *T) Units(ctx context.Context) ([]string, error) {
	project, err := t.project.ProjectName(ctx)
	if err != nil {
		return nil, err
	}
	var units []string
	for _, s := range t.o.Services {
		u := unit{service: s}
		if t.o.Strategy == recreate {
			containers, err := t.project.Containers(ctx, project, s)
			if err != nil {
				return nil, err
			}
			u = unitOf(s, containers)
		}
		units = append(units, u.String())
	}
	return units, nil
}

// unit reads a unit's name; its service must be one of ours.
func (t *T) unit(text string) (unit, error) {
	u, err := parseUnit(text)
	if err == nil && !slices.Contains(t.o.Services, u.service) {
		err = fault.New(fault.BadConfig, "compose: no unit %.80q", text).
			WithHint("the services are %s; was services: changed since the rotation began?", strings.Join(t.o.Services, ", "))
	}
	return u, err
}

// Confirm implements consumer.Consumer. It needs no store and no variable.
func (t *T) Confirm(ctx context.Context, name string, c consumer.Change) (consumer.Proof, error) {
	u, err := t.unit(name)
	if err != nil {
		return consumer.CannotTell, err
	}
	project, err := t.project.ProjectName(ctx)
	if err != nil {
		return consumer.CannotTell, err
	}
	containers, err := t.project.Containers(ctx, project, u.service)
	if err != nil {
		return consumer.CannotTell, err
	}
	return t.proof(u, containers, c), nil
}

// proof: every container of the service must be well and hold the change. A
// service without containers presents nothing, so it is not proven; one with
// fewer than it had may be half deployed, or scaled down since.
func (t *T) proof(u unit, containers []compose.Container, c consumer.Change) consumer.Proof {
	if len(containers) == 0 {
		return consumer.NotYet
	}
	out := consumer.Proven
	if len(containers) < u.count {
		out = consumer.CannotTell
	}
	for _, k := range containers {
		v := verdict(k, c)
		switch {
		case !k.Well(), v == consumer.NotYet:
			return consumer.NotYet
		case v == consumer.CannotTell && u.has(k):
			return consumer.NotYet // made before the change, for certain
		case v == consumer.CannotTell:
			out = consumer.CannotTell
		}
	}
	return out
}

// Preflight implements consumer.Preflighter.
func (t *T) Preflight(ctx context.Context) error {
	if err := t.project.Check(ctx); err != nil {
		return err
	}
	env, err := t.storeEnvironment(ctx)
	if err != nil {
		return err
	}
	model, err := t.project.Load(ctx, env, t.o.Services)
	if err != nil {
		return err
	}
	for _, s := range t.o.Services {
		containers, err := t.project.Containers(ctx, model.Name, s)
		if err != nil {
			return err
		}
		if err := t.healthy(s, containers); err != nil {
			return err
		}
		if err := t.sameFiles(containers); err != nil {
			return err
		}
		if err := loses(model.Services[s], containers); err != nil {
			return err
		}
		if _, err := t.surge(s, model.Services[s], len(containers)); err != nil {
			return err
		}
	}
	return nil
}

// healthy: a service that is down before the rotation cannot be judged after it.
func (t *T) healthy(service string, containers []compose.Container) error {
	if len(containers) == 0 {
		return fault.New(fault.Transient, "compose: service %s has no container", service).
			WithHint("start it: docker compose up -d %s", service)
	}
	for _, c := range containers {
		if !c.Well() {
			return fault.New(fault.Transient, "compose: container %s is %s", c.Name, c.State()).
				WithHint("a service must be healthy before its secret is rotated; see: docker logs %s", c.Name)
		}
	}
	return nil
}

// sameFiles notices a docker-compose.override.yml that made the containers and
// would be left out: compose reads it only when no file is named.
func (t *T) sameFiles(containers []compose.Container) error {
	named := t.o.Files
	if t.o.File != "" {
		named = []string{t.o.File}
	}
	for _, c := range containers {
		if len(named) > 0 && len(c.ConfigFiles) > 0 && len(c.ConfigFiles) != len(named) {
			return fault.New(fault.BadConfig, "compose: container %s was made from %d files, not %d", c.Name, len(c.ConfigFiles), len(named)).
				WithHint("list them: files: [%s]", strings.Join(c.ConfigFiles, ", "))
		}
	}
	return nil
}

// loses: a variable handed through by name that a container has now and the next
// one would lack.
func loses(s compose.Service, containers []compose.Container) error {
	for _, name := range s.Passed {
		for _, c := range containers {
			if _, has := c.Variable(name); has {
				return fault.New(fault.BadConfig, "compose: container %s has %s, but a new one would not: it is set nowhere now", c.Name, name).
					WithHint("name the store that holds %s under environment:, or put it into .env", name)
			}
		}
	}
	return nil
}

// Outage implements consumer.Outage.
func (t *T) Outage(ctx context.Context) string {
	if t.signal != "" {
		return ""
	}
	env, err := t.storeEnvironment(ctx)
	if err != nil {
		return "compose services may be away while they are recreated"
	}
	model, err := t.project.Load(ctx, env, t.o.Services)
	if err != nil {
		return "compose services may be away while they are recreated"
	}
	var words []string
	for _, s := range t.o.Services {
		if w := t.window(ctx, s, model); w != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, "; ")
}

func (t *T) window(ctx context.Context, service string, model compose.Model) string {
	containers, err := t.project.Containers(ctx, model.Name, service)
	if err != nil {
		return ""
	}
	if t.o.Strategy == restart {
		if len(containers) > 1 {
			return ""
		}
		return fmt.Sprintf("%s is away while its only container restarts", service)
	}
	surge, err := t.surge(service, model.Services[service], len(containers))
	switch {
	case err != nil || surge > 0:
		return ""
	case len(containers) > 1:
		return fmt.Sprintf("%s is away while its %d containers are recreated: its published ports leave no room for more", service, len(containers))
	}
	return fmt.Sprintf("%s is away while its only container is recreated", service)
}

// Logs implements consumer.LogSource: the lines of the containers that exist,
// stopped ones too. Each begins with its RFC 3339 time. What removed containers
// wrote is gone; docker keeps no log without its container.
func (t *T) Logs(ctx context.Context, since time.Time) (io.ReadCloser, error) {
	project, err := t.project.ProjectName(ctx)
	if err != nil {
		return nil, err
	}
	var all []compose.Container
	for _, s := range t.o.Services {
		containers, err := t.project.Containers(ctx, project, s)
		if err != nil {
			return nil, err
		}
		all = append(all, containers...)
	}
	if len(all) == 0 {
		return nil, fault.New(fault.Transient, "compose: there is no container whose log could be read")
	}
	return t.project.Logs(ctx, all, since)
}
