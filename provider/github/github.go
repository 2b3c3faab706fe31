// Package github rotates three sorts of GitHub's credentials: personal access tokens,
// which people make; tokens of a GitHub App's installation, which live for an hour; and
// deploy keys, ssh keys of one repository, which Rotor makes.
//
// What surprises: a token has no id that an API tells. It is named by the beginning of
// its SHA-256 hash, which is what GitHub's own audit log does, and it is revoked by
// presenting it. And a 404 means: there is none, or you may not see it.
package github

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/internal/githubapi"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/secret"
)

const (
	defaultBase = "https://api.github.com"
	tokenField  = "token"

	settle   = 2 * time.Minute // asked about every fifteen seconds: GitHub locks out who asks often with what is dead
	steady   = 6 * time.Second
	inFlight = time.Minute // longer than any gateway keeps a request whose client is gone
)

// client is what the kinds share.
type client struct {
	opts Options
	api  *apiclient.Client
	now  func() time.Time
}

// New checks the options; nothing is connected. credential gives the App's private key
// or the administering token and is read at each use; kind pat needs none.
func New(opts Options, credential secret.Source) (provider.Provider, error) {
	opts, err := opts.validated()
	if err != nil {
		return nil, err
	}
	config := apiclient.Config{Name: name, BaseURL: opts.BaseURL, RequestID: "X-Github-Request-Id",
		Limits: apiclient.Limits{PerSecond: opts.RequestsPerSecond, Burst: 20, Concurrent: 16}}
	if opts.Kind == kindDeployKey {
		config.Auth = apiclient.Bearer(credential)
	}
	api, err := apiclient.New(config)
	if err != nil {
		return nil, err
	}
	c := client{opts: opts, api: api, now: time.Now}
	switch opts.Kind {
	case kindInstallation:
		return &Installation{client: c, key: credential}, nil
	case kindDeployKey:
		return &DeployKey{client: c}, nil
	}
	return &PAT{client: c}, nil
}

// Close drops idle connections.
func (c *client) Close() error { return c.api.Close() }

// do sends a call with the headers that all carry; GitHub's common refusals are read
// after the call's own. A limit's error says when to come again.
func (c *client) do(ctx context.Context, call apiclient.Call) error {
	var a apiclient.Answer
	if call.Answer == nil {
		call.Answer = &a
	}
	call.Header = githubapi.Header()
	own := call.Judge
	call.Judge = func(a apiclient.Answer) *apiclient.Verdict {
		if own != nil {
			if v := own(a); v != nil {
				return v
			}
		}
		return common(a)
	}
	return githubapi.Waiting(c.api.Do(ctx, call), *call.Answer)
}

// Now is the API's clock. GitHub does not count this call against any limit; where
// there are no limits it answers 404, and a server in private mode 401, with the date
// all the same.
func (c *client) Now(ctx context.Context) (time.Time, error) {
	var a apiclient.Answer
	err := c.do(ctx, apiclient.Call{Step: "clock", Path: "/rate_limit", Anonymous: true, Answer: &a, OK: []int{200, 404}})
	if _, ok := githubapi.Says(a); ok && a.Status == http.StatusUnauthorized {
		err = nil
	}
	return a.Clock("github: clock", err)
}

// deadToken recognises the refusal of a token that is no longer one.
func deadToken(a apiclient.Answer) bool {
	message, ok := githubapi.Says(a)
	return ok && a.Status == http.StatusUnauthorized && message == "Bad credentials"
}

// unclear: what a value under test is told is no word about a login of Rotor's, and what
// nobody recognises proves nothing of the value either.
func unclear(a apiclient.Answer) *apiclient.Verdict {
	v := common(a)
	if v == nil && a.Status/100 == 4 && a.Status != http.StatusTooManyRequests && a.Status != http.StatusProxyAuthRequired {
		v = &apiclient.Verdict{Kind: fault.Unknown, Hint: "this proves nothing of the token: is it of this kind and this GitHub (base-url), " +
			"is its account in order, and does something between here and GitHub answer?"}
	}
	return v
}

// common are the refusals that any call may get.
func common(a apiclient.Answer) *apiclient.Verdict {
	message, ok := githubapi.Says(a)
	switch {
	case !ok:
		return nil
	case a.Status == http.StatusForbidden && strings.HasPrefix(message, "Maximum number of login attempts"):
		return &apiclient.Verdict{Kind: fault.Transient, Hint: "GitHub locks this address out for a while, because of logins with tokens that are dead"}
	case githubapi.Limited(a):
		return &apiclient.Verdict{Kind: fault.Transient, Hint: "GitHub's limit of requests an hour is reached"}
	case a.Status == http.StatusMovedPermanently:
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: "it was renamed or moved: correct rotor.yaml; a credential follows no redirect"}
	}
	return nil
}

// hash is how a token is named: the first 16 hex digits of its SHA-256.
func hash(token secret.Value) string {
	sum := sha256.Sum256([]byte(token.Reveal()))
	return hex.EncodeToString(sum[:8])
}

// web is the site that belongs to the API.
func (c *client) web() string {
	u, err := url.Parse(c.opts.BaseURL)
	if err != nil {
		return "https://github.com"
	}
	return "https://" + strings.TrimPrefix(u.Host, "api.")
}
