package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/internal/githubapi"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Installation makes tokens of a GitHub App's installation. No call lists them; each
// ends by itself after an hour.
type Installation struct {
	client
	key secret.Source // the App's
}

var (
	_ provider.Provider     = (*Installation)(nil)
	_ provider.Identifier   = (*Installation)(nil)
	_ provider.ValueRevoker = (*Installation)(nil)
	_ provider.Preflighter  = (*Installation)(nil)
	_ provider.Prober       = (*Installation)(nil)
	_ provider.Clock        = (*Installation)(nil)
)

// Traits: many tokens live side by side; GitHub makes them.
func (p *Installation) Traits() provider.Traits {
	return provider.Traits{Name: name, Strategy: rotation.Overlap, Minter: rotation.ByProvider,
		Fields: []provider.Field{{Name: tokenField, Secret: true}},
		Settle: settle, Steady: steady, InFlight: inFlight, Expires: time.Hour}
}

func (p *Installation) path(below string) string {
	return apiclient.Path("/app/installations/%s"+below, fmt.Sprint(p.opts.InstallationID))
}

// Issue makes a token, with the rights that were asked for.
func (p *Installation) Issue(ctx context.Context, _ provider.Request) (provider.Issued, error) {
	in := struct {
		Repositories []string          `json:"repositories,omitempty"`
		Permissions  map[string]string `json:"permissions,omitempty"`
	}{p.opts.Repositories, p.opts.Permissions}
	var got struct {
		Token   apiclient.Secret `json:"token"`
		Expires time.Time        `json:"expires_at"`
	}
	err := p.do(ctx, apiclient.Call{Step: "issue", Method: http.MethodPost, Path: p.path("/access_tokens"), In: in, Out: &got,
		Auth: p.asApp, Judge: p.ungranted, OK: []int{http.StatusCreated}})
	if err == nil && (got.Token.IsZero() || got.Expires.IsZero()) {
		err = fault.New(fault.Unknown, "github: issue: the answer has no token")
	}
	if err != nil {
		return provider.Issued{}, err
	}
	return provider.Issued{Handle: p.handle(got.Token.Value), Values: secret.Set{tokenField: got.Token.Value}, NotAfter: got.Expires}, nil
}

func (p *Installation) handle(value secret.Value) rotation.Handle {
	return rotation.Handle{ID: fmt.Sprint(p.opts.InstallationID) + "/" + hash(value)}
}

// ungranted also recognises that more was asked for than the installation may do.
func (p *Installation) ungranted(a apiclient.Answer) *apiclient.Verdict {
	message, ok := githubapi.Says(a)
	text := strings.ToLower(message)
	switch {
	case !ok || a.Status != http.StatusUnprocessableEntity:
		return p.refusedApp(a)
	case strings.Contains(text, "permission"):
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: "the installation lacks permissions that rotor.yaml lists: grant them to the App, and let the account's owner accept that"}
	case strings.Contains(text, "repositor"):
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: "the installation does not reach a repository that rotor.yaml lists: add it there; names are without owner"}
	}
	return nil
}

// Preflight: the App's key works, the installation is not suspended and may do what
// tokens are to do.
func (p *Installation) Preflight(ctx context.Context, _ provider.Request) error {
	var got struct {
		ID          int64             `json:"id"`
		Suspended   *string           `json:"suspended_at"`
		Permissions map[string]string `json:"permissions"`
	}
	err := p.do(ctx, apiclient.Call{Step: "preflight", Path: p.path(""), Out: &got, Auth: p.asApp, Judge: p.refusedApp})
	switch {
	case err != nil:
		return err
	case got.ID != p.opts.InstallationID:
		return fault.New(fault.Unknown, "github: preflight: the answer is about another installation")
	case got.Suspended != nil:
		return fault.New(fault.Denied, "github: preflight: the installation is suspended").WithHint("%s", suspended.Hint)
	}
	for what, level := range p.opts.Permissions {
		if got.Permissions != nil && rank(got.Permissions[what]) < rank(level) {
			return bad("the installation may not %s %s", level, what).WithHint("grant it to the App, and let the account's owner accept that")
		}
	}
	return nil
}

