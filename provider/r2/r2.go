// Package r2 rotates the S3 keys of Cloudflare R2. A key is an API token: its id is the
// access key id, and the SHA-256 of its value the secret.
//
// What surprises: S3 answers a key that it does not know with 401, a new one that has
// not arrived yet and a deleted one alike. So 401 alone proves no death. And an
// account's token fails the user's verify endpoint although it is valid.
package r2

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

const (
	idField     = "access_key_id"
	keyField    = "secret_access_key"
	tokenField  = "token"
	defaultBase = "https://api.cloudflare.com/client/v4"
	perPage     = 50
)

// Provider issues keys for the same buckets.
type Provider struct {
	opts Options
	api  *apiclient.Client
	s3   *apiclient.Client
}

var (
	_ provider.Provider      = (*Provider)(nil)
	_ provider.Finder        = (*Provider)(nil)
	_ provider.Identifier    = (*Provider)(nil)
	_ provider.Preflighter   = (*Provider)(nil)
	_ provider.Prober        = (*Provider)(nil)
	_ provider.UsageReporter = (*Provider)(nil)
	_ provider.Clock         = (*Provider)(nil)
)

// New checks the options; nothing is connected. manage gives the token that makes and
// deletes tokens, and is read at each request.
func New(opts Options, manage secret.Source) (*Provider, error) {
	opts, err := opts.validated()
	if err != nil {
		return nil, err
	}
	p := &Provider{opts: opts}
	limits := apiclient.Limits{PerSecond: opts.RequestsPerSecond, Concurrent: 32}
	if p.api, err = apiclient.New(apiclient.Config{Name: name, BaseURL: opts.BaseURL, RequestID: "Cf-Ray",
		Auth: apiclient.Bearer(manage), Limits: limits}); err != nil {
		return nil, err
	}
	p.s3, err = apiclient.New(apiclient.Config{Name: name, BaseURL: opts.S3Endpoint, RequestID: "Cf-Ray", Limits: limits})
	return p, err
}

// Close drops idle connections.
func (p *Provider) Close() error {
	p.s3.Close()
	return p.api.Close()
}

// Traits: id and secret are one value; two tokens live side by side.
func (p *Provider) Traits() provider.Traits {
	fields := []provider.Field{{Name: idField}, {Name: keyField, Secret: true}}
	if p.opts.Token {
		fields = append(fields, provider.Field{Name: tokenField, Secret: true})
	}
	return provider.Traits{Name: name, Strategy: rotation.Overlap, Minter: rotation.ByProvider, Fields: fields,
		Settle: settle, Steady: steady, InFlight: inFlight}
}

const (
	settle   = 90 * time.Second // "up to a minute", and some
	steady   = 10 * time.Second
	inFlight = time.Minute // longer than any gateway keeps a request whose client is gone
)

// moment is a time that may be missing, or be written in another way: that is no reason
// to lose the rest of the answer.
type moment struct{ time.Time }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *moment) UnmarshalText(text []byte) error {
	m.Time, _ = time.Parse(time.RFC3339, string(text))
	return nil
}

// token is a token as answers describe it.
type token struct {
	ID       string           `json:"id"`
	Name     string           `json:"name"`
	Status   string           `json:"status"` // active, disabled, expired
	Value    apiclient.Secret `json:"value"`  // only in the answer that makes it
	Issued   moment           `json:"issued_on"`
	Used     moment           `json:"last_used_on"`
	Expires  moment           `json:"expires_on"`
	Policies []policy         `json:"policies"`
}

type policy struct {
	Effect    string         `json:"effect"`
	Resources map[string]any `json:"resources"`
	Groups    []group        `json:"permission_groups"`
}

type group struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// path below the owner's collection of tokens.
func (p *Provider) path(below ...string) string {
	tail := strings.Repeat("/%s", len(below))
	if p.opts.Owner == byUser {
		return apiclient.Path("/user/tokens"+tail, below...)
	}
	return apiclient.Path("/accounts/%s/tokens"+tail, append([]string{p.opts.AccountID}, below...)...)
}

// all reads every token of the owner, whatever its status: one that is switched off can
// be switched on again. Pages are numbered, so a token that is deleted meanwhile moves
// another one to a page that was read already.
func (p *Provider) all(ctx context.Context, step string) ([]token, error) {
	total := -1
	return apiclient.Pages(ctx, name+": "+step, func(t token) string { return t.ID },
		func(ctx context.Context, next string) (apiclient.Page[token], error) {
			number := 1
			if next != "" {
				number, _ = strconv.Atoi(next)
			}
			var got []token
			q := url.Values{"page": {strconv.Itoa(number)}, "per_page": {strconv.Itoa(perPage)}}
			e, err := p.do(ctx, apiclient.Call{Step: step, Path: p.path(), Query: q}, &got)
			if err != nil {
				return apiclient.Page[token]{}, err
			}
			return numbered(step, number, &total, got, e)
		})
}

