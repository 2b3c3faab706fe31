// Package app is the only wiring: it reads rotor.yaml, opens the state, and
// builds for each credential what the engine needs, when it needs it.
//
// What surprises: opening resolves nothing and runs nothing. A reference is read
// each time its value is used, and nothing at all is read from a rotor.yaml that
// nobody has trusted.
package app

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/config"
	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/journal/sqlite"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/runner"
	"github.com/agenticverz/rotor/secret"
)

// Options say what to open. The zero Options are those of a command without
// flags.
type Options struct {
	ConfigPath string                  // --config; "" = search
	StateDir   string                  // --state; "" = search
	Actor      string                  // who acts, for the audit; "" = the user
	WithConfig Need                    // what to do without a rotor.yaml
	Now        func() rotation.Instant // nil: the machine's clocks
	Observe    func(rotation.Record, rotation.Event)
}

// Need says how much a command depends on rotor.yaml.
type Need int

const (
	Required Need = iota // without one nothing works
	Optional             // its absence is fine, its mistakes are not
	NotAtAll             // it is not read
)

// App is an open installation.
type App struct {
	Found    config.Found
	Journal  journal.Journal
	Engine   *engine.Engine
	Keys     *secret.Keyset
	Lock     runner.Lock
	StateDir string
	Actor    string
	Now      func() rotation.Instant

	config  atomic.Pointer[config.Config]
	catalog *catalog
	trusted atomic.Bool
}

// New opens an installation; Close it.
func New(ctx context.Context, o Options) (*App, error) {
	a := &App{Actor: o.Actor, Now: o.Now}
	if a.Actor == "" {
		a.Actor = actor()
	}
	if a.Now == nil {
		a.Now = Clock()
	}
	if o.WithConfig != NotAtAll {
		if err := a.load(o); err != nil {
			return nil, err
		}
	}
	if err := a.open(ctx, o); err != nil {
		return nil, err
	}
	return a, nil
}

// Load reads rotor.yaml alone: no state is opened or made.
func Load(o Options) (*config.Config, config.Found, error) {
	a := &App{}
	err := a.load(o)
	return a.Config(), a.Found, err
}

func (a *App) load(o Options) error {
	dir, err := os.Getwd()
	if err != nil {
		return fault.Wrap(fault.BadConfig, "config: the present folder", err)
	}
	home, _ := os.UserHomeDir() // without one the search just goes on further
	a.Found, err = config.Find(config.Search{Flag: o.ConfigPath, Getenv: os.Getenv, Dir: dir, Home: home})
	if err != nil {
		if o.WithConfig == Optional && o.ConfigPath == "" && os.Getenv("ROTOR_CONFIG") == "" {
			return nil
		}
		return err
	}
	c, err := config.Load(a.Found.Path, Kinds())
	if err == nil {
		a.config.Store(c)
	}
	return err
}

// Config is rotor.yaml as it was last read; nil without one.
func (a *App) Config() *config.Config { return a.config.Load() }

func (a *App) open(ctx context.Context, o Options) error {
	var err error
	if a.StateDir, err = stateDir(o.StateDir); err != nil {
		return err
	}
	if a.Keys, err = openKey(a.StateDir); err != nil {
		return err
	}
	if a.Journal, err = sqlite.Open(ctx, sqlite.Options{Dir: a.StateDir, MAC: a.Keys.AuditMAC}); err != nil {
		return err
	}
	a.Journal = hooked(a.Journal)
	a.Lock = runner.FileLock{Dir: filepath.Join(a.StateDir, "locks")}
	a.catalog = newCatalog(a.Config(), a.Trusted)
	a.Engine = &engine.Engine{
		Journal: a.Journal, Catalog: a.catalog, Keys: a.Keys, Now: a.Now,
		NewID: NewID(func() time.Time { return a.Now().Wall }), Observe: o.Observe,
	}
	return nil
}

// Close gives the state back.
func (a *App) Close() error {
	a.catalog.close()
	return a.Journal.Close()
}

// Inline is a runner for one command.
func (a *App) Inline() *runner.Inline {
	return &runner.Inline{Engine: a.Engine, Journal: a.Journal, Lock: a.Lock}
}

// Credential builds one; it is the engine's own. fault.BadConfig for a name that
// rotor.yaml does not have, with what was probably meant.
func (a *App) Credential(name string) (*engine.Credential, error) { return a.catalog.Credential(name) }

// Trusted says whether rotor.yaml may be acted on; nil if it may.
func (a *App) Trusted() error {
	c := a.Config()
	if c == nil || !a.Found.Walked || a.trusted.Load() {
		return nil
	}
	if a.Trusts().Trusted(c.File, c.Hash) {
		a.trusted.Store(true)
		return nil
	}
	return fault.Wrap(fault.BadConfig, "", &UntrustedError{File: c.File})
}

// Trusts is the memory of files that may be acted on.
func (a *App) Trusts() *config.Trusts { return config.TrustFile(a.StateDir) }

// Trust remembers the present rotor.yaml as one that may be acted on; the audit
// has it first.
func (a *App) Trust(ctx context.Context) error {
	c := a.Config()
	err := a.Journal.Note(ctx, audit.Entry{At: a.Now().Wall, Actor: a.Actor, Action: "trust",
		Part: c.File, Note: "sha256 " + c.Hash})
	if err != nil {
		return err
	}
	return a.Trusts().Add(config.Trust{Path: c.File, Hash: c.Hash, When: a.Now().Wall, Who: a.Actor})
}

// UntrustedError: rotor.yaml was met by walking upward and nobody said yet that
// it may be acted on.
type UntrustedError struct{ File string }

func (e *UntrustedError) Error() string {
	return e.File + " is not trusted, or was changed since it was"
}
