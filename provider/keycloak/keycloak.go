// Package keycloak rotates passwords of Keycloak's users and secrets of its clients.
//
// What surprises: the words "Invalid user credentials" prove nothing by themselves: an
// account that is locked, or has a second factor, gets them for the right password too.
// So the administrator is asked: before a login whether the account is locked (afterwards
// the login itself may have locked it), and after a refusal about a second factor.
package keycloak

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// server is what all kinds share.
type server struct {
	opts  Options
	api   *apiclient.Client
	admin secret.Source // secret of admin-client, or password of admin-user
	login secret.Source // secret of login-client; nil: it has none
}

// New checks the options; nothing is connected. admin gives the secret of admin-client or
// the password of admin-user, login that of login-client and may be nil; both are read at
// each use.
func New(opts Options, admin, login secret.Source) (provider.Provider, error) {
	opts, err := opts.validated()
	if err != nil {
		return nil, err
	}
	s := server{opts: opts, admin: admin, login: login}
	s.api, err = apiclient.New(apiclient.Config{Name: name, BaseURL: opts.BaseURL,
		Limits: apiclient.Limits{PerSecond: opts.RequestsPerSecond, Concurrent: 32}})
	switch {
	case err != nil:
		return nil, err
	case opts.Kind == kindUser:
		return &UserPassword{s}, nil
	case opts.Strategy == rotation.Overlap:
		return &RotatedSecret{ClientSecret{s}}, nil
	}
	return &ClientSecret{s}, nil
}

// Close drops idle connections.
func (s *server) Close() error { return s.api.Close() }

const inFlight = time.Minute // longer than any proxy keeps a request whose client is gone

// enter logs the administrator in. A token lives for a minute, so each operation gets one.
func (s *server) enter(ctx context.Context, step string) (apiclient.Auth, error) {
	if s.opts.AdminClient != "" {
		return s.enterBy(ctx, step, url.Values{"grant_type": {"client_credentials"}}, basic(s.opts.AdminClient, s.admin))
	}
	word, err := s.admin(ctx)
	if err != nil {
		return nil, err
	}
	return s.enterWith(ctx, step, word)
}

// enterWith logs admin-user in with that password.
func (s *server) enterWith(ctx context.Context, step string, word secret.Value) (apiclient.Auth, error) {
	if word.IsZero() {
		return nil, bad("%s: the administrator's password is empty", step).WithHint("check what admin-password refers to")
	}
	return s.enterBy(ctx, step, url.Values{"grant_type": {"password"}, "client_id": {adminCLI},
		"username": {s.opts.AdminUser}, "password": {word.Reveal()}}, nil)
}

func (s *server) enterBy(ctx context.Context, step string, form url.Values, auth apiclient.Auth) (apiclient.Auth, error) {
	token, err := s.grant(ctx, apiclient.Call{Step: step + ": login of the administrator", Form: form, Auth: auth, Judge: turnedAway}, s.opts.AdminRealm)
	return apiclient.Bearer(secret.Fixed(token)), err
}

// grant asks the token endpoint of a realm. It changes nothing.
func (s *server) grant(ctx context.Context, call apiclient.Call, realm string) (secret.Value, error) {
	var got struct {
		Token apiclient.Secret `json:"access_token"`
	}
	call.Method, call.Reads, call.Out = http.MethodPost, true, &got
	call.Path = apiclient.Path("/realms/%s/protocol/openid-connect/token", realm)
	err := s.api.Do(ctx, call)
	if err == nil && got.Token.IsZero() {
		err = fault.New(fault.Unknown, "keycloak: %s: the answer has no token", call.Step)
	}
	return got.Token.Value, err
}

// basic is a client's login: both parts are form-encoded before they are put together.
func basic(client string, src secret.Source) apiclient.Auth {
	return apiclient.Basic(url.QueryEscape(client), func(ctx context.Context) (secret.Value, error) {
		v, err := src(ctx)
		return secret.New(url.QueryEscape(v.Reveal())), err
	})
}

// path below the realm in the admin API.
func (s *server) path(below string, ids ...string) string {
	return apiclient.Path("/admin/realms/%s"+below, append([]string{s.opts.Realm}, ids...)...)
}

func (s *server) do(ctx context.Context, auth apiclient.Auth, call apiclient.Call) error {
	call.Auth, call.Judge = auth, unwilling
	return s.api.Do(ctx, call)
}

