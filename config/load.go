package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/policy"
)

// Load reads and parses a file. A file that anybody may write is refused: it
// decides where secrets go and what is run.
func Load(path string, k Kinds) (*Config, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fault.Wrap(fault.BadConfig, "config", err)
	}
	at, err := os.Stat(abs)
	switch {
	case err != nil:
		return nil, fault.New(fault.BadConfig, "config: %s cannot be read: %s", path, reason(err)).
			WithHint("rotor init writes one to begin with; --config FILE names another")
	case at.IsDir():
		return nil, fault.New(fault.BadConfig, "config: %s is a folder", path).WithHint("name the file: %s", filepath.Join(path, FileName))
	case at.Mode().Perm()&0o002 != 0:
		return nil, fault.New(fault.BadConfig, "config: %s may be written by anybody", path).
			WithHint("it decides where secrets go: chmod o-w %s", path)
	case at.Size() > largest:
		return nil, fault.New(fault.BadConfig, "config: %s is larger than 64 MB", path)
	}
	body, err := os.ReadFile(abs)
	if err != nil {
		return nil, fault.New(fault.BadConfig, "config: %s cannot be read: %s", path, reason(err))
	}
	return Parse(abs, body, k)
}

func reason(err error) string {
	switch {
	case os.IsNotExist(err):
		return "it does not exist"
	case os.IsPermission(err):
		return "permission denied"
	}
	return "the system refuses"
}

// Parse reads a configuration. file is its absolute path, for messages and for
// what is relative to it; nothing is read from the disk. The error is *Errors
// and holds every mistake that could be found.
func Parse(file string, body []byte, k Kinds) (*Config, error) {
	sum := sha256.Sum256(body)
	s := read(file, body)
	b := &builder{
		decoder: &decoder{source: s, origins: map[string]Pos{}, nodes: map[string]*node{}, budget: most},
		kinds:   k,
		out: &Config{
			File: file, Dir: filepath.Dir(file), Hash: hex.EncodeToString(sum[:]), kinds: k, Sections: map[string]any{},
		},
	}
	b.out.origins = b.origins
	if s.root != nil {
		b.build()
	}
	if len(s.problems) > 0 {
		s.problems = tidy(s.problems)
		s.snippets()
		return nil, &Errors{Problems: s.problems}
	}
	return b.out, nil
}

// builder turns nodes into a Config.
type builder struct {
	*decoder
	kinds    Kinds
	out      *Config
	defaults termsShape
}

func (b *builder) build() {
	var f fileShape
	skip := make([]string, 0, len(b.kinds.Sections))
	for name := range b.kinds.Sections {
		skip = append(skip, name)
	}
	b.own = true
	b.into(b.root, "", &f, skip...)
	b.version(f.Version)
	b.defaults = shapeOf(policy.Default())
	if f.Defaults.node != nil {
		b.into(f.Defaults.node, "defaults", &b.defaults)
	}
	b.sections()
	b.out.Stores = b.parts("stores", "store", f.Stores, b.kinds.Stores)
	b.out.Consumers = b.parts("consumers", "consumer", f.Consumers, b.kinds.Consumers)
	b.out.Checks = b.parts("checks", "check", f.Checks, b.kinds.Checks)
	for _, name := range b.ordered("credentials", f.Credentials) {
		if b.name("credential", name, b.origins["credentials."+name]) {
			b.credential(name, f.Credentials[name].node)
		}
	}
	b.crossReferences()
	b.references()
	b.clashes()
	b.rivals()
	b.unused()
}

func (b *builder) version(v int) {
	if n := b.root.get("version"); n == nil && b.root.shape == block {
		b.problem(b.root.pos, "the version is missing", "begin the file with version: 1")
	} else if n != nil && n.shape == number && v != 1 {
		b.problem(n.pos, fmt.Sprintf("version %d is not known to this Rotor", v), "write version: 1, or use a newer rotor")
	} else if n != nil && n.shape == empty {
		b.problem(n.pos, "the version is missing", "begin the file with version: 1")
	}
}

func (b *builder) sections() {
	for _, p := range b.root.pairs {
		if kind, ok := b.kinds.Sections[p.key]; ok {
			b.origins[p.key] = p.pos
			if p.value.shape == empty {
				continue
			}
			b.out.Sections[p.key] = b.options(p.value, p.key, kind)
		}
	}
}

// ordered lists names as they stand in the file.
func (b *builder) ordered(section string, in map[string]later) []string {
	out := make([]string, 0, len(in))
	for name := range in {
		out = append(out, name)
	}
	slices.SortFunc(out, func(x, y string) int {
		p, q := b.origins[section+"."+x], b.origins[section+"."+y]
		return cmp.Or(cmp.Compare(p.Line, q.Line), cmp.Compare(p.Col, q.Col), cmp.Compare(x, y))
	})
	return out
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// name refuses names that would be unclear in references, file names and labels.
func (b *builder) name(what, name string, at Pos) bool {
	if !nameForm.MatchString(name) {
		b.problem(at, "this cannot name a "+what, "a name has letters, digits, - _ and . , begins with a letter or digit and is at most 63 long")
		return false
	}
	if what == "store" && (name == "env" || name == "file") {
		b.problem(at, fmt.Sprintf("a store cannot be named %q: references begin with it", name), "choose another name")
		return false
	}
	return true
}
