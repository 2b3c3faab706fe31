// Package resend rotates API keys of Resend: keys that may only send mail, from one
// domain or all, and keys with full access.
//
// What surprises: a key that may only send is tried by asking for what it may not do.
// The refusal says that the key is restricted, and so that it lives; no mail is sent.
package resend

import (
	"context"
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
	defaultBase = "https://api.resend.com"
)

// Provider issues keys of one permission.
type Provider struct {
	opts  Options
	api   *apiclient.Client
	admin secret.Source
}

var (
	_ provider.Provider      = (*Provider)(nil)
	_ provider.Finder        = (*Provider)(nil)
	_ provider.Preflighter   = (*Provider)(nil)
	_ provider.Prober        = (*Provider)(nil)
	_ provider.UsageReporter = (*Provider)(nil)
	_ provider.Keyholder     = (*Provider)(nil)
	_ provider.Clock         = (*Provider)(nil)
	_ provider.Guide         = (*Provider)(nil)
)

// New checks the options; nothing is connected. admin gives the key with full access
// and is read at each request.
func New(opts Options, admin secret.Source) (*Provider, error) {
	opts, err := opts.validated()
	if err != nil {
		return nil, err
	}
	api, err := apiclient.New(apiclient.Config{Name: name, BaseURL: opts.BaseURL, Auth: apiclient.Bearer(admin),
		// Burst 1: the vendor counts the requests of any one second
		Limits: apiclient.Limits{PerSecond: opts.RequestsPerSecond, Burst: 1, Concurrent: 32}})
	return &Provider{opts: opts, api: api, admin: admin}, err
}

// Keys is the management key, which may be the one that is rotated.
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
	settle   = 30 * time.Second
	steady   = 6 * time.Second
	inFlight = time.Minute // longer than any gateway keeps a request whose client is gone
)

// key is a key as the list shows it.
type key struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Created moment `json:"created_at"`
	Used    moment `json:"last_used_at"` // null before the first use
}

// domain is one that the team may send from.
type domain struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// moment is a time as Resend writes it, with a space and a short offset; RFC 3339 is
// read too. null is never. Whether a key may end can hang on it, so what is not told,
// or cannot be read, is not taken for never.
type moment struct {
	at      time.Time
	told    bool
	strange bool // told, and no time
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *moment) UnmarshalJSON(text []byte) error {
	m.told = true
	for _, form := range []string{"2006-01-02 15:04:05.999999999Z07", "2006-01-02 15:04:05.999999999Z07:00", time.RFC3339Nano} {
		if t, err := time.Parse(form, strings.Trim(string(text), `"`)); err == nil {
			m.at = t.UTC()
			return nil
		}
	}
	m.strange = string(text) != "null"
	return nil
}

// clear is an error for a time that cannot be read.
func (m moment) clear(step string) error {
	if m.strange {
		return fault.New(fault.Unknown, "resend: %s: the list has a time that cannot be read", step)
	}
	return nil
}

// list reads all pages of a collection. auth nil: with the management key.
func list[T any](ctx context.Context, p *Provider, step, path string, auth apiclient.Auth, id func(T) string) ([]T, error) {
	return apiclient.Pages(ctx, name+": "+step, id, func(ctx context.Context, after string) (apiclient.Page[T], error) {
		q := url.Values{"limit": {"100"}}
		if after != "" {
			q.Set("after", after)
		}
		var got struct {
			Data *[]T `json:"data"`
			More bool `json:"has_more"`
		}
		page, judge := apiclient.Page[T]{}, refusal
		if auth != nil {
			judge = refused
		}
		err := p.api.Do(ctx, apiclient.Call{Step: step, Path: path, Query: q, Out: &got, Auth: auth, Judge: judge})
		if err != nil {
			return page, err
		}
		if got.Data == nil || got.More && len(*got.Data) == 0 {
			return page, fault.New(fault.Unknown, "resend: %s: the answer is no list", step)
		}
		page.Items = *got.Data
		for _, item := range page.Items {
			if id(item) == "" {
				return page, fault.New(fault.Unknown, "resend: %s: the list has an entry without an id", step)
			}
			page.Next = id(item)
		}
		if !got.More {
			page.Next = ""
		}
		return page, nil
	})
}

func (p *Provider) keys(ctx context.Context, step string, auth apiclient.Auth) ([]key, error) {
	return list(ctx, p, step, "/api-keys", auth, func(k key) string { return k.ID })
}

// Find lists keys whose name begins so.
func (p *Provider) Find(ctx context.Context, prefix string) ([]provider.Found, error) {
	all, err := p.keys(ctx, "find", nil)
	if err != nil {
		return nil, err
	}
	var out []provider.Found
	for _, k := range all {
		if !strings.HasPrefix(k.Name, prefix) {
			continue
		}
		if err := k.Created.clear("find"); err != nil {
			return nil, err
		}
		out = append(out, provider.Found{Handle: rotation.Handle{ID: k.ID}, Label: k.Name, Created: k.Created.at})
	}
	return out, nil
}

// Usage is the vendor's own record. There is no call for one key.
func (p *Provider) Usage(ctx context.Context, h rotation.Handle) (provider.Usage, error) {
	all, err := p.keys(ctx, "usage", nil)
	for _, k := range all {
		if k.ID == h.ID {
			if err := k.Used.clear("usage"); err != nil {
				return provider.Usage{}, err
			}
			return provider.Usage{Known: k.Used.told, LastUsed: k.Used.at}, nil
		}
	}
	return provider.Usage{}, err
}

// Now is the API's clock.
func (p *Provider) Now(ctx context.Context) (time.Time, error) {
	var a apiclient.Answer
	err := p.api.Do(ctx, apiclient.Call{Step: "clock", Path: "/api-keys", Query: url.Values{"limit": {"1"}}, Answer: &a, Judge: refusal})
	return a.Clock("resend: clock", err)
}

// says reads a refusal in the vendor's own form; nothing else has it.
func says(a apiclient.Answer) (word, message string, ok bool) {
	var e struct {
		Status  int    `json:"statusCode"`
		Name    string `json:"name"`
		Message string `json:"message"`
	}
	if !a.JSON(&e) || e.Name == "" || e.Message == "" {
		return "", "", false
	}
	return e.Name, e.Message, true
}

// dead is the positive match: three statuses and two names have been seen.
func dead(a apiclient.Answer) bool {
	word, message, ok := says(a)
	if !ok || a.Status != http.StatusBadRequest && a.Status != http.StatusUnauthorized && a.Status != http.StatusForbidden {
		return false
	}
	return word == "invalid_api_key" || strings.Contains(strings.ToLower(message), "api key is invalid")
}

// restricted: the key lives, and may do nothing but send.
func restricted(a apiclient.Answer) bool {
	word, _, ok := says(a)
	return ok && word == "restricted_api_key" && (a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden)
}

// refusal says what a no to the management key means.
func refusal(a apiclient.Answer) *apiclient.Verdict {
	word, _, ok := says(a)
	switch {
	case dead(a):
		return &apiclient.Verdict{Kind: fault.Denied, Hint: "the vendor does not know this key; check what api-key refers to"}
	case restricted(a):
		return &apiclient.Verdict{Kind: fault.Denied, Hint: "the key may only send mail; api-key must refer to one with full access"}
	case ok && word == "missing_api_key":
		return &apiclient.Verdict{Kind: fault.Unknown, Hint: "the request came without its key: does a proxy take the Authorization header away?"}
	}
	return nil
}
