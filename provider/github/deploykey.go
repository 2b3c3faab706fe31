package github

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/internal/githubapi"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// DeployKey makes ssh keys of one repository.
type DeployKey struct{ client }

var (
	_ provider.Provider      = (*DeployKey)(nil)
	_ provider.Maker         = (*DeployKey)(nil)
	_ provider.Identifier    = (*DeployKey)(nil)
	_ provider.Preflighter   = (*DeployKey)(nil)
	_ provider.Prober        = (*DeployKey)(nil)
	_ provider.UsageReporter = (*DeployKey)(nil)
	_ provider.Clock         = (*DeployKey)(nil)
)

const (
	privateField = "private_key"
	publicField  = "public_key"
)

// Traits: two keys live side by side; Rotor makes them.
func (p *DeployKey) Traits() provider.Traits {
	return provider.Traits{Name: name, Strategy: rotation.Overlap, Minter: rotation.ByRotor,
		Fields: []provider.Field{{Name: privateField, Secret: true}, {Name: publicField}},
		Settle: settle, Steady: steady, InFlight: inFlight}
}

// Make makes an ed25519 pair in OpenSSH's form; the label is the private key's comment.
func (p *DeployKey) Make(_ context.Context, req provider.Request) (secret.Set, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fault.Wrap(fault.Transient, "github: make", err)
	}
	block, err := ssh.MarshalPrivateKey(private, req.Label)
	if err != nil {
		return nil, fault.Wrap(fault.BadConfig, "github: make", err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return nil, fault.Wrap(fault.BadConfig, "github: make", err)
	}
	return secret.Set{privateField: secret.New(string(pem.EncodeToMemory(block))), publicField: secret.Public(line(key))}, nil
}

// line is a public key as GitHub shows it: without a comment.
func line(key ssh.PublicKey) string { return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) }

// entry is a deploy key as the API describes it.
type entry struct {
	ID       int64           `json:"id"`
	Key      string          `json:"key"`
	Title    string          `json:"title"`
	ReadOnly *bool           `json:"read_only"`
	Enabled  *bool           `json:"enabled"`
	Used     json.RawMessage `json:"last_used"` // null: never; absent: not told
}

// is compares with a public key; what the API shows may have a comment.
func (e entry) is(public string) bool {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(e.Key))
	return err == nil && line(key) == public
}

// number is its id, which counts within one server.
func (e entry) number() string { return strconv.FormatInt(e.ID, 10) }

// handle is PLACE/NUMBER: another repository or server has the same numbers.
func (p *DeployKey) handle(e entry) rotation.Handle {
	return rotation.Handle{ID: p.opts.place() + "/" + e.number()}
}

// split gives the number of a handle of this repository.
func (p *DeployKey) split(step string, h rotation.Handle) (string, error) {
	number, here := strings.CutPrefix(h.ID, p.opts.place()+"/")
	if !here {
		return "", bad("%s: the handle is not of %s: %.200q", step, p.opts.place(), h.ID).
			WithHint("was repository or base-url changed in rotor.yaml? put the old one back and finish the retirement")
	}
	if id, err := strconv.ParseInt(number, 10, 64); err != nil || id <= 0 {
		return "", bad("%s: the handle names no key", step).WithHint("was it made by another kind or provider? a deploy key's is HOST/OWNER/NAME/NUMBER")
	}
	return number, nil
}

func (p *DeployKey) path(below string, ids ...string) string {
	owner, repo, _ := strings.Cut(p.opts.Repository, "/")
	return apiclient.Path("/repos/%s/%s/keys"+below, append([]string{owner, repo}, ids...)...)
}

// Issue adds the public key under its label. Where it is there already, an earlier try
// has arrived.
func (p *DeployKey) Issue(ctx context.Context, req provider.Request) (provider.Issued, error) {
	public, _, err := pair("issue", req.Values)
	if err != nil {
		return provider.Issued{}, err
	}
	in := map[string]any{"title": req.Label, "key": public, "read_only": p.opts.readOnly()}
	var got entry
	err = p.do(ctx, apiclient.Call{Step: "issue", Method: http.MethodPost, Path: p.path(""), In: in, Out: &got, Judge: unwilling, OK: []int{http.StatusCreated}})
	switch {
	case fault.HintOf(err) == inUseHint:
		got, err = p.find(ctx, "issue", public)
	case err == nil && (got.ID == 0 || !got.is(public)):
		err = fault.New(fault.Unknown, "github: issue: the answer is about another key")
	}
	if err != nil {
		return provider.Issued{}, err
	}
	return provider.Issued{Handle: p.handle(got), Values: req.Values}, nil
}

const inUseHint = "a key opens one place only, and this one is in use already"

// unwilling says what to do about refusals that have a cure.
func unwilling(a apiclient.Answer) *apiclient.Verdict {
	message, ok := githubapi.Says(a)
	switch {
	case !ok:
		return nil
	case a.Status == http.StatusUnprocessableEntity && strings.Contains(message, "already in use"):
		return &apiclient.Verdict{Kind: fault.Rejected, Hint: inUseHint}
	case a.Status == http.StatusUnprocessableEntity && strings.Contains(strings.ToLower(message), "deploy keys"):
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: "the organisation does not allow deploy keys there: its owner can, in the settings; or use kind: installation-token"}
	}
	return invisible(a)
}

const unseenHint = "there is no such repository or key, or token may not see it"

