package engine

import (
	"context"
	"slices"

	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// holding is what the engine remembers of a credential while its caller holds
// the lock. It can only be wrong if the fence moved, and then no write passes.
type holding struct {
	fence rotation.Fence
	runs  map[string]*run
	known *rotation.Credential // shared by the runs, so that one sees what another did
	alive *proven              // likewise
}

// open finds what it knows of a record, or takes the credential over and
// rebuilds it from the journal.
func (e *Engine) open(ctx context.Context, id string) (*run, error) {
	e.mu.Lock()
	for _, h := range e.held {
		if r, ok := h.runs[id]; ok {
			e.mu.Unlock()
			return r, nil
		}
	}
	e.mu.Unlock()
	record, events, err := e.Journal.Load(ctx, id)
	if err != nil {
		return nil, err
	}
	h, err := e.takeOver(ctx, record.Credential)
	if err != nil {
		return nil, err
	}
	// again under our own fence: the first look only told whose it is
	if record, events, err = e.Journal.Load(ctx, id); err != nil {
		return nil, err
	}
	return e.keep(ctx, h, rotation.Replay(record, events))
}

func (e *Engine) keep(ctx context.Context, h *holding, s *rotation.State) (*run, error) {
	cred, err := e.Catalog.Credential(s.Credential)
	if err != nil {
		return nil, err
	}
	known, err := e.Journal.Credential(ctx, s.Credential)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	h.know(known)
	return h.begin(s, cred), nil
}

// know replaces what is known of the credential, for all runs.
func (h *holding) know(c rotation.Credential) {
	if h.known == nil {
		h.known = &rotation.Credential{}
	}
	*h.known = c
}

// begin keeps a run; the engine's lock is held.
func (h *holding) begin(s *rotation.State, cred *Credential) *run {
	r := &run{State: s, fence: h.fence, cred: cred, known: h.known, alive: h.alive, opened: map[string]secret.Set{}}
	h.runs[s.ID] = r
	return r
}

// start keeps the run of a record that was just created under fence.
func (e *Engine) start(r rotation.Record, fence rotation.Fence, cred *Credential, known rotation.Credential) {
	h := e.remember(r.Credential, fence)
	e.mu.Lock()
	defer e.mu.Unlock()
	known.Open = append(slices.Clone(known.Open), r)
	h.know(known)
	h.begin(rotation.Replay(r, nil), cred)
}

// takeOver raises the fence unless this engine holds the credential already.
func (e *Engine) takeOver(ctx context.Context, credential string) (*holding, error) {
	e.mu.Lock()
	h, ok := e.held[credential]
	e.mu.Unlock()
	if ok {
		return h, nil
	}
	fence, err := e.Journal.Take(ctx, credential)
	if err != nil {
		return nil, err
	}
	return e.remember(credential, fence), nil
}

func (e *Engine) remember(credential string, fence rotation.Fence) *holding {
	h := &holding{fence: fence, runs: map[string]*run{}, alive: &proven{}}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.held == nil {
		e.held = map[string]*holding{}
	}
	e.held[credential] = h
	return h
}

// Unfinished lists the credential's open records, oldest first, as they are
// now. The caller holds the lock.
func (e *Engine) Unfinished(ctx context.Context, credential string) ([]rotation.Record, error) {
	e.mu.Lock()
	if h, ok := e.held[credential]; ok && h.known != nil {
		open := make([]rotation.Record, 0, len(h.known.Open))
		for _, x := range h.known.Open {
			if r, ok := h.runs[x.ID]; ok {
				x = r.Record
			}
			open = append(open, x)
		}
		e.mu.Unlock()
		return open, nil
	}
	e.mu.Unlock()
	known, err := e.Journal.Credential(ctx, credential)
	return known.Open, err
}

// Release gives up what is known of a credential: call it whenever its lock is
// given up. What has no open record is kept in mind for the next Start.
func (e *Engine) Release(credential string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	h, ok := e.held[credential]
	delete(e.held, credential)
	if !ok || h.known == nil || len(h.known.Open) > 0 {
		return
	}
	if e.left == nil {
		e.left = map[string]rotation.Credential{}
	}
	known := *h.known
	known.Fence = h.fence
	e.left[credential] = known
}

// drop forgets what is known: it may be ahead of the journal.
func (e *Engine) drop(credential string) {
	e.mu.Lock()
	delete(e.held, credential)
	e.mu.Unlock()
}

// remembered is the credential as the journal has it. Whoever changes it raises its
// fence first or carries the present one, so under our own old fence nothing changed.
func (e *Engine) remembered(ctx context.Context, credential string) (rotation.Credential, error) {
	e.mu.Lock()
	known, ok := e.left[credential]
	delete(e.left, credential)
	e.mu.Unlock()
	if ok {
		fence, err := e.Journal.Fence(ctx, credential)
		if err != nil || fence == known.Fence || seeded.Bug("trust-old-memory") {
			return known, err
		}
	}
	return e.Journal.Credential(ctx, credential)
}
