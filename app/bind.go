package app

import (
	"context"
	"io"
	"os"
	"strings"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// binder turns references into sources. A source reads at each call and keeps
// nothing, so that a rotated value is picked up.
type binder struct{ catalog *catalog }

// Source implements Bind of every room.
func (b *binder) Source(text string) (secret.Source, error) {
	ref, err := b.catalog.config.Ref(text)
	if err != nil {
		return nil, err
	}
	switch ref.Scheme {
	case "env":
		return func(context.Context) (secret.Value, error) { return fromEnv(ref.Path) }, nil
	case "file":
		return func(context.Context) (secret.Value, error) { return fromFile(ref.Path) }, nil
	}
	return func(ctx context.Context) (secret.Value, error) { return b.fromStore(ctx, ref) }, nil
}

func fromEnv(name string) (secret.Value, error) {
	text, ok := os.LookupEnv(name)
	if !ok || text == "" {
		return secret.Value{}, fault.New(fault.BadConfig, "env:%s: the variable is not set", name).
			WithHint("set %s for whoever runs rotor, or let the reference point elsewhere", name)
	}
	return secret.New(text), nil
}

// largestSecret is far above any key; what is larger is another file.
const largestSecret = 1 << 20

func fromFile(path string) (secret.Value, error) {
	f, err := os.Open(path)
	if err != nil {
		return secret.Value{}, fault.Wrap(fault.BadConfig, "file:"+path, reason(err))
	}
	defer f.Close()
	body, err := io.ReadAll(io.LimitReader(f, largestSecret+1))
	defer clear(body)
	switch {
	case err != nil:
		return secret.Value{}, fault.Wrap(fault.BadConfig, "file:"+path, reason(err))
	case len(body) > largestSecret:
		return secret.Value{}, fault.New(fault.BadConfig, "file:%s: larger than 1 MB", path)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(body), "\n"), "\r")
	if text == "" {
		return secret.Value{}, fault.New(fault.BadConfig, "file:%s: the file is empty", path)
	}
	return secret.New(text), nil
}

// open gives a store; the catalog's lock is taken here, since sources are called
// outside it.
func (b *binder) open(name string) (store.Store, error) {
	b.catalog.mu.Lock()
	defer b.catalog.mu.Unlock()
	return b.catalog.store(name)
}

func (b *binder) fromStore(ctx context.Context, ref secret.Ref) (secret.Value, error) {
	s, err := b.open(ref.Scheme)
	if err != nil {
		return secret.Value{}, err
	}
	set, _, err := s.Get(ctx, ref.Path)
	if err != nil {
		return secret.Value{}, fault.Wrap(fault.KindOf(err), "read "+ref.String(), err)
	}
	v, ok := set[ref.Key]
	if !ok || v.IsZero() {
		return secret.Value{}, fault.New(fault.BadConfig, "%s: there is no such key", ref).
			WithHint("put it there, or correct the reference")
	}
	return v, nil
}

// Environment implements consumer.Bind.
func (b *binder) Environment(paths []string) (consumer.Environment, error) {
	for _, p := range paths {
		name, _, ok := strings.Cut(p, ":")
		if _, known := b.catalog.config.Store(name); !ok || !known {
			return nil, fault.New(fault.BadConfig, "environment: %q is not STORE:PATH with a store of rotor.yaml", p)
		}
	}
	return func(ctx context.Context) (secret.Set, error) {
		out := secret.Set{}
		for _, p := range paths {
			name, path, _ := strings.Cut(p, ":")
			s, err := b.open(name)
			if err != nil {
				return nil, err
			}
			set, _, err := s.Get(ctx, path)
			if err != nil {
				return nil, fault.Wrap(fault.KindOf(err), "read "+p, err)
			}
			for key, v := range set {
				out[key] = v
			}
		}
		return out, nil
	}, nil
}

// reason leaves the path out of an error that names it already.
func reason(err error) error {
	switch {
	case os.IsNotExist(err):
		return os.ErrNotExist
	case os.IsPermission(err):
		return os.ErrPermission
	}
	return err
}

// Source binds a reference as rotor.yaml means it.
func (a *App) Source(ref string) (secret.Source, error) { return a.catalog.bind.Source(ref) }
