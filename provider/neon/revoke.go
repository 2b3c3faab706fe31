package neon

import (
	"context"
	"net/http"
	"regexp"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

var gone = regexp.MustCompile(`(?i)\b(role|branch)\b.*\bnot found`)

// Revoke gives the role a password that nobody gets to know. The handle is the role
// itself, so this ends the value that it has now; the engine does not call it for a
// password that was overwritten. A role or branch that is gone is nil, and so is a
// role that was dropped and made anew.
func (p *Provider) Revoke(ctx context.Context, h rotation.Handle) error {
	if !strings.HasPrefix(h.ID, p.opts.Branch+"/"+p.opts.Role+"@") {
		return bad("revoke: the handle is of another branch or role").
			WithHint("were branch or role changed in rotor.yaml? put the old ones back and finish the retirement")
	}
	isGone := false
	var got struct {
		Role role `json:"role"`
	}
	err := p.api.Do(ctx, apiclient.Call{Step: "revoke", Path: p.rolePath(p.opts.Branch, ""), Out: &got,
		Judge: func(a apiclient.Answer) *apiclient.Verdict {
			var words struct {
				Message string `json:"message"`
			}
			isGone = a.Status == http.StatusNotFound && a.JSON(&words) && gone.MatchString(words.Message)
			return nil
		}})
	switch {
	case isGone:
		return nil
	case err != nil:
		return err
	case got.Role.handle() != h:
		return nil
	}
	done, err := p.reset(ctx, "revoke", p.opts.Branch)
	if err != nil {
		return err
	}
	return p.watch(ctx, "revoke", done.Operations)
}

// Preflight asks everything that can be asked: the role, that its password can be
// read again after a crash, that nothing else is going on, that host leads to it.
func (p *Provider) Preflight(ctx context.Context, _ provider.Request) error {
	r, err := p.role(ctx, "preflight", p.opts.Branch)
	if err != nil {
		return err
	}
	if r.Method != "" && r.Method != "password" {
		return bad("preflight: role %s logs in by %s, not by password", p.opts.Role, r.Method)
	}
	if p.hook != nil {
		if err := p.hook.Check(); err != nil {
			return fault.Wrap(fault.KindOf(err), "neon: after-delete", err)
		}
	}
	word, err := p.reveal(ctx, "preflight", p.opts.Branch)
	if apiclient.StatusOf(err) == http.StatusPreconditionFailed {
		if p.opts.Unstored {
			return p.quiet(ctx, "preflight")
		}
		return bad("preflight: the project does not store passwords").
			WithHint("a password whose answer is lost could not be read again; let the project store them, set unstored: true, or use the provider postgres with two roles")
	}
	if err != nil {
		return err
	}
	if err := p.quiet(ctx, "preflight"); err != nil {
		return err
	}
	err = p.login(ctx, "neon: preflight", word)
	if fault.KindOf(err) == fault.Rejected && err != nil {
		return bad("preflight: %s refuses the role's present password", p.opts.Host).
			WithHint("does host belong to branch %s?", p.opts.Branch)
	}
	return err
}

// Identify logs in: a role's name alone proves nothing.
func (p *Provider) Identify(ctx context.Context, values secret.Set) (rotation.Handle, error) {
	if u := values[username]; !u.IsZero() && !u.Equal(secret.New(p.opts.Role)) {
		return rotation.Handle{}, fault.New(fault.Rejected, "neon: identify: the value is of another role")
	}
	if err := p.login(ctx, "neon: identify", values[password]); err != nil {
		return rotation.Handle{}, err
	}
	r, err := p.role(ctx, "identify", p.opts.Branch)
	if err != nil {
		return rotation.Handle{}, err
	}
	return r.handle(), nil
}
