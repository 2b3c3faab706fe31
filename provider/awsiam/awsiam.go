// Package awsiam rotates the access keys of an AWS IAM user.
//
// What surprises: keys bear no names, and a user has two at most. A key that a lost
// answer left behind cannot be told by a label, and leaves no room for the next; it is
// found by comparing with what was there before the try (provider.Lister). And a
// machine whose clock is off makes every signature look wrong.
package awsiam

import (
	"context"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/internal/sigv4"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

const (
	idField     = "access_key_id"
	keyField    = "secret_access_key"
	defaultBase = "https://iam.amazonaws.com"
	defaultSTS  = "https://sts.amazonaws.com"
)

// Provider issues keys for one user.
type Provider struct {
	opts  Options
	admin secret.Source // the id of the key that signs
	iam   *apiclient.Client
	sts   *apiclient.Client
}

var (
	_ provider.Provider      = (*Provider)(nil)
	_ provider.Lister        = (*Provider)(nil)
	_ provider.Identifier    = (*Provider)(nil)
	_ provider.Preflighter   = (*Provider)(nil)
	_ provider.Prober        = (*Provider)(nil)
	_ provider.UsageReporter = (*Provider)(nil)
	_ provider.Clock         = (*Provider)(nil)
)

// New checks the options; nothing is connected. id and key give the pair that signs, and
// are read at each request.
func New(opts Options, id, key secret.Source) (*Provider, error) {
	opts, err := opts.validated()
	if err != nil {
		return nil, err
	}
	config := apiclient.Config{Name: name, BaseURL: opts.BaseURL, RequestID: "X-Amzn-Requestid",
		Auth:   sigv4.Scope{Service: "iam", Region: opts.Region}.Auth(id, key),
		Limits: apiclient.Limits{PerSecond: opts.RequestsPerSecond, Concurrent: 32}}
	p := &Provider{opts: opts, admin: id}
	if p.iam, err = apiclient.New(config); err != nil {
		return nil, err
	}
	config.BaseURL, config.Auth = opts.STSURL, nil
	p.sts, err = apiclient.New(config)
	return p, err
}

// Close drops idle connections.
func (p *Provider) Close() error {
	p.sts.Close()
	return p.iam.Close()
}

// Traits: two keys live side by side, and no third.
func (p *Provider) Traits() provider.Traits {
	return provider.Traits{Name: name, Strategy: rotation.Overlap, Minter: rotation.ByProvider,
		Fields: []provider.Field{{Name: idField}, {Name: keyField, Secret: true}},
		Quota:  perUser, Shared: p.opts.Shared, Settle: settle, Steady: steady, InFlight: inFlight}
}

const (
	perUser  = 2
	settle   = 30 * time.Second // IAM is eventually consistent
	steady   = 6 * time.Second
	inFlight = time.Minute // longer than any gateway keeps a request whose client is gone
)

// key is a key as answers describe it.
type key struct {
	User    string           `xml:"UserName"`
	ID      string           `xml:"AccessKeyId"`
	Status  string           `xml:"Status"`
	Created moment           `xml:"CreateDate"`
	Secret  apiclient.Secret `xml:"SecretAccessKey"` // only in the answer that makes it
}

// moment is a time that may be missing, or be written in another way: that is no reason
// to lose the key in the same answer.
type moment struct{ time.Time }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *moment) UnmarshalText(text []byte) error {
	m.Time, _ = time.Parse(time.RFC3339, string(text))
	return nil
}

// call is one action. The answer's form is asked for: AWS would give JSON to whoever
// accepts JSON.
func call(step, action, version string, parameters url.Values, out any) apiclient.Call {
	form := url.Values{"Action": {action}, "Version": {version}}
	for k, v := range parameters {
		form[k] = v
	}
	c := apiclient.Call{Step: step + ": " + action, Method: http.MethodPost, Path: "/", Form: form, Judge: judge,
		Header: http.Header{"Accept": {"text/xml"}}, Reads: strings.HasPrefix(action, "Get") || strings.HasPrefix(action, "List")}
	c.Decode = func(body []byte) error { return xml.Unmarshal(body, out) }
	return c
}

// do is an action of IAM about the user's keys.
func (p *Provider) do(ctx context.Context, step, action string, parameters url.Values, out any) error {
	if parameters == nil {
		parameters = url.Values{}
	}
	if p.opts.User != "" && action != "GetAccessKeyLastUsed" {
		parameters.Set("UserName", p.opts.User)
	}
	return p.iam.Do(ctx, call(step, action, "2010-05-08", parameters, out))
}

type listed struct {
	XMLName xml.Name `xml:"ListAccessKeysResponse"`
	Keys    []key    `xml:"ListAccessKeysResult>AccessKeyMetadata>member"`
	More    bool     `xml:"ListAccessKeysResult>IsTruncated"`
	Marker  string   `xml:"ListAccessKeysResult>Marker"`
}

// all reads every key of the user, inactive ones too.
func (p *Provider) all(ctx context.Context, step string) ([]key, error) {
	return apiclient.Pages(ctx, name+": "+step, func(k key) string { return k.ID },
		func(ctx context.Context, marker string) (apiclient.Page[key], error) {
			parameters := url.Values{}
			if marker != "" {
				parameters.Set("Marker", marker)
			}
			var got listed
			err := p.do(ctx, step, "ListAccessKeys", parameters, &got)
			if err == nil && got.More && got.Marker == "" {
				err = fault.New(fault.Unknown, "%s: %s: the list goes on and does not say where", name, step)
			}
			page := apiclient.Page[key]{Items: got.Keys}
			if got.More {
				page.Next = got.Marker
			}
			return page, err
		})
}

// List gives every key of the user; there are no labels to tell them by.
func (p *Provider) List(ctx context.Context) ([]provider.Found, error) {
	all, err := p.all(ctx, "list")
	var out []provider.Found
	for _, k := range all {
		out = append(out, provider.Found{Handle: rotation.Handle{ID: k.ID}, Created: k.Created.Time})
	}
	return out, err
}

// Now is IAM's clock.
func (p *Provider) Now(ctx context.Context) (time.Time, error) {
	var a apiclient.Answer
	parameters := url.Values{"MaxItems": {"1"}}
	if p.opts.User != "" {
		parameters.Set("UserName", p.opts.User)
	}
	c := call("clock", "ListAccessKeys", "2010-05-08", parameters, new(listed))
	c.Answer = &a
	err := p.iam.Do(ctx, c)
	return a.Clock(name+": clock", err)
}
