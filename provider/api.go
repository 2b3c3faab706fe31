package provider

import (
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// API describes a type of provider behind one vendor's API that is entered with one
// secret: most are. O is its Options struct.
type API[O any] struct {
	Name, Summary, Doc, Evidence string
	Secret                       string // the option that refers to the secret: "admin-key"
	Example                      string // of a reference, for whoever left it out: "env:OPENAI_ADMIN_KEY"
	Base                         string // default of base-url; "" = there is none
	// Of gives the reference and the base-url that the options hold; either may be "".
	Of func(*O) (ref, base string)
	// New checks the options, without any I/O. The source is read at each request.
	New func(O, secret.Source) (Provider, error)
}

// Type is the entry in provider/all.
func (a API[O]) Type() Type {
	return Type{Name: a.Name, Summary: a.Summary, Doc: a.Doc, Evidence: a.Evidence,
		NewOptions: func() any { return new(O) },
		Refs: func(opts any) map[string]string {
			ref, _ := a.Of(opts.(*O))
			return map[string]string{a.Secret: ref}
		},
		Destination: func(opts any) string {
			if _, base := a.Of(opts.(*O)); base != "" {
				return base
			}
			return a.Base
		},
		New: func(opts any, c Context) (Provider, error) { return a.build(*opts.(*O), c) },
	}
}

func (a API[O]) build(o O, c Context) (Provider, error) {
	ref, _ := a.Of(&o)
	if ref == "" {
		return nil, fault.New(fault.BadConfig, "%s: %s is missing", a.Name, a.Secret).
			WithHint("refer to it, for example %s: %s", a.Secret, a.Example)
	}
	source, err := c.Bind.Source(ref)
	if err != nil {
		return nil, err
	}
	p, err := a.New(o, source)
	if err != nil {
		return nil, err
	}
	return p, nil
}
