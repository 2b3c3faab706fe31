package anthropic

import (
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/secret"
)

const name = "anthropic"

// Type is its entry in provider/all.
func Type() provider.Type {
	return provider.API[Options]{
		Name: name, Summary: "Anthropic: keys that a person makes in the Console; all after that is automatic",
		Doc: doc, Evidence: provider.EvidenceDouble,
		Secret: "admin-key", Example: "env:ANTHROPIC_ADMIN_KEY", Base: defaultBase,
		Of:  func(o *Options) (ref, base string) { return o.AdminKey, o.BaseURL },
		New: func(o Options, key secret.Source) (provider.Provider, error) { return New(o, key) },
	}.Type()
}

const doc = `
    anthropic:
      provider:
        type: anthropic
        admin-key: vault:anthropic-admin#key
        workspace: wrkspc_abc123
      targets: [{store: vault, path: app-prod, key: ANTHROPIC_API_KEY}]

**Rights.** An admin key of the organisation (Console, Settings, Admin keys; only its admins see that page,
and accounts of a single person have none). It can disable every key of the organisation: keep it in a store.

**Strategy.** *overlap*: a person makes a further key beside the old one and hands it to Rotor, ` + "`rotor set NAME -`" + `.
Rotor reads which key it is from the list of keys, tries it, publishes it, and ends the old one when nobody needs it:
first inactive, which stops it at once and which an admin can undo in the Console, then archived.
Anthropic deletes no key; archived ones stay in its list.

**A person must** make each new key in the Console, in the workspace and with the name that Rotor says, because no API
makes keys. A value is refused at once, and nothing is changed, if it is not a key of the organisation, of another
workspace, inactive, archived or expired, an admin key, or one made more than 24 hours before the rotation began.
` + "`expires-days`" + ` also refuses one that lives longer. Set ` + "`on: [expiry]`" + ` in the credential where keys expire.

**Limits.** The list shows only the beginning and the end of each key. If two look like the value, Rotor takes
neither: make another. The API does not say when a key was last used; use the Console's usage page, or a check of your own,
and ` + "`at-bound: hold`" + ` where that matters. Names need not be unique and mean nothing to Rotor here. A new key must work
for 6 seconds in a row before it is published. Limits of use (429) and overload (529) are no signs of a dead key.
There is no document of the vendor's to test against: the double follows its public description.

**What "dead" proves.** ` + "`GET /v1/models`" + ` was answered with 401 in Anthropic's own form, authentication_error; or with
404, not_found_error, and the Admin API says that this key is inactive, archived or expired. Any other refusal, of a network
that is not let through for example, proves nothing about the value.
`
