package awsiam

import (
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/secret"
)

const name = "awsiam"

// Type is its entry in provider/all. It has two secrets, so it is written by hand.
func Type() provider.Type {
	return provider.Type{
		Name: name, Summary: "AWS IAM: the access keys of a user",
		Doc: doc, Evidence: provider.EvidenceDouble,
		NewOptions: func() any { return new(Options) },
		Refs: func(opts any) map[string]string {
			o := opts.(*Options)
			return map[string]string{"admin-access-key-id": o.AdminAccessKeyID, "admin-secret-access-key": o.AdminSecretAccessKey}
		},
		Destination: func(opts any) string {
			o := opts.(*Options)
			iam, sts := first(o.BaseURL, defaultBase), first(o.STSURL, defaultSTS)
			if iam == sts {
				return iam
			}
			return iam + " and " + sts
		},
		New: build,
	}
}

func first(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func build(opts any, c provider.Context) (provider.Provider, error) {
	o := *opts.(*Options)
	var sources []secret.Source
	for _, ref := range []struct{ option, text string }{
		{"admin-access-key-id", o.AdminAccessKeyID}, {"admin-secret-access-key", o.AdminSecretAccessKey}} {
		if ref.text == "" {
			return nil, bad("%s is missing", ref.option).WithHint("refer to it, for example %s: vault:aws-admin#%s", ref.option, ref.option[len("admin-"):])
		}
		source, err := c.Bind.Source(ref.text)
		if err != nil {
			return nil, err
		}
		sources = append(sources, source)
	}
	return New(o, sources[0], sources[1])
}

const doc = `
    storage-key:
      provider:
        type: awsiam
        admin-access-key-id: vault:aws-admin#id
        admin-secret-access-key: vault:aws-admin#secret
        user: backend
      targets:
        - {store: vault, path: app-prod, key: AWS_ACCESS_KEY_ID, value: "{{.access_key_id}}"}
        - {store: vault, path: app-prod, key: AWS_SECRET_ACCESS_KEY, value: "{{.secret_access_key}}"}

Id and secret are one value: write them to one path, so that nobody reads half a pair.

A key that replaces itself: leave ` + "`user`" + ` out, and let the two references name the place that the credential's
own targets write. Rotor then signs with the new key as soon as it is published, and refuses to revoke the one
that it signs with.

**Rights.** For the user that Rotor signs as: iam:ListAccessKeys, iam:CreateAccessKey, iam:UpdateAccessKey and
iam:DeleteAccessKey on the user in question, and iam:GetAccessKeyLastUsed. Preflight can try the first and the last
only. Session tokens are not taken: IAM wants a user's own key.

**Strategy.** *overlap*: the second of two keys is made beside the first. Revoking means *Inactive*, then delete, with
no wait between: the grace before it is the wait.

**A person must do** nothing, but make the user, its policy, and the admin's first key.

**Limits.** A user has two keys, inactive ones included. If both places are taken, the rotation ends before it begins, and
names the key that is not in use by the targets, its age and its last use. Keys bear no names, so a label cannot be
written: Rotor notes which keys there are before it asks for one, and if the answer is lost, a key that was not there
and that no credential of Rotor knows came from that request, and is revoked. That is true only if nobody else makes
keys for this user: one credential for one user. Where others do, say ` + "`shared: true`" + `, and a person is asked. AWS's record
of last use may be minutes late, and asking STS counts as use. IAM is eventually consistent: a new key must work for
6 seconds in a row before it is published. This machine's clock must be right to five minutes.

**What "dead" proves.** STS GetCallerIdentity, signed with the pair, was answered with InvalidClientTokenId in AWS's
own form: the key is deleted or inactive. A wrong secret (SignatureDoesNotMatch) or a wrong clock proves nothing.
`
