// Package grafana rotates tokens of Grafana's service accounts. The API keys of before
// can be taken over and deleted; none are made.
//
// What surprises: an answer about a token never says which token a request carried, and
// a list of the tokens of an account that is not there is an empty list. So the account
// is always asked for first.
package grafana

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

const field = "token"

// Provider issues tokens of one service account.
type Provider struct {
	opts  Options
	place string // this Grafana, as handles name it
	api   *apiclient.Client
	admin secret.Source
}

var (
	_ provider.Provider      = (*Provider)(nil)
	_ provider.Finder        = (*Provider)(nil)
	_ provider.Identifier    = (*Provider)(nil)
	_ provider.Preflighter   = (*Provider)(nil)
	_ provider.Prober        = (*Provider)(nil)
	_ provider.UsageReporter = (*Provider)(nil)
	_ provider.Keyholder     = (*Provider)(nil)
	_ provider.Noter         = (*Provider)(nil)
	_ provider.Clock         = (*Provider)(nil)
)

// New checks the options; nothing is connected. admin gives the admin token, or the
// password of admin-user, and is read at each request.
func New(opts Options, admin secret.Source) (*Provider, error) {
	opts, err := opts.validated()
	if err != nil {
		return nil, err
	}
	auth := apiclient.Bearer(admin)
	if opts.AdminUser != "" {
		auth = apiclient.Basic(opts.AdminUser, admin)
	}
	api, err := apiclient.New(apiclient.Config{Name: name, BaseURL: opts.BaseURL, Auth: auth,
		Limits: apiclient.Limits{PerSecond: opts.RequestsPerSecond, Concurrent: 32}})
	return &Provider{opts: opts, place: opts.place(), api: api, admin: admin}, err
}

// Keys is the admin's token or password; the token may be of the very account.
func (p *Provider) Keys(ctx context.Context) (secret.Set, error) { return secret.Only(ctx, p.admin) }

// Close drops idle connections.
func (p *Provider) Close() error { return p.api.Close() }

// Traits: two tokens live side by side; the provider makes them.
func (p *Provider) Traits() provider.Traits {
	return provider.Traits{Name: name, Strategy: rotation.Overlap, Minter: rotation.ByProvider,
		Fields: []provider.Field{{Name: field, Secret: true}},
		Settle: settle, Steady: steady, InFlight: inFlight}
}

const (
	settle   = 10 * time.Second // several Grafanas share one data base, and it may have replicas
	steady   = 6 * time.Second
	inFlight = time.Minute // longer than any proxy keeps a request whose client is gone
)

// account is a service account as search and its own page describe it.
type account struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	Org      int64  `json:"orgId"`
	Role     string `json:"role"`
	Disabled bool   `json:"isDisabled"`
}

// token is a token as the list describes it.
type token struct {
	ID      int64      `json:"id"`
	Name    string     `json:"name"`
	Created *time.Time `json:"created"`
	Expires *time.Time `json:"expiration"`
	Used    *time.Time `json:"lastUsedAt"` // written every five minutes at most
	Expired bool       `json:"hasExpired"`
	Revoked *bool      `json:"isRevoked"` // not in old versions
}

func (t token) lives() bool { return !t.Expired && (t.Revoked == nil || !*t.Revoked) }

