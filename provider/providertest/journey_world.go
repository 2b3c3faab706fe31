package providertest

import (
	"context"
	"fmt"

	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
	memstore "github.com/agenticverz/rotor/store/memory"
)

// watched tells when values were published.
type watched struct {
	*memstore.Store
	written func()
}

func (w *watched) Put(ctx context.Context, path string, edit store.Edit, prev store.Revision, m store.Mark) (store.Revision, error) {
	rev, err := w.Store.Put(ctx, path, edit, prev, m)
	if w.written != nil && err == nil {
		w.written()
	}
	return rev, err
}

// person makes a value when one is asked for (minter person), once for each rotation.
func (j *journey) person() bool {
	open, err := j.journal.Unfinished(j.ctx)
	if err != nil {
		return false
	}
	for _, r := range open {
		if r.Kind != rotation.KindRotation || r.Minter != rotation.ByPerson || r.Status != rotation.Asking {
			continue
		}
		if j.minted == nil {
			j.minted = j.subject.Supply()
		}
		if j.engine.Supply(j.ctx, r.ID, rotation.OrderSupply, "person", j.minted) != nil {
			j.restart()
		}
		return true
	}
	return false
}

// present is the value that the store holds, with the handle that the journal has for it.
func (j *journey) present() (provider.Issued, error) {
	content, _, err := j.store.Get(j.ctx, journeyPath)
	if err != nil {
		return provider.Issued{}, err
	}
	v := provider.Issued{Values: secret.Set{}}
	for _, f := range j.subject.Provider.Traits().Fields {
		v.Values[f.Name] = content[f.Name]
		if !f.Secret {
			v.Values[f.Name] = content[f.Name].AsPublic()
		}
	}
	known, err := j.journal.Credential(j.ctx, journeyName)
	if g, ok := known.Current(); ok {
		v.Handle = g.Handle
	}
	return v, err
}

// newest is the handle of the latest generation.
func (j *journey) newest() (rotation.Handle, bool) {
	known, err := j.journal.Credential(j.ctx, journeyName)
	g, ok := known.Get(known.Latest())
	return g.Handle, err == nil && ok
}

// arrived: the store's value works, nothing else of ours does.
func (j *journey) arrived(forward bool) error {
	v, err := j.present()
	if err != nil {
		return err
	}
	if err := j.subject.Provider.Verify(j.ctx, v); err != nil {
		return fmt.Errorf("the store's value does not work: %w", err)
	}
	moved := !v.Values.Equal(j.before.Values)
	if forward && !moved {
		return fmt.Errorf("the value is the old one")
	}
	if moved && j.subject.Provider.Verify(j.ctx, j.before) == nil {
		return fmt.Errorf("the old value still works")
	}
	if j.subject.Live == nil {
		return nil
	}
	if ends := j.subject.Provider.Traits().Expires; ends > 0 { // what a lost answer left ends by itself
		j.pass(ends)
		j.count = j.strangers
	}
	live, err := j.subject.Live(j.ctx)
	if err == nil && len(live) != j.count {
		err = fmt.Errorf("%d values live, %d before: an orphan, or one too few", len(live), j.count)
	}
	return err
}
