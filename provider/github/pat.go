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
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// PAT takes personal access tokens, classic and fine-grained, from a person.
type PAT struct{ client }

var (
	_ provider.Provider     = (*PAT)(nil)
	_ provider.Identifier   = (*PAT)(nil)
	_ provider.ValueRevoker = (*PAT)(nil)
	_ provider.Preflighter  = (*PAT)(nil)
	_ provider.Prober       = (*PAT)(nil)
	_ provider.Guide        = (*PAT)(nil)
	_ provider.Clock        = (*PAT)(nil)
)

// Traits: two tokens live side by side; a person makes them.
func (p *PAT) Traits() provider.Traits {
	return provider.Traits{Name: name, Strategy: rotation.Overlap, Minter: rotation.ByPerson,
		Fields: []provider.Field{{Name: tokenField, Secret: true}},
		Settle: settle, Steady: steady, InFlight: inFlight}
}

// token is what GitHub says of a token to who presents it.
type token struct {
	login   string
	classic bool
	scopes  []string // of a classic one
	expires time.Time
}

// Issue asks GitHub whose the person's token is, and what it may do. It changes nothing.
func (p *PAT) Issue(ctx context.Context, req provider.Request) (provider.Issued, error) {
	value := req.Values[tokenField]
	if err := wellFormed("issue", value); err != nil {
		return provider.Issued{}, err
	}
	t, live, err := p.look(ctx, "issue", value)
	if live == provider.Refused {
		err = fault.New(fault.Rejected, "github: issue: GitHub refuses the token").WithHint("was it copied whole? has it expired, or was it deleted?")
	}
	if err == nil {
		err = p.suits(t)
	}
	if err != nil {
		return provider.Issued{}, err
	}
	return provider.Issued{Handle: t.handle(value), Values: secret.Set{tokenField: value}, NotAfter: t.expires}, nil
}

func (t token) handle(value secret.Value) rotation.Handle {
	return rotation.Handle{ID: t.login + "/" + hash(value)}
}

// look is the cheapest request that a token must be alive for. What is neither alive
// nor refused comes with an error.
func (p *PAT) look(ctx context.Context, step string, value secret.Value) (token, provider.Liveness, error) {
	var a apiclient.Answer
	var got struct {
		Login string `json:"login"`
	}
	err := p.do(ctx, apiclient.Call{Step: step, Path: "/user", Auth: apiclient.Bearer(secret.Fixed(value)), Answer: &a, Out: &got, Judge: unclear})
	switch {
	case err == nil && got.Login == "":
		return token{}, provider.NotKnown, fault.New(fault.Unknown, "github: %s: the answer is no account", step)
	case err == nil:
		return described(got.Login, a.Header), provider.Alive, nil
	case deadToken(a):
		return token{}, provider.Refused, nil
	}
	return token{}, provider.NotKnown, err
}

func described(login string, h http.Header) token {
	t := token{login: login}
	var scopes []string
	if scopes, t.classic = h["X-Oauth-Scopes"]; t.classic {
		for _, s := range strings.Split(strings.Join(scopes, ","), ",") {
			if s = strings.TrimSpace(s); s != "" {
				t.scopes = append(t.scopes, s)
			}
		}
	}
	for _, form := range []string{"2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700"} {
		if at, err := time.Parse(form, h.Get("Github-Authentication-Token-Expiration")); err == nil {
			t.expires = at.UTC()
		}
	}
	return t
}

