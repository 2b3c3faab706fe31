package resend

import (
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/secret"
)

const name = "resend"

// Type is its entry in provider/all.
func Type() provider.Type {
	return provider.API[Options]{
		Name: name, Summary: "Resend: keys for sending mail, and keys with full access",
		Doc: doc, Evidence: provider.EvidenceDocument,
		Secret: "api-key", Example: "env:RESEND_ADMIN_KEY", Base: defaultBase,
		Of:  func(o *Options) (ref, base string) { return o.APIKey, o.BaseURL },
		New: func(o Options, key secret.Source) (provider.Provider, error) { return New(o, key) },
	}.Type()
}

const doc = `
    resend:
      provider:
        type: resend
        api-key: vault:resend-admin#key
        permission: sending_access
        domain: example.com
        verify-mail: rotor@example.com
      targets: [{store: vault, path: external-apis, key: RESEND_API_KEY}]

**Rights.** A key with full access, which can do anything to the team: keep it in a store. It may be rotated
too, by a credential with ` + "`permission: full_access`" + ` whose target is the place that ` + "`api-key`" + ` refers to.

**Strategy.** *overlap*: a further key is made beside the old one, with a label of Rotor as its name, and the old one is
deleted by its id.

**A person must** make the first key with full access, and delete a key from before Rotor: the vendor's list
shows names only, so nobody can tell which of them a value belongs to. Rotor asks for that
once, at the first rotation, and says what to look for.

**Limits.** The list shows neither the permission nor the domain of a key. New keys have what ` + "`permission`" + ` and
` + "`domain`" + ` say; before each rotation the present key is tried, and one with another permission stops it
(` + "`change-permission: true`" + ` if that is wanted). The domain can be compared only by sending: with ` + "`verify-mail`" + ` each new
key sends one message to delivered@resend.dev, the vendor's own sink; a quota for mail counts it. Where that
quota is used up the key passes, for it works, and its domain is not compared. Then, and without ` + "`verify-mail`" + `,
a sending key of another team would pass *verify*, for it can be asked nothing that would tell. A key with full access
must find itself in the list. A new key must work for 6 seconds in a row before it is
published. Two requests a second are allowed to a team, its applications included.

**What "dead" proves.** 400, 401 or 403 in Resend's own form that says invalid_api_key, or "API key is invalid". That a
key is restricted to sending, or that its domain is not verified, proves that it lives.
`
