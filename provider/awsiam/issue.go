package awsiam

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Issue makes a key. The label can be written nowhere.
func (p *Provider) Issue(ctx context.Context, _ provider.Request) (provider.Issued, error) {
	var got struct {
		XMLName xml.Name `xml:"CreateAccessKeyResponse"`
		Key     key      `xml:"CreateAccessKeyResult>AccessKey"`
	}
	if err := p.do(ctx, "issue", "CreateAccessKey", nil, &got); err != nil {
		return provider.Issued{}, err
	}
	k := got.Key
	switch {
	case k.ID == "" || k.Secret.IsZero():
		return provider.Issued{}, fault.New(fault.Unknown, "%s: issue: the answer has no key", name)
	case p.opts.User != "" && k.User != p.opts.User:
		return provider.Issued{}, fault.New(fault.Unknown, "%s: issue: the answer is about another user", name)
	}
	return provider.Issued{Handle: rotation.Handle{ID: k.ID}, Created: k.Created.Time,
		Values: secret.Set{idField: secret.Public(k.ID), keyField: k.Secret.Value}}, nil
}

// done is the answer of an action that says nothing.
type done struct{ XMLName xml.Name }

// Revoke switches the key off and deletes it. There is no wait between the two: who
// would still notice has had the whole grace, in which the key could be brought back
// by a rollback. Switching off comes first because it is seen sooner in the console if
// deleting fails.
func (p *Provider) Revoke(ctx context.Context, h rotation.Handle) error {
	signer, err := p.admin(ctx)
	if err != nil {
		return err
	}
	if signer.Equal(secret.New(h.ID)) {
		return fault.New(fault.BadConfig, "%s: revoke: %s is the key that Rotor signs with", name, h.ID).
			WithHint("a key that replaces itself: admin-access-key-id and admin-secret-access-key must refer to the place that the credential's own targets write")
	}
	id := func() url.Values { return url.Values{"AccessKeyId": {h.ID}} }
	off := id()
	off.Set("Status", "Inactive")
	for _, action := range []struct {
		name       string
		parameters url.Values
	}{{"UpdateAccessKey", off}, {"DeleteAccessKey", id()}} {
		var got done
		err := p.do(ctx, "revoke", action.name, action.parameters, &got)
		switch {
		case isGone(err):
			return p.elsewhere(ctx, h)
		case err == nil && got.XMLName.Local != action.name+"Response":
			return fault.New(fault.Unknown, "%s: revoke: %s: the answer is another action's", name, action.name)
		case err != nil:
			return err
		}
	}
	return nil
}

// elsewhere makes sure that a key which this user does not have is not another one's:
// the option may have been changed since.
func (p *Provider) elsewhere(ctx context.Context, h rotation.Handle) error {
	got, err := p.lastUsed(ctx, "revoke", h.ID)
	if err != nil || got.User == "" {
		return nil // not known there either; or nobody may ask, and the vendor's word stands
	}
	return fault.New(fault.BadConfig, "%s: revoke: %s is a key of user %s", name, h.ID, got.User).
		WithHint("user names another one now: end this key by hand, or put the name back")
}

type lastUsed struct {
	XMLName xml.Name `xml:"GetAccessKeyLastUsedResponse"`
	User    string   `xml:"GetAccessKeyLastUsedResult>UserName"`
	At      moment   `xml:"GetAccessKeyLastUsedResult>AccessKeyLastUsed>LastUsedDate"`
	Service string   `xml:"GetAccessKeyLastUsedResult>AccessKeyLastUsed>ServiceName"`
	Region  string   `xml:"GetAccessKeyLastUsedResult>AccessKeyLastUsed>Region"`
}

func (p *Provider) lastUsed(ctx context.Context, step, id string) (got lastUsed, err error) {
	err = p.do(ctx, step, "GetAccessKeyLastUsed", url.Values{"AccessKeyId": {id}}, &got)
	return got, err
}

// Usage is AWS's own record.
func (p *Provider) Usage(ctx context.Context, h rotation.Handle) (provider.Usage, error) {
	got, err := p.lastUsed(ctx, "usage", h.ID)
	if isGone(err) {
		return provider.Usage{}, nil
	}
	return provider.Usage{Known: err == nil, LastUsed: got.At.Time}, err
}

// Preflight: the key that signs may list, and there is room for one more key. What
// stands in its way is named.
func (p *Provider) Preflight(ctx context.Context, req provider.Request) error {
	all, err := p.all(ctx, "preflight")
	if err != nil || len(all) < perUser {
		return err
	}
	signer, err := p.admin(ctx)
	if err != nil {
		return err
	}
	present, seen := inUse(req), false
	var words, others []string
	for _, k := range all {
		switch id := secret.New(k.ID); {
		case present.Equal(id):
			words, seen = append(words, k.ID+" (the current one)"), true
		case signer.Equal(id):
			words = append(words, k.ID+" (what Rotor signs with)")
		default:
			words, others = append(words, p.describe(ctx, k, req.Current)), append(others, k.ID)
		}
	}
	full := fault.New(fault.Rejected, "%s: the user has %d keys, and that is all it can have: %s", name, len(all), strings.Join(words, "; "))
	if !seen || len(others) != 1 { // any of them may be in use: none is named
		return full.WithHint("find out which of them nobody uses, and delete that one in the console; if all are in use, give one use a user of its own")
	}
	return full.WithHint("if nobody uses it, delete %s in the console, or with: aws iam delete-access-key --access-key-id %s%s; if somebody does, give that use a user of its own",
		others[0], others[0], p.userFlag())
}

// inUse is the id of the pair that consumers present: the engine reads it where the
// targets hold it. Rotor's own may be another by now, or there is none yet.
func inUse(req provider.Request) secret.Value {
	if id := req.Old[idField]; !id.IsZero() {
		return id
	}
	return secret.Public(req.Current.ID)
}

func (p *Provider) userFlag() string {
	if p.opts.User == "" {
		return ""
	}
	return " --user-name " + p.opts.User
}

// describe says of a key what a person needs to know in order to end it.
func (p *Provider) describe(ctx context.Context, k key, current rotation.Handle) string {
	whose, made, used := "unknown to Rotor", "", ""
	if k.ID == current.ID {
		whose = "Rotor's own, in whose place another was put"
	}
	if !k.Created.IsZero() {
		made = ", made " + k.Created.Format(time.DateOnly)
	}
	switch u, err := p.lastUsed(ctx, "preflight", k.ID); {
	case err != nil:
	case u.At.IsZero():
		used = ", never used"
	default:
		used = fmt.Sprintf(", last used %s with %s in %s", u.At.Format(time.DateOnly), u.Service, u.Region)
	}
	return fmt.Sprintf("%s (%s, %s%s%s)", k.ID, whose, strings.ToLower(k.Status), made, used)
}