func moment(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func text(id int64) string { return strconv.FormatInt(id, 10) }

// own is the configured account.
func (p *Provider) own(ctx context.Context, step string) (account, error) {
	if p.opts.ServiceAccountID != 0 {
		return p.account(ctx, step, p.opts.ServiceAccountID)
	}
	all, err := p.search(ctx, step)
	if err != nil {
		return account{}, err
	}
	var fits []account
	for _, a := range all {
		if a.Name == p.opts.ServiceAccount { // the search also finds parts of names
			fits = append(fits, a)
		}
	}
	if len(fits) == 1 {
		return fits[0], nil
	}
	return account{}, bad("%s: %d service accounts of the configured name", step, len(fits)).
		WithHint("check service-account and the organisation that the admin's login belongs to, or name the account by service-account-id")
}

// account reads one by its id.
func (p *Provider) account(ctx context.Context, step string, id int64) (account, error) {
	var a account
	err := p.api.Do(ctx, apiclient.Call{Step: step, Path: apiclient.Path("/api/serviceaccounts/%s", text(id)), Out: &a, Judge: missing})
	if err == nil && a.ID != id {
		err = fault.New(fault.Unknown, "grafana: %s: the answer is about another service account", step)
	}
	return a, err
}

// search reads all pages.
func (p *Provider) search(ctx context.Context, step string) ([]account, error) {
	const perPage = 100
	return apiclient.Pages(ctx, name+": "+step, func(a account) string { return text(a.ID) },
		func(ctx context.Context, next string) (apiclient.Page[account], error) {
			page := max(1, number(next))
			var got struct {
				Total    int       `json:"totalCount"`
				Accounts []account `json:"serviceAccounts"`
			}
			q := url.Values{"query": {p.opts.ServiceAccount}, "perpage": {strconv.Itoa(perPage)}, "page": {strconv.Itoa(page)}}
			err := p.api.Do(ctx, apiclient.Call{Step: step, Path: "/api/serviceaccounts/search", Query: q, Out: &got})
			if err == nil && got.Accounts == nil {
				err = fault.New(fault.Unknown, "grafana: %s: the answer is no list", step)
			}
			out := apiclient.Page[account]{Items: got.Accounts}
			if page*perPage < got.Total {
				out.Next = strconv.Itoa(page + 1)
			}
			return out, err
		})
}

func number(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}

// tokens lists those of an account; they have no pages. Whoever asks has seen the account.
func (p *Provider) tokens(ctx context.Context, step string, account int64) ([]token, error) {
	var got []token
	err := p.api.Do(ctx, apiclient.Call{Step: step, Path: apiclient.Path("/api/serviceaccounts/%s/tokens", text(account)), Out: &got})
	if err == nil && got == nil {
		err = fault.New(fault.Unknown, "grafana: %s: the answer is no list", step)
	}
	return got, err
}

// Find lists tokens whose name begins so.
func (p *Provider) Find(ctx context.Context, prefix string) ([]provider.Found, error) {
	a, err := p.own(ctx, "find")
	if err != nil {
		return nil, err
	}
	all, err := p.tokens(ctx, "find", a.ID)
	var out []provider.Found
	for _, t := range all {
		if strings.HasPrefix(t.Name, prefix) {
			out = append(out, provider.Found{Handle: p.handle(a.ID, t.ID), Label: t.Name, Created: moment(t.Created)})
		}
	}
	return out, err
}

// named is what a handle names.
type named struct {
	account int64 // 0: an API key
	id      int64
}

// handle is PLACE/ACCOUNT/TOKEN; that of an API key is PLACE/key/ID. The ids are small
// numbers: another Grafana has the same ones.
func (p *Provider) handle(account, id int64) rotation.Handle {
	of := "key"
	if account != 0 {
		of = text(account)
	}
	return rotation.Handle{ID: p.place + "/" + of + "/" + text(id)}
}

func (p *Provider) split(step string, h rotation.Handle) (named, error) {
	below, here := strings.CutPrefix(h.ID, p.place+"/")
	first, second, _ := strings.Cut(below, "/")
	id, err := strconv.ParseInt(second, 10, 64)
	of := int64(0)
	if err == nil && first != "key" {
		of, err = strconv.ParseInt(first, 10, 64)
	}
	switch {
	case !here:
		return named{}, bad("%s: the handle is of another Grafana, not of %s: %.200q", step, p.place, h.ID).
			WithHint("was base-url changed in rotor.yaml? put the old one back and finish the retirement")
	case err != nil || id <= 0 || of < 0 || of == 0 && first != "key":
		return named{}, bad("%s: the handle names no token", step).
			WithHint("was it made by another provider? a token's is PLACE/ACCOUNT/TOKEN, an old API key's PLACE/key/ID")
	}
	return named{of, id}, nil
}

// Now is the server's clock.
func (p *Provider) Now(ctx context.Context) (time.Time, error) {
	var a apiclient.Answer
	err := p.api.Do(ctx, apiclient.Call{Step: "clock", Path: "/api/health", Anonymous: true, Answer: &a})
	return a.Clock("grafana: clock", err)
}

// says reads a refusal in Grafana's form: a message, in current versions with an id.
func says(a apiclient.Answer) (id, message string, ok bool) {
	var e struct {
		ID      string `json:"messageId"`
		Message string `json:"message"`
	}
	if !a.JSON(&e) || e.Message == "" {
		return "", "", false
	}
	return e.ID, strings.ToLower(e.Message), true
}

const (
	goneHint   = "the token is gone"
	lostHint   = "there is no such service account in this organisation: check service-account-id, and the organisation of the admin's login; if somebody deleted it, its tokens ended with it"
	deniedHint = "the admin's login needs the permissions serviceaccounts:read and serviceaccounts:write for this account (an organisation's Admin has them)"
)

// missing recognises what is gone in Grafana's own words: a token by the id of the
// message, or, in 9.x, by the message alone; an account likewise.
func missing(a apiclient.Answer) *apiclient.Verdict {
	id, message, ok := says(a)
	switch {
	case !ok:
	case a.Status == http.StatusForbidden:
		return &apiclient.Verdict{Kind: fault.Denied, Hint: deniedHint}
	case a.Status != http.StatusNotFound:
	case id == "serviceaccounts.ErrTokenNotFound", message == "service account token not found",
		message == "failed to delete service account token", message == "failed to delete api key":
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: goneHint}
	case id == "serviceaccounts.ErrNotFound", message == "service account not found", message == "failed to retrieve service account":
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: lostHint}
	}
	return nil
}

func isGone(err error) bool {
	return apiclient.StatusOf(err) == http.StatusNotFound && fault.HintOf(err) == goneHint
}
