package awsiam

import (
	"context"
	"encoding/xml"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/internal/sigv4"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// seen is what STS says about a pair.
type seen struct {
	live  provider.Liveness
	wrong bool   // the id is known, and the secret is not its
	user  string // whose it is; "" for the root of an account, or a role
}

// look asks STS who signed: the one request that a key needs no right for.
func (p *Provider) look(ctx context.Context, step string, values secret.Set) (seen, error) {
	var a apiclient.Answer
	var got struct {
		XMLName xml.Name `xml:"GetCallerIdentityResponse"`
		Arn     string   `xml:"GetCallerIdentityResult>Arn"`
	}
	c := call(step, "GetCallerIdentity", "2011-06-15", nil, &got)
	c.Answer, c.Judge = &a, aboutValue
	c.Auth = sigv4.Scope{Service: "sts", Region: p.opts.Region}.With(values[idField], values[keyField])
	err := p.sts.Do(ctx, c)
	if err == nil && got.Arn == "" {
		return seen{live: provider.NotKnown}, fault.New(fault.Unknown, "%s: %s: the answer does not say who signed", name, step)
	}
	if err == nil {
		return seen{live: provider.Alive, user: userOf(got.Arn)}, nil
	}
	code, message, ok := says(a)
	switch {
	case !ok, clockIsOff(code, message):
	case code == "InvalidClientTokenId":
		return seen{live: provider.Refused}, nil
	case code == "ExpiredToken":
		return seen{live: provider.Expired}, nil
	case code == "AccessDenied":
		return seen{live: provider.Restricted}, nil
	case code == "SignatureDoesNotMatch":
		return seen{live: provider.NotKnown, wrong: true}, err
	}
	return seen{live: provider.NotKnown}, err
}

// aboutValue: what is refused here is the value, not Rotor's own key.
func aboutValue(a apiclient.Answer) *apiclient.Verdict {
	switch code, message, ok := says(a); {
	case !ok:
		return nil
	case clockIsOff(code, message), strings.HasPrefix(code, "Throttling"):
		return judge(a)
	}
	return &apiclient.Verdict{Kind: fault.Unknown}
}

// userOf takes the user's name out of an Arn, arn:aws:iam::123456789012:user/path/name.
func userOf(arn string) string {
	_, path, ok := strings.Cut(arn, ":user/")
	if !ok {
		return ""
	}
	return path[strings.LastIndexByte(path, '/')+1:]
}

// Verify signs with the key, and makes sure that it is the one of the handle, and the
// user's: a key of somebody else works too.
func (p *Provider) Verify(ctx context.Context, v provider.Issued) error {
	got, err := p.look(ctx, "verify", v.Values)
	switch {
	case got.wrong:
		return fault.New(fault.Rejected, "%s: verify: the secret is not that of the key id", name)
	case got.live == provider.Restricted:
		got.live, err = provider.Alive, nil // asking who one is needs no right; what is missing is not the key's
	}
	if err := provider.Judged(name+": verify", got.live, err); err != nil {
		return err
	}
	return p.ours("verify", v.Handle, v.Values, got.user)
}

// ours compares a pair that works with the key and the user that it should be.
func (p *Provider) ours(step string, h rotation.Handle, values secret.Set, user string) error {
	switch id := values[idField]; {
	case !h.IsZero() && !id.Equal(secret.New(h.ID)):
		return fault.New(fault.Rejected, "%s: %s: the pair works, but is not key %s", name, step, h.ID)
	case p.opts.User != "" && user != "" && user != p.opts.User:
		return fault.New(fault.Rejected, "%s: %s: the pair works, and is a key of user %s, not of %s", name, step, user, p.opts.User).
			WithHint("check user")
	}
	return nil
}

// Probe says whether the key lives. A wrong secret says nothing about it.
func (p *Provider) Probe(ctx context.Context, v provider.Issued) (provider.Liveness, error) {
	got, err := p.look(ctx, "probe", v.Values)
	return got.live, err
}

// Identify: the pair works, and its id is on the list of the user's keys.
func (p *Provider) Identify(ctx context.Context, values secret.Set) (rotation.Handle, error) {
	got, err := p.look(ctx, "identify", values)
	if got.wrong {
		return rotation.Handle{}, fault.New(fault.Rejected, "%s: identify: the secret is not that of the key id", name)
	}
	if got.live != provider.Alive && got.live != provider.Restricted {
		return rotation.Handle{}, provider.Judged(name+": identify", got.live, err)
	}
	if err := p.ours("identify", rotation.Handle{}, values, got.user); err != nil {
		return rotation.Handle{}, err
	}
	all, err := p.all(ctx, "identify")
	if err != nil {
		return rotation.Handle{}, err
	}
	for _, k := range all {
		if values[idField].Equal(secret.New(k.ID)) {
			return rotation.Handle{ID: k.ID}, nil
		}
	}
	return rotation.Handle{}, fault.New(fault.Rejected, "%s: identify: the pair works, and is no access key of the user", name).
		WithHint("temporary credentials and keys of the account's root cannot be taken over; check user")
}
