// Package anthropic rotates keys of Anthropic. A person mints them in the Console, for
// no API does; all after that is automatic.
//
// What surprises: a pasted value has no id. Which key it is, is read off the list by
// the beginning and the end that the list shows of each; if two look alike, neither is
// taken. And no key is ever deleted: it becomes inactive, then archived.
package anthropic

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

const (
	field       = "api_key"
	defaultBase = "https://api.anthropic.com"
	keysPath    = "/v1/organizations/api_keys"
)

// Provider reads, checks and disables keys that people make.
type Provider struct {
	opts Options
	api  *apiclient.Client
}

var (
	_ provider.Provider    = (*Provider)(nil)
	_ provider.Identifier  = (*Provider)(nil)
	_ provider.Preflighter = (*Provider)(nil)
	_ provider.Prober      = (*Provider)(nil)
	_ provider.Guide       = (*Provider)(nil)
	_ provider.Clock       = (*Provider)(nil)
)

// New checks the options; nothing is connected. admin gives the admin key and is read
// at each request.
func New(opts Options, admin secret.Source) (*Provider, error) {
	opts, err := opts.validated()
	if err != nil {
		return nil, err
	}
	api, err := apiclient.New(apiclient.Config{Name: name, BaseURL: opts.BaseURL, RequestID: "Request-Id", Auth: key(admin),
		Limits: apiclient.Limits{PerSecond: opts.RequestsPerSecond, Concurrent: 32}})
	return &Provider{opts: opts, api: api}, err
}

func key(source secret.Source) apiclient.Auth { return apiclient.Header("X-Api-Key", "", source) }

// Close drops idle connections.
func (p *Provider) Close() error { return p.api.Close() }

// Traits: two keys live side by side; a person makes them.
func (p *Provider) Traits() provider.Traits {
	return provider.Traits{Name: name, Strategy: rotation.Overlap, Minter: rotation.ByPerson,
		Fields: []provider.Field{{Name: field, Secret: true}},
		Settle: settle, Steady: steady, InFlight: inFlight}
}

const (
	settle   = 30 * time.Second // keys are cached where they are checked
	steady   = 6 * time.Second
	inFlight = time.Minute // longer than any gateway keeps a request whose client is gone
)

// The states of a key. An expired one was active.
const (
	active   = "active"
	inactive = "inactive"
	archived = "archived"
	expired  = "expired"
)

// entry is a key as the API describes it.
type entry struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Status  string     `json:"status"`
	Hint    string     `json:"partial_key_hint"` // the value's beginning and end
	Created time.Time  `json:"created_at"`
	Expires *time.Time `json:"expires_at"`
	Scope   struct {
		Workspace string `json:"workspace_id"`
	} `json:"scope"`
	Workspace string `json:"workspace_id"` // as it was told before scope
}

func (e entry) workspace() string {
	switch {
	case e.Scope.Workspace != "":
		return e.Scope.Workspace
	case e.Workspace != "":
		return e.Workspace
	}
	return defaultWorkspace
}

func (e entry) notAfter() time.Time {
	if e.Expires == nil {
		return time.Time{}
	}
	return *e.Expires
}

// do sends a call with the version that all of them carry.
func (p *Provider) do(ctx context.Context, call apiclient.Call) error {
	call.Header = http.Header{"Anthropic-Version": {"2023-06-01"}}
	return p.api.Do(ctx, call)
}

// all reads every key of the organisation: a value of another workspace, or of a key
// that is archived, is to be called so.
func (p *Provider) all(ctx context.Context, step string) ([]entry, error) {
	return apiclient.Pages(ctx, name+": "+step, func(e entry) string { return e.ID },
		func(ctx context.Context, after string) (apiclient.Page[entry], error) {
			var got struct {
				Data *[]entry `json:"data"`
				Last string   `json:"last_id"`
				More bool     `json:"has_more"`
			}
			q := url.Values{"limit": {"1000"}}
			if after != "" {
				q.Set("after_id", after)
			}
			err := p.do(ctx, apiclient.Call{Step: step, Path: keysPath, Query: q, Out: &got, Judge: denied})
			if err == nil && (got.Data == nil || got.More && got.Last == "") {
				err = fault.New(fault.Unknown, "anthropic: %s: the answer is no list", step)
			}
			if err != nil {
				return apiclient.Page[entry]{}, err
			}
			page := apiclient.Page[entry]{Items: *got.Data}
			if got.More {
				page.Next = got.Last
			}
			return page, nil
		})
}

// get reads one key by its id.
func (p *Provider) get(ctx context.Context, step, id string) (entry, error) {
	var e entry
	err := p.do(ctx, apiclient.Call{Step: step, Path: apiclient.Path(keysPath+"/%s", id), Out: &e, Judge: denied})
	if err == nil && (e.ID != id || e.Status == "") {
		err = fault.New(fault.Unknown, "anthropic: %s: the answer is about another key", step)
	}
	return e, err
}

// Preflight: the admin key works, and the workspace is one of its organisation.
func (p *Provider) Preflight(ctx context.Context, _ provider.Request) error {
	var got struct {
		Data *[]entry `json:"data"`
	}
	q := url.Values{"limit": {"1"}}
	if p.opts.Workspace != "" && p.opts.Workspace != defaultWorkspace {
		q.Set("workspace_id", p.opts.Workspace)
	}
	err := p.do(ctx, apiclient.Call{Step: "preflight", Path: keysPath, Query: q, Out: &got, Judge: denied})
	if err == nil && got.Data == nil {
		err = fault.New(fault.Unknown, "anthropic: preflight: the answer is no list")
	}
	return err
}

// Now is the API's clock.
func (p *Provider) Now(ctx context.Context) (time.Time, error) {
	var a apiclient.Answer
	err := p.do(ctx, apiclient.Call{Step: "clock", Path: keysPath, Query: url.Values{"limit": {"1"}}, Answer: &a, Judge: denied})
	return a.Clock("anthropic: clock", err)
}

// says reads the vendor's refusal; nothing else has this form.
func says(a apiclient.Answer) (kind string, ok bool) {
	var e struct {
		Type  string `json:"type"`
		Error struct {
			Type string `json:"type"`
		} `json:"error"`
	}
	if !a.JSON(&e) || e.Type != "error" || e.Error.Type == "" {
		return "", false
	}
	return e.Error.Type, true
}

const goneHint = "the key is gone, or of another organisation than the admin key"

// denied says what to do about the refusals of the Admin API that have a cure.
func denied(a apiclient.Answer) *apiclient.Verdict {
	switch kind, _ := says(a); kind {
	case "authentication_error":
		return &apiclient.Verdict{Kind: fault.Denied, Hint: "the admin key is refused; check what admin-key refers to"}
	case "permission_error":
		return &apiclient.Verdict{Kind: fault.Denied, Hint: "admin-key must refer to an admin key (sk-ant-admin…), which the Console gives to admins of an organisation; a key for the API is none"}
	case "not_found_error":
		if a.Status == http.StatusNotFound {
			return &apiclient.Verdict{Kind: fault.BadConfig, Hint: goneHint}
		}
	}
	return nil
}

func isGone(err error) bool {
	return apiclient.StatusOf(err) == http.StatusNotFound && fault.HintOf(err) == goneHint
}
