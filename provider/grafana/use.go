package grafana

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// seen is what a request with a token told.
type seen struct {
	live    provider.Liveness
	org     int64
	account int64 // 0: the version does not say
	at      time.Time
}

// Verify uses the token, and makes sure that it is of the organisation and, where the
// version tells, of the account that its handle names, and that this one is listed.
func (p *Provider) Verify(ctx context.Context, v provider.Issued) error {
	const op = "grafana: verify"
	at, err := p.here("verify", v.Handle)
	if err != nil {
		return err
	}
	got, err := p.look(ctx, "verify", v.Values[field])
	if got.live != provider.Alive && got.live != provider.Restricted || v.Handle.IsZero() {
		return provider.Judged(op, got.live, err)
	}
	if at.account == 0 {
		return p.verifyKey(ctx, at.id, got)
	}
	a, err := p.account(ctx, "verify", at.account)
	if err != nil {
		return err
	}
	switch {
	case a.Role == "None" && got.live == provider.Restricted: // it may as little as it was meant to
	case got.live == provider.Restricted:
		return provider.Judged(op, got.live, nil)
	case a.Org != got.org && a.Org != 0:
		return fault.New(fault.Rejected, "%s: the value works, but in another organisation", op)
	}
	switch {
	case got.account != 0 && got.account != at.account:
		return fault.New(fault.Rejected, "%s: the value works, but is that of another service account", op)
	case p.opts.Role != "" && a.Role != p.opts.Role:
		return fault.New(fault.Rejected, "%s: the service account has the role %.20q", op, a.Role).WithHint("rotor.yaml expects %s", p.opts.Role)
	}
	return p.listed(ctx, at)
}

// here splits a handle, if there is one. The value of a token of another Grafana is not
// tried: this one would call it invalid, and has no business to see it.
func (p *Provider) here(step string, h rotation.Handle) (named, error) {
	if h.IsZero() {
		return named{}, nil
	}
	return p.split(step, h)
}

// listed: the token of the handle is there and has not ended.
func (p *Provider) listed(ctx context.Context, at named) error {
	all, err := p.tokens(ctx, "verify", at.account)
	if err != nil {
		return err
	}
	for _, t := range all {
		if t.ID == at.id && t.lives() {
			return nil
		}
	}
	return fault.New(fault.Rejected, "grafana: verify: the value works, but token %d is not among the living", at.id)
}

func (p *Provider) verifyKey(ctx context.Context, id int64, got seen) error {
	if got.live != provider.Alive {
		return provider.Judged("grafana: verify", got.live, nil)
	}
	keys, err := p.keys(ctx, "verify")
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.ID == id {
			return nil
		}
	}
	return fault.New(fault.Rejected, "grafana: verify: the value works, but API key %d is not listed", id)
}

// Probe says whether the token lives. One without permissions does.
func (p *Provider) Probe(ctx context.Context, v provider.Issued) (provider.Liveness, error) {
	if _, err := p.here("probe", v.Handle); err != nil {
		return provider.NotKnown, err
	}
	got, err := p.look(ctx, "probe", v.Values[field])
	return got.live, err
}

// look is the cheapest request that a token must be alive for, and asks whose it is.
func (p *Provider) look(ctx context.Context, step string, value secret.Value) (seen, error) {
	var a apiclient.Answer
	var org struct {
		ID int64 `json:"id"`
	}
	auth := apiclient.Bearer(secret.Fixed(value))
	err := p.api.Do(ctx, apiclient.Call{Step: step, Path: "/api/org", Auth: auth, Answer: &a, Out: &org})
	got := seen{live: provider.NotKnown, org: org.ID, at: a.Date()}
	switch {
	case err == nil && org.ID == 0:
		return got, fault.New(fault.Unknown, "grafana: %s: the answer is about no organisation", step)
	case err == nil:
		got.live = provider.Alive
	default:
		if got.live = refusal(a); got.live != provider.Restricted {
			return got, unless(got.live, err)
		}
	}
	account, err := p.whose(ctx, step, auth, &a)
	if err != nil { // it may be known to one Grafana, and not to the next
		got.live = refusal(a)
		return got, unless(got.live, err)
	}
	got.account = account
	return got, nil
}

// unless: what is known is no error.
func unless(live provider.Liveness, err error) error {
	if live != provider.NotKnown {
		return nil
	}
	return err
}

// refusal reads Grafana's own no: by the id of its message or, in 9.x, by the message.
// A token of another organisation than the request's lives.
func refusal(a apiclient.Answer) provider.Liveness {
	id, message, ok := says(a)
	switch {
	case !ok:
	case a.Status == http.StatusForbidden && (strings.Contains(message, "permission") || strings.Contains(message, "access denied")):
		return provider.Restricted
	case a.Status != http.StatusUnauthorized:
	case id == "api-key.expired", id == "" && message == "expired api key":
		return provider.Expired
	case id == "api-key.invalid", id == "api-key.revoked",
		id == "" && (message == "invalid api key" || message == "revoked api key" || message == "revoked token"):
		return provider.Refused
	}
	return provider.NotKnown
}

// whose asks which account a token belongs to; some versions tell people only.
func (p *Provider) whose(ctx context.Context, step string, auth apiclient.Auth, a *apiclient.Answer) (int64, error) {
	var who struct {
		ID    int64  `json:"id"`
		Login string `json:"login"`
	}
	err := p.api.Do(ctx, apiclient.Call{Step: step, Path: "/api/user", Auth: auth, Answer: a, Out: &who})
	switch status := apiclient.StatusOf(err); {
	case status == http.StatusForbidden, status == http.StatusNotFound:
		return 0, nil
	case err != nil || !strings.HasPrefix(who.Login, "sa-"):
		return 0, err
	}
	return who.ID, nil
}

// Usage is the server's own record.
func (p *Provider) Usage(ctx context.Context, h rotation.Handle) (provider.Usage, error) {
	at, err := p.split("usage", h)
	if err != nil {
		return provider.Usage{}, err
	}
	list := func() ([]token, error) { return p.tokens(ctx, "usage", at.account) }
	if at.account == 0 {
		list = func() ([]token, error) { return p.keys(ctx, "usage") }
	}
	all, err := list()
	for _, t := range all {
		if t.ID == at.id {
			return provider.Usage{Known: true, LastUsed: moment(t.Used)}, nil
		}
	}
	return provider.Usage{}, err
}

// keys lists the API keys of before.
func (p *Provider) keys(ctx context.Context, step string) ([]token, error) {
	var got []token
	err := p.api.Do(ctx, apiclient.Call{Step: step, Path: "/api/auth/keys", Query: url.Values{"includeExpired": {"true"}}, Out: &got,
		Judge: func(a apiclient.Answer) *apiclient.Verdict {
			if a.Status != http.StatusNotFound && a.Status != http.StatusGone {
				return nil
			}
			return &apiclient.Verdict{Kind: fault.BadConfig, Hint: "this version of Grafana has no list of API keys (12.1 and later): make a service account's token"}
		}})
	if err == nil && got == nil {
		err = fault.New(fault.Unknown, "grafana: %s: the answer is no list", step)
	}
	return got, err
}

// keyName is the name that an API key of before holds; "" if the value is none.
func keyName(value secret.Value) string {
	text, err := base64.StdEncoding.DecodeString(value.Reveal())
	var key struct {
		Key  string `json:"k"`
		Name string `json:"n"`
	}
	if err != nil || json.Unmarshal(text, &key) != nil || key.Key == "" {
		return ""
	}
	return key.Name
}
