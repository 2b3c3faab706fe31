package redis

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// Usage tells what the nodes know of a value's use. With alternating users that is all
// there is. With two passwords of one user it is known only of sessions that are older
// than the newer password: that there are none proves nothing, so then it is not known.
// After the revocation it names those who were refused since (ACL LOG).
func (p *Provider) Usage(ctx context.Context, h rotation.Handle) (provider.Usage, error) {
	const op = "redis: usage"
	name, err := p.owner(op, h)
	switch {
	case fault.KindOf(err) == fault.NeedsPerson || p.opts.Strategy == rotation.InPlace && err == nil:
		return provider.Usage{}, nil // not known
	case err != nil:
		return provider.Usage{}, err
	}
	u := provider.Usage{}
	gone := true
	err = p.each(ctx, op, func(ctx context.Context, n *node) error {
		here, err := p.usageAt(ctx, n, name, h.ID, &u)
		gone = gone && !here
		return err
	})
	u.Known = gone || u.Active > 0 || p.opts.Strategy == rotation.Alternate
	slices.Sort(u.Who)
	u.Who = slices.Compact(u.Who)
	return u, err
}

// usageAt adds what one node knows, and says whether the password lives there.
func (p *Provider) usageAt(ctx context.Context, n *node, name, id string, u *provider.Usage) (here bool, err error) {
	who, err := n.user(ctx, name)
	if err != nil {
		return true, err
	}
	there, err := n.sessions(ctx, name)
	if err != nil {
		return true, err
	}
	now, err := n.clock(ctx)
	if err != nil {
		return true, err
	}
	hash := named(id, name, who.hashes)
	here = hash != "" && who.on
	switch {
	case here && p.opts.Strategy == rotation.Overlap:
		before := witness(who, hash, id).before
		there = slices.DeleteFunc(there, func(s session) bool { return !s.olderThan(before, now) })
	case !here && who.open():
		there = nil // another value's
	}
	for _, s := range there {
		u.Active++
		u.Who = append(u.Who, from(s.name, s.address))
		if last := now.Add(-time.Duration(s.idle) * time.Second); last.After(u.LastUsed) {
			u.LastUsed = last
		}
	}
	if here {
		return true, nil
	}
	late, err := n.late(ctx, name)
	u.Who = append(u.Who, late...)
	return false, err
}

// from names a client. On a unix socket the address is the path of the socket.
func from(name, address string) string {
	if name == "" {
		name = "unnamed"
	}
	if host, _, err := net.SplitHostPort(address); err == nil && !strings.HasPrefix(address, "/") {
		return name + " from " + host
	}
	return name + " from the server's own machine"
}

// late lists who was refused as this user: as a rule, those who still try what is gone.
// Rotor's own last proof is among them, and is told by its address. An admin who may not
// read the log knows nothing.
func (n *node) late(ctx context.Context, name string) ([]string, error) {
	answer, err := n.ask(ctx, "ACL", "LOG")
	if fault.KindOf(err) == fault.Denied {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	own, _, _ := net.SplitHostPort(n.conn.LocalAddr().String())
	var out []string
	entries, _ := answer.([]any)
	for _, entry := range entries {
		r, ok := parseRefusal(entry)
		if !ok || r.user != name {
			continue
		}
		text := fmt.Sprintf("refused %d times, last %d s ago: %s", r.count, r.age, from(r.client.name, r.client.address))
		if host, _, _ := net.SplitHostPort(r.client.address); host == own {
			text += " (Rotor's proof of death comes from there too)"
		}
		out = append(out, text)
	}
	return out, nil
}

// refusal is an entry of ACL LOG about a login.
type refusal struct {
	user   string
	count  int64
	age    int64 // seconds
	client session
}

func parseRefusal(entry any) (refusal, bool) {
	fields, _ := entry.([]any)
	r := refusal{}
	reason := ""
	for i := 0; i+1 < len(fields); i += 2 {
		text, _ := fields[i+1].(string)
		switch fields[i] {
		case "reason":
			reason = text
		case "username":
			r.user = text
		case "count":
			r.count, _ = fields[i+1].(int64)
		case "age-seconds":
			seconds, _ := strconv.ParseFloat(text, 64)
			r.age = int64(min(max(seconds, 0), 1e9))
		case "client-info":
			if parsed := parseSessions(text); len(parsed) == 1 {
				r.client = parsed[0]
			}
		}
	}
	return r, reason == "auth"
}