// wellFormed refuses what is no personal access token, before anybody is asked.
func wellFormed(step string, value secret.Value) error {
	text := value.Reveal() // its form is checked in memory, the text goes nowhere
	no := func(what, hint string) error {
		return fault.New(fault.Rejected, "github: %s: %s", step, what).WithHint("%s", hint)
	}
	odd := strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune(tokenCharacters, r) })
	switch {
	case text == "":
		return no("field "+tokenField+" is missing", "supply the token that GitHub showed")
	case odd || len(text) < 20 || len(text) > 255:
		return no("the value has not the form of a token", "copy it again, whole and without spaces or line breaks")
	case strings.HasPrefix(text, "ghp_"), strings.HasPrefix(text, "github_pat_"):
		return nil
	case len(text) > 4 && strings.HasPrefix(text, "gh") && text[3] == '_':
		return no("the value is an App's token, not a person's", "make a personal access token; for an App there is kind: installation-token")
	}
	return no("the value is no personal access token", "these begin with ghp_ or github_pat_; one from before 2021 must be made anew")
}

const tokenCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

// suits refuses a token that is not what was asked for.
func (p *PAT) suits(t token) error {
	no := func(what, hint string, args ...any) error {
		return fault.New(fault.Rejected, "github: issue: the token %s", what).WithHint(hint, args...)
	}
	if p.opts.Login != "" && !strings.EqualFold(t.login, p.opts.Login) {
		return no("is another account's", "log in as %s and make it there, or correct login in rotor.yaml", p.opts.Login)
	}
	// GitHub lets it expire at the end of a day, in the person's zone
	longest := p.now().Add(time.Duration(p.opts.ExpiresDays+2) * 24 * time.Hour)
	if p.opts.ExpiresDays > 0 && (t.expires.IsZero() || t.expires.After(longest)) {
		return no("lives too long", "make one that expires in %d days: rotor.yaml says so (expires-days)", p.opts.ExpiresDays)
	}
	missing, more := p.compared(t)
	switch {
	case len(p.opts.Scopes) == 0:
	case !t.classic:
		return no("is fine-grained", "rotor.yaml lists scopes, which only classic tokens have: make one, or take scopes out")
	case len(missing) > 0:
		return no("lacks scopes", "tick also: %s", strings.Join(missing, ", "))
	case len(more) > 0:
		return no("has scopes that nobody asked for", "tick nothing but: %s", strings.Join(p.opts.Scopes, ", "))
	}
	return nil
}

// compared are the scopes that a token lacks, and those that it has besides.
func (p *PAT) compared(t token) (missing, more []string) {
	for _, s := range p.opts.Scopes {
		if !slices.Contains(t.scopes, s) {
			missing = append(missing, s)
		}
	}
	for _, s := range t.scopes {
		if !slices.Contains(p.opts.Scopes, s) {
			more = append(more, s)
		}
	}
	return missing, more
}

// Verify uses the token, and makes sure that it is the one of the handle: any token of
// anybody works.
func (p *PAT) Verify(ctx context.Context, v provider.Issued) error {
	t, live, err := p.look(ctx, "verify", v.Values[tokenField])
	if err := provider.Judged("github: verify", live, err); err != nil {
		return err
	}
	missing, _ := p.compared(t)
	switch {
	case p.opts.Login != "" && !strings.EqualFold(t.login, p.opts.Login):
		return fault.New(fault.Rejected, "github: verify: the token works, but is another account's").WithHint("correct login in rotor.yaml, or supply a token of %s", p.opts.Login)
	case !v.Handle.IsZero() && !same(v.Handle, v.Values[tokenField]):
		return fault.New(fault.Rejected, "github: verify: the token works, but is not the one of %s", v.Handle.ID)
	case t.classic && len(missing) > 0:
		return fault.New(fault.Rejected, "github: verify: the token lacks scopes").WithHint("it needs also: %s", strings.Join(missing, ", "))
	}
	return nil
}

// same says whether a token is the one of a handle. An account may be renamed.
func same(h rotation.Handle, value secret.Value) bool {
	_, digits, ok := strings.Cut(h.ID, "/")
	return ok && digits == hash(value)
}

// Probe says whether the token lives.
func (p *PAT) Probe(ctx context.Context, v provider.Issued) (provider.Liveness, error) {
	_, live, err := p.look(ctx, "probe", v.Values[tokenField])
	return live, err
}

