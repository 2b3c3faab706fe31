// Package openai rotates keys of OpenAI through its Admin API: keys of service
// accounts, and admin keys.
//
// What surprises: a key that lacks a scope is refused with 403 and lives all the same.
// And a service account's key could not be deleted alone for long; where that is
// still so, each key has an account of its own, and both end together.
package openai

import (
	"context"
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

const (
	field       = "api_key"
	defaultBase = "https://api.openai.com/v1"
)

// Provider issues keys of one kind.
type Provider struct {
	opts  Options
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
	_ provider.Clock         = (*Provider)(nil)
)

// New checks the options; nothing is connected. admin gives the admin key and is read
// at each request.
func New(opts Options, admin secret.Source) (*Provider, error) {
	opts, err := opts.validated()
	if err != nil {
		return nil, err
	}
	api, err := apiclient.New(apiclient.Config{Name: name, BaseURL: opts.BaseURL, Auth: apiclient.Bearer(admin),
		Limits: apiclient.Limits{PerSecond: opts.RequestsPerSecond, Concurrent: 32}})
	return &Provider{opts: opts, api: api, admin: admin}, err
}

// Keys is an admin key, which may be the one that is rotated.
func (p *Provider) Keys(ctx context.Context) (secret.Set, error) { return secret.Only(ctx, p.admin) }

// Close drops idle connections.
func (p *Provider) Close() error { return p.api.Close() }

// Traits: two keys live side by side; the provider makes them.
func (p *Provider) Traits() provider.Traits {
	return provider.Traits{Name: name, Strategy: rotation.Overlap, Minter: rotation.ByProvider,
		Fields: []provider.Field{{Name: field, Secret: true}},
		Settle: settle, Steady: steady, InFlight: inFlight}
}

const (
	settle   = 30 * time.Second // keys are cached where they are checked
	steady   = 6 * time.Second
	inFlight = time.Minute // longer than any gateway keeps a request whose client is gone
)

// key is a key as every list and answer describes it; fields of one kind are empty in
// the other.
type key struct {
	ID       string           `json:"id"`
	Name     string           `json:"name"`
	Value    apiclient.Secret `json:"value"`          // only in the answer that makes it
	Redacted string           `json:"redacted_value"` // its first and last characters
	Created  int64            `json:"created_at"`     // seconds
	Used     json.RawMessage  `json:"last_used_at"`   // null: never; of an admin key it may be missing
	Expires  *int64           `json:"expires_at"`
	Owner    struct {
		Account *account `json:"service_account"`
	} `json:"owner"`
}

type account struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Created int64  `json:"created_at"` // seconds
	Key     *key   `json:"api_key"`    // only in the answer that makes it
}

func moment(seconds *int64) time.Time {
	if seconds == nil || *seconds == 0 {
		return time.Time{}
	}
	return time.Unix(*seconds, 0).UTC()
}

func (p *Provider) label(k key) string {
	if p.own(k) {
		return k.Owner.Account.Name
	}
	return k.Name
}

// handle: "ACCOUNT/KEY" if the account was made for the key and ends with it.
func (p *Provider) handle(k key) rotation.Handle {
	if p.own(k) {
		return rotation.Handle{ID: k.Owner.Account.ID + "/" + k.ID}
	}
	return rotation.Handle{ID: k.ID}
}

// path below the organisation's or project's collection of keys.
func (p *Provider) path(below ...string) string {
	if p.opts.Kind == kindAdmin {
		return apiclient.Path("/organization/admin_api_keys"+strings.Repeat("/%s", len(below)), below...)
	}
	return apiclient.Path("/organization/projects/%s/api_keys"+strings.Repeat("/%s", len(below)), append([]string{p.opts.Project}, below...)...)
}

func (p *Provider) accountPath(below string, ids ...string) string {
	return apiclient.Path("/organization/projects/%s/service_accounts"+below, append([]string{p.opts.Project}, ids...)...)
}

// list is a page of keys.
type list struct {
	Object string `json:"object"`
	Data   *[]key `json:"data"`
	Last   string `json:"last_id"` // may be missing: then it is the last key's
	More   bool   `json:"has_more"`
}

