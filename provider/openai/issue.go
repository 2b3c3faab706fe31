package openai

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// wish is the body of the calls that make a key.
type wish struct {
	Name    string   `json:"name"`
	Scopes  []string `json:"scopes,omitempty"`
	Expires int64    `json:"expires_in_seconds,omitempty"`
}

// Issue makes a key that bears the label: on the configured service account, or on an
// account of its own.
func (p *Provider) Issue(ctx context.Context, req provider.Request) (provider.Issued, error) {
	in := wish{Name: req.Label, Scopes: p.opts.Scopes, Expires: int64(p.opts.ExpiresDays) * 24 * 60 * 60}
	call := apiclient.Call{Step: "issue", Method: http.MethodPost, In: in, Judge: unwilling}
	if p.opts.Kind == kindProject && p.opts.ServiceAccount == "" {
		return p.issueOwn(ctx, call)
	}
	call.Path = p.path()
	if p.opts.Kind == kindProject {
		call.Path = p.accountPath("/%s/api_keys", p.opts.ServiceAccount)
	}
	var k key
	call.Out = &k
	if err := p.api.Do(ctx, call); err != nil {
		return provider.Issued{}, err
	}
	return p.issued(ctx, k, rotation.Handle{ID: k.ID})
}

// issueOwn makes a service account, which comes with a key.
func (p *Provider) issueOwn(ctx context.Context, call apiclient.Call) (provider.Issued, error) {
	var a account
	call.Path, call.Out = p.accountPath(""), &a
	if err := p.api.Do(ctx, call); err != nil {
		return provider.Issued{}, err
	}
	if a.Key == nil || a.ID == "" {
		return provider.Issued{}, fault.New(fault.Unknown, "openai: issue: the answer has no key")
	}
	return p.issued(ctx, *a.Key, rotation.Handle{ID: a.ID + "/" + a.Key.ID})
}

func (p *Provider) issued(ctx context.Context, k key, h rotation.Handle) (provider.Issued, error) {
	if k.ID == "" || k.Value.IsZero() {
		return provider.Issued{}, fault.New(fault.Unknown, "openai: issue: the answer has no key")
	}
	v := provider.Issued{Handle: h, Values: secret.Set{field: k.Value.Value}, NotAfter: moment(k.Expires)}
	if v.NotAfter.IsZero() && p.opts.ExpiresDays > 0 {
		v.NotAfter = p.expiry(ctx, k, h)
	}
	return v, nil
}

// expiry is what the list says of a new key whose answer did not say it: an API may take
// no notice of the wish. If the list cannot be read now, the value is not lost for that:
// what was asked for is taken, which is too early at worst.
func (p *Provider) expiry(ctx context.Context, made key, h rotation.Handle) time.Time {
	listed, err := p.get(ctx, "issue", h)
	if err == nil {
		return moment(listed.Expires)
	}
	return moment(&made.Created).Add(time.Duration(p.opts.ExpiresDays) * 24 * time.Hour)
}

// unwilling says what to do about the refusals that have a cure.
func unwilling(a apiclient.Answer) *apiclient.Verdict {
	code, message, ok := says(a)
	text := strings.ToLower(code + " " + message)
	switch {
	case !ok:
		return nil
	case a.Status == http.StatusBadRequest && strings.Contains(text, "expir"):
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: "the organisation demands that keys expire, or sooner: set expires-days"}
	case a.Status == http.StatusBadRequest && strings.Contains(text, "scope"):
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: "the vendor does not take these scopes"}
	case a.Status == http.StatusBadRequest && (strings.Contains(text, "limit") || strings.Contains(text, "maximum")):
		return &apiclient.Verdict{Kind: fault.Rejected, Hint: "the account can hold no further key: delete keys that nobody uses"}
	case a.Status == http.StatusNotFound:
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: "check project and service-account, and that the admin key is of the same organisation"}
	}
	return nil
}

// Revoke deletes the key by its id, with its account where that was made for it alone
// and holds no other: one that somebody added lives on.
func (p *Provider) Revoke(ctx context.Context, h rotation.Handle) error {
	account, id := split(h)
	call := apiclient.Call{Step: "revoke", Method: http.MethodDelete, Path: p.path(id), Judge: keeps}
	if account != "" && account != p.opts.ServiceAccount {
		alone, err := p.alone(ctx, account, id)
		switch {
		case isGone(err):
			return nil
		case err != nil:
			return err
		case alone:
			call.Path = p.accountPath("/%s", account)
		default:
			call.Judge = bound
		}
	}
	var got struct {
		Deleted bool `json:"deleted"`
	}
	call.Out = &got
	err := p.api.Do(ctx, call)
	switch {
	case isGone(err):
		return nil
	case err == nil && !got.Deleted:
		return fault.New(fault.Unknown, "openai: revoke: the answer does not say that the key is deleted")
	}
	return err
}

// keeps also recognises an API that deletes no single key of a service account.
func keeps(a apiclient.Answer) *apiclient.Verdict {
	if refusesOne(a) {
		return &apiclient.Verdict{Kind: fault.NeedsPerson, Hint: "this organisation's API deletes a service account's keys only together with the account: " +
			"delete the key by hand; for the next ones leave service-account out of rotor.yaml"}
	}
	return missing(a)
}

// Preflight: the admin key works here, and the account is there.
func (p *Provider) Preflight(ctx context.Context, _ provider.Request) error {
	call := apiclient.Call{Step: "preflight", Path: p.path(), Query: map[string][]string{"limit": {"1"}}, Judge: unwilling}
	if p.opts.ServiceAccount != "" {
		call.Path, call.Query = p.accountPath("/%s", p.opts.ServiceAccount), nil
	}
	var got struct {
		Object string `json:"object"`
	}
	call.Out = &got
	return p.api.Do(ctx, call)
}