// Identify names the handle of a token that works.
func (p *PAT) Identify(ctx context.Context, values secret.Set) (rotation.Handle, error) {
	t, live, err := p.look(ctx, "identify", values[tokenField])
	if err := provider.Judged("github: identify", live, err); err != nil {
		return rotation.Handle{}, err
	}
	return t.handle(values[tokenField]), nil
}

// Revoke cannot be done by a name alone.
func (p *PAT) Revoke(_ context.Context, h rotation.Handle) error {
	return fault.New(fault.NeedsPerson, "github: revoke: the token itself is not known any more").WithHint("%s", p.byHand(h))
}

// RevokeValue ends the token: whoever has it may do that, and must not log in for it.
// GitHub says the same of a token that is gone already. A server that lacks the call, or
// wants a login for it, leaves it to a person.
func (p *PAT) RevokeValue(ctx context.Context, v provider.Issued) error {
	in := struct {
		Credentials []apiclient.Plain `json:"credentials"`
	}{[]apiclient.Plain{{Value: v.Values[tokenField]}}}
	judge := func(a apiclient.Answer) *apiclient.Verdict {
		if v := common(a); v != nil {
			return v
		}
		switch a.Status {
		case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
			return &apiclient.Verdict{Kind: fault.NeedsPerson, Hint: p.byHand(v.Handle)}
		}
		return nil
	}
	return p.do(ctx, apiclient.Call{Step: "revoke", Method: http.MethodPost, Path: "/credentials/revoke", In: in,
		Anonymous: true, OK: []int{http.StatusAccepted}, Judge: judge})
}

// Preflight: the API answers. Whether the next token works is seen when there is one.
func (p *PAT) Preflight(ctx context.Context, _ provider.Request) error {
	_, err := p.Now(ctx)
	return err
}

// Instructions say what a person does in the settings.
func (p *PAT) Instructions(step rotation.Step, req provider.Request) string {
	switch step {
	case rotation.Ask, rotation.Generate:
		return p.asking(req)
	case rotation.Revoke:
		return "Rotor revokes the token by presenting it; GitHub writes to its owner. If it cannot: " + p.byHand(req.Current)
	}
	return ""
}

func (p *PAT) byHand(h rotation.Handle) string {
	text := "delete it at " + p.web() + "/settings/tokens"
	if login, digits, ok := strings.Cut(h.ID, "/"); ok {
		text += fmt.Sprintf(", logged in as %s (the SHA-256 of the token begins with %s)", login, digits)
	}
	return text
}

func (p *PAT) asking(req provider.Request) string {
	who := ""
	if p.opts.Login != "" {
		who = ", logged in as " + p.opts.Login
	}
	page := "/settings/personal-access-tokens/new"
	if len(p.opts.Scopes) > 0 {
		page = "/settings/tokens/new?" + url.Values{"description": {req.Label}, "scopes": {strings.Join(p.opts.Scopes, ",")}}.Encode()
	}
	lines := []string{"Make a new personal access token at " + p.web() + page + who + "."}
	if req.Label != "" {
		lines = append(lines, "Name it, or begin its description with, "+req.Label+".")
	}
	if p.opts.ExpiresDays > 0 {
		lines = append(lines, fmt.Sprintf("Let it expire in %d days.", p.opts.ExpiresDays))
	}
	if len(p.opts.Scopes) > 0 {
		lines = append(lines, "Tick "+strings.Join(p.opts.Scopes, ", ")+" and nothing else.")
	} else {
		lines = append(lines, "Give it the same repositories and permissions as the old one.")
	}
	if p.opts.Instructions != "" {
		lines = append(lines, strings.TrimSpace(p.opts.Instructions))
	}
	return strings.Join(append(lines, "Make another one, do not regenerate the old: it stops at that moment.",
		"Then supply: "+tokenField+"."), "\n")
}
