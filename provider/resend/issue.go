package resend

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// wish is the body of the call that makes a key.
type wish struct {
	Name       string `json:"name"`
	Permission string `json:"permission"`
	Domain     string `json:"domain_id,omitempty"`
}

// Issue makes a key that bears the label.
func (p *Provider) Issue(ctx context.Context, req provider.Request) (provider.Issued, error) {
	in := wish{Name: req.Label, Permission: p.opts.Permission}
	var err error
	if in.Domain, err = p.domain(ctx, "issue"); err != nil {
		return provider.Issued{}, err
	}
	var got struct {
		ID    string           `json:"id"`
		Token apiclient.Secret `json:"token"`
	}
	err = p.api.Do(ctx, apiclient.Call{Step: "issue", Method: http.MethodPost, Path: "/api-keys", In: in, Out: &got, Judge: unwilling})
	if err != nil {
		return provider.Issued{}, err
	}
	if got.ID == "" || got.Token.IsZero() {
		return provider.Issued{}, fault.New(fault.Unknown, "resend: issue: the answer has no key")
	}
	return provider.Issued{Handle: rotation.Handle{ID: got.ID}, Values: secret.Set{field: got.Token.Value}}, nil
}

// domain is the id of the configured domain, or "" for all.
func (p *Provider) domain(ctx context.Context, step string) (string, error) {
	if p.opts.Domain == "" {
		return "", nil
	}
	all, err := list(ctx, p, step, "/domains", nil, func(d domain) string { return d.ID })
	if err != nil {
		return "", err
	}
	for _, d := range all {
		if strings.EqualFold(d.Name, p.opts.Domain) {
			return d.ID, nil
		}
	}
	return "", bad("%s: the team has no domain %s", step, p.opts.Domain).
		WithHint("check domain, and that api-key is of the same team")
}

// unwilling says what to do about the refusals that have a cure.
func unwilling(a apiclient.Answer) *apiclient.Verdict {
	word, _, ok := says(a)
	if ok && a.Status == http.StatusUnprocessableEntity {
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: "the vendor does not take permission and domain as they are (" + known(word) + ")"}
	}
	return refusal(a)
}

// known repeats a word of the vendor only if it is one of its documented names.
func known(word string) string {
	for _, w := range []string{"missing_required_field", "validation_error", "invalid_parameter"} {
		if w == word {
			return w
		}
	}
	return "no reason that is known"
}

// Revoke deletes the key by its id.
func (p *Provider) Revoke(ctx context.Context, h rotation.Handle) error {
	var a apiclient.Answer
	err := p.api.Do(ctx, apiclient.Call{Step: "revoke", Method: http.MethodDelete, Path: apiclient.Path("/api-keys/%s", h.ID), Answer: &a, Judge: missing})
	switch {
	case apiclient.StatusOf(err) == http.StatusNotFound && fault.HintOf(err) == goneHint:
		return nil
	case err != nil:
		return err
	case !deleted(a, h.ID):
		return fault.New(fault.Unknown, "resend: revoke: the answer does not say that the key is deleted")
	}
	return nil
}

// deleted: older versions say nothing at all with their 200. Whether it is true is
// proven by using the key.
func deleted(a apiclient.Answer, id string) bool {
	var got struct {
		ID      string `json:"id"`
		Deleted bool   `json:"deleted"`
	}
	return len(bytes.TrimSpace(a.Body)) == 0 || json.Unmarshal(a.Body, &got) == nil && got.Deleted && got.ID == id
}

const goneHint = "the key is gone"

// missing recognises the vendor's own words for a key that is gone.
func missing(a apiclient.Answer) *apiclient.Verdict {
	word, message, ok := says(a)
	if ok && a.Status == http.StatusNotFound && word == "not_found" && strings.Contains(strings.ToLower(message), "key") {
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: goneHint}
	}
	return refusal(a)
}

// Preflight: the management key works, the domain is there, and the present key may do
// what a new one will.
func (p *Provider) Preflight(ctx context.Context, req provider.Request) error {
	if _, err := p.Now(ctx); err != nil {
		return fault.Wrap(fault.KindOf(err), "resend: preflight", err)
	}
	if _, err := p.domain(ctx, "preflight"); err != nil {
		return err
	}
	present := req.Old[field]
	if p.opts.ChangePermission || present.IsZero() {
		return nil
	}
	has, _, err := p.may(ctx, "preflight", present)
	switch {
	case err != nil && fault.KindOf(err) == fault.Transient:
		return err
	case has == "" || has == p.opts.Permission: // dead, or not to be found out: no reason to stop
		return nil
	}
	return bad("preflight: the present key has %s, and permission says %s", has, p.opts.Permission).
		WithHint("write permission: %s; or change-permission: true, if the new keys are to have another", has)
}

// Instructions for a key from before Rotor, whose id nobody knows.
func (p *Provider) Instructions(step rotation.Step, req provider.Request) string {
	if step != rotation.Revoke {
		return ""
	}
	if req.Current.ID != "" {
		return fmt.Sprintf("Delete the key of generation %d, id %s, in Resend: API Keys.", req.Generation, req.Current.ID)
	}
	return fmt.Sprintf("Delete the key of generation %d in Resend: API Keys. The list shows no values, so look at each key's page: "+
		"the first characters of the token, and when it was last used. "+
		"`rotor recover` writes the old value to a file, if you need its beginning.", req.Generation)
}
