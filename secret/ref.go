package secret

import (
	"context"
	"strings"

	"github.com/agenticverz/rotor/fault"
)

// Ref says where a secret is read: "env:NAME", "file:/path" or
// "STORE:path#key", STORE being a store of rotor.yaml. A Ref is never itself a
// secret; it may be printed.
type Ref struct{ Scheme, Path, Key string }

// ParseRef reads the three forms. A text that looks like a value given by
// mistake is refused without being repeated.
func ParseRef(text string) (Ref, error) {
	scheme, rest, ok := strings.Cut(text, ":")
	if !ok || scheme == "" || rest == "" || strings.ContainsAny(scheme, " /@") || strings.HasPrefix(rest, "//") {
		return Ref{}, fault.New(fault.BadConfig, "not a reference").
			WithHint("write env:NAME, file:/absolute/path or STORE:path#key; a value itself never stands in rotor.yaml")
	}
	r := Ref{Scheme: scheme, Path: rest}
	if scheme == "env" || scheme == "file" {
		return r, nil
	}
	path, key, ok := strings.Cut(rest, "#")
	if !ok || path == "" || key == "" {
		return Ref{}, fault.New(fault.BadConfig, "reference into store %q lacks #key", scheme).
			WithHint("write %s:path#key", scheme)
	}
	r.Path, r.Key = path, key
	return r, nil
}

func (r Ref) String() string {
	switch {
	case r.Scheme == "":
		return ""
	case r.Key == "":
		return r.Scheme + ":" + r.Path
	}
	return r.Scheme + ":" + r.Path + "#" + r.Key
}

// IsZero says whether nothing is referred to.
func (r Ref) IsZero() bool { return r.Scheme == "" }

// Source reads a bound reference; app binds them. It is called at each use, so
// that a rotated value is picked up; it may block on the network.
type Source func(ctx context.Context) (Value, error)

// Fixed is a Source for tests and for values that are already in hand.
func Fixed(v Value) Source {
	return func(context.Context) (Value, error) { return v, nil }
}

// Only reads one source into a set, named by what it is.
func Only(ctx context.Context, s Source) (Set, error) {
	v, err := s(ctx)
	if err != nil {
		return nil, err
	}
	return Set{"key": v}, nil
}

// Binder turns the text of a reference (env:NAME, file:/path, STORE:path#key) into
// a source. app implements it, from rotor.yaml's stores.
type Binder interface {
	Source(ref string) (Source, error)
}

// BinderFunc makes a Binder of a function.
type BinderFunc func(ref string) (Source, error)

// Source calls f.
func (f BinderFunc) Source(ref string) (Source, error) { return f(ref) }