// numbered is one page, if it is the one that was asked for, and of the same list.
func numbered(step string, number int, total *int, got []token, e envelope) (apiclient.Page[token], error) {
	page := apiclient.Page[token]{Items: got}
	more := len(got) >= perPage // a full page may be the last; the total, where it is told, decides
	if e.Info.Total != nil {
		if *total > *e.Info.Total {
			return page, fault.New(fault.Transient, "r2: %s: tokens were deleted while they were listed", step)
		}
		*total, more = *e.Info.Total, number*perPage < *e.Info.Total
	}
	if e.Info.Page != nil && *e.Info.Page != number || more && len(got) == 0 {
		return page, fault.New(fault.Unknown, "r2: %s: page %d of the list is not what comes for it", step, number)
	}
	if more {
		page.Next = strconv.Itoa(number + 1)
	}
	return page, nil
}

// Find lists tokens whose name begins so.
func (p *Provider) Find(ctx context.Context, prefix string) ([]provider.Found, error) {
	all, err := p.all(ctx, "find")
	var out []provider.Found
	for _, t := range all {
		if strings.HasPrefix(t.Name, prefix) {
			out = append(out, provider.Found{Handle: p.handle(t.ID), Label: t.Name, Created: t.Issued.Time})
		}
	}
	return out, err
}

// get reads one token by its id.
func (p *Provider) get(ctx context.Context, step, id string) (token, error) {
	var t token
	_, err := p.do(ctx, apiclient.Call{Step: step, Path: p.path(id), Judge: missing}, &t)
	if err == nil && t.ID != id {
		err = fault.New(fault.Unknown, "r2: %s: the answer is about another token", step)
	}
	return t, err
}

// handle is OWNER/ACCOUNT-ID/TOKEN-ID: of another owner's token nobody here knows more
// than that it is not his.
func (p *Provider) handle(id string) rotation.Handle {
	return rotation.Handle{ID: p.opts.Owner + "/" + p.opts.AccountID + "/" + id}
}

// split gives the token's id; "" if there is no handle.
func (p *Provider) split(step string, h rotation.Handle) (string, error) {
	place := p.handle("").ID
	id, ours := strings.CutPrefix(h.ID, place)
	switch {
	case h.IsZero():
		return "", nil
	case !ours || id == "" || strings.Contains(id, "/"):
		return "", bad("%s: the handle is not of a token at %s: %.200q", step, place, h.ID).
			WithHint("was account-id or owner changed in rotor.yaml? put the old one back and finish the retirement")
	}
	return id, nil
}

// Usage is the vendor's own record. Whether it sees the S3 side is not promised
// anywhere: what was never seen in use is not known to be unused.
func (p *Provider) Usage(ctx context.Context, h rotation.Handle) (provider.Usage, error) {
	id, err := p.split("usage", h)
	if err != nil {
		return provider.Usage{}, err
	}
	t, err := p.get(ctx, "usage", id)
	if isGone(err) {
		return provider.Usage{}, nil
	}
	return provider.Usage{Known: err == nil && !t.Used.IsZero(), LastUsed: t.Used.Time}, err
}

// Now is the API's clock.
func (p *Provider) Now(ctx context.Context) (time.Time, error) {
	var a apiclient.Answer
	_, err := p.do(ctx, apiclient.Call{Step: "clock", Path: p.path(), Query: url.Values{"per_page": {"5"}}, Answer: &a}, nil)
	return a.Clock("r2: clock", err)
}

// Revoke deletes the token.
func (p *Provider) Revoke(ctx context.Context, h rotation.Handle) error {
	id, err := p.split("revoke", h)
	switch {
	case err != nil:
		return err
	case id == "":
		return bad("revoke: no token is named")
	}
	var got struct {
		ID string `json:"id"`
	}
	_, err = p.do(ctx, apiclient.Call{Step: "revoke", Method: http.MethodDelete, Path: p.path(id), Judge: missing}, &got)
	switch {
	case isGone(err):
		return nil
	case err == nil && got.ID != id:
		return fault.New(fault.Unknown, "r2: revoke: the answer does not say that the token is deleted")
	}
	return err
}
