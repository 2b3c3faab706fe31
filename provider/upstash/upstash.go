// Package upstash rotates the credentials of an Upstash Redis data base: the password
// of its user default, in place, or ACL users, overlapping.
//
// What surprises: the REST tokens are not credentials of their own. They contain the
// password and change with it, so they are fields of the same value.
package upstash

import (
	"context"
	"net/http"
	"regexp"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// The fields of a value.
const (
	username  = "username"
	password  = "password"
	restToken = "rest_token"
	readToken = "read_only_rest_token"
)

const defaultUser = "default"

// account is what both strategies share.
type account struct {
	opts  Options
	api   *apiclient.Client
	admin secret.Source // the password of the user default; nil: asked of the API
}

// InPlace resets the password of the user default.
type InPlace struct{ account }

// Overlap makes an ACL user for each generation.
type Overlap struct{ account }

var (
	_ provider.Provider    = (*InPlace)(nil)
	_ provider.Revealer    = (*InPlace)(nil)
	_ provider.Preflighter = (*InPlace)(nil)
	_ provider.Identifier  = (*InPlace)(nil)
	_ provider.Prober      = (*InPlace)(nil)
	_ provider.Clock       = (*InPlace)(nil)
)

// New checks the options; nothing is connected. key gives the Developer API's key;
// admin the password of the user default, and may be nil.
func New(opts Options, key, admin secret.Source) (provider.Provider, error) {
	opts, err := opts.validated()
	if err != nil {
		return nil, err
	}
	a := account{opts: opts, admin: admin}
	a.api, err = apiclient.New(apiclient.Config{Name: name, BaseURL: opts.BaseURL, Auth: apiclient.Basic(opts.Email, key), Limits: limits})
	if err != nil {
		return nil, err
	}
	if opts.Strategy == rotation.Overlap {
		return &Overlap{a}, nil
	}
	return &InPlace{a}, nil
}

// limits: the vendor names no figure.
var limits = apiclient.Limits{PerSecond: 5, Burst: 10, Concurrent: 4}

// Close drops idle connections.
func (a *account) Close() error { return a.api.Close() }

func (a *account) traits() provider.Traits {
	t := provider.Traits{Name: name, Strategy: a.opts.Strategy, Settle: settle, InFlight: inFlight,
		Fields: []provider.Field{{Name: username}, {Name: password, Secret: true}}}
	if !a.opts.NoREST {
		t.Fields = append(t.Fields, provider.Field{Name: restToken, Secret: true})
	}
	return t
}

const (
	settle   = 10 * time.Second // replicas in other regions
	steady   = 6 * time.Second  // a new user may reach them one after the other
	inFlight = 30 * time.Second // longer than any gateway keeps a request whose client is gone
)

// database is what the Developer API says of it. The secrets are missing when they
// were not asked for, and may be missing at any time.
type database struct {
	ID        string           `json:"database_id"`
	State     string           `json:"state"`
	Plan      string           `json:"type"`
	Endpoint  string           `json:"endpoint"`
	Port      int              `json:"port"`
	Password  apiclient.Secret `json:"password"`
	RESTToken apiclient.Secret `json:"rest_token"`
	ReadToken apiclient.Secret `json:"read_only_rest_token"`
}

// ask reads the data base. Secrets come along only if they are wanted.
func (a *account) ask(ctx context.Context, step string, secrets bool) (database, error) {
	call := apiclient.Call{Step: step, Path: apiclient.Path("/redis/database/%s", a.opts.Database)}
	if !secrets {
		call.Query = map[string][]string{"credentials": {"hide"}}
	}
	return a.call(ctx, call)
}

func (a *account) call(ctx context.Context, call apiclient.Call) (database, error) {
	var db database
	call.Out = &db
	call.Judge = missing
	err := a.api.Do(ctx, call)
	if err == nil && db.ID != a.opts.Database {
		err = fault.New(fault.Unknown, "upstash: %s: the answer is about another data base", call.Step)
	}
	return db, err
}

var noDatabase = regexp.MustCompile(`(?i)database\b.{0,40}\bnot\b.{0,5}\bfound`)

const goneHint = "the account has no such data base; check database and email"

// missing recognises the vendor's words for a data base that is gone; any other 404
// may come from something in between.
func missing(a apiclient.Answer) *apiclient.Verdict {
	if a.Status == http.StatusNotFound && noDatabase.Match(a.Body) {
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: goneHint}
	}
	return nil
}

func isGone(err error) bool {
	return apiclient.StatusOf(err) == http.StatusNotFound && fault.HintOf(err) == goneHint
}

// Now is the API's clock.
func (a *account) Now(ctx context.Context) (time.Time, error) {
	var got apiclient.Answer
	err := a.api.Do(ctx, apiclient.Call{Step: "clock", Path: apiclient.Path("/redis/database/%s", a.opts.Database),
		Query: map[string][]string{"credentials": {"hide"}}, Answer: &got})
	return got.Clock("upstash: clock", err)
}

// Traits: in place; the provider makes the value.
func (p *InPlace) Traits() provider.Traits {
	t := p.traits()
	t.Minter = rotation.ByProvider
	if !p.opts.NoREST {
		t.Fields = append(t.Fields, provider.Field{Name: readToken, Secret: true})
	}
	t.Outage = "Upstash ends the old password, both REST tokens and all connections of the user default at once; from then until a consumer presents the new value its requests fail"
	return t
}

