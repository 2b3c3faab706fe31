package grafana

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// wish is the body of the call that makes a token. 0 seconds: it never ends.
type wish struct {
	Name    string `json:"name"`
	Seconds int64  `json:"secondsToLive"`
}

// Issue makes a token that bears the label.
func (p *Provider) Issue(ctx context.Context, req provider.Request) (provider.Issued, error) {
	id := p.opts.ServiceAccountID
	if id == 0 {
		a, err := p.own(ctx, "issue")
		if err != nil {
			return provider.Issued{}, err
		}
		id = a.ID
	}
	life := time.Duration(p.opts.ExpiresDays) * 24 * time.Hour
	var got struct {
		ID  int64            `json:"id"`
		Key apiclient.Secret `json:"key"`
	}
	var a apiclient.Answer
	err := p.api.Do(ctx, apiclient.Call{Step: "issue", Method: http.MethodPost, Path: apiclient.Path("/api/serviceaccounts/%s/tokens", text(id)),
		In: wish{req.Label, int64(life.Seconds())}, Out: &got, Judge: unwilling, Answer: &a})
	switch {
	case err != nil:
		return provider.Issued{}, err
	case got.ID <= 0 || got.Key.IsZero():
		return provider.Issued{}, fault.New(fault.Unknown, "grafana: issue: the answer has no token")
	}
	v := provider.Issued{Handle: p.handle(id, got.ID), Values: secret.Set{field: got.Key.Value}}
	if date := a.Date(); life > 0 && !date.IsZero() {
		v.NotAfter = date.Add(life)
	}
	return v, nil
}

// unwilling says what to do about the refusals that have a cure. A name that is taken is
// that of a try whose answer was lost, or which something on the way sent twice: Unknown,
// so that it is looked for.
func unwilling(a apiclient.Answer) *apiclient.Verdict {
	id, message, ok := says(a)
	switch {
	case !ok:
		return nil
	case id == "serviceaccounts.ErrTokenAlreadyExists", strings.Contains(message, "already exists in the organization"):
		return &apiclient.Verdict{Kind: fault.Unknown, Hint: "a token of this name exists in the organisation: what a lost answer left behind is found by its name and deleted"}
	case a.Status == http.StatusBadRequest && strings.Contains(message, "global limit"):
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: "the server lets no token live so long (token_expiration_day_limit): choose a smaller expires-days"}
	case a.Status == http.StatusBadRequest && (id == "serviceaccounts.ErrInvalidInput" || strings.Contains(message, "before expiration")):
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: "the server wants tokens to end (token_expiration_day_limit): set expires-days"}
	}
	return missing(a)
}

// Revoke deletes the token by its ids.
func (p *Provider) Revoke(ctx context.Context, h rotation.Handle) error {
	at, err := p.split("revoke", h)
	if err != nil {
		return err
	}
	if at.account == 0 {
		return p.revokeKey(ctx, at.id)
	}
	err = p.remove(ctx, apiclient.Path("/api/serviceaccounts/%s/tokens/%s", text(at.account), text(at.id)))
	if fault.HintOf(err) == lostHint {
		// deleted, or of another organisation, where the token would live: a probe tells
		return fault.New(fault.NeedsPerson, "grafana: revoke: the token's service account is not there").WithHint(lostHint)
	}
	return err
}

func (p *Provider) remove(ctx context.Context, path string) error {
	var got struct {
		Message string `json:"message"`
	}
	err := p.api.Do(ctx, apiclient.Call{Step: "revoke", Method: http.MethodDelete, Path: path, Out: &got, Judge: missing})
	switch {
	case isGone(err):
		return nil
	case err == nil && !strings.Contains(strings.ToLower(got.Message), "deleted"):
		return fault.New(fault.Unknown, "grafana: revoke: the answer does not say that the token is deleted")
	}
	return err
}

// revokeKey ends an API key of before. From 12.1 on there is no way to name one, and
// none works, unless the server has made it a service account's.
func (p *Provider) revokeKey(ctx context.Context, id int64) error {
	err := p.remove(ctx, apiclient.Path("/api/auth/keys/%s", text(id)))
	if apiclient.StatusOf(err) != http.StatusNotFound {
		return err
	}
	if v, e := p.version(ctx, "revoke"); e == nil && !v.before(12, 1) {
		return fault.New(fault.NeedsPerson, "grafana: revoke: Grafana %s has no API keys any more", v).
			WithHint("one that was turned into a service account lives on: delete that account's token by hand")
	}
	return err
}

// release is a version of the server; zero: it does not say.
type release struct{ major, minor int }

func (v release) String() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }

func (v release) known() bool { return v != release{} }

// before says that the version is known, and older.
func (v release) before(major, minor int) bool {
	return v.known() && (v.major < major || v.major == major && v.minor < minor)
}

var releaseForm = regexp.MustCompile(`^v?(\d{1,3})\.(\d{1,3})`)

// version asks the server, which may hide it.
func (p *Provider) version(ctx context.Context, step string) (release, error) {
	var got struct {
		Version string `json:"version"`
	}
	err := p.api.Do(ctx, apiclient.Call{Step: step, Path: "/api/health", Anonymous: true, Out: &got})
	m := releaseForm.FindStringSubmatch(got.Version)
	if err != nil || m == nil {
		return release{}, err
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	return release{major, minor}, nil
}

// Preflight: the login works here, and the account is there, enabled and as expected.
func (p *Provider) Preflight(ctx context.Context, _ provider.Request) error {
	v, err := p.version(ctx, "preflight")
	switch {
	case err != nil:
		return err
	case v.before(9, 1):
		return bad("preflight: Grafana %s has no service accounts", v).WithHint("update it to 9.1 or later; Rotor makes no API keys")
	}
	a, err := p.own(ctx, "preflight")
	if err != nil {
		return err
	}
	switch {
	case a.Disabled:
		return bad("preflight: the service account is disabled").WithHint("enable it in Grafana: none of its tokens works")
	case p.opts.Role != "" && a.Role != p.opts.Role:
		return bad("preflight: the service account has the role %.20q", a.Role).WithHint("rotor.yaml expects %s: correct one of the two", p.opts.Role)
	}
	_, err = p.tokens(ctx, "preflight", a.ID)
	return err
}

// Notes says what becomes of an API key from before service accounts.
func (p *Provider) Notes(ctx context.Context, req provider.Request) ([]string, error) {
	at, err := p.split("notes", req.Current)
	if err != nil || at.account != 0 {
		return nil, nil // a token of a service account, or nothing yet
	}
	v, err := p.version(ctx, "notes")
	switch {
	case err != nil:
		return nil, err
	case !v.known():
		return []string{"The present value is an old API key. Grafana hides its version: until 12.0 Rotor deletes the key, later ones have no such keys."}, nil
	case v.before(12, 1):
		return []string{fmt.Sprintf("The present value is an old API key. In Grafana %s it can still be deleted; the new value is a service account's token.", v)}, nil
	}
	return []string{fmt.Sprintf("The present value is an old API key. Grafana %s has none any more: if it was turned into a service account, a person must delete it there.", v)}, nil
}
