package cli

import (
	"context"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/rotation"
)

// attend asks the person at the terminal for what a rotation waits for, and goes
// on with it.
func (w *worker) attend(ctx context.Context, rep app.Report, err error) (app.Report, error) {
	for err == nil && rep.Record.Status == rotation.Asking && w.mayAsk() {
		w.show.end()
		step, note, err2 := w.asks(ctx, rep.Record)
		if err2 != nil {
			return rep, err2
		}
		switch step {
		case rotation.Ask:
			err = w.askValue(ctx, rep.Record)
		case rotation.Approve, rotation.Monitor:
			err = w.askApproval(ctx, rep.Record, note)
		default:
			return rep, nil
		}
		if err != nil {
			return rep, err
		}
		rep, err = w.run.Run(ctx, rep.Record.ID)
	}
	return rep, err
}

// asks says at which step a record waits for a person, and why.
func (w *worker) asks(ctx context.Context, r rotation.Record) (rotation.Step, string, error) {
	r, events, err := w.app.Journal.Load(ctx, r.ID)
	if err != nil {
		return "", "", err
	}
	st := rotation.Replay(r, events)
	task, _ := st.Next()
	last, _ := st.Last(func(e rotation.Event) bool { return e.Type == rotation.Pause })
	return task.Step, last.Note, nil
}

func (w *worker) askApproval(ctx context.Context, r rotation.Record, note string) error {
	w.tell("%s: %s\n", r.Credential, note)
	ok, err := w.confirm(ctx, "Approve?")
	if err != nil {
		return err
	}
	order := rotation.OrderApprove
	if !ok {
		order = rotation.OrderRefuse
	}
	return w.run.Supply(ctx, r.ID, order, w.app.Actor, nil)
}

// pastes is how often a person may paste a value that is refused at once.
const pastes = 3

func (w *worker) askValue(ctx context.Context, r rotation.Record) error {
	w.instruct(ctx, r)
	for n := 1; ; n++ {
		values, err := w.promptValues(ctx, r.Credential, w.app)
		if err != nil {
			return err
		}
		err = w.run.Supply(ctx, r.ID, rotation.OrderSupply, w.app.Actor, values)
		if err == nil || fault.KindOf(err) != fault.Rejected || n == pastes {
			return err
		}
		w.complain(err)
	}
}

// instruct says what a person must do at the provider.
func (w *worker) instruct(ctx context.Context, r rotation.Record) {
	known, err := w.app.Journal.Credential(ctx, r.Credential)
	if err != nil {
		return
	}
	current, _ := known.Current()
	if words := w.app.Instructions(r.Credential, rotation.Ask, r, current.Handle); words != "" {
		w.tell("%s\n", words)
	}
}