func rank(level string) int { return slices.Index([]string{"read", "write", "admin"}, level) }

// Verify uses the token, compares what it reaches with what was asked for, and makes
// sure that it is the one of the handle.
func (p *Installation) Verify(ctx context.Context, v provider.Issued) error {
	reach, live, err := p.look(ctx, "verify", v.Values[tokenField])
	if err := provider.Judged("github: verify", live, err); err != nil {
		return err
	}
	if !v.Handle.IsZero() && !same(v.Handle, v.Values[tokenField]) {
		return fault.New(fault.Rejected, "github: verify: the token works, but is not the one of %s", v.Handle.ID)
	}
	if len(p.opts.Repositories) == 0 {
		return nil
	}
	for _, r := range reach.Repositories {
		if !slices.ContainsFunc(p.opts.Repositories, func(name string) bool { return strings.EqualFold(name, r.Name) }) {
			return fault.New(fault.Rejected, "github: verify: the token reaches a repository that rotor.yaml does not list")
		}
	}
	if want := len(distinct(p.opts.Repositories)); reach.Total != want {
		return fault.New(fault.Rejected, "github: verify: the token reaches %d repositories, want %d", reach.Total, want)
	}
	return nil
}

func distinct(names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, strings.ToLower(n))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// reach is what a token can get at: a number, and the first of them.
type reach struct {
	Total        int `json:"total_count"`
	Repositories []struct {
		Name string `json:"name"`
	} `json:"repositories"`
}

func (p *Installation) look(ctx context.Context, step string, value secret.Value) (reach, provider.Liveness, error) {
	var a apiclient.Answer
	got := reach{Total: -1}
	err := p.do(ctx, apiclient.Call{Step: step, Path: "/installation/repositories", Query: url.Values{"per_page": {"1"}},
		Auth: apiclient.Bearer(secret.Fixed(value)), Answer: &a, Out: &got, Judge: unclear})
	switch {
	case err == nil && got.Total < 0:
		return got, provider.NotKnown, fault.New(fault.Unknown, "github: %s: the answer is no list of repositories", step)
	case err == nil:
		return got, provider.Alive, nil
	case deadToken(a):
		return got, provider.Refused, nil
	}
	return got, provider.NotKnown, err
}

// Probe says whether the token lives. One whose hour is over is refused in the same words.
func (p *Installation) Probe(ctx context.Context, v provider.Issued) (provider.Liveness, error) {
	_, live, err := p.look(ctx, "probe", v.Values[tokenField])
	return live, err
}

// Identify names the handle of a token that works.
func (p *Installation) Identify(ctx context.Context, values secret.Set) (rotation.Handle, error) {
	_, live, err := p.look(ctx, "identify", values[tokenField])
	if err := provider.Judged("github: identify", live, err); err != nil {
		return rotation.Handle{}, err
	}
	return p.handle(values[tokenField]), nil
}

// Revoke cannot be done by a name alone.
func (p *Installation) Revoke(_ context.Context, h rotation.Handle) error {
	return fault.New(fault.NeedsPerson, "github: revoke: the token of %s itself is not known any more", h.ID).
		WithHint("it ends by itself, at most an hour after it was made; to end all at once, suspend the installation")
}

// RevokeValue ends the token by presenting it. One that is refused has ended already.
func (p *Installation) RevokeValue(ctx context.Context, v provider.Issued) error {
	var a apiclient.Answer
	err := p.do(ctx, apiclient.Call{Step: "revoke", Method: http.MethodDelete, Path: "/installation/token",
		Auth: apiclient.Bearer(secret.Fixed(v.Values[tokenField])), Answer: &a, OK: []int{http.StatusNoContent}})
	if err != nil && deadToken(a) {
		return nil
	}
	return err
}
