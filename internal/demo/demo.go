// Package demo is `rotor demo`: a story in a terminal. It starts a small system,
// lets the real Rotor change its secrets under load, and then does the same with
// a runbook's commands.
//
// What surprises: nothing is staged. The demo runs the rotor program as a user
// would and afterwards looks for itself, at the database, at the services, at the
// client's record; what it prints may be bad news, and then Run fails.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/agenticverz/rotor/internal/demo/unit"
	"github.com/agenticverz/rotor/internal/proc"
)

// Options of Run. Rotor and Out are required.
type Options struct {
	Dir   string    // where it all lives; "": a temporary folder
	Keep  bool      // leave Dir behind
	Crash bool      // kill rotor in the middle, twice, and resume
	Bad   bool      // give Rotor a bad value as well
	Out   io.Writer // the story
	Rotor string    // the rotor program
	// NoDatabase leaves PostgreSQL out although it is installed.
	NoDatabase bool
}

// demo is one run.
type demo struct {
	Options
	dir      string
	story    *story
	values   *values
	program  []string  // an instance of the service
	database *database // nil: none is installed
	noWhy    string    // why there is none
	broken   []string  // promises that were not kept
}

// Run tells the story. It returns when everything it started has ended; an error
// means that it could not be told, or that Rotor broke a promise in it.
func Run(ctx context.Context, o Options) (err error) {
	d := &demo{Options: o, story: newStory(o.Out), values: &values{}}
	d.story.print("Rotor changes two secrets of a running system, and you watch the requests.\n")
	if err := d.settle(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.leave()) }()
	if err := d.tell(ctx); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("demo: interrupted; everything was ended (%w)", ctx.Err())
		}
		return fmt.Errorf("demo: %w", err)
	}
	if len(d.broken) > 0 {
		return fmt.Errorf("demo: Rotor broke a promise: %s", d.broken[0])
	}
	return nil
}

// settle makes the folder and finds the program.
func (d *demo) settle() error {
	rotor, err := filepath.Abs(d.Rotor)
	if err != nil {
		return err
	}
	if d.dir = d.Dir; d.dir == "" {
		if d.dir, err = os.MkdirTemp("", "rotor-demo-"); err != nil {
			return err
		}
	} else if d.dir, err = filepath.Abs(d.dir); err != nil {
		return err
	} else if err := os.Mkdir(d.dir, 0o700); err != nil { // one that is there may hold somebody's things
		return err
	}
	if proc.CheckProgram(rotor) != nil {
		// Rotor refuses to run programs that others could exchange, itself included
		if rotor, err = copyProgram(rotor, filepath.Join(d.dir, "rotor")); err != nil {
			return errors.Join(err, os.RemoveAll(d.dir))
		}
	}
	d.Rotor, d.program = rotor, []string{rotor, "demo", "unit", "serve"}
	return nil
}

func copyProgram(from, to string) (string, error) {
	in, err := os.Open(from)
	if err != nil {
		return "", err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o700)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(out, in)
	return to, errors.Join(err, out.Close())
}

func (d *demo) leave() error {
	if d.Keep {
		d.story.print("\nEverything is in " + d.dir + "; nothing of it runs any more.\n" +
			"  rotor status --config " + filepath.Join(d.dir, "rotor.yaml") + " --state " + filepath.Join(d.dir, "state") + "\n")
		return nil
	}
	return os.RemoveAll(d.dir)
}

// tell is the outline.
func (d *demo) tell(ctx context.Context) error {
	if err := d.startDatabase(ctx); err != nil {
		return err
	}
	if d.database != nil {
		defer d.database.Stop()
	}
	ours, err := d.rotorActs(ctx)
	if err != nil {
		return err
	}
	theirs, err := d.runbookAct(ctx)
	if err != nil {
		return err
	}
	d.sideBySide(ours, theirs)
	return nil
}

func (d *demo) startDatabase(ctx context.Context) error {
	if d.NoDatabase {
		d.noWhy = "left out"
	} else {
		d.story.say("starting a private PostgreSQL …")
		began := time.Now()
		var err error
		if d.database, d.noWhy, err = startDatabase(ctx); err != nil {
			return err
		}
		if d.database != nil {
			d.values.add(d.database.Password)
			d.story.say("PostgreSQL on 127.0.0.1:%d after %s", d.database.Port, seconds(time.Since(began)))
		}
	}
	if d.database == nil {
		d.story.say("no PostgreSQL (%s): the demo goes on with the token alone", d.noWhy)
	}
	return nil
}

// rotorActs is Rotor's half: its system, and what is done to it.
func (d *demo) rotorActs(ctx context.Context) (*outcome, error) {
	if err := d.prepare(ctx); err != nil {
		return nil, err
	}
	p, err := startPair(ctx, d.dir, d.program)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	socket := filepath.Join(d.dir, "units.sock")
	server, err := unit.Serve(socket, p.units())
	if err != nil {
		return nil, err
	}
	defer server.Stop()
	if err := d.writeConfig(p, socket); err != nil {
		return nil, err
	}
	d.story.say("two instances of a service behind a balancer (%s)", p.balancer.URL())
	d.story.say("a client: %d requests a second, each with the token, each one INSERT, none tried twice", rate)
	d.story.say("rotor.yaml and .env in %s", d.dir)
	if err := pause(ctx, time.Second); err != nil {
		return nil, err
	}
	return d.acts(ctx, p)
}

func (d *demo) acts(ctx context.Context, p *pair) (*outcome, error) {
	out := &outcome{}
	if d.database != nil {
		if err := d.loginAct(ctx, p, out); err != nil {
			return nil, err
		}
	}
	if err := d.tokenAct(ctx, p, out); err != nil {
		return nil, err
	}
	if d.Bad {
		if err := d.badAct(ctx, p); err != nil {
			return nil, err
		}
	}
	out.load = p.load.Stop()
	if n := out.load.All.Failed; n > 0 {
		d.breaks("%d requests failed during Rotor's half", n)
	}
	return out, d.search()
}

// breaks notes that a promise was not kept: said at once, and again at the end.
func (d *demo) breaks(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	d.broken = append(d.broken, text)
	d.story.say("✗ %s", text)
}
