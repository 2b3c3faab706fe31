package github

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/crypto/nacl/box"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/internal/githubapi"
	"github.com/agenticverz/rotor/secret"
)

// publicKey is what secrets of a place are sealed for.
type publicKey struct {
	ID   string `json:"key_id"`
	Text string `json:"key"`
}

func (s *Store) publicKey(ctx context.Context, p place, step string) (publicKey, *[32]byte, error) {
	var k publicKey
	if err := s.do(ctx, apiclient.Call{Step: step, Path: p.at("public-key"), Out: &k}); err != nil {
		return k, nil, err
	}
	raw, err := base64.StdEncoding.DecodeString(k.Text)
	if err != nil || len(raw) != 32 || k.ID == "" {
		return k, nil, fault.New(fault.Unknown, "github: %s: the answer has no public key", step)
	}
	return k, (*[32]byte)(raw), nil
}

// sealed is the body that puts a secret.
type sealed struct {
	Value        string  `json:"encrypted_value"`
	KeyID        string  `json:"key_id"`
	Visibility   string  `json:"visibility,omitempty"`
	Repositories []int64 `json:"selected_repository_ids,omitempty"`
}

// seal makes the bodies for all values before the first is sent.
func (s *Store) seal(ctx context.Context, p place, values secret.Set) (map[string]sealed, error) {
	if len(values) == 0 {
		return nil, nil
	}
	key, public, err := s.publicKey(ctx, p, "put")
	if err != nil {
		return nil, err
	}
	out := map[string]sealed{}
	for name, v := range values {
		text, err := box.SealAnonymous(nil, []byte(v.Reveal()), public, rand.Reader)
		if err != nil {
			return nil, fault.New(fault.BadConfig, "github: put: secret %s cannot be sealed", name)
		}
		body := sealed{Value: base64.StdEncoding.EncodeToString(text), KeyID: key.ID}
		if p.org {
			body.Visibility, body.Repositories = s.opts.Visibility, s.opts.Repositories
		}
		out[name] = body
	}
	return out, nil
}

// listed is a secret as GitHub shows it: without its value.
type listed struct {
	Name       string    `json:"name"`
	Updated    time.Time `json:"updated_at"`
	Visibility string    `json:"visibility"`
}

// look asks for one secret's name and date.
func (s *Store) look(ctx context.Context, p place, name, step string) (have listed, there bool, err error) {
	err = s.do(ctx, apiclient.Call{Step: step, Path: p.at(name), Out: &have, Judge: missing})
	switch {
	case isMissing(err):
		return have, false, nil
	case err == nil && (!strings.EqualFold(have.Name, name) || have.Updated.IsZero()):
		err = fault.New(fault.Unknown, "github: %s: the answer is about something else", step)
	}
	return have, err == nil, err
}

// sameMoment: dates are to the second, and GitHub has more than one clock.
const sameMoment = time.Minute

// send puts one secret, and believes it when GitHub shows it with a new date.
func (s *Store) send(ctx context.Context, p place, name string, body sealed) (time.Time, error) {
	var a apiclient.Answer
	err := s.do(ctx, apiclient.Call{Step: "put", Method: http.MethodPut, Path: p.at(name), In: body,
		OK: []int{http.StatusCreated, http.StatusNoContent}, Answer: &a})
	if a.Status == http.StatusUnprocessableEntity && err != nil {
		return time.Time{}, s.whyRefused(ctx, p, body, err)
	}
	if err != nil {
		return time.Time{}, err
	}
	have, there, err := s.look(ctx, p, name, "confirm")
	switch {
	case err != nil:
		return time.Time{}, fault.Wrap(fault.Unknown, "github: put: it was taken, and cannot be confirmed", err)
	case !there, !a.Date().IsZero() && have.Updated.Before(a.Date().Add(-sameMoment)):
		return time.Time{}, fault.New(fault.Unknown, "github: put: secret %s was taken, and GitHub does not show it as new", name).
			WithHint("something in between may have answered in GitHub's place")
	}
	return have.Updated, nil
}

// whyRefused: the place may have another key pair by now; then nothing is wrong with
// the secret.
func (s *Store) whyRefused(ctx context.Context, p place, body sealed, refused error) error {
	now, _, err := s.publicKey(ctx, p, "put")
	if err == nil && now.ID != body.KeyID {
		return fault.Wrap(fault.Transient, "github: put: GitHub's key changed meanwhile", refused)
	}
	return refused
}

// remove deletes one secret and sees that it is gone.
func (s *Store) remove(ctx context.Context, p place, name string) error {
	err := s.do(ctx, apiclient.Call{Step: "delete", Method: http.MethodDelete, Path: p.at(name), Judge: missing})
	if err != nil && !isMissing(err) {
		return err
	}
	_, there, err := s.look(ctx, p, name, "confirm")
	switch {
	case err != nil:
		return fault.Wrap(fault.Unknown, "github: delete: it cannot be confirmed", err)
	case there:
		return fault.New(fault.Unknown, "github: delete: secret %s is still there", name)
	}
	return nil
}

// judge says what GitHub's refusals prove and what to do about them.
func judge(a apiclient.Answer) *apiclient.Verdict {
	_, ok := githubapi.Says(a)
	switch {
	case githubapi.Limited(a):
		return &apiclient.Verdict{Kind: fault.Transient, Hint: "GitHub limits how much a token may ask; lower requests-per-second if this goes on"}
	case !ok:
		return nil
	case a.Status == http.StatusNotFound:
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: "check the path, and that the token may see it: GitHub says so of everything that it may not"}
	case a.Status == http.StatusForbidden:
		return &apiclient.Verdict{Kind: fault.Denied, Hint: "the token lacks a right: Secrets (write) of the repository, Environments (write) for an environment's, " +
			"Organization secrets (write) for an organisation's"}
	case a.Status == http.StatusUnprocessableEntity:
		return &apiclient.Verdict{Kind: fault.Rejected, Hint: "GitHub does not take this secret"}
	}
	return nil
}

const missingHint = "there is no such secret"

// missing recognises that there is no such thing, in GitHub's own words.
func missing(a apiclient.Answer) *apiclient.Verdict {
	if message, ok := githubapi.Says(a); ok && a.Status == http.StatusNotFound && strings.EqualFold(message, "Not Found") {
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: missingHint}
	}
	return judge(a)
}

func isMissing(err error) bool {
	return apiclient.StatusOf(err) == http.StatusNotFound && fault.HintOf(err) == missingHint
}

// Preflight implements store.Preflighter: the place is there, its secrets can be listed,
// and the token may change them. The last is asked by deleting what is not there.
func (s *Store) Preflight(ctx context.Context, path string) error {
	p, err := s.place(path)
	if err != nil {
		return err
	}
	if _, _, err := s.publicKey(ctx, p, "preflight"); err != nil {
		return err
	}
	var got struct {
		Count   *int     `json:"total_count"`
		Secrets []listed `json:"secrets"`
	}
	call := apiclient.Call{Step: "preflight", Path: p.base + "/secrets", Query: url.Values{"per_page": {"1"}}, Out: &got}
	if err := s.do(ctx, call); err != nil {
		return err
	}
	if got.Count == nil {
		return fault.New(fault.Unknown, "github: preflight: the answer is no list of secrets")
	}
	nobodys := "ROTOR_PREFLIGHT_" + strings.ToUpper(rand.Text()[:16])
	err = s.do(ctx, apiclient.Call{Step: "preflight", Method: http.MethodDelete, Path: p.at(nobodys), Judge: missing})
	if isMissing(err) {
		return nil
	}
	return err
}
