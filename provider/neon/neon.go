// Package neon rotates the password of a role on a branch of a Neon project, in
// place, through Neon's API.
//
// What surprises: the answer to a reset holds a password that does not work yet. The
// old one is valid until the operation behind the reset is finished, so Issue
// watches the operation to its end, at a measured pace and for a bounded time. What
// takes longer is unknown, not lost: Reveal reads the value when it counts.
package neon

import (
	"context"
	"net/http"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/internal/proc"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

const (
	username = "username"
	password = "password"
)

// Provider resets one role's password.
type Provider struct {
	opts Options
	api  *apiclient.Client
	hook *proc.Hook // after a branch was deleted; may be nil
}

var (
	_ provider.Provider    = (*Provider)(nil)
	_ provider.Revealer    = (*Provider)(nil)
	_ provider.Preflighter = (*Provider)(nil)
	_ provider.Identifier  = (*Provider)(nil)
	_ provider.Prober      = (*Provider)(nil)
	_ provider.Clock       = (*Provider)(nil)
)

// New checks the options; nothing is connected. key gives the API key and is read at
// each request.
func New(opts Options, key secret.Source) (*Provider, error) {
	opts, err := opts.validated()
	if err != nil {
		return nil, err
	}
	p := &Provider{opts: opts}
	p.api, err = apiclient.New(apiclient.Config{
		Name: name, BaseURL: opts.BaseURL, Auth: apiclient.Bearer(key),
		// another operation of the project runs; nothing was done
		Kinds:  map[int]fault.Kind{http.StatusLocked: fault.Transient},
		Limits: limits,
	})
	if err != nil {
		return nil, err
	}
	if len(opts.AfterDelete) > 0 {
		p.hook, err = proc.NewHook("after-delete", opts.AfterDelete, 0)
	}
	return p, err
}

// Close drops idle connections.
func (p *Provider) Close() error { return p.api.Close() }

// Traits: in place; the provider makes the value.
func (p *Provider) Traits() provider.Traits {
	return provider.Traits{
		Name:     name,
		Strategy: rotation.InPlace,
		Minter:   rotation.ByProvider,
		Fields:   []provider.Field{{Name: username}, {Name: password, Secret: true}},
		Settle:   settle,
		InFlight: inFlight,
		Outage:   "Neon drops the role's connections when the reset takes effect, seconds after it was asked for; from then until a consumer presents the new password its logins are refused",
	}
}

const (
	// settle: Neon's proxies may remember the old password for a moment.
	settle = 15 * time.Second
	// inFlight: longer than any gateway keeps a request whose client is gone.
	inFlight = 30 * time.Second
	// lockedFor is how long to stay away from a project that is busy. Neon's own
	// command line waits as long.
	lockedFor = 3 * time.Second
)

var (
	// pace of watching an operation.
	pace = apiclient.Pace{Every: 300 * time.Millisecond, AtMost: 30 * time.Second}
	// limits: 700 a minute and 40 a second are allowed to the account.
	limits = apiclient.Limits{PerSecond: 10, Burst: 20, Concurrent: 8}
)

type role struct {
	Name     string           `json:"name"`
	Branch   string           `json:"branch_id"`
	Password apiclient.Secret `json:"password"`
	Created  time.Time        `json:"created_at"`
	Method   string           `json:"authentication_method"`
}

// handle: a role of the same name that is made anew is another one.
func (r role) handle() rotation.Handle {
	return rotation.Handle{ID: r.Branch + "/" + r.Name + "@" + r.Created.UTC().Format(time.RFC3339), Slot: r.Name}
}

type operation struct {
	ID     string `json:"id"`
	Branch string `json:"branch_id"`
	Action string `json:"action"`
	Status string `json:"status"`
}

// over: "error" is not the end, Neon tries again by itself.
func (o operation) over() bool {
	switch o.Status {
	case "finished", "skipped", "failed", "cancelled":
		return true
	}
	return false
}

func (o operation) good() bool { return o.Status == "finished" || o.Status == "skipped" }

type reset struct {
	Role       role        `json:"role"`
	Operations []operation `json:"operations"`
}

func (p *Provider) rolePath(branch, below string) string {
	return apiclient.Path("/projects/%s/branches/%s/roles/%s"+below, p.opts.Project, branch, p.opts.Role)
}

// Issue deals with child branches first, while the old password can still be told
// from others, then resets ours and watches until the new password counts.
func (p *Provider) Issue(ctx context.Context, _ provider.Request) (provider.Issued, error) {
	if err := p.childBranches(ctx); err != nil {
		return provider.Issued{}, err
	}
	got, err := p.reset(ctx, "issue", p.opts.Branch)
	if err != nil {
		return provider.Issued{}, err
	}
	if got.Role.Name != p.opts.Role || got.Role.Password.IsZero() || got.Role.Created.IsZero() {
		return provider.Issued{}, fault.New(fault.Unknown, "neon: issue: the answer to the reset lacks the password").
			WithHint("it is read again")
	}
	if err := p.watch(ctx, "issue", got.Operations); err != nil {
		return provider.Issued{}, err
	}
	return p.issued(got.Role), nil
}

func (p *Provider) issued(r role) provider.Issued {
	return provider.Issued{Handle: r.handle(), Values: secret.Set{
		username: secret.Public(p.opts.Role), password: r.Password.Value}}
}

func (p *Provider) reset(ctx context.Context, step, branch string) (reset, error) {
	var got reset
	err := p.api.Do(ctx, apiclient.Call{Step: step, Method: http.MethodPost, Path: p.rolePath(branch, "/reset_password"), Out: &got})
	return got, busy(err)
}

// busy adds to a 423 how long to wait: Neon does not say.
func busy(err error) error {
	if apiclient.StatusOf(err) != http.StatusLocked || fault.RetryAfterOf(err) > 0 {
		return err
	}
	return &fault.Error{Kind: fault.Transient, Err: err, RetryAfter: lockedFor,
		Hint: "another operation of the project is running; if it does not end, see Operations in Neon's console"}
}

// watch follows operations that were begun to their end. Whatever goes wrong here,
// the reset has been accepted.
func (p *Provider) watch(ctx context.Context, step string, ops []operation) error {
	for _, op := range ops {
		last := op
		done, err := op.over(), error(nil)
		if !done {
			done, err = apiclient.Poll(ctx, pace, func(ctx context.Context) (bool, error) {
				now, err := p.operation(ctx, step, op.ID)
				if fault.KindOf(err) == fault.Transient && err != nil && fault.RetryAfterOf(err) == 0 {
					return false, nil // it will be asked again anyway
				}
				last = now
				return last.over(), err
			})
		}
		switch {
		case err != nil:
			return fault.Wrap(fault.Unknown, "neon: "+step+": the reset was accepted, its operation cannot be watched", err)
		case !done:
			return &fault.Error{Kind: fault.Unknown, RetryAfter: lockedFor, Op: "neon: " + step + ": operation " + op.ID + " is not finished",
				Hint: "the old password works until it is; see Operations in Neon's console"}
		case !last.good():
			return fault.New(fault.Unknown, "neon: %s: operation %s ended as %s", step, op.ID, last.Status).
				WithHint("nobody can say which password works; it is read again and tried")
		}
	}
	return nil
}

func (p *Provider) operation(ctx context.Context, step, id string) (operation, error) {
	var got struct {
		Operation operation `json:"operation"`
	}
	err := p.api.Do(ctx, apiclient.Call{Step: step, Path: apiclient.Path("/projects/%s/operations/%s", p.opts.Project, id), Out: &got})
	return got.Operation, err
}

// Reveal reads the password that there is, once no operation on the branch can
// still change what it is worth.
func (p *Provider) Reveal(ctx context.Context, _ rotation.Handle) (provider.Issued, error) {
	if err := p.quiet(ctx, "reveal"); err != nil {
		return provider.Issued{}, err
	}
	r, err := p.role(ctx, "reveal", p.opts.Branch)
	if err != nil {
		return provider.Issued{}, err
	}
	r.Password.Value, err = p.reveal(ctx, "reveal", p.opts.Branch)
	if err != nil {
		return provider.Issued{}, err
	}
	return p.issued(r), nil
}

func (p *Provider) role(ctx context.Context, step, branch string) (role, error) {
	var got struct {
		Role role `json:"role"`
	}
	err := p.api.Do(ctx, apiclient.Call{Step: step, Path: p.rolePath(branch, ""), Out: &got})
	if err == nil && (got.Role.Name != p.opts.Role || got.Role.Branch == "" || got.Role.Created.IsZero()) {
		err = fault.New(fault.Unknown, "neon: %s: the answer describes no role", step)
	}
	return got.Role, err
}

func (p *Provider) reveal(ctx context.Context, step, branch string) (secret.Value, error) {
	var got struct {
		Password apiclient.Secret `json:"password"`
	}
	err := p.api.Do(ctx, apiclient.Call{Step: step, Path: p.rolePath(branch, "/reveal_password"), Out: &got,
		Judge: func(a apiclient.Answer) *apiclient.Verdict {
			if a.Status != http.StatusPreconditionFailed {
				return nil
			}
			return &apiclient.Verdict{Kind: fault.NeedsPerson, Hint: "the project does not store passwords, so nobody can read this one; " +
				"let it store them, reset the role's password once in Neon's console, then resume"}
		}})
	if err == nil && got.Password.IsZero() {
		err = fault.New(fault.Unknown, "neon: %s: the answer has no password", step)
	}
	return got.Password.Value, err
}

// harmless operations change no password.
var harmless = map[string]bool{"start_compute": true, "suspend_compute": true, "check_availability": true}

// quiet says whether all is said and done on our branch.
func (p *Provider) quiet(ctx context.Context, step string) error {
	var got struct {
		Operations []operation `json:"operations"`
	}
	err := p.api.Do(ctx, apiclient.Call{Step: step, Path: apiclient.Path("/projects/%s/operations", p.opts.Project),
		Query: map[string][]string{"limit": {"100"}}, Out: &got}) // the newest come first
	if err != nil {
		return err
	}
	for _, o := range got.Operations {
		if o.Branch == p.opts.Branch && !o.over() && !harmless[o.Action] {
			return &fault.Error{Kind: fault.Transient, RetryAfter: lockedFor, Op: "neon: " + step + ": operation " + o.ID + " is not finished",
				Hint: "the old password works until it is; if it does not end, see Operations in Neon's console, then resume"}
		}
	}
	return nil
}

// Now is the API's clock.
func (p *Provider) Now(ctx context.Context) (time.Time, error) {
	var a apiclient.Answer
	err := p.api.Do(ctx, apiclient.Call{Step: "clock", Path: "/auth", Answer: &a})
	return a.Clock("neon: clock", err)
}
