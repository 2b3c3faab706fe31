package openai

import (
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/secret"
)

const name = "openai"

// Type is its entry in provider/all.
func Type() provider.Type {
	return provider.API[Options]{
		Name: name, Summary: "OpenAI: keys of service accounts, and admin keys",
		Doc: doc, Evidence: provider.EvidenceDocument,
		Secret: "admin-key", Example: "env:OPENAI_ADMIN_KEY", Base: defaultBase,
		Of:  func(o *Options) (ref, base string) { return o.AdminKey, o.BaseURL },
		New: func(o Options, key secret.Source) (provider.Provider, error) { return New(o, key) },
	}.Type()
}

const doc = `
    openai:
      provider:
        type: openai
        admin-key: vault:openai-admin#key
        project: proj_abc123
        service-account: svc_acct_abc123
      targets: [{store: vault, path: app-prod, key: OPENAI_API_KEY}]

A person's own key (made in the dashboard by a user) can be taken over and replaced by a service account's;
the API makes no keys for people.

**Rights.** An admin key of the organisation, made by an owner. It can do anything to the organisation: keep it
in a store, and rotate it too (` + "`kind: admin`" + `). For that, ` + "`admin-key`" + ` refers to the place that
the credential's own target writes: Rotor then deletes the old admin key with the new one.

**Strategy.** *overlap*: a further key is made beside the old one. With ` + "`service-account`" + ` it is a key of that
account. Without, each key comes with an account of its own, named by Rotor, and the account is deleted
with it: for organisations whose API does not delete a single key of a service account. An account to which somebody
added another key is not deleted: only Rotor's key is, and where the API refuses that, a person is asked.

**A person must do** nothing, but make the first admin key and, if wanted, the service account.

**Limits.** Names are labels of Rotor, ` + "`rotor-…`" + `; do not rename keys while a rotation is open. ` + "`scopes`" + `
limit new keys; one without ` + "`api.model.read`" + ` counts as working although it may not list models.
Where the organisation demands an expiry, set ` + "`expires-days`" + `, and ` + "`on: [expiry]`" + ` in the credential; where the API
takes no notice of it, keys do not expire, and no rotation begins for that reason. A new key
must work for 6 seconds in a row before it is published, because keys are cached where they are checked. What usage costs,
and a quota that is used up (429), are no signs of a dead key.

**What "dead" proves.** ` + "`GET /models`" + ` (an admin key: the list of admin keys) was answered with 401 in OpenAI's own form,
invalid_api_key. Any other refusal, of an address that is not on the project's IP allowlist for example, proves nothing
about the value: let Rotor's address through.
`
