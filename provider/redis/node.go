package redis

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/resp"
	"github.com/agenticverz/rotor/secret"
)

// callTimeout bounds one call as a whole, all nodes together.
const callTimeout = 50 * time.Second

// node is one server, with an administrator's connection in one caller's hands.
type node struct {
	door
	conn *resp.Conn
	op   string
	as   string       // who we are
	word secret.Value // the password we came with
}

// each connects to all nodes, and only then calls f with one after another: what cannot
// be reached is found out before anything is changed anywhere. further are passwords to
// try where the administrator's own is refused, for a server whose only password is the
// very one that changes.
func (p *Provider) each(ctx context.Context, op string, f func(context.Context, *node) error, further ...secret.Value) error {
	return p.all(ctx, op, func(ctx context.Context, nodes []*node) error {
		for _, n := range nodes {
			if err := f(ctx, n); err != nil {
				return err
			}
		}
		return nil
	}, further...)
}

func (p *Provider) all(ctx context.Context, op string, f func(context.Context, []*node) error, further ...secret.Value) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	doors, err := p.doors(ctx, op)
	if err != nil {
		return err
	}
	var nodes []*node
	defer func() {
		for _, n := range nodes {
			_ = n.conn.Close()
		}
	}()
	for _, d := range doors {
		n, err := p.enter(ctx, op, d, further)
		if err != nil {
			return err
		}
		nodes = append(nodes, n)
	}
	return f(ctx, nodes)
}

// first asks one node.
func (p *Provider) first(ctx context.Context, op string, f func(context.Context, *node) error) error {
	return p.all(ctx, op, func(ctx context.Context, nodes []*node) error { return f(ctx, nodes[0]) })
}

// enter logs the administrator in.
func (p *Provider) enter(ctx context.Context, op string, d door, further []secret.Value) (*node, error) {
	c, err := p.knock(ctx, op+": admin connection", d)
	if err != nil {
		return nil, err
	}
	n := &node{door: d, conn: c, op: op, as: d.user, word: d.word}
	if n.as == "" {
		n.as = defaultUser
	}
	if d.word.IsZero() && len(further) == 0 {
		return n, nil // a server that asks nobody for a password, or mutual TLS
	}
	for _, word := range append([]secret.Value{d.word}, further...) {
		if word.IsZero() {
			continue
		}
		if err = authenticate(ctx, c, d.user, word); err == nil {
			n.word = word
			return n, nil
		}
		if !wrongPassword(err) {
			break
		}
	}
	_ = c.Close()
	return nil, p.unwelcome(d, adminFailure(op+d.at(), err))
}

// ask sends a command that changes nothing: whatever goes wrong, nothing has happened.
func (n *node) ask(ctx context.Context, args ...string) (any, error) {
	answer, err := n.conn.Do(ctx, args...)
	if err == nil {
		return answer, nil
	}
	if refusal := (*resp.Error)(nil); errors.As(err, &refusal) {
		return nil, refused(n.op+n.at(), command(args), refusal)
	}
	return nil, noContact(n.op+n.at(), err)
}

// change sends a command with an effect: no answer is no proof of anything.
func (n *node) change(ctx context.Context, args ...string) (any, error) {
	answer, err := n.conn.Do(ctx, args...)
	if err == nil {
		return answer, nil
	}
	if refusal := (*resp.Error)(nil); errors.As(err, &refusal) {
		return nil, refused(n.op+n.at(), command(args), refusal)
	}
	f := noContact(n.op+n.at(), err)
	if !errors.Is(err, resp.ErrNotSent) {
		f.Kind = fault.Unknown
	}
	return nil, f
}

// command names what was sent, without its arguments.
func command(args []string) string {
	if len(args) > 1 && (args[0] == "ACL" || args[0] == "CONFIG" || args[0] == "CLIENT" || args[0] == "CLUSTER") {
		return args[0] + " " + args[1]
	}
	return args[0]
}

// section reads a part of INFO: names and values.
func (n *node) section(ctx context.Context, name string) (map[string]string, error) {
	answer, err := n.ask(ctx, "INFO", name)
	if err != nil {
		return nil, err
	}
	text, _ := answer.(string)
	out := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			out[key] = value
		}
	}
	return out, nil
}

// setting reads one parameter; "" if the server does not have it.
func (n *node) setting(ctx context.Context, name string) (string, error) {
	answer, err := n.ask(ctx, "CONFIG", "GET", name)
	if err != nil {
		return "", err
	}
	if pair, _ := answer.([]any); len(pair) == 2 {
		value, _ := pair[1].(string)
		return value, nil
	}
	return "", nil
}

// clock is the node's time of day.
func (n *node) clock(ctx context.Context) (time.Time, error) {
	answer, err := n.ask(ctx, "TIME")
	if err != nil {
		return time.Time{}, err
	}
	pair, _ := answer.([]any)
	if len(pair) == 2 {
		text, _ := pair[0].(string)
		micro, _ := pair[1].(string)
		seconds, err1 := strconv.ParseInt(text, 10, 64)
		rest, err2 := strconv.ParseInt(micro, 10, 32)
		if err1 == nil && err2 == nil {
			return time.Unix(seconds, rest*1000), nil
		}
	}
	return time.Time{}, fault.New(fault.Transient, "%s: TIME%s: the answer makes no sense", n.op, n.at())
}
