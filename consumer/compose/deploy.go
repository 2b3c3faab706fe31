package compose

import (
	"context"
	"slices"
	"time"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/compose"
	"github.com/agenticverz/rotor/secret"
)

// Deploy implements consumer.Consumer.
func (t *T) Deploy(ctx context.Context, name string, c consumer.Change) error {
	u, err := t.unit(name)
	if err != nil {
		return err
	}
	if t.o.Strategy != recreate {
		return t.nudge(ctx, u, c)
	}
	r, err := t.prepare(ctx, u, c)
	if err != nil || r == nil {
		return err
	}
	if r.surge > 0 {
		err = r.roll(ctx)
	} else {
		err = r.inPlace(ctx)
	}
	return r.honest(err)
}

// honest: once containers were touched, only Rejected may say more than Unknown.
// Every other kind would promise that nothing happened.
func (r *rollout) honest(err error) error {
	if k := fault.KindOf(err); err == nil || !r.touched || k == fault.Rejected || k == fault.Unknown {
		return err
	}
	return fault.Wrap(fault.Unknown, "compose: deploy "+r.service, err)
}

// rollout is one service on its way to new containers.
type rollout struct {
	*T
	unit
	change  consumer.Change
	env     secret.Set
	name    string   // of the project
	want    int      // containers at the end
	surge   int      // how many beside the old ones; 0 = in place
	scaled  bool     // want is not what the file says
	stale   []string // ids of what is to go
	touched bool     // something was started, stopped or removed
}

// prepare ends before the first effect. nil without an error: there is nothing
// to do.
func (t *T) prepare(ctx context.Context, u unit, c consumer.Change) (*rollout, error) {
	env, err := t.storeEnvironment(ctx)
	if err != nil {
		return nil, err
	}
	if key := disagreement(env, c); key != "" {
		return nil, fault.New(fault.NeedsPerson, "compose: the store's %s is not what was published", key).
			WithHint("somebody wrote the store meanwhile; see its history, then resume or roll back")
	}
	model, err := t.project.Load(ctx, env, t.o.Services)
	if err != nil {
		return nil, err
	}
	service := model.Services[u.service]
	r := &rollout{T: t, unit: u, change: c, env: env, name: model.Name, want: max(u.count, service.Replicas, 1)}
	r.scaled = r.want != service.Replicas
	containers, err := t.project.Containers(ctx, r.name, u.service)
	if err != nil {
		return nil, err
	}
	if t.proof(u, containers, c) == consumer.Proven && len(containers) == r.want {
		return nil, t.project.Settle(ctx, ids(containers), t.o.WaitTimeout, t.o.StableFor)
	}
	r.surge, err = t.surge(u.service, service, r.want)
	for _, k := range containers {
		if verdict(k, c) != consumer.Proven {
			r.stale = append(r.stale, k.ID)
		}
	}
	return r, err
}

// surge is how many containers of a service can be added beside want running
// ones; 0 = it must be recreated in place.
func (t *T) surge(name string, s compose.Service, want int) (int, error) {
	if want == 0 {
		want = s.Replicas
	}
	room := want
	if s.Capacity > 0 {
		room = min(room, s.Capacity-want)
	}
	switch {
	case t.o.Strategy != recreate:
		return 0, nil
	case t.o.Rolling == auto && want <= 1:
		return 0, nil // a second instance of what runs alone may do harm (cron, migrations)
	case t.o.Rolling == auto:
		return max(0, room), nil
	case room < 1, t.o.Rolling == scale && room < want:
		return 0, bad("rolling: %s is impossible for service %s", "a container_name, network_mode: host or published ports leave no room for more containers; publish a port range, or use rolling: auto",
			t.o.Rolling, name)
	case t.o.Rolling == oneByOne:
		return 1, nil
	}
	return want, nil
}

