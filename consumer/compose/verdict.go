package compose

import (
	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/internal/compose"
	"github.com/agenticverz/rotor/internal/proc"
	"github.com/agenticverz/rotor/secret"
)

// verdict says what a container's environment and arguments prove about c.
//
// A key of the change that has another text is proof that the container runs
// with something else. A key that did not change proves nothing (the user name,
// when only the password did). Values that appear under no key of the change are
// looked for everywhere: ${API_KEY} may be handed over as OPENAI_KEY, or within
// DATABASE_URL.
func verdict(k compose.Container, c consumer.Change) consumer.Proof {
	evidence := false
	for name, want := range c.Values {
		got, there := k.Variable(name)
		if !there {
			continue
		}
		if !got.Equal(want) {
			return consumer.NotYet
		}
		evidence = evidence || changed(c, name)
	}
	for _, old := range c.Old.Secrets() {
		if !staysIn(old, c.Values) && k.Mentions(old) {
			return consumer.NotYet
		}
	}
	for name, want := range c.Values {
		evidence = evidence || changed(c, name) && !want.IsPublic() && k.Mentions(want)
	}
	if evidence {
		return consumer.Proven
	}
	return consumer.CannotTell
}

// changed: the key's text is another one than before. Where the text before is
// not known, one that is too short for a secret counts as unchanged: it may be a
// user name, and prove nothing about the password.
func changed(c consumer.Change, name string) bool {
	old, now := c.Old[name], c.Values[name]
	if old.IsZero() {
		return now.Len() >= compose.Shortest
	}
	return !old.Equal(now)
}

// staysIn: old is a text of the new values too (dual keys, or not changed), or
// part of one, so that its presence proves nothing.
func staysIn(old secret.Value, values secret.Set) bool {
	for _, v := range values {
		if old.Equal(v) || compose.Within(old, v) {
			return true
		}
	}
	return false
}

// disagreement names a key that the stores now hold with another text than the
// change; "" if there is none.
func disagreement(env secret.Set, c consumer.Change) string {
	for name, want := range c.Values {
		if got, ok := env[name]; ok && !got.Equal(want) {
			return name
		}
	}
	return ""
}

// usable keeps the keys that can be handed to docker compose as variables.
func usable(all secret.Set) secret.Set {
	out := secret.Set{}
	for name, v := range all {
		if proc.MayName(name) {
			out[name] = v
		}
	}
	return out
}
