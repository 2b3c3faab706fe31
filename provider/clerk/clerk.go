// Package clerk rotates three sorts of values of Clerk: the secret keys of an instance,
// the client secrets of OAuth applications, and the secret keys of machines.
//
// What surprises: one call makes the new key and starts a timer on the old one. Nobody
// can stop it, so such a rotation knows no way back; and no key has an id, so the handle
// is that of the instance or machine, and what is newest there is shown again after a
// crash.
package clerk

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

const defaultBase = "https://api.clerk.com/v1"

// The fields of a value, by kind.
const (
	secretKey    = "secret_key"
	clientSecret = "client_secret"
)

const (
	settle   = 30 * time.Second
	steady   = 6 * time.Second
	inFlight = time.Minute // longer than any gateway keeps a request whose client is gone
)

// New checks the options; nothing is connected. credential gives the platform token, or
// the secret key that manages the other kinds, and is read at each request; nil where a
// person makes the values.
func New(opts Options, credential secret.Source) (provider.Provider, error) {
	opts, err := opts.validated()
	if err != nil {
		return nil, err
	}
	config := apiclient.Config{Name: name, BaseURL: opts.BaseURL,
		Limits: apiclient.Limits{PerSecond: opts.RequestsPerSecond, Concurrent: 32}}
	if credential != nil {
		config.Auth = apiclient.Bearer(credential)
	}
	api, err := apiclient.New(config)
	if err != nil {
		return nil, err
	}
	a := account{opts: opts, api: api}
	switch {
	case opts.byPerson():
		return &ByHand{a}, nil
	case opts.Kind == kindOAuth:
		return &ClientSecret{a}, nil
	case opts.Kind == kindMachine:
		return &Rotated{account: a, of: machine{a}}, nil
	}
	return &Rotated{account: a, of: instance{a}}, nil
}

// account is what all kinds share.
type account struct {
	opts Options
	api  *apiclient.Client
}

// Close drops idle connections.
func (a *account) Close() error { return a.api.Close() }

func (a *account) traits(field string) provider.Traits {
	return provider.Traits{Name: name, Strategy: a.opts.Strategy, Minter: rotation.ByProvider,
		Fields: []provider.Field{{Name: field, Secret: true}}, Settle: settle, Steady: steady, InFlight: inFlight}
}

// now is the API's clock, as an answer to a request with the management credential.
func (a *account) now(ctx context.Context, path string) (time.Time, error) {
	var got apiclient.Answer
	err := a.api.Do(ctx, apiclient.Call{Step: "clock", Path: path, Answer: &got, Judge: missing})
	return got.Clock("clerk: clock", err)
}

// says reads the vendor's envelope; nothing else has this form.
func says(a apiclient.Answer) (code string, ok bool) {
	var e struct {
		Errors []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if !a.JSON(&e) || len(e.Errors) == 0 || e.Errors[0].Code == "" || e.Errors[0].Message == "" {
		return "", false
	}
	return strings.ToLower(e.Errors[0].Code), true
}

// dead is the vendor's refusal of a key. The code is not documented for every key, so
// any will do that does not speak of the request instead.
func dead(a apiclient.Answer) bool {
	code, ok := says(a)
	if !ok || a.Status != http.StatusUnauthorized {
		return false
	}
	for _, other := range []string{"header", "missing", "host", "origin", "rate", "quota"} {
		if strings.Contains(code, other) {
			return false
		}
	}
	return true
}

const goneHint = "Clerk has no such thing: check the ids in the options, and whose token or key it is"

// missing recognises the vendor's own "no such thing".
func missing(a apiclient.Answer) *apiclient.Verdict {
	if code, ok := says(a); ok && a.Status == http.StatusNotFound && strings.Contains(code, "not_found") {
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: goneHint}
	}
	return nil
}

func isGone(err error) bool {
	return apiclient.StatusOf(err) == http.StatusNotFound && fault.HintOf(err) == goneHint
}

// unclear: what is said to a value under test is no word about our own credential.
func unclear(a apiclient.Answer) *apiclient.Verdict {
	if a.Status/100 == 4 && a.Status != http.StatusTooManyRequests {
		return &apiclient.Verdict{Kind: fault.Unknown}
	}
	return nil
}

// whose is what Clerk says a value belongs to.
type whose struct{ id, environment string }

// instanceOf asks with a secret key whose it is.
func (a *account) instanceOf(ctx context.Context, step string, value secret.Value, judge func(apiclient.Answer) *apiclient.Verdict) (whose, provider.Liveness, error) {
	var answer apiclient.Answer
	var got struct {
		Object      string `json:"object"`
		ID          string `json:"id"`
		Environment string `json:"environment_type"`
	}
	err := a.api.Do(ctx, apiclient.Call{Step: step, Path: "/instance", Auth: bearer(value), Out: &got, Answer: &answer, Judge: judge})
	switch {
	case err == nil && got.ID != "":
		return whose{got.ID, got.Environment}, provider.Alive, nil
	case err == nil:
		return whose{}, provider.NotKnown, fault.New(fault.Unknown, "clerk: %s: the answer names no instance", step)
	case dead(answer):
		return whose{}, provider.Refused, nil
	}
	return whose{}, provider.NotKnown, err
}

func bearer(value secret.Value) apiclient.Auth { return apiclient.Bearer(secret.Fixed(value)) }

// keySet is the cheapest request that a secret key must be alive for.
func (a *account) keySet(ctx context.Context, value secret.Value) (provider.Liveness, error) {
	var answer apiclient.Answer
	var got struct {
		Keys *[]struct{} `json:"keys"`
	}
	err := a.api.Do(ctx, apiclient.Call{Step: "probe", Path: "/jwks", Auth: bearer(value), Out: &got, Answer: &answer, Judge: unclear})
	switch {
	case err == nil && got.Keys != nil:
		return provider.Alive, nil
	case err == nil:
		return provider.NotKnown, fault.New(fault.Unknown, "clerk: probe: the answer holds no keys")
	case dead(answer):
		return provider.Refused, nil
	}
	return provider.NotKnown, err
}

// fits compares a living value's instance with the configured one.
func (o Options) fits(w whose) bool {
	if o.Instance == production || o.Instance == development {
		return w.environment == o.Instance
	}
	return w.id == o.Instance
}

// stranger refuses a living value that is not of the place it should be of.
func stranger(step, of string) error {
	return fault.New(fault.Rejected, "clerk: %s: the value works, but is not of %s", step, of).
		WithHint("is it a value of another instance or application?")
}

// revealing asks for secrets too.
var revealing = url.Values{"include_secret_keys": {"true"}}
