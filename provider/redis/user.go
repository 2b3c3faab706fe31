package redis

import (
	"context"
	"slices"
	"strings"

	"github.com/agenticverz/rotor/fault"
)

// user is what a node knows about a user.
type user struct {
	name   string
	exists bool
	on     bool
	nopass bool     // any password, or none, is right
	hashes []string // of passwords
	marks  []mark
}

// open says whether anybody can log in as the user.
func (u user) open() bool { return u.on && (u.nopass || len(u.hashes) > 0) }

func (u user) has(hash string) bool { return slices.Contains(u.hashes, hash) }

// markAt is the mark of a password.
func (u user) markAt(hash string) (mark, bool) {
	for _, m := range u.marks {
		if m.of(hash) {
			return m, true
		}
	}
	return mark{}, false
}

// user looks a user up; one that does not exist is no error.
func (n *node) user(ctx context.Context, name string) (user, error) {
	answer, err := n.ask(ctx, "ACL", "GETUSER", name)
	if err != nil {
		return user{}, err
	}
	u, ok := parseUser(name, answer)
	if !ok {
		return user{}, fault.New(fault.Transient, "%s: ACL GETUSER%s: the answer makes no sense", n.op, n.at())
	}
	return u, nil
}

// parseUser reads the answer to ACL GETUSER: names and values in turn, of which the
// versions of the server have different ones.
func parseUser(name string, answer any) (user, bool) {
	u := user{name: name}
	if answer == nil {
		return u, true
	}
	fields, ok := answer.([]any)
	if !ok || len(fields)%2 != 0 {
		return u, false
	}
	seen := 0
	for i := 0; i < len(fields); i += 2 {
		items, _ := fields[i+1].([]any)
		switch fields[i] {
		case "flags":
			seen++
			u.on, u.nopass = slices.Contains(items, any("on")), slices.Contains(items, any("nopass"))
		case "passwords":
			seen++
			for _, item := range items {
				hash, _ := item.(string)
				if !isHash(hash) {
					return u, false
				}
				if m, ok := parseMark(hash); ok {
					u.marks = append(u.marks, m)
				} else {
					u.hashes = append(u.hashes, hash)
				}
			}
		}
	}
	u.exists = true
	return u, seen == 2
}

// rules are what a user may do, in the words of ACL SETUSER, without passwords and
// without on and off.
func (n *node) rules(ctx context.Context, name string) ([]string, error) {
	answer, err := n.ask(ctx, "ACL", "LIST")
	if err != nil {
		return nil, err
	}
	lines, _ := answer.([]any)
	for _, line := range lines {
		text, _ := line.(string)
		if rest, ok := strings.CutPrefix(text, "user "+name+" "); ok {
			return parseRules(rest), nil
		}
	}
	return nil, nil
}

// parseRules drops what belongs to the login, and what is the default and therefore
// written by some versions only.
func parseRules(text string) []string {
	return slices.DeleteFunc(strings.Fields(text), func(word string) bool {
		switch word {
		case "on", "off", "nopass", "sanitize-payload":
			return true
		}
		return strings.HasPrefix(word, "#")
	})
}
