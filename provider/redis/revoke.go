package redis

import (
	"context"
	"errors"
	"fmt"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/resp"
	"github.com/agenticverz/rotor/rotation"
)

// Revoke takes the password from the user on every node and ends sessions that were
// opened with it, as far as that can be known: see sessions.go. A password that is gone
// is nil.
func (p *Provider) Revoke(ctx context.Context, h rotation.Handle) error {
	const op = "redis: revoke"
	name, err := p.owner(op, h)
	if err != nil {
		return err
	}
	end := p.take
	if p.opts.Strategy == rotation.Alternate {
		end = p.shut
	}
	begun := false
	return p.each(ctx, op, func(ctx context.Context, n *node) error {
		err := end(ctx, n, name, h.ID)
		if err != nil {
			return partly(err, begun)
		}
		begun = true
		return nil
	})
}

// owner is the user of a handle; none for what was made before strategy was changed,
// whose user is not among the options.
func (p *Provider) owner(op string, h rotation.Handle) (string, error) {
	switch alternate := p.opts.Strategy == rotation.Alternate; {
	case !isHandle(h.ID):
		return "", fault.New(fault.BadConfig, "%s: the handle names no password", op)
	case alternate && h.Slot == "", !alternate && h.Slot != "" && h.Slot != p.opts.managed()[0]:
		return "", fault.New(fault.NeedsPerson, "%s: the password was made with another strategy than %s", op, p.opts.Strategy).
			WithHint("%s", byHand(h))
	case alternate:
		return h.Slot, nil
	}
	return p.opts.managed()[0], nil
}

// byHand says how a person ends a password. The hash is in the handle anyway.
func byHand(h rotation.Handle) string {
	who, look, hash := h.Slot, "", h.ID
	if who == "" {
		who, look = "USER", ", where USER is the user that it was made for"
	}
	if !isHash(h.ID) {
		hash, look = "HASH", look+"; ACL GETUSER "+who+" lists the hashes"
	}
	return fmt.Sprintf("take it from its user, on every node: ACL SETUSER %s !%s%s; then ACL SAVE, or CONFIG REWRITE without an aclfile. "+
		"Open sessions stay until they are ended: CLIENT KILL USER %s, which ends those of its other passwords too", who, hash, look, who)
}

// notOurOwn refuses to remove the password that Rotor came with.
func notOurOwn(n *node, name, hash string) error {
	if n.as != name || hash == "" || digest(n.word.Reveal()) != hash {
		return nil
	}
	return fault.New(fault.BadConfig, "%s: the admin logs in with this very password%s; it is not revoked", n.op, n.at()).
		WithHint("let the option admin refer to the new password, or to a user of its own")
}

// take removes one password of a user. Everything in it may be repeated.
func (p *Provider) take(ctx context.Context, n *node, name, id string) error {
	u, err := n.user(ctx, name)
	if kind := fault.KindOf(err); p.opts.Strategy == rotation.InPlace && err != nil && (kind == fault.BadConfig || kind == fault.Denied) {
		return n.replaced(ctx, id) // a server without ACLs, or none for us
	}
	if err != nil || !u.exists {
		return err
	}
	hash := named(id, name, u.hashes)
	if err := notOurOwn(n, name, hash); err != nil {
		return err
	}
	save, err := p.persistence(ctx, n)
	if err != nil {
		return err
	}
	if hash != "" {
		if err := n.drop(ctx, name, hash); err != nil {
			return err
		}
	}
	begun := hash != ""
	if err := n.keep(ctx, save); err != nil { // also when an earlier try removed it and got no further
		return partly(err, begun)
	}
	w := witness(u, hash, id)
	if w.finished {
		return nil
	}
	if err := p.endSessions(ctx, n, name, w); err != nil {
		return partly(err, begun)
	}
	for _, m := range w.spent {
		if err := n.drop(ctx, name, m.String()); err != nil {
			return partly(err, begun)
		}
	}
	return partly(n.keep(ctx, save), begun)
}

// drop removes one entry; one that is not there is what we want.
func (n *node) drop(ctx context.Context, name, entry string) error {
	args := []string{"ACL", "SETUSER", name, "!" + entry}
	_, err := n.conn.Do(ctx, args...)
	refusal := (*resp.Error)(nil)
	switch {
	case err == nil || missingPassword(err):
		return nil
	case errors.As(err, &refusal):
		return refused(n.op+n.at(), command(args), refusal)
	}
	f := noContact(n.op+n.at(), err)
	if !errors.Is(err, resp.ErrNotSent) {
		f.Kind = fault.Unknown
	}
	return f
}

// replaced looks at requirepass, on servers where nothing else can be done.
func (n *node) replaced(ctx context.Context, id string) error {
	word, err := n.setting(ctx, "requirepass")
	if err != nil {
		return err
	}
	if named(id, defaultUser, []string{digest(word)}) == "" {
		return nil
	}
	return fault.New(fault.NeedsPerson, "%s: the server has this password alone, and without ACLs it can only be replaced", n.op).
		WithHint("rotate once more, or set another requirepass by hand")
}

// shut closes the login of a user and ends all its sessions: they are nobody else's.
func (p *Provider) shut(ctx context.Context, n *node, name, id string) error {
	u, err := n.user(ctx, name)
	if err != nil || !u.exists {
		return err
	}
	hash := named(id, name, u.hashes)
	if n.as == name {
		return fault.New(fault.BadConfig, "%s: user %s is the admin itself; it is not shut out", n.op, name).
			WithHint("make a user of its own for Rotor; see `rotor providers redis`")
	}
	if hash == "" && u.open() {
		return nil // a later value of the same user
	}
	save, err := p.persistence(ctx, n)
	if err != nil {
		return err
	}
	if hash != "" {
		// in one command, which the server refuses as a whole if the password is not there
		if _, err := n.change(ctx, "ACL", "SETUSER", name, "!"+hash, "off", "resetpass"); err != nil {
			return err
		}
	}
	if err := n.keep(ctx, save); err != nil {
		return partly(err, hash != "")
	}
	return partly(n.endAllOf(ctx, name), hash != "")
}
