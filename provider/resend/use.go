package resend

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Verify uses the key: it must have exactly the configured permission. One with full
// access must find itself in the list of its team; one for sending sends, if that is
// wanted.
func (p *Provider) Verify(ctx context.Context, v provider.Issued) error {
	const op = "resend: verify"
	has, live, err := p.may(ctx, "verify", v.Values[field])
	if has == "" {
		return provider.Judged(op, live, err)
	}
	if has != p.opts.Permission {
		return fault.New(fault.Rejected, "%s: the value works, but has %s instead of %s", op, has, p.opts.Permission).
			WithHint("check permission; is it the key of somebody else?")
	}
	if has == full && !v.Handle.IsZero() {
		if err := p.listsItself(ctx, v); err != nil {
			return err
		}
	}
	if p.opts.VerifyMail == "" {
		return nil
	}
	return p.mail(ctx, v)
}

func bearer(value secret.Value) apiclient.Auth { return apiclient.Bearer(secret.Fixed(value)) }

// may says which permission a value has; "" if it does not work, or nobody knows.
func (p *Provider) may(ctx context.Context, step string, value secret.Value) (permission string, live provider.Liveness, err error) {
	var a apiclient.Answer
	var got struct {
		Data *[]struct{} `json:"data"`
	}
	err = p.api.Do(ctx, apiclient.Call{Step: step, Path: "/domains", Query: url.Values{"limit": {"1"}},
		Auth: bearer(value), Answer: &a, Out: &got, Judge: unclear})
	switch {
	case err == nil && got.Data != nil:
		return full, provider.Alive, nil
	case err == nil:
		return "", provider.NotKnown, fault.New(fault.Unknown, "resend: %s: the answer is no list", step)
	case restricted(a):
		return sending, provider.Alive, nil
	case dead(a):
		return "", provider.Refused, nil
	}
	return "", provider.NotKnown, err
}

// unclear: a value under test is not the management key, and what the API says to it
// is no word about that one.
func unclear(a apiclient.Answer) *apiclient.Verdict {
	if a.Status/100 == 4 && a.Status != http.StatusTooManyRequests {
		return &apiclient.Verdict{Kind: fault.Unknown}
	}
	return nil
}

// refused is unclear for a value that worked a moment ago.
func refused(a apiclient.Answer) *apiclient.Verdict {
	if dead(a) || restricted(a) {
		return &apiclient.Verdict{Kind: fault.Rejected}
	}
	return unclear(a)
}

// Probe says whether the key lives.
func (p *Provider) Probe(ctx context.Context, v provider.Issued) (provider.Liveness, error) {
	has, live, err := p.may(ctx, "probe", v.Values[field])
	if has == sending && p.opts.Permission == full {
		live = provider.Restricted
	}
	return live, err
}

// listsItself: a living key of another team sees another list.
func (p *Provider) listsItself(ctx context.Context, v provider.Issued) error {
	all, err := p.keys(ctx, "verify", bearer(v.Values[field]))
	switch {
	case err != nil:
		return err
	case !slices.ContainsFunc(all, func(k key) bool { return k.ID == v.Handle.ID }):
		return fault.New(fault.Rejected, "resend: verify: the value works, but its team has no key %s", v.Handle.ID).
			WithHint("is it the key of another team?")
	}
	return nil
}

// sink takes mail and drops it.
const sink = "delivered@resend.dev"

type message struct {
	From    string   `json:"from"`
	To      []string `json:"to"`
	Subject string   `json:"subject"`
	Text    string   `json:"text"`
}

// quotas are the team's, for mail. What is refused for them says nothing of the domain.
var quotas = []string{"daily_quota_exceeded", "monthly_quota_exceeded"}

// mail sends a message to the sink; one for each key, however often it is tried.
func (p *Provider) mail(ctx context.Context, v provider.Issued) error {
	var a apiclient.Answer
	var got struct {
		ID string `json:"id"`
	}
	call := apiclient.Call{Step: "verify", Method: http.MethodPost, Path: "/emails", Reads: true, Auth: bearer(v.Values[field]),
		In:     message{p.opts.VerifyMail, []string{sink}, "Rotor verifies a key", "This message proves that a new key may send."},
		Answer: &a, Out: &got, Judge: unclear}
	if once := onlyOnce(v.Handle); once != "" {
		call.Header = http.Header{"Idempotency-Key": {once}}
	}
	err := p.api.Do(ctx, call)
	switch word, _, ok := says(a); {
	case err == nil && got.ID == "":
		return fault.New(fault.Unknown, "resend: verify: the answer does not say that the message was taken")
	case err == nil:
		return nil
	case dead(a):
		return fault.New(fault.Rejected, "resend: verify: the value is refused")
	case ok && a.Status == http.StatusTooManyRequests && slices.Contains(quotas, word):
		return nil // no mail may be sent today; the key is known, and what it may do is seen before
	case ok && a.Status == http.StatusForbidden && word == "validation_error":
		return fault.New(fault.Rejected, "resend: verify: the key works, and may not send from the domain of verify-mail").
			WithHint("is the domain verified there, and is it the one of option domain?")
	case ok && a.Status == http.StatusUnprocessableEntity:
		return bad("verify: the vendor does not take the message").WithHint("check verify-mail")
	}
	return err
}

// onlyOnce names the message of one key. The vendor remembers it for a day.
func onlyOnce(h rotation.Handle) string {
	if h.IsZero() {
		return ""
	}
	return "rotor-verify-" + h.ID
}
