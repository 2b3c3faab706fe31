package anthropic

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Issue reads which key the person's value belongs to. It changes nothing.
func (p *Provider) Issue(ctx context.Context, req provider.Request) (provider.Issued, error) {
	e, err := p.find(ctx, "issue", req.Values, fault.Rejected)
	if err == nil {
		err = p.suits(e)
	}
	if err != nil {
		return provider.Issued{}, err
	}
	return provider.Issued{Handle: rotation.Handle{ID: e.ID}, Values: secret.Set{field: req.Values[field]},
		NotAfter: e.notAfter(), Created: e.Created}, nil
}

// find is the one key that looks like the value. ambiguous is the kind for several.
func (p *Provider) find(ctx context.Context, step string, values secret.Set, ambiguous fault.Kind) (entry, error) {
	value := values[field]
	if err := wellFormed(step, value); err != nil {
		return entry{}, err
	}
	all, err := p.all(ctx, step)
	if err != nil {
		return entry{}, err
	}
	var fits []entry
	hints := 0
	for _, e := range all {
		if e.Hint != "" {
			hints++
		}
		if shown, same := e.shows(value); shown && same {
			fits = append(fits, e)
		}
	}
	switch {
	case len(fits) == 1:
		return fits[0], nil
	case len(fits) > 1:
		return entry{}, fault.New(ambiguous, "anthropic: %s: %d keys look like this one", step, len(fits)).
			WithHint("the list shows only the beginning and the end of each; make another key and take that")
	case hints == 0 && len(all) > 0:
		return entry{}, fault.New(fault.NeedsPerson, "anthropic: %s: the list shows nothing of any key, so that none can be recognised", step).
			WithHint("use provider type manual for this credential until the Admin API shows partial_key_hint again")
	}
	return entry{}, fault.New(fault.Rejected, "anthropic: %s: no key of the organisation looks like this one", step).
		WithHint("was it copied whole? is it of the organisation that admin-key belongs to? one made a moment ago may not be listed yet")
}

// wellFormed refuses what is no key for the API, before anybody is asked.
func wellFormed(step string, value secret.Value) error {
	text := value.Reveal() // its form is checked in memory, the text goes nowhere
	no := func(what, hint string) error {
		return fault.New(fault.Rejected, "anthropic: %s: %s", step, what).WithHint("%s", hint)
	}
	switch {
	case text == "":
		return no("field "+field+" is missing", "supply the key that the Console showed")
	case strings.HasPrefix(text, "sk-ant-admin"):
		return no("the value is an admin key", "make a key for the API; an admin key must not get to consumers")
	case strings.HasPrefix(text, "sk-ant-oat"):
		return no("the value is a login's token, not a key", "make a key in the Console")
	case len(text) < 20 || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return no("the value has not the form of a key", "copy it again, whole and without spaces or line breaks")
	}
	return nil
}

// shows compares a value with what the list shows of a key, however much of its
// beginning and end that is.
func (e entry) shows(value secret.Value) (shown, same bool) {
	head, tail, shown := strings.Cut(e.Hint, "...")
	if !shown {
		head, tail, shown = strings.Cut(e.Hint, "…")
	}
	if !shown {
		head, tail, shown = strings.Cut(e.Hint, "*")
	}
	tail = strings.TrimLeft(tail, ".…*")
	text := value.Reveal()
	if head == "" || tail == "" || len(head)+len(tail) >= len(text) {
		return false, false // of nothing, or of everything, it says nothing
	}
	return shown, strings.HasPrefix(text, head) && strings.HasSuffix(text, tail)
}

// suits refuses a key that is not what was asked for.
func (p *Provider) suits(e entry) error {
	no := func(what, hint string, args ...any) error {
		return fault.New(fault.Rejected, "anthropic: issue: key %s %s", e.ID, what).WithHint(hint, args...)
	}
	longest := time.Duration(p.opts.ExpiresDays+1) * 24 * time.Hour // the Console counts to the end of a day
	switch {
	case e.Status != active:
		return no("is "+e.Status, "make a new key, or activate this one if it is new and was disabled by mistake")
	case !p.here(e):
		return no("belongs to another workspace", "make one in workspace %s, or correct workspace in rotor.yaml", p.opts.Workspace)
	case p.opts.ExpiresDays > 0 && (e.Expires == nil || e.Expires.Sub(e.Created) > longest):
		return no("lives too long", "make one that expires in %d days: rotor.yaml says so (expires-days)", p.opts.ExpiresDays)
	}
	return nil
}

func (p *Provider) here(e entry) bool {
	return p.opts.Workspace == "" || p.opts.Workspace == e.workspace()
}

// Revoke disables the key, which can be undone, and then archives it, which is meant to
// last. Where the second is refused the first is enough: a value that is inactive is dead.
func (p *Provider) Revoke(ctx context.Context, h rotation.Handle) error {
	e, err := p.get(ctx, "revoke", h.ID)
	switch {
	case isGone(err):
		return nil
	case err != nil:
		return err
	case e.Status == archived || e.Status == expired:
		return nil
	case e.Status != inactive:
		if err := p.set(ctx, h.ID, inactive, denied); err != nil {
			return err
		}
	}
	if err := p.set(ctx, h.ID, archived, keeps); fault.HintOf(err) != keptHint {
		return err
	}
	return nil
}

func (p *Provider) set(ctx context.Context, id, status string, judge func(apiclient.Answer) *apiclient.Verdict) error {
	var got entry
	err := p.do(ctx, apiclient.Call{Step: "revoke", Method: http.MethodPost, Path: apiclient.Path(keysPath+"/%s", id),
		In: map[string]string{"status": status}, Out: &got, Judge: judge})
	if err == nil && (got.ID != id || got.Status != status) {
		err = fault.New(fault.Unknown, "anthropic: revoke: the answer does not say that the key is %s", status)
	}
	return err
}

const keptHint = "the key stays inactive"

// keeps recognises an API that does not archive this key.
func keeps(a apiclient.Answer) *apiclient.Verdict {
	if kind, _ := says(a); kind == "invalid_request_error" && a.Status == http.StatusBadRequest {
		return &apiclient.Verdict{Kind: fault.Rejected, Hint: keptHint}
	}
	return denied(a)
}

// Instructions say what a person does in the Console.
func (p *Provider) Instructions(step rotation.Step, req provider.Request) string {
	switch step {
	case rotation.Ask, rotation.Generate:
		return p.asking(req)
	case rotation.Revoke:
		text := "Nothing to do: Rotor disables the old key and archives it."
		if req.Current.ID != "" {
			text = fmt.Sprintf("Rotor disables key %s and archives it. If it cannot, a person does that at %s.", req.Current.ID, console)
		}
		return text
	}
	return ""
}

const console = "https://console.anthropic.com/settings/keys"

func (p *Provider) asking(req provider.Request) string {
	where := "."
	switch p.opts.Workspace {
	case "":
	case defaultWorkspace:
		where = ", in the default workspace."
	default:
		where = ", in workspace " + p.opts.Workspace + "."
	}
	lines := []string{"Create a key at " + console + where}
	if req.Label != "" {
		lines = append(lines, "Name it "+req.Label+".")
	}
	if p.opts.ExpiresDays > 0 {
		lines = append(lines, fmt.Sprintf("Let it expire in %d days.", p.opts.ExpiresDays))
	}
	if p.opts.Instructions != "" {
		lines = append(lines, strings.TrimSpace(p.opts.Instructions))
	}
	return strings.Join(append(lines, "Leave the old key alone: Rotor disables it when nobody needs it any more.",
		"Then supply: "+field+"."), "\n")
}
