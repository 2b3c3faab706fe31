package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// Use is one place of rotor.yaml that reads a secret, and where it is sent.
type Use struct {
	Where       string     `json:"where"` // "stores.vault.token"
	Ref         secret.Ref `json:"ref"`
	Destination string     `json:"destination"`
	Pos         Pos        `json:"pos"`
}

// Refs lists every reference of the file, in its order.
func (c *Config) Refs() []Use { return slices.Clone(c.refs) }

// Ref reads the text of a reference as this file means it: relative files count
// from the file's folder, and a store must exist. Errors do not repeat the text.
func (c *Config) Ref(text string) (secret.Ref, error) {
	ref, what, hint := parseRef(text, c.Dir, partNames(c.Stores))
	if what != "" {
		return secret.Ref{}, fault.New(fault.BadConfig, "config: %s", what).WithHint("%s", hint)
	}
	return ref, nil
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

const refForms = "write env:NAME, file:/path or STORE:path#key; a value itself never stands in rotor.yaml"

// parseRef says what is wrong in words that hold nothing of text.
func parseRef(text, dir string, stores []string) (ref secret.Ref, what, hint string) {
	const not = "this is not a reference to a secret (its text is not repeated here)"
	ref, err := secret.ParseRef(text)
	scheme, _, _ := strings.Cut(text, ":")
	switch {
	case strings.Contains(text, "\n"), scheme == text:
		return ref, not, refForms
	case scheme == "env" && !envName.MatchString(ref.Path):
		return ref, "env: is followed by something that names no variable (it is not repeated here)", refForms
	case scheme == "file" && strings.HasPrefix(ref.Path, "~"):
		return ref, "~ is not expanded in references", "write the path in full"
	case scheme == "file" && err == nil:
		if !filepath.IsAbs(ref.Path) {
			ref.Path = filepath.Join(dir, ref.Path)
		}
		return ref, "", ""
	case err == nil && (scheme == "env" || slices.Contains(stores, scheme)):
		return ref, "", ""
	case slices.Contains(stores, scheme):
		return ref, fmt.Sprintf("a reference into store %q lacks its path or #key", scheme), fmt.Sprintf("write %s:path#key", scheme)
	}
	if near := closest(scheme, append([]string{"env", "file"}, stores...)); near != "" && len(scheme) > 2 {
		return ref, "a reference into a store that does not exist", fmt.Sprintf("did you mean %s:…?", near)
	}
	return ref, not, refForms
}

// references checks all options that are references, lists them, and looks for
// stores that cannot be opened without themselves.
func (b *builder) references() {
	for _, part := range b.out.Stores {
		b.uses("stores."+part.Name, part.Type, part.Options, part.Pos, b.kinds.Stores[part.Type])
	}
	for _, part := range b.out.Consumers {
		b.uses("consumers."+part.Name, part.Type, part.Options, part.Pos, b.kinds.Consumers[part.Type])
	}
	for _, part := range b.out.Checks {
		b.uses("checks."+part.Name, part.Type, part.Options, part.Pos, b.kinds.Checks[part.Type])
	}
	for _, c := range b.out.Credentials {
		b.uses("credentials."+c.Name+".provider", c.Provider.Type, c.Provider.Options, c.Provider.Pos, b.kinds.Providers[c.Provider.Type])
	}
	for _, name := range slices.Sorted(maps.Keys(b.out.Sections)) {
		b.uses(name, name, b.out.Sections[name], b.origins[name], b.kinds.Sections[name])
	}
	b.cycles()
}

func (b *builder) uses(path, typ string, options any, at Pos, kind Kind) {
	if options == nil || kind.Refs == nil {
		return
	}
	refs := kind.Refs(options)
	for _, option := range slices.Sorted(maps.Keys(refs)) {
		if refs[option] == "" {
			continue
		}
		where := path + "." + option
		pos, n := b.place(where, at), b.nodes[where]
		if n != nil {
			pos = n.pos
		}
		ref, what, hint := parseRef(refs[option], b.out.Dir, partNames(b.out.Stores))
		if what != "" {
			b.problem(pos, what, hint)
			continue
		}
		if n != nil {
			n.harmless = true
		}
		b.out.refs = append(b.out.refs, Use{Where: where, Ref: ref, Destination: destination(kind, typ, options), Pos: pos})
	}
}

// destination says where an implementation sends the secrets that it reads.
func destination(kind Kind, typ string, options any) string {
	if options == nil {
		return typ
	}
	if kind.Destination != nil {
		if to := kind.Destination(options); to != "" {
			return to
		}
	}
	for _, name := range []string{"address", "url", "base-url", "endpoint", "host"} {
		if to := option(options, name); to != "" {
			return withoutPassword(to)
		}
	}
	return typ
}

// withoutPassword cuts what may be a login, query or fragment out of a URL.
func withoutPassword(url string) string {
	url, _, _ = strings.Cut(url, "?")
	url, _, _ = strings.Cut(url, "#")
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		return url
	}
	host, path, hasPath := strings.Cut(rest, "/")
	host = host[strings.LastIndex(host, "@")+1:]
	if hasPath {
		host += "/" + path
	}
	return scheme + "://" + host
}

// option reads a text option by its name in YAML; "" if there is none.
func option(options any, name string) string {
	v := reflect.Indirect(reflect.ValueOf(options))
	if v.Kind() != reflect.Struct {
		return ""
	}
	f, ok := fieldsOf(v.Type())[name]
	if !ok {
		return ""
	}
	field, err := v.FieldByIndexErr(f.index)
	if err != nil || field.Kind() != reflect.String {
		return ""
	}
	return field.String()
}

// cycles finds stores whose own secrets are read, directly or not, from
// themselves. (A credential may well live in the store that it opens.)
func (b *builder) cycles() {
	edges := map[string][]Use{}
	for _, u := range b.out.refs {
		if name, ok := strings.CutPrefix(u.Where, "stores."); ok {
			name = b.storeOf(name)
			edges[name] = append(edges[name], u)
		}
	}
	done := map[string]bool{}
	var walk func(name string, trail []string)
	walk = func(name string, trail []string) {
		if done[name] {
			return
		}
		trail = append(trail, name)
		for _, u := range edges[name] {
			if i := slices.Index(trail, u.Ref.Scheme); i >= 0 {
				loop := strings.Join(append(slices.Clone(trail[i:]), u.Ref.Scheme), " needs ")
				b.problem(u.Pos, "a store cannot be opened without itself: "+loop, "read this from env: or file:")
				continue
			}
			walk(u.Ref.Scheme, trail)
		}
		done[name] = true
	}
	for _, s := range b.out.Stores {
		walk(s.Name, nil)
	}
}

// storeOf cuts the option off "NAME.option"; names may hold dots themselves.
func (b *builder) storeOf(rest string) string {
	best := ""
	for _, s := range b.out.Stores {
		if strings.HasPrefix(rest, s.Name+".") && len(s.Name) > len(best) {
			best = s.Name
		}
	}
	return best
}
