package manual

import "github.com/agenticverz/rotor/provider"

const name = "manual"

// Type is its entry in provider/all.
func Type() provider.Type {
	return provider.Type{
		Name:       name,
		Summary:    "Values that a person gets from a vendor's console",
		Doc:        doc,
		Evidence:   provider.EvidenceNone,
		NewOptions: func() any { return new(Options) },
		New: func(opts any, _ provider.Context) (provider.Provider, error) {
			return New(*opts.(*Options))
		},
	}
}

const doc = `For vendors without an API for keys, and for consoles that only a person may enter.
Rotor waits, shows what to do, takes the value by ` + "`rotor set NAME -`" + `, a file, a prompt or a form,
and does everything else: it refuses a value that an earlier generation or another credential
had, publishes, deploys, monitors, and reminds of the revocation.

**Rights.** None.

**Strategy.** *overlap* by default: the vendor lets the old and the new value live side by
side. Say ` + "`strategy: in-place`" + ` if making a new value ends the old one.

    cloudflare-r2:
      provider:
        type: manual
        url: https://dash.cloudflare.com/?to=/:account/r2/api-tokens
        instructions: Object read and write, bucket agenticverz-artifacts only.
        fields:
          - {name: access_key_id, public: true, pattern: "[0-9a-f]{32}"}
          - {name: secret_access_key, pattern: "[0-9a-f]{64}"}
        id: access_key_id

**A person must** make the new value, supply it, and later revoke the old one and confirm
that. With ` + "`id`" + ` the instructions say which of two values is the old one.

**Limits.** The form is all that *verify* can check: give the credential a check that sees
whether requests succeed. ` + "`expires-days`" + ` counts from the moment the value is supplied.

**What "dead" proves.** A person's word. Nothing here asks the vendor, so the old value is
reported as *replaced, death not provable* unless a check of the credential proves more.`
