package openai

import (
	"context"
	"net/http"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/rotation"
)

// together is how far apart, in seconds, the vendor dates an account and the key that
// one request makes.
const together = 10

// ours is the key's account if Rotor made it for one key: it bears a label of ours, and
// is not the one that rotor.yaml names.
func (p *Provider) ours(k key) *account {
	a := k.Owner.Account
	if a == nil || !rotation.IsLabel(a.Name) || a.ID == p.opts.ServiceAccount {
		return nil
	}
	return a
}

// own says whether the key is the one that its account was made for. Anybody can add
// another to the account later: that one is theirs.
func (p *Provider) own(k key) bool {
	a := p.ours(k)
	return a != nil && (a.Created == 0 || k.Created-a.Created <= together)
}

// siblings are the other keys of an account.
func siblings(all []key, account, id string) []key {
	var out []key
	for _, k := range all {
		if k.Owner.Account != nil && k.Owner.Account.ID == account && k.ID != id {
			out = append(out, k)
		}
	}
	return out
}

// first says whether no other key can be the one that the account of k was made for.
func (p *Provider) first(all []key, k key) (bool, error) {
	if !p.own(k) {
		return true, nil
	}
	a := p.ours(k)
	if a.Created == 0 {
		return false, fault.New(fault.Unknown, "openai: find: the list does not say when account %s was made", a.ID)
	}
	for _, other := range siblings(all, a.ID, k.ID) {
		switch {
		case other.Created < k.Created:
			return false, nil
		case other.Created == k.Created:
			return false, fault.New(fault.NeedsPerson, "openai: find: nobody can tell which of account %s's keys %s and %s Rotor made", a.ID, k.ID, other.ID).
				WithHint("Rotor made the account for one key; delete the other, and make it on another account")
		}
	}
	return true, nil
}

// alone says whether the account holds no key but this one. An account that is gone is
// an error of which isGone is true.
func (p *Provider) alone(ctx context.Context, id, key string) (bool, error) {
	var got account
	err := p.api.Do(ctx, apiclient.Call{Step: "revoke", Path: p.accountPath("/%s", id), Out: &got, Judge: missing})
	if err == nil && got.ID != id {
		err = fault.New(fault.Unknown, "openai: revoke: the answer is about another account")
	}
	if err != nil {
		return false, err
	}
	all, err := p.all(ctx, "revoke")
	return err == nil && len(siblings(all, id, key)) == 0, err
}

// bound recognises an API that deletes no single key of a service account, where others
// must live on.
func bound(a apiclient.Answer) *apiclient.Verdict {
	if refusesOne(a) {
		return &apiclient.Verdict{Kind: fault.NeedsPerson, Hint: "its service account, made by Rotor for this key, holds keys that were not made by Rotor, and this organisation's API " +
			"deletes them only together: give the others an account of their own, then delete this one with its account by hand"}
	}
	return missing(a)
}

func refusesOne(a apiclient.Answer) bool {
	_, message, ok := says(a)
	return ok && a.Status == http.StatusBadRequest && strings.Contains(message, "service account")
}
