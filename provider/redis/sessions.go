package redis

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
)

// session is one line of CLIENT LIST.
type session struct {
	id, name, address, user, flags string
	age, idle                      int64 // whole seconds
}

// olderThan a moment, for certain; never for the zero moment.
func (s session) olderThan(moment, now time.Time) bool {
	return !moment.IsZero() && s.age > now.Unix()-moment.Unix()
}

// replica: the server's own business; ending it would mean a full copy.
func (s session) replica() bool { return strings.ContainsAny(s.flags, "SM") }

// sessions lists those of a user, replicas and ourselves left out.
func (n *node) sessions(ctx context.Context, name string) ([]session, error) {
	all, err := n.clients(ctx)
	return slices.DeleteFunc(all, func(s session) bool {
		return s.user != name || s.replica() || s.address == n.conn.LocalAddr().String()
	}), err
}

func (n *node) clients(ctx context.Context) ([]session, error) {
	answer, err := n.ask(ctx, "CLIENT", "LIST")
	if err != nil {
		return nil, err
	}
	text, _ := answer.(string)
	return parseSessions(text), nil
}

// parseSessions leaves out what has no number: it could not be ended.
func parseSessions(text string) []session {
	var out []session
	for line := range strings.Lines(text) {
		f := map[string]string{}
		for word := range strings.FieldsSeq(line) {
			key, value, _ := strings.Cut(word, "=")
			f[key] = value
		}
		number := func(key string) int64 { n, _ := strconv.ParseInt(f[key], 10, 64); return n }
		if number("id") <= 0 {
			continue
		}
		out = append(out, session{
			id: f["id"], name: f["name"], address: f["addr"], user: f["user"], flags: f["flags"],
			age: number("age"), idle: number("idle"),
		})
	}
	return out
}

// evidence is what the entries of a user tell about its sessions.
type evidence struct {
	finished bool      // nothing is left to do
	nobody   bool      // no password is left: every session is a dead one's
	before   time.Time // sessions opened before were opened with the dead password; zero: none is known to be
	since    time.Time // those opened before this are innocent; zero: none is known to be
	spent    []mark    // to be removed when the sessions have ended
}

// witness reads the marks of a user as it was before its password went. hash is that of
// the password, "" if it had gone earlier; id is how the handle calls it.
func witness(u user, hash, id string) evidence {
	left := len(u.hashes)
	if hash != "" {
		left--
	} else if hash = id; left > 1 || len(u.marks) == 0 && left > 0 {
		return evidence{finished: true} // an earlier call came to its end, or it was never here
	}
	w := evidence{nobody: left == 0}
	own, hasOwn := u.markAt(hash)
	if hasOwn {
		w.since = own.at
	}
	for _, m := range u.marks {
		switch {
		case hasOwn && m == own:
			w.spent = append(w.spent, m)
		case left <= 1:
			w.spent = append(w.spent, m)
			if !hasOwn || m.at.After(own.at) {
				if w.before.IsZero() || m.at.Before(w.before) {
					w.before = m.at
				}
			}
		}
	}
	return w
}

// endSessions ends what the removed password has opened. That is certain of sessions that
// are older than the other password; of the rest nobody can tell, and ending one that is
// in use loses a request, which may have been carried out: that is left to the options.
// New logins are none of its business: they cannot be the old password's any more.
func (p *Provider) endSessions(ctx context.Context, n *node, name string, w evidence) error {
	there, err := n.sessions(ctx, name)
	if err != nil {
		return err
	}
	now, err := n.clock(ctx) // after the list: an age in it can only be too small by now
	if err != nil {
		return err
	}
	for _, s := range there {
		ends := w.nobody
		switch p.opts.EndSessions {
		case endOlder:
			ends = ends || s.olderThan(w.before, now)
		case endAll:
			ends = ends || !s.olderThan(w.since, now)
		}
		if !ends {
			continue
		}
		if err := n.kill(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// kill by number, which is never used again. One that is gone is fine.
func (n *node) kill(ctx context.Context, s session) error {
	_, err := n.change(ctx, "CLIENT", "KILL", "ID", s.id)
	return err
}

// rounds of ending sessions: one is enough unless a login was just on its way in.
const rounds = 5

// endAllOf ends every session of a user.
func (n *node) endAllOf(ctx context.Context, name string) error {
	for range rounds {
		there, err := n.sessions(ctx, name)
		if err != nil || len(there) == 0 {
			return err
		}
		for _, s := range there {
			if err := n.kill(ctx, s); err != nil {
				return err
			}
		}
	}
	return fault.New(fault.Transient, "%s: the login is closed, but sessions of user %s do not end%s", n.op, name, n.at()).
		WithHint("CLIENT LIST shows them")
}