func (l list) page(step string) (apiclient.Page[key], error) {
	if l.Object != "list" || l.Data == nil {
		return apiclient.Page[key]{}, fault.New(fault.Unknown, "openai: %s: the answer is no list", step)
	}
	page := apiclient.Page[key]{Items: *l.Data}
	if !l.More {
		return page, nil
	}
	if page.Next = l.Last; page.Next == "" && len(page.Items) > 0 {
		page.Next = page.Items[len(page.Items)-1].ID
	}
	if page.Next == "" {
		return page, fault.New(fault.Unknown, "openai: %s: the list does not say where it goes on", step)
	}
	return page, nil
}

// all reads every key: without owner_project_access=any the list hides living ones.
func (p *Provider) all(ctx context.Context, step string) ([]key, error) {
	return apiclient.Pages(ctx, name+": "+step, func(k key) string { return k.ID },
		func(ctx context.Context, after string) (apiclient.Page[key], error) {
			q := url.Values{"limit": {"100"}}
			if p.opts.Kind == kindProject {
				q.Set("owner_project_access", "any")
			}
			if after != "" {
				q.Set("after", after)
			}
			var got list
			if err := p.api.Do(ctx, apiclient.Call{Step: step, Path: p.path(), Query: q, Out: &got}); err != nil {
				return apiclient.Page[key]{}, err
			}
			return got.page(step)
		})
}

// Find lists keys whose label begins so.
func (p *Provider) Find(ctx context.Context, prefix string) ([]provider.Found, error) {
	all, err := p.all(ctx, "find")
	var out []provider.Found
	for _, k := range all {
		label := p.label(k)
		if !strings.HasPrefix(label, prefix) {
			continue
		}
		first, err := p.first(all, k)
		if err != nil {
			return nil, err
		}
		if first {
			out = append(out, provider.Found{Handle: p.handle(k), Label: label, Created: moment(&k.Created)})
		}
	}
	return out, err
}

// get reads one key by its handle.
func (p *Provider) get(ctx context.Context, step string, h rotation.Handle) (key, error) {
	var k key
	_, id := split(h)
	err := p.api.Do(ctx, apiclient.Call{Step: step, Path: p.path(id), Out: &k, Judge: missing})
	if err == nil && k.ID != id {
		err = fault.New(fault.Unknown, "openai: %s: the answer is about another key", step)
	}
	return k, err
}

// split takes a handle apart; account is "" where it is not the key's own.
func split(h rotation.Handle) (account, id string) {
	account, id, own := strings.Cut(h.ID, "/")
	if !own {
		return "", h.ID
	}
	return account, id
}

// Usage is the vendor's own record. That it is silent does not mean that the key is.
func (p *Provider) Usage(ctx context.Context, h rotation.Handle) (provider.Usage, error) {
	k, err := p.get(ctx, "usage", h)
	if isGone(err) || err == nil && k.Used == nil {
		return provider.Usage{}, nil
	}
	if err != nil {
		return provider.Usage{}, err
	}
	var at *int64
	if json.Unmarshal(k.Used, &at) != nil || at != nil && *at <= 0 {
		return provider.Usage{}, fault.New(fault.Unknown, "openai: usage: the answer's last_used_at is no date")
	}
	return provider.Usage{Known: true, LastUsed: moment(at)}, nil
}

// Now is the API's clock.
func (p *Provider) Now(ctx context.Context) (time.Time, error) {
	var a apiclient.Answer
	err := p.api.Do(ctx, apiclient.Call{Step: "clock", Path: p.path(), Query: url.Values{"limit": {"1"}}, Answer: &a})
	return a.Clock("openai: clock", err)
}

// errorBody is the vendor's envelope.
type errorBody struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// says reads a vendor's refusal; nothing else has this form.
func says(a apiclient.Answer) (code, message string, ok bool) {
	var e errorBody
	if !a.JSON(&e) || e.Error.Message == "" {
		return "", "", false
	}
	return e.Error.Code, e.Error.Message, true
}

const goneHint = "the key is gone"

// missing recognises a key that is gone, in whatever words: a 404 in the vendor's own
// form that is not about the project. One of something in between has another form.
func missing(a apiclient.Answer) *apiclient.Verdict {
	_, message, ok := says(a)
	if a.Status != http.StatusNotFound || !ok || strings.Contains(strings.ToLower(message), "project") {
		return nil
	}
	return &apiclient.Verdict{Kind: fault.BadConfig, Hint: goneHint}
}

func isGone(err error) bool {
	return apiclient.StatusOf(err) == http.StatusNotFound && fault.HintOf(err) == goneHint
}