// handle is REALM/ID: a 404 from another realm would prove nothing.
func (s *server) handle(id string) rotation.Handle {
	return rotation.Handle{ID: s.opts.Realm + "/" + id}
}

// split gives the id in a handle; rest is what stands behind it.
func (s *server) split(step string, h rotation.Handle) (id, rest string, err error) {
	text, ours := strings.CutPrefix(h.ID, s.opts.Realm+"/")
	id, rest, _ = strings.Cut(text, "/")
	if !ours || id == "" {
		return "", "", bad("%s: the handle is of another realm", step).
			WithHint("was realm changed in rotor.yaml? put the old one back and finish the retirement")
	}
	return id, rest, nil
}

// Now is the server's clock.
func (s *server) Now(ctx context.Context) (time.Time, error) {
	var a apiclient.Answer
	err := s.api.Do(ctx, apiclient.Call{Step: "clock", Path: apiclient.Path("/realms/%s/.well-known/openid-configuration", s.opts.Realm), Anonymous: true, Answer: &a})
	return a.Clock("keycloak: clock", err)
}

// refusal is a no in Keycloak's form; nothing else has this form.
type refusal struct {
	Code string `json:"error"`
	Text string `json:"error_description"`
	Old  string `json:"errorMessage"`
}

func says(a apiclient.Answer) (code, text string, ok bool) {
	var r refusal
	if !a.JSON(&r) || r.Code == "" && r.Old == "" {
		return "", "", false
	}
	if r.Code == "" {
		r.Code = r.Old
	}
	return r.Code, strings.ToLower(r.Text), true
}

const (
	refusedHint    = "the administrator is not let in: check what admin-client-secret or admin-password refers to, and that the account is not locked or waiting for an action"
	goneHint       = "it is gone"
	realmHint      = "check realm"
	adminRealmHint = "check admin-realm, and whether the server is below a path: older ones want /auth at the end of base-url"
	rightsHint     = "the administrator needs the roles manage-users (passwords) or manage-clients (secrets) of the realm"
	historyHint    = "the realm's policy does not let a password come back"
)

// turnedAway reads what a login of the administrator failed at.
func turnedAway(a apiclient.Answer) *apiclient.Verdict {
	code, _, ok := says(a)
	switch {
	case !ok:
		return nil
	case a.Status == http.StatusNotFound:
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: adminRealmHint}
	case a.Status == http.StatusUnauthorized || a.Status == http.StatusBadRequest &&
		(code == "invalid_grant" || code == "unauthorized_client" || code == "invalid_client"):
		return &apiclient.Verdict{Kind: fault.Denied, Hint: refusedHint}
	}
	return nil
}

// unwilling reads refusals of the admin API.
func unwilling(a apiclient.Answer) *apiclient.Verdict {
	code, _, ok := says(a)
	switch low := strings.ToLower(code); {
	case !ok:
	case a.Status == http.StatusForbidden:
		return &apiclient.Verdict{Kind: fault.Denied, Hint: rightsHint}
	case a.Status == http.StatusNotFound && strings.HasPrefix(low, "realm"):
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: realmHint}
	case a.Status == http.StatusNotFound && (low == "user not found" || low == "could not find client"):
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: goneHint}
	case a.Status == http.StatusBadRequest && (strings.HasPrefix(low, "invalidpassword") || strings.Contains(low, "old passwords")):
		return &apiclient.Verdict{Kind: fault.Rejected, Hint: policyHint(code)}
	case a.Status == http.StatusBadRequest && strings.Contains(low, "read only"):
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: "the user comes from a federation that is read only: change the password where the user lives"}
	}
	return nil
}

func isGone(err error) bool {
	return apiclient.StatusOf(err) == http.StatusNotFound && fault.HintOf(err) == goneHint
}

// policyHint says which option makes passwords that the realm's policy takes.
func policyHint(code string) string {
	for part, hint := range map[string]string{
		"MinLength": "the realm's policy wants longer passwords: set length", "MaxLength": "the realm's policy wants shorter passwords: set length",
		"SpecialChars": "the realm's policy wants special characters: set symbols",
		"Digits":       "the realm's policy wants more digits: set length", "CaseChars": "the realm's policy wants more letters of a case: set length",
		"History": historyHint, "OldPasswords": historyHint, "old passwords": historyHint,
		"Regex": "the realm's policy has a pattern that random letters and digits do not fit: change the policy for this user",
	} {
		if strings.Contains(code, part) {
			return hint
		}
	}
	return "the realm's password policy refuses it; see Authentication, Policies in the console"
}
