package openai

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Verify uses the key, and makes sure that it is the one of the handle: a key of
// another project works too.
func (p *Provider) Verify(ctx context.Context, v provider.Issued) error {
	live, err := p.look(ctx, "verify", v.Values[field])
	if live == provider.Restricted && !slices.Contains(p.opts.Scopes, modelsScope) && len(p.opts.Scopes) > 0 {
		live = provider.Alive // it was given no right to what is asked for
	}
	if err := provider.Judged("openai: verify", live, err); err != nil || v.Handle.IsZero() {
		return err
	}
	k, err := p.get(ctx, "verify", v.Handle)
	if isGone(err) { // or not arrived everywhere
		return fault.New(fault.Rejected, "openai: verify: the value works, but there is no key %s", v.Handle.ID)
	}
	if shown, same := k.shows(v.Values[field]); err == nil && shown && !same {
		return fault.New(fault.Rejected, "openai: verify: the value works, but is not that of key %s", k.ID)
	}
	return err
}

// Probe says whether the key lives. One that lacks a scope does.
func (p *Provider) Probe(ctx context.Context, v provider.Issued) (provider.Liveness, error) {
	return p.look(ctx, "probe", v.Values[field])
}

const modelsScope = "api.model.read"

// look is the cheapest request that a key must be alive for.
func (p *Provider) look(ctx context.Context, step string, value secret.Value) (provider.Liveness, error) {
	call := apiclient.Call{Step: step, Path: "/models"}
	if p.opts.Kind == kindAdmin {
		call.Path, call.Query = "/organization/admin_api_keys", url.Values{"limit": {"1"}}
	}
	var a apiclient.Answer
	var got struct {
		Data *[]struct{} `json:"data"`
	}
	call.Auth, call.Answer, call.Out, call.Judge = apiclient.Bearer(secret.Fixed(value)), &a, &got, unclear
	err := p.api.Do(ctx, call)
	switch {
	case err == nil && got.Data == nil:
		return provider.NotKnown, fault.New(fault.Unknown, "openai: %s: the answer is no list", step)
	case err == nil:
		return provider.Alive, nil
	}
	code, message, ok := says(a)
	switch {
	case !ok:
		return provider.NotKnown, err
	case strings.Contains(message, "Missing scopes"): // with 403, once seen with 401: before the status
		return provider.Restricted, nil
	case a.Status == http.StatusUnauthorized && (code == "invalid_api_key" || strings.HasPrefix(message, "Incorrect API key provided")):
		return provider.Refused, nil
	}
	return provider.NotKnown, err
}

// unclear: a value under test is not the admin key, and what the API says to it is no
// word about that one.
func unclear(a apiclient.Answer) *apiclient.Verdict {
	if a.Status/100 == 4 && a.Status != http.StatusTooManyRequests {
		return &apiclient.Verdict{Kind: fault.Unknown, Hint: "this is not how OpenAI refuses a dead key; is the network that Rotor is in " +
			"let through (the IP allowlist of the project or organisation, a proxy), and is the account in good standing?"}
	}
	return nil
}

// cut is what stands in the list for the middle of a key, in whatever form.
const cut = ".*…"

// shows compares a value with what the list shows of a key: its first and last
// characters, however many. shown is false where that says nothing of the value.
func (k key) shows(value secret.Value) (shown, same bool) {
	at := strings.IndexAny(k.Redacted, cut)
	if at < 0 {
		return false, false
	}
	upTo := strings.TrimRightFunc(k.Redacted, func(r rune) bool { return !strings.ContainsRune(cut, r) })
	head, tail := k.Redacted[:at], k.Redacted[len(upTo):]
	text := value.Reveal()
	if head == "" || tail == "" || len(head)+len(tail) >= len(text) {
		return false, false // of nothing, or of everything, it says nothing
	}
	return true, strings.HasPrefix(text, head) && strings.HasSuffix(text, tail)
}

// Identify finds the key that a value belongs to by what the list shows of it. Which of
// two that look alike it is, a person must say.
func (p *Provider) Identify(ctx context.Context, values secret.Set) (rotation.Handle, error) {
	live, err := p.look(ctx, "identify", values[field])
	if live == provider.NotKnown || live == provider.Refused || live == provider.Expired {
		return rotation.Handle{}, provider.Judged("openai: identify", live, err)
	}
	all, err := p.all(ctx, "identify")
	if err != nil {
		return rotation.Handle{}, err
	}
	fits, hidden := recognised(all, values[field])
	switch {
	case len(fits) == 1:
		return p.handle(fits[0]), nil
	case len(fits) > 1:
		return rotation.Handle{}, fault.New(fault.NeedsPerson, "openai: identify: %d keys look like this one", len(fits)).
			WithHint("the list shows only the beginning and the end of each; delete those that nobody uses, or give consumers another key and rotate that")
	case hidden > 0:
		return rotation.Handle{}, fault.New(fault.NeedsPerson, "openai: identify: what the list shows of %d keys is not their beginning and end, so that none can be recognised", hidden).
			WithHint("use provider type manual for this credential until the Admin API shows redacted_value as it did")
	}
	return rotation.Handle{}, fault.New(fault.Rejected, "openai: identify: no key of the list looks like this one").
		WithHint("is it a key of this project? one made a moment ago may not be listed yet")
}

// recognised are the keys that look like a value; hidden counts those of which the list
// shows nothing.
func recognised(all []key, value secret.Value) (fits []key, hidden int) {
	for _, k := range all {
		shown, same := k.shows(value)
		switch {
		case !shown:
			hidden++
		case same:
			fits = append(fits, k)
		}
	}
	return fits, hidden
}
