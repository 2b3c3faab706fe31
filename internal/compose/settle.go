package compose

import (
	"context"
	"time"

	"github.com/agenticverz/rotor/fault"
)

const (
	// lookEvery is the pause between two looks at containers that start.
	lookEvery = 200 * time.Millisecond
	// crashes is how often the engine may start a container again before it is
	// given up: services that start together may miss each other once or twice.
	crashes = 3
)

// Settle waits until all the containers are well: healthy, or, without a
// healthcheck, up for stable without a break. fault.Rejected: one ended, is
// unhealthy, crashes again and again, or is not well within the time.
func (p *Project) Settle(ctx context.Context, ids []string, within, stable time.Duration) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	watch := watcher{stable: stable, since: map[string]run{}}
	deadline := time.Now().Add(within)
	for {
		now, err := p.Inspect(ctx, ids...)
		if err != nil {
			return err
		}
		if len(now) < len(ids) {
			return fault.New(fault.Unknown, "a container was removed by somebody else while it started")
		}
		waiting, err := watch.look(now, time.Now())
		if waiting == "" || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fault.New(fault.Rejected, "%s after %s", waiting, within).
				WithHint("see its log; or give it more time with wait-timeout, or a start_period in its healthcheck")
		}
		select {
		case <-ctx.Done():
			return fault.Wrap(fault.Unknown, "waiting for containers", context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

// watcher remembers since when each container has run without a break. The
// engine may be on another machine: only our own clock is compared.
type watcher struct {
	stable time.Duration
	since  map[string]run
}

type run struct {
	startedAt string
	seen      time.Time
}

// look returns in words whom to wait for, "" if all are well, or an error if
// waiting is in vain.
func (w watcher) look(containers []Container, now time.Time) (string, error) {
	waiting := ""
	for _, c := range containers {
		ended := c.Status == "exited" || c.Status == "dead"
		switch {
		case ended && !c.RestartAlone, c.Health == "unhealthy", c.Restarts >= crashes:
			return "", fault.New(fault.Rejected, "container %s is %s, started again %d times", c.Name, c.State(), c.Restarts).
				WithHint("see its log: docker logs %s", c.Name)
		case !c.Well():
			waiting = "container " + c.Name + " is " + c.State()
			delete(w.since, c.ID)
			continue
		case c.Health != "":
			continue
		}
		r, ok := w.since[c.ID]
		if !ok || r.startedAt != c.StartedAt {
			r = run{c.StartedAt, now}
			w.since[c.ID] = r
		}
		if now.Sub(r.seen) < w.stable {
			waiting = "container " + c.Name + " is not up for " + w.stable.String()
		}
	}
	return waiting, nil
}
