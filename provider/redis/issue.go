package redis

import (
	"context"
	"errors"
	"slices"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Issue gives the user its new password on every node, as a hash. Again with the same
// values it has the same result. What it would do is found out on all nodes before
// anything is done on the first.
func (p *Provider) Issue(ctx context.Context, req provider.Request) (provider.Issued, error) {
	const op = "redis: issue"
	if err := p.issuable(op, req); err != nil {
		return provider.Issued{}, err
	}
	var further []secret.Value
	prepare := p.addition
	if p.opts.Strategy == rotation.InPlace {
		// the server's only password may be the very one that changes
		prepare, further = p.replacement, []secret.Value{req.Old[password], req.Values[password]}
	}
	err := p.all(ctx, op, func(ctx context.Context, nodes []*node) error {
		var todo []effect
		for _, n := range nodes {
			e, err := prepare(ctx, n, req)
			if err != nil {
				return err
			}
			todo = append(todo, e)
		}
		for i, e := range todo {
			if err := e.apply(ctx); err != nil {
				return partly(err, i > 0)
			}
		}
		return nil
	}, further...)
	if err != nil {
		return provider.Issued{}, err
	}
	name := userOf(req.Values)
	return provider.Issued{Values: req.Values.Clone(), Handle: p.handle(name, req.Values[password].Reveal())}, nil
}

// issuable refuses what must not be sent.
func (p *Provider) issuable(op string, req provider.Request) error {
	name := userOf(req.Values)
	switch {
	case !slices.Contains(p.opts.managed(), name):
		return fault.New(fault.BadConfig, "%s: the value is for user %q, which is not one of the configured", op, name).
			WithHint("were users renamed in rotor.yaml while a rotation was open? put the old names back and finish it")
	case p.opts.Strategy == rotation.Alternate && name == req.Current.Slot:
		return fault.New(fault.BadConfig, "%s: user %s is the one in use; its password would be overwritten", op, name)
	case req.Values[password].Len() < 16:
		return fault.New(fault.BadConfig, "%s: the value has no password of ours", op)
	}
	return nil
}

// partly: with one node changed and the next not, nothing is proven any more.
func partly(err error, begun bool) error {
	if f := (*fault.Error)(nil); begun && errors.As(err, &f) && f.Kind != fault.Unknown {
		c := *f
		c.Kind = fault.Unknown
		return &c
	}
	return err
}

// effect is what is to be done on one node.
type effect struct {
	node  *node
	save  []string                             // the command that makes it last; none if it need not
	send  []string                             // nil: already done
	check func(context.Context, *effect) error // reads back
}

// apply: from the first command on, only proof to the contrary is not "unknown".
func (e *effect) apply(ctx context.Context) error {
	if e.send != nil {
		if _, err := e.node.change(ctx, e.send...); err != nil {
			return err
		}
	}
	if err := e.node.keep(ctx, e.save); err != nil {
		return partly(err, true)
	}
	if e.check == nil {
		return nil
	}
	return partly(e.check(ctx, e), true)
}

// addition prepares ACL SETUSER: one more password (overlap), or a login for the user
// whose turn it is, with the rules of the one in use (alternate).
func (p *Provider) addition(ctx context.Context, n *node, req provider.Request) (effect, error) {
	name, hash := userOf(req.Values), digest(req.Values[password].Reveal())
	e := effect{node: n}
	var err error
	if e.save, err = p.lasting(ctx, n); err != nil {
		return e, err
	}
	u, err := n.user(ctx, name)
	if err != nil {
		return e, err
	}
	var rules []string
	if p.opts.Strategy == rotation.Alternate {
		e.send, rules, err = p.login(ctx, n, u, hash, p.inUse(name, req.Current))
	} else {
		e.send, err = p.second(ctx, n, u, hash)
	}
	e.check = func(ctx context.Context, e *effect) error { return e.node.stored(ctx, name, hash, rules) }
	return e, err
}

// second adds a password and, beside another one, its mark.
func (p *Provider) second(ctx context.Context, n *node, u user, hash string) ([]string, error) {
	if err := usable(n, u); err != nil {
		return nil, err
	}
	if u.has(hash) {
		return nil, nil
	}
	send := []string{"ACL", "SETUSER", u.name, "#" + hash}
	if _, marked := u.markAt(hash); len(u.hashes) > 0 && !marked {
		now, err := n.clock(ctx)
		if err != nil {
			return nil, err
		}
		send = append(send, "#"+markOf(hash, now).String())
	}
	return send, nil
}

// usable: a user to whom a password can be added and means something.
func usable(n *node, u user) error {
	switch {
	case !u.exists:
		return fault.New(fault.BadConfig, "%s: there is no user %s%s", n.op, u.name, n.at()).
			WithHint("create it with its rules: ACL SETUSER %s on … ; or correct the option user", u.name)
	case u.nopass:
		return noPasswordAsked(n.op + n.at())
	case !u.on:
		return fault.New(fault.BadConfig, "%s: user %s is off%s", n.op, u.name, n.at()).WithHint("ACL SETUSER %s on", u.name)
	}
	return nil
}

// inUse is the user whose rules the next one gets.
func (p *Provider) inUse(next string, current rotation.Handle) string {
	if current.Slot != "" {
		return current.Slot
	}
	if p.opts.Users[0] == next {
		return p.opts.Users[1]
	}
	return p.opts.Users[0]
}

// login opens the user whose turn it is.
func (p *Provider) login(ctx context.Context, n *node, u user, hash, model string) (send, rules []string, err error) {
	if rules, err = n.rules(ctx, model); err != nil {
		return nil, nil, err
	}
	send = []string{"ACL", "SETUSER", u.name}
	switch {
	case rules != nil:
		send = append(append(send, "reset"), rules...)
	case u.exists: // nobody to take rules from: the first rotation
		if rules, err = n.rules(ctx, u.name); err != nil {
			return nil, nil, err
		}
		send = append(send, "resetpass")
	default:
		return nil, nil, fault.New(fault.BadConfig, "%s: neither %s nor %s exists%s", n.op, u.name, model, n.at()).
			WithHint("create one with the application's rules; the other one gets the same")
	}
	return append(send, "#"+hash, "on"), rules, nil
}

// stored reads back what a user has become.
func (n *node) stored(ctx context.Context, name, hash string, rules []string) error {
	u, err := n.user(ctx, name)
	if err != nil {
		return err
	}
	if !u.has(hash) || !u.on || u.nopass {
		return fault.New(fault.Unknown, "%s: user %s does not have the new password%s right after it got it", n.op, name, n.at()).
			WithHint("does somebody else change users, or load the aclfile, at the same time?")
	}
	if rules == nil {
		return nil
	}
	now, err := n.rules(ctx, name)
	if err == nil && !slices.Equal(now, rules) {
		err = fault.New(fault.Unknown, "%s: user %s has other rules than were copied%s", n.op, name, n.at()).
			WithHint("compare the two users in ACL LIST")
	}
	return err
}

// replacement prepares CONFIG SET requirepass, which takes the plain text.
func (p *Provider) replacement(ctx context.Context, n *node, req provider.Request) (effect, error) {
	save, err := p.lasting(ctx, n)
	e := effect{node: n, save: save, send: []string{"CONFIG", "SET", "requirepass", req.Values[password].Reveal()}}
	if n.as == defaultUser && n.word.Equal(req.Values[password]) {
		e.send = nil // that is how we came in
	}
	return e, err
}

// lasting finds the command that makes a change outlast a restart, and runs it at once:
// better that it fails before anything was changed.
func (p *Provider) lasting(ctx context.Context, n *node) ([]string, error) {
	save, err := p.persistence(ctx, n)
	if err == nil {
		err = n.keep(ctx, save)
	}
	if f := (*fault.Error)(nil); errors.As(err, &f) && f.Kind == fault.Unknown { // the save alone, of what was there
		c := *f
		c.Kind = fault.Transient
		err = &c
	}
	return save, err
}

// persistence is ACL SAVE, CONFIG REWRITE, or nothing where that is all right.
func (p *Provider) persistence(ctx context.Context, n *node) ([]string, error) {
	if p.opts.Persist == persistNone {
		return nil, nil
	}
	aclfile, err := n.setting(ctx, "aclfile")
	if err != nil {
		return nil, err
	}
	if aclfile != "" {
		return []string{"ACL", "SAVE"}, nil
	}
	server, err := n.section(ctx, "server")
	switch {
	case err != nil:
		return nil, err
	case server["config_file"] != "":
		return []string{"CONFIG", "REWRITE"}, nil
	}
	return nil, fault.New(fault.BadConfig, "%s: the server%s has neither an aclfile nor a configuration file: the new password would be lost when it restarts", n.op, n.at()).
		WithHint("start it with one (--aclfile FILE), or say persist: none if its users come from elsewhere at each start")
}

func (n *node) keep(ctx context.Context, save []string) error {
	if save == nil {
		return nil
	}
	_, err := n.change(ctx, save...)
	if fault.KindOf(err) == fault.Rejected && err != nil {
		return fault.New(fault.BadConfig, "%s: %s%s: the server cannot write its file", n.op, command(save), n.at()).
			WithHint("may its account write the file and the folder (a new file is renamed into place)? is the disk full? its log says")
	}
	return err
}
