package engine

import (
	"context"
	"fmt"

	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/rotation"
)

// elsewhere names another credential that was taken over with the value that is about to
// end, and may still need it; "" if there is none. Two that were split from one have the
// same value until both were rotated. Who orders its end has the last word.
func (e *Engine) elsewhere(ctx context.Context, r *run, ending rotation.Generation) (string, error) {
	if r.Live.NoIssuer || r.Mode == rotation.Emergency || r.Ordered(rotation.OrderRetire, rotation.Action{}) || seeded.Bug("end-what-others-use") {
		return "", nil
	}
	all, err := e.Journal.Credentials(ctx)
	if err != nil {
		return "", err
	}
	for _, c := range all {
		for _, g := range c.Generations {
			if c.Name == r.Credential || g.Life == rotation.Dead || !e.twins(r, ending, c, g) {
				continue
			}
			if needs, err := e.needs(ctx, c, g); err != nil || needs {
				return c.Name, err
			}
		}
	}
	return "", nil
}

// twin is another living generation of this credential with the same value: one that was
// put back by hand and taken over. What became of the value is then its business. Handles
// do not tell: in place all generations have one.
func (r *run) twin(g rotation.Generation) (rotation.Generation, bool) {
	for _, other := range r.known.Generations {
		same := g.Fingerprint != "" && g.Fingerprint == other.Fingerprint
		if other.N > g.N && other.Life != rotation.Dead && same {
			return other, true
		}
	}
	return rotation.Generation{}, false
}

// twins: the same text, or the same id at the same provider.
func (e *Engine) twins(r *run, one rotation.Generation, c rotation.Credential, other rotation.Generation) bool {
	if one.Fingerprint != "" && one.Fingerprint == other.Fingerprint {
		return true
	}
	if one.Handle.IsZero() || one.Handle != other.Handle {
		return false
	}
	cred, err := e.Catalog.Credential(c.Name)
	return err == nil && cred.Provider.Traits().Name == r.cred.Provider.Traits().Name
}

// needs is false once a generation's own retirement has seen that nobody uses it: then
// either of the two may end it.
func (e *Engine) needs(ctx context.Context, c rotation.Credential, g rotation.Generation) (bool, error) {
	seen := rotation.Task{Action: rotation.Action{Step: rotation.Evidence, Phase: rotation.Retire}}
	for _, open := range c.OpenOf(rotation.KindRetirement) {
		if open.Generation != g.N {
			continue
		}
		record, events, err := e.Journal.Load(ctx, open.ID)
		if err != nil {
			return true, err
		}
		_, ok := rotation.Replay(record, events).Did(seen)
		return !ok, nil
	}
	return true, nil
}

// waitForOthers holds an end back while another credential has the same value.
func (e *Engine) waitForOthers(r *run, task rotation.Task, name string) rotation.Event {
	return e.pause(task, max(awaitEvery, r.Bound/20),
		fmt.Sprintf("%s has the same value, which ends when that one is rotated too: rotor rotate %s; or at once: rotor set %s --retire %d", name, name, r.Credential, r.Generation))
}
