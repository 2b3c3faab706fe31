// Package config reads rotor.yaml: strictly, every mistake at once, each with
// its place, a snippet and what to write instead. It also says what a file
// would do (Surface) and remembers which files may (Trusts).
//
// What surprises: no message and no snippet repeats a text that might be a
// secret. Whoever pastes a token where a reference belongs finds it nowhere in
// the terminal; a text is shown only after it was read as something harmless.
//
// Rotor's packages are public so that the tree can be read; only sdk/ promises
// compatibility.
package config

import (
	"github.com/agenticverz/rotor/policy"
	"github.com/agenticverz/rotor/secret"
)

// Config is a rotor.yaml that was read without a mistake.
type Config struct {
	File string `json:"file"` // absolute
	Dir  string `json:"dir"`  // relative paths in it count from here
	Hash string `json:"hash"` // SHA-256 of the file's bytes, hex

	Stores      []Part       `json:"stores"` // all lists are in the order of the file
	Consumers   []Part       `json:"consumers"`
	Checks      []Part       `json:"checks"`
	Credentials []Credential `json:"credentials"`
	// Sections holds the decoded options of Kinds.Sections that the file has.
	Sections map[string]any `json:"sections,omitempty"`
	// Warnings do not stop anything: parts that nobody uses.
	Warnings []Problem `json:"warnings,omitempty"`

	kinds   Kinds
	origins map[string]Pos // where each key stands, by its path
	refs    []Use
}

// Part is a store, a consumer or a check.
type Part struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Options any    `json:"options"` // what Kind.New gave, decoded into
	Pos     Pos    `json:"pos"`
}

// Provider is who issues a credential's values.
type Provider struct {
	Type    string `json:"type"`
	Options any    `json:"options"`
	Pos     Pos    `json:"pos"`
}

// Credential is one thing to rotate.
type Credential struct {
	Name      string        `json:"name"`
	Owner     string        `json:"owner"`
	Note      string        `json:"note,omitempty"`
	Policy    policy.Policy `json:"policy"`
	Provider  Provider      `json:"provider"`
	Acceptors []Acceptor    `json:"acceptors,omitempty"`
	Targets   []Target      `json:"targets"`
	Consumers []string      `json:"consumers,omitempty"`
	Checks    []string      `json:"checks,omitempty"`
	Pos       Pos           `json:"pos"`
}

// Acceptor is a consumer that must take a new value, through targets of its
// own, before anyone presents it.
type Acceptor struct {
	Consumer string   `json:"consumer"`
	Targets  []Target `json:"targets"`
	Pos      Pos      `json:"pos"`
}

// Target is one place where a value is read.
type Target struct {
	Store string `json:"store"`
	Path  string `json:"path,omitempty"` // "" = the store's own
	Key   string `json:"key,omitempty"`
	// KeyTemplate is set if Key is made from fields ("{{.username}}").
	KeyTemplate *secret.Template `json:"-"`
	// Value is the text of Template, which is nil for the provider's default
	// field: its first secret one.
	Value    string           `json:"value,omitempty"`
	Template *secret.Template `json:"-"`
	Pos      Pos              `json:"pos"`
}

// Store finds a store by name.
func (c *Config) Store(name string) (Part, bool) { return find(c.Stores, name) }

// Consumer finds a consumer by name.
func (c *Config) Consumer(name string) (Part, bool) { return find(c.Consumers, name) }

// Check finds a check by name.
func (c *Config) Check(name string) (Part, bool) { return find(c.Checks, name) }

// Credential finds a credential by name.
func (c *Config) Credential(name string) (Credential, bool) {
	for _, cred := range c.Credentials {
		if cred.Name == name {
			return cred, true
		}
	}
	return Credential{}, false
}

func find(parts []Part, name string) (Part, bool) {
	for _, p := range parts {
		if p.Name == name {
			return p, true
		}
	}
	return Part{}, false
}

// Kinds are the types that rotor.yaml may name, and what config must know of
// them. app fills it from the rooms' registries.
type Kinds struct {
	Stores, Consumers, Checks, Providers map[string]Kind
	// Sections are further top-level blocks, by key; they have no `type`.
	Sections map[string]Kind
	// Fields names the fields of a provider's values, for checking templates.
	// Nil, or an empty answer, checks nothing.
	Fields func(provider string, options any) []string
	// Texts lists what a public field may hold (the roles of postgres), so that
	// two credentials that write one templated key are found. May be nil.
	Texts func(provider string, options any, field string) []string
	// Comment gives the doc comment of an option for the JSON Schema: the struct
	// type's full name ("github.com/…/postgres.Options") and the Go field's name,
	// "" for the type's own. May be nil.
	Comment func(typeName, field string) string
}

// Kind is one type. All functions get what New gave, decoded into, possibly
// incomplete; all but New may be nil.
type Kind struct {
	New func() any // a pointer to fresh options, with their defaults set
	// Refs lists texts of references to secrets by option ("token",
	// "headers.authorization").
	Refs func(options any) map[string]string
	// Destination says where these secrets are sent. Nil: the options address,
	// url, host are looked at, else the type's name is shown.
	Destination func(options any) string
	// Commands lists programs that the options make Rotor run, by option.
	Commands func(options any) map[string][]string
	// Accounts names what a provider's options are about, if two credentials must not be
	// about the same. Nil: they may.
	Accounts func(options any) []string
	// Beside names accounts that several credentials may be about, unless one of them has
	// it in Accounts. Nil: none.
	Beside func(options any) []string
	// Paths points at options that are file names, so that relative ones are
	// made absolute, counted from the file's folder.
	Paths func(options any) []*string
	// Place names what a store writes to; two stores with one Place are the same.
	// Nil: made from the options that usually say so (address, mount, path, …).
	Place func(options any) string

	NeedsPath bool // a store: a target must have a path
	NoKey     bool // a store: a target has no key, the path is the value
}