// Issue resets the password. An answer without it is completed by reading it.
func (p *InPlace) Issue(ctx context.Context, _ provider.Request) (provider.Issued, error) {
	db, err := p.reset(ctx, "issue")
	if err != nil {
		return provider.Issued{}, err
	}
	if p.complete(db) {
		return p.issued(db), nil
	}
	v, err := p.reveal(ctx, "issue")
	if err != nil { // the reset has happened
		return v, fault.Wrap(fault.Unknown, "upstash: issue: the answer to the reset lacks the password", err)
	}
	return v, nil
}

func (p *InPlace) reset(ctx context.Context, step string) (database, error) {
	return p.call(ctx, apiclient.Call{Step: step, Method: http.MethodPost, Path: apiclient.Path("/redis/reset-password/%s", p.opts.Database)})
}

func (p *InPlace) complete(db database) bool {
	return !db.Password.IsZero() && (p.opts.NoREST || !db.RESTToken.IsZero() && !db.ReadToken.IsZero())
}

func (p *InPlace) issued(db database) provider.Issued {
	values := secret.Set{username: secret.Public(defaultUser), password: db.Password.Value}
	if !p.opts.NoREST {
		values[restToken], values[readToken] = db.RESTToken.Value, db.ReadToken.Value
	}
	return provider.Issued{Handle: p.handle(defaultUser), Values: values}
}

// Reveal reads the value that there is.
func (p *InPlace) Reveal(ctx context.Context, _ rotation.Handle) (provider.Issued, error) {
	return p.reveal(ctx, "reveal")
}

func (p *InPlace) reveal(ctx context.Context, step string) (provider.Issued, error) {
	db, err := p.ask(ctx, step, true)
	if err != nil {
		return provider.Issued{}, err
	}
	if !p.complete(db) {
		return provider.Issued{}, fault.New(fault.NeedsPerson, "upstash: %s: the API does not show %s", step, p.lacking(db)).
			WithHint("reset the password in Upstash's console, put the new value where the consumers read it, then abandon this rotation and take the value over: rotor rotate … --accept-drift")
	}
	return p.issued(db), nil
}

func (p *InPlace) lacking(db database) string {
	if db.Password.IsZero() {
		return "the password"
	}
	return "the REST tokens"
}

// Revoke gives the user default a password that nobody gets to know. The handle is
// the user itself, so this ends the value that it has now; the engine does not call
// it for a password that was overwritten. A data base that is gone is nil. Another
// user was made before strategy was changed.
func (p *InPlace) Revoke(ctx context.Context, h rotation.Handle) error {
	user, err := p.userOf("revoke", h)
	switch {
	case err != nil:
		return err
	case user != defaultUser:
		return fault.New(fault.NeedsPerson, "upstash: revoke: %s is an ACL user, and strategy: in-place ends none", user).
			WithHint("log in to data base %s as default and delete it: ACL DELUSER %s", p.opts.Database, user)
	}
	_, err = p.reset(ctx, "revoke")
	if isGone(err) {
		return nil
	}
	return err
}

// Preflight asks everything that can be asked: that the data base is well, that its
// secrets can be read again after a crash, that the present ones work there.
func (p *InPlace) Preflight(ctx context.Context, _ provider.Request) error {
	db, err := p.ask(ctx, "preflight", true)
	if err != nil {
		return err
	}
	if err := healthy(db); err != nil {
		return err
	}
	switch {
	case p.complete(db):
	case p.opts.Unrevealable:
		return nil
	case db.Password.IsZero():
		return bad("preflight: the API does not show the password").
			WithHint("with Credential Protection a password whose answer is lost cannot be read again; use strategy: overlap, or set unrevealable: true")
	default:
		return bad("preflight: the API shows no REST tokens").WithHint("set no-rest: true if nobody uses REST")
	}
	err = p.use(ctx, "upstash: preflight", p.issued(db).Values)
	if fault.KindOf(err) == fault.Rejected && err != nil {
		return bad("preflight: the present password is refused").WithHint("do address and rest-url belong to this data base?")
	}
	return err
}

func healthy(db database) error {
	if db.State != "" && db.State != "active" {
		return fault.New(fault.NeedsPerson, "upstash: preflight: the data base is %.20q", db.State).WithHint("wake it in Upstash's console")
	}
	return nil
}

// Verify logs in, and uses the REST tokens.
func (p *InPlace) Verify(ctx context.Context, v provider.Issued) error {
	if err := p.here("verify", v.Handle); err != nil {
		return err
	}
	return p.use(ctx, "upstash: verify", v.Values)
}

// Probe tries every part of the value.
func (p *InPlace) Probe(ctx context.Context, v provider.Issued) (provider.Liveness, error) {
	return p.probe(ctx, v)
}

// Identify logs in: every data base has a user default.
func (p *InPlace) Identify(ctx context.Context, values secret.Set) (rotation.Handle, error) {
	if u := values[username]; !u.IsZero() && !u.Equal(secret.New(defaultUser)) {
		return rotation.Handle{}, fault.New(fault.Rejected, "upstash: identify: the value is of another user than default")
	}
	if err := p.use(ctx, "upstash: identify", values); err != nil {
		return rotation.Handle{}, err
	}
	return p.handle(defaultUser), nil
}
