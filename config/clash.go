package config

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// place is one key of one path of one store, whatever names they are given.
type place struct{ store, path, key string }

// holder is who writes a place.
type holder struct {
	credential *Credential
	target     Target
	templated  bool
}

// clashes finds places that two targets write, and one file under two names.
func (b *builder) clashes() {
	taken := map[place][]holder{}
	identity := map[string]string{}
	for _, s := range b.out.Stores {
		identity[s.Name] = b.identity(s)
	}
	for i := range b.out.Credentials {
		c := &b.out.Credentials[i]
		files := map[place]string{}
		for _, t := range c.allTargets() {
			where := place{store: identity[t.Store], path: b.cleanPath(t)}
			if where.store == "" {
				continue
			}
			if name, ok := files[where]; ok && name != t.Store {
				b.problem(t.Pos, fmt.Sprintf("stores %q and %q are the same place: one write would undo the other", name, t.Store),
					"use one store's name for all targets there")
				continue
			}
			files[where] = t.Store
			b.claim(taken, where, holder{credential: c, target: t, templated: t.KeyTemplate != nil})
		}
	}
}

func (b *builder) claim(taken map[place][]holder, where place, h holder) {
	for _, key := range b.keys(h) {
		where.key = key
		for _, other := range taken[where] {
			if h.templated && other.templated && key == h.target.Key && h.credential != other.credential && !same(h.credential.Provider, other.credential.Provider) {
				continue // one template, but of other values
			}
			b.clash(h, other, key)
			break
		}
		taken[where] = append(taken[where], h)
	}
}

func (b *builder) clash(h, other holder, key string) {
	t := h.target
	t.Key = key
	what := fmt.Sprintf("%s is written twice", t.Name())
	if h.credential != other.credential {
		what = fmt.Sprintf("%s is written by credential %q too", t.Name(), other.credential.Name)
	}
	b.problem(h.target.Pos, what, fmt.Sprintf("the other one is on line %d; each key has one writer", other.target.Pos.Line))
}

// rivals finds credentials of one account where one would end the other's value.
func (b *builder) rivals() {
	owners, neighbours := map[string]*Credential{}, map[string]*Credential{}
	for i := range b.out.Credentials {
		c := &b.out.Credentials[i]
		owns, beside := b.accounts(c)
		if b.rival(c, owns, owners, neighbours) || b.rival(c, beside, owners) {
			continue
		}
		for _, account := range owns {
			owners[account] = c
		}
		for _, account := range beside {
			neighbours[account] = c
		}
	}
}

// accounts that a credential is about: alone, and beside others.
func (b *builder) accounts(c *Credential) (owns, beside []string) {
	if c.Provider.Options == nil {
		return nil, nil
	}
	list := func(names func(any) []string) (out []string) {
		if names != nil {
			for _, account := range names(c.Provider.Options) {
				out = append(out, c.Provider.Type+" "+account)
			}
		}
		return out
	}
	kind := b.kinds.Providers[c.Provider.Type]
	return list(kind.Accounts), list(kind.Beside)
}

// rival says whether, and by whom, one of the accounts is taken.
func (b *builder) rival(c *Credential, accounts []string, taken ...map[string]*Credential) bool {
	for _, account := range accounts {
		for _, by := range taken {
			if other := by[account]; other != nil {
				b.problem(c.Provider.Pos, fmt.Sprintf("this is the account of credential %q too: one would end the other's value", other.Name),
					fmt.Sprintf("that one is on line %d; let one credential write all the targets", other.Provider.Pos.Line))
				return true
			}
		}
	}
	return false
}

// keys lists what a target's key may be: itself, or what its template may give.
func (b *builder) keys(h holder) []string {
	if !h.templated || b.kinds.Texts == nil || h.credential.Provider.Options == nil {
		return []string{h.target.Key}
	}
	field := h.target.KeyTemplate.Field()
	if field == "" {
		return []string{h.target.Key}
	}
	if texts := b.kinds.Texts(h.credential.Provider.Type, h.credential.Provider.Options, field); len(texts) > 0 {
		return texts
	}
	return []string{h.target.Key}
}

// identity names what a store writes to.
func (b *builder) identity(s Part) string {
	if s.Options == nil {
		return ""
	}
	if kind := b.kinds.Stores[s.Type]; kind.Place != nil {
		if p := kind.Place(s.Options); p != "" {
			return s.Type + " " + p
		}
	}
	parts := []string{s.Type}
	for _, name := range []string{"address", "url", "namespace", "mount", "repository", "environment", "organization", "project", "path", "file", "dir"} {
		text := option(s.Options, name)
		if name == "path" || name == "file" || name == "dir" {
			text = b.absolute(text)
		}
		parts = append(parts, text)
	}
	if strings.Join(parts[1:], "") == "" {
		return s.Type + " " + s.Name
	}
	return strings.Join(parts, "\x00")
}

func (b *builder) absolute(file string) string {
	if file == "" || filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(b.out.Dir, file)
}

func (b *builder) cleanPath(t Target) string {
	if t.Path == "" {
		return ""
	}
	return strings.Trim(path.Clean(t.Path), "/")
}

// Name is the target as the commands write it: STORE:PATH#KEY.
func (t Target) Name() string {
	name := t.Store + ":" + t.Path
	if t.Key != "" {
		name += "#" + t.Key
	}
	return name
}

// allTargets lists the credential's targets and those of its acceptors.
func (c *Credential) allTargets() []Target {
	all := slices.Clone(c.Targets)
	for _, a := range c.Acceptors {
		all = append(all, a.Targets...)
	}
	return all
}

// unused warns of parts that nobody names: a check that is not looked at is
// usually a mistake.
func (b *builder) unused() {
	used := map[string]bool{}
	for i := range b.out.Credentials {
		c := &b.out.Credentials[i]
		for _, t := range c.allTargets() {
			used["store "+t.Store] = true
		}
		for _, a := range c.Acceptors {
			used["consumer "+a.Consumer] = true
		}
		for _, name := range c.Consumers {
			used["consumer "+name] = true
		}
		for _, name := range c.Checks {
			used["check "+name] = true
		}
	}
	for _, u := range b.out.refs {
		used["store "+u.Ref.Scheme] = true
	}
	for path, n := range b.nodes {
		if strings.HasPrefix(path, "consumers.") && strings.Contains(path, ".environment[") {
			store, _, _ := strings.Cut(n.text, ":")
			used["store "+store] = true
		}
		if strings.HasPrefix(path, "checks.") && strings.HasSuffix(path, ".consumer") {
			used["consumer "+n.text] = true
		}
	}
	b.warnUnused("store", b.out.Stores, used)
	b.warnUnused("consumer", b.out.Consumers, used)
	b.warnUnused("check", b.out.Checks, used)
}

func (b *builder) warnUnused(what string, parts []Part, used map[string]bool) {
	for _, p := range parts {
		if !used[what+" "+p.Name] {
			b.out.Warnings = append(b.out.Warnings, Problem{Pos: p.Pos, What: fmt.Sprintf("%s %q is used by no credential", what, p.Name)})
		}
	}
}