// invisible: GitHub says that there is none to whoever may not see it.
func invisible(a apiclient.Answer) *apiclient.Verdict {
	const needs = "; it takes a classic token with scope repo of somebody who administers the repository, or a fine-grained one with permission Administration: write"
	message, ok := githubapi.Says(a)
	switch {
	case ok && a.Status == http.StatusNotFound:
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: unseenHint + needs}
	case ok && a.Status == http.StatusForbidden && strings.HasPrefix(message, "Resource not accessible"):
		return &apiclient.Verdict{Kind: fault.Denied, Hint: "token may not administer the repository" + needs}
	}
	return nil
}

// all reads every deploy key of the repository.
func (p *DeployKey) all(ctx context.Context, step string) ([]entry, error) {
	const size = 100
	return apiclient.Pages(ctx, name+": "+step, entry.number,
		func(ctx context.Context, next string) (apiclient.Page[entry], error) {
			page, err := strconv.Atoi("0" + next)
			page = max(page, 1)
			var got *[]entry
			var a apiclient.Answer
			q := url.Values{"per_page": {fmt.Sprint(size)}, "page": {fmt.Sprint(page)}}
			if err == nil {
				err = p.do(ctx, apiclient.Call{Step: step, Path: p.path(""), Query: q, Out: &got, Answer: &a, Judge: invisible})
			}
			if err == nil && got == nil {
				err = fault.New(fault.Unknown, "github: %s: the answer is no list", step)
			}
			if err != nil {
				return apiclient.Page[entry]{}, err
			}
			out := apiclient.Page[entry]{Items: *got}
			if len(*got) == size || strings.Contains(a.Header.Get("Link"), `rel="next"`) {
				out.Next = fmt.Sprint(page + 1)
			}
			return out, nil
		})
}

// find is the entry of a public key.
func (p *DeployKey) find(ctx context.Context, step, public string) (entry, error) {
	all, err := p.all(ctx, step)
	if err != nil {
		return entry{}, err
	}
	for _, e := range all {
		if e.is(public) {
			return e, nil
		}
	}
	return entry{}, fault.New(fault.Rejected, "github: %s: the key is not one of %s", step, p.opts.Repository).
		WithHint("is it of another repository, or of a person's account?")
}

// get reads one entry by its id.
func (p *DeployKey) get(ctx context.Context, step string, h rotation.Handle) (entry, error) {
	number, err := p.split(step, h)
	if err != nil {
		return entry{}, err
	}
	var e entry
	err = p.do(ctx, apiclient.Call{Step: step, Path: p.path("/%s", number), Out: &e, Judge: invisible})
	if err == nil && e.number() != number {
		err = fault.New(fault.Unknown, "github: %s: the answer is about another key", step)
	}
	return e, err
}

// Revoke deletes the key by its id. GitHub says 404 also where the token may not see
// the repository: only a list without the key proves that it is gone.
func (p *DeployKey) Revoke(ctx context.Context, h rotation.Handle) error {
	number, err := p.split("revoke", h)
	if err != nil {
		return err
	}
	var a apiclient.Answer
	err = p.do(ctx, apiclient.Call{Step: "revoke", Method: http.MethodDelete, Path: p.path("/%s", number), Answer: &a, Judge: invisible, OK: []int{http.StatusNoContent}})
	if _, ok := githubapi.Says(a); err == nil || !ok || a.Status != http.StatusNotFound {
		return err
	}
	all, err := p.all(ctx, "revoke")
	if err != nil {
		return err
	}
	for _, e := range all {
		if e.number() == number {
			return fault.New(fault.Unknown, "github: revoke: there is no key %s, and it is listed", number).WithHint("may token delete deploy keys?")
		}
	}
	return nil
}

// unlisted: the repository's list is whole and lacks the key.
func (p *DeployKey) unlisted(ctx context.Context, h rotation.Handle) bool {
	number, err := p.split("usage", h)
	if err != nil {
		return false
	}
	all, err := p.all(ctx, "usage")
	return err == nil && !slices.ContainsFunc(all, func(e entry) bool { return e.number() == number })
}

// Preflight: the token may see the repository's keys, and the ssh server answers.
// Whether the token may add one cannot be asked without doing it.
func (p *DeployKey) Preflight(ctx context.Context, _ provider.Request) error {
	var got *[]entry
	err := p.do(ctx, apiclient.Call{Step: "preflight", Path: p.path(""), Query: url.Values{"per_page": {"1"}}, Out: &got, Judge: invisible})
	if err == nil && got == nil {
		err = fault.New(fault.Unknown, "github: preflight: the answer is no list")
	}
	if err != nil {
		return err
	}
	return p.greet(ctx)
}

// Identify finds the key by its public half.
func (p *DeployKey) Identify(ctx context.Context, values secret.Set) (rotation.Handle, error) {
	public, _, err := pair("identify", values)
	if err != nil {
		return rotation.Handle{}, err
	}
	e, err := p.find(ctx, "identify", public)
	if err != nil {
		return rotation.Handle{}, err
	}
	return p.handle(e), nil
}

// Usage is GitHub's own record; it may be behind by a while.
func (p *DeployKey) Usage(ctx context.Context, h rotation.Handle) (provider.Usage, error) {
	e, err := p.get(ctx, "usage", h)
	if err != nil && p.unlisted(ctx, h) {
		return provider.Usage{}, nil // it is gone: nobody uses it, and nobody can tell
	}
	if err != nil || e.Used == nil {
		return provider.Usage{}, err
	}
	var at *time.Time
	if json.Unmarshal(e.Used, &at) != nil {
		return provider.Usage{}, nil
	}
	u := provider.Usage{Known: true}
	if at != nil {
		u.LastUsed = *at
	}
	return u, nil
}