// inPlace recreates all containers at once.
func (r *rollout) inPlace(ctx context.Context) error {
	before, err := r.containers(ctx)
	if err != nil {
		return err
	}
	upErr := r.up(ctx, true, r.want)
	after, err := r.containers(ctx)
	r.saw(before, after, err)
	switch {
	case err != nil:
		return errFirst(upErr, err)
	case upErr != nil:
		return r.blame(upErr, before, after)
	case len(after) == 0:
		return fault.New(fault.Unknown, "compose: service %s has no container after it was recreated", r.service)
	}
	if err := r.project.Settle(ctx, ids(after), r.o.WaitTimeout, r.o.StableFor); err != nil {
		return err
	}
	return r.holds(after)
}

// blame decides what a failed `up` means. Without a trace it keeps its kind; with
// new containers that are not well, the service does not come up.
func (r *rollout) blame(upErr error, before, after []compose.Container) error {
	for _, k := range after {
		if slices.Contains(ids(before), k.ID) || k.Well() {
			continue
		}
		switch fault.KindOf(upErr) {
		case fault.Unknown, fault.BadConfig: // not: the engine went away
			return fault.New(fault.Rejected, "compose: container %s is %s: %v", k.Name, k.State(), upErr).WithHint("%s", fault.HintOf(upErr))
		}
	}
	return upErr
}

// holds: the service is up, but does it hold the change? If not, compose takes
// the variable from somewhere else.
func (r *rollout) holds(containers []compose.Container) error {
	for _, k := range containers {
		if verdict(k, r.change) == consumer.NotYet {
			return fault.New(fault.Rejected, "compose: container %s is new and holds another value than the store", k.Name).
				WithHint("name the store under environment:, and use ${NAME} in the compose file; an env_file, a fixed text or .env gives %s the value now", r.service)
		}
	}
	return nil
}

// saw notes whether containers came or went; not to know counts as yes.
func (r *rollout) saw(before, after []compose.Container, err error) {
	r.touched = r.touched || err != nil || !slices.Equal(ids(before), ids(after))
}

func (r *rollout) up(ctx context.Context, anew bool, count int) error {
	u := compose.Up{Service: r.service, Env: r.env, Recreate: anew, Build: r.o.Build}
	if !anew || r.scaled {
		u.Scale = count
	}
	return r.project.Up(ctx, u)
}

func (r *rollout) containers(ctx context.Context) ([]compose.Container, error) {
	return r.project.Containers(ctx, r.name, r.service)
}

// pause waits for a load balancer.
func (t *T) pause(ctx context.Context) error {
	if t.o.Drain == 0 {
		return nil
	}
	timer := time.NewTimer(t.o.Drain)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return fault.Wrap(fault.Unknown, "compose: drain", context.Cause(ctx))
	case <-timer.C:
		return nil
	}
}

// nudge is restart and signal: the same containers, one after the other. It is
// refused, without effect, where the value is in the environment: that stays what
// it was.
func (t *T) nudge(ctx context.Context, u unit, c consumer.Change) error {
	project, err := t.project.ProjectName(ctx)
	if err != nil {
		return err
	}
	containers, err := t.project.Containers(ctx, project, u.service)
	if err != nil {
		return err
	}
	if len(containers) == 0 {
		return fault.New(fault.Transient, "compose: service %s has no container", u.service).WithHint("start it: docker compose up -d %s", u.service)
	}
	for _, k := range containers {
		if verdict(k, c) == consumer.NotYet {
			return bad("container %s has the value in its environment, which %s keeps", "use strategy: recreate for this service", k.Name, t.o.Strategy)
		}
	}
	for i, k := range containers {
		if i > 0 {
			if err := t.pause(ctx); err != nil {
				return err
			}
		}
		if t.signal != "" {
			err = t.project.Signal(ctx, k.ID, t.signal)
		} else {
			err = t.project.Restart(ctx, k.ID)
		}
		if err != nil {
			return err
		}
		if err := t.project.Settle(ctx, []string{k.ID}, t.o.WaitTimeout, t.o.StableFor); err != nil {
			return err
		}
	}
	return nil
}

func ids(containers []compose.Container) []string {
	var out []string
	for _, c := range containers {
		out = append(out, c.ID)
	}
	return out
}

func errFirst(first, second error) error {
	if first != nil {
		return first
	}
	return second
}
