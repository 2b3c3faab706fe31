package exec

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/agenticverz/rotor/fault"
)

// longest answer that is read: 8 MiB, as from an API.
const longest = 8 << 20

// speak runs the program for one call. Its error is of kind Unknown unless the program
// did not start, or says itself that nothing happened.
func speak[T any](ctx context.Context, p *Provider, c call) (answer T, err error) {
	op := p.name + ": " + c.Method
	if c.Method != "traits" && c.Method != "instructions" { // these need no login
		secrets, err := p.read(ctx)
		if err != nil {
			return answer, unread(op, err)
		}
		c.Secrets = c.take(secrets)
	}
	for _, v := range c.hide {
		if !travels(v) {
			return answer, fault.New(fault.BadConfig, "%s: a value is no UTF-8 text", op).WithHint("what cannot stand in JSON cannot be handed to a program")
		}
	}
	c.Version, c.Timeout = version, p.opts.Timeout.Seconds()
	text, err := json.Marshal(c)
	if err != nil {
		return answer, fault.New(fault.BadConfig, "%s: the request cannot be encoded", op)
	}
	defer clear(text)
	var out bounded
	defer out.clear()
	code, err := p.hook.Speak(ctx, bytes.NewReader(text), &out)
	if err != nil {
		return answer, fault.Wrap(fault.KindOf(err), op, err)
	}
	if code != 0 {
		return answer, fault.New(fault.Unknown, "%s: %s ended with exit status %d", op, p.hook.Name(), code).
			WithHint("%s", silence)
	}
	err = p.understand(op, c, out, &answer)
	return answer, err
}

const silence = "what it printed is not shown, for it may hold values; to see it, run the program by hand, as docs/exec-provider.md says"

// unread: a secret could not be read, so nothing was run.
func unread(op string, err error) error {
	kind := fault.KindOf(err)
	if kind == fault.Unknown {
		kind = fault.Transient
	}
	return fault.Wrap(kind, op, err)
}

// understand takes the answer apart, strictly. What encoding/json says about a mistake
// quotes the text, and is not repeated.
func (p *Provider) understand(op string, c call, out bounded, answer any) error {
	senseless := func(why string) error {
		return fault.New(fault.Unknown, "%s: %s %s", op, p.hook.Name(), why).WithHint("%s", silence)
	}
	var members map[string]json.RawMessage
	switch text := bytes.TrimSpace(out.text); {
	case out.over:
		return senseless("answered with more than 8 MiB")
	case len(text) == 0:
		return senseless("answered nothing")
	case json.Unmarshal(text, &members) != nil || members == nil:
		return senseless("did not answer with one JSON object")
	}
	if text, failed := members["error"]; failed {
		var f failure
		if len(members) > 1 || strictly(text, &f) != nil {
			return senseless("answered with an error of an unexpected form")
		}
		return p.failed(op, c, f)
	}
	if strictly(out.text, answer) != nil {
		return senseless("answered in an unexpected form")
	}
	return nil
}

// strictly decodes one JSON value without unknown members.
func strictly(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// longestWait: a program may name a time that nobody can wait for.
const longestWait = 15 * time.Minute

// failed is what the program says of its failure. It is believed about the kind: who
// writes a provider promises that nothing happened unless it says unknown.
func (p *Provider) failed(op string, c call, f failure) error {
	kind := fault.ParseKind(f.Kind)
	e := fault.New(kind, "%s: the program says: %s", op, c.words(f.Message))
	if kind.String() != f.Kind {
		e = fault.New(fault.Unknown, "%s: %s answered with a kind of error that there is not", op, p.hook.Name())
	}
	if f.RetryAfter > 0 {
		e.RetryAfter = time.Duration(min(f.RetryAfter, longestWait.Seconds()) * float64(time.Second))
	}
	if f.Hint != "" {
		e.Hint = c.words(f.Hint)
	}
	return e
}

// bounded keeps an answer up to its limit and drops the rest, so that the program does
// not die of a full pipe in the middle of what it does.
type bounded struct {
	text []byte
	over bool
}

var _ io.Writer = (*bounded)(nil)

func (b *bounded) Write(p []byte) (int, error) {
	if len(b.text)+len(p) > longest {
		b.over = true
	} else {
		b.text = append(b.text, p...)
	}
	return len(p), nil
}

func (b *bounded) clear() { clear(b.text) }
