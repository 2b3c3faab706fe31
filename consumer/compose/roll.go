package compose

import (
	"context"
	"slices"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/compose"
)

// roll replaces the stale containers by fresh ones beside them. It may be killed
// between any two lines: stale is decided by what containers hold, so the next
// call counts what is there and goes on.
func (r *rollout) roll(ctx context.Context) error {
	if err := r.clear(ctx); err != nil {
		return err
	}
	for {
		fresh, stale, err := r.split(ctx)
		if err != nil {
			return err
		}
		if len(fresh) < r.want {
			add := min(r.want, len(fresh)+r.surge)
			if fresh, err = r.add(ctx, len(stale)+add, fresh); err != nil {
				return err
			}
		} else if err := r.project.Settle(ctx, ids(fresh[:r.want]), r.o.WaitTimeout, r.o.StableFor); err != nil {
			return err
		}
		if err := r.holds(fresh); err != nil {
			return err
		}
		if len(stale) == 0 && len(fresh) >= r.want {
			return r.stop(ctx, fresh[r.want:])
		}
		if err := r.pause(ctx); err != nil {
			return err
		}
		// never fewer than want serve
		spare := min(len(stale), max(0, len(fresh)+len(stale)-r.want))
		if err := r.stop(ctx, stale[:spare]); err != nil {
			return err
		}
	}
}

// clear removes containers that do not run: leftovers of an interrupted deploy
// or of a bad value. compose would start them again and count them.
func (r *rollout) clear(ctx context.Context) error {
	all, err := r.containers(ctx)
	if err != nil {
		return err
	}
	for _, k := range all {
		if !k.Running() {
			if err := r.remove(ctx, k); err != nil {
				return err
			}
		}
	}
	return nil
}

// split tells fresh from stale containers, each oldest first.
func (r *rollout) split(ctx context.Context) (fresh, stale []compose.Container, err error) {
	all, err := r.containers(ctx)
	for _, k := range all {
		if slices.Contains(r.stale, k.ID) {
			stale = append(stale, k)
		} else {
			fresh = append(fresh, k)
		}
	}
	return fresh, stale, err
}

// add starts containers until there are total, and returns the fresh ones when
// all are well. If they do not come up they are removed, so that the old ones
// serve on alone.
func (r *rollout) add(ctx context.Context, total int, had []compose.Container) ([]compose.Container, error) {
	upErr := r.up(ctx, false, total)
	fresh, _, err := r.split(ctx)
	r.saw(had, fresh, err)
	if err != nil {
		return nil, errFirst(upErr, err)
	}
	if upErr != nil {
		err = r.blame(upErr, had, fresh)
	} else if len(fresh) <= len(had) {
		err = fault.New(fault.Unknown, "compose: service %s was not scaled up", r.service).
			WithHint("is another docker compose at work on the project?")
	} else {
		err = r.project.Settle(ctx, ids(fresh), r.o.WaitTimeout, r.o.StableFor)
	}
	if fault.KindOf(err) == fault.Rejected && err != nil {
		for _, k := range fresh {
			if !slices.Contains(ids(had), k.ID) {
				err = errFirst(err, r.remove(ctx, k))
			}
		}
	}
	return fresh, err
}

func (r *rollout) stop(ctx context.Context, gone []compose.Container) error {
	r.touched = r.touched || len(gone) > 0
	return r.project.Stop(ctx, ids(gone)...)
}

func (r *rollout) remove(ctx context.Context, k compose.Container) error {
	r.touched = true
	return r.project.Remove(ctx, k.ID)
}
