package generated

import "github.com/agenticverz/rotor/provider"

const name = "generated"

// Type is its entry in provider/all.
func Type() provider.Type {
	return provider.Type{
		Name:       name,
		Summary:    "Random values that Rotor makes and your own services check",
		Doc:        doc,
		Evidence:   provider.EvidenceNone,
		NewOptions: func() any { return new(Options) },
		New: func(opts any, c provider.Context) (provider.Provider, error) {
			return New(*opts.(*Options), c.Overlap)
		},
	}
}

const doc = `Machine tokens, webhook signing keys, session and encryption keys: values that no
vendor issues. Rotor draws them from the operating system's random source, seals them, and
only then writes them anywhere.

**Rights.** None: there is no other side.

**Strategy.** *overlap* if every acceptor's targets carry ` + "`.previous`" + `, so that the
services which check the value accept the old and the new one side by side; otherwise
*in-place*, and the plan names the window in which callers with the old value are refused.

    machine-token:
      provider: {type: generated, bytes: 32, encoding: hex}
      acceptors:
        - {consumer: api, targets: [{store: vault, path: api, key: TOKENS, value: "{{.value}}{{with .previous.value}},{{.}}{{end}}"}]}
      targets: [{store: vault, path: worker, key: TOKEN}]
      consumers: [worker]

**Signing keys.** A key for [Standard Webhooks](https://www.standardwebhooks.com) is
` + "`whsec_`" + ` and 24 to 64 bytes in base64:

    provider: {type: generated, prefix: whsec_, bytes: 32, encoding: base64}

The verifying side is the acceptor and gets both keys first; the signing side is the consumer.

**A person must do** nothing.

**Limits.** Rotor cannot ask anyone whether a value works: *verify* checks its form, and the
credential's checks see whether callers are refused. Do not rotate a key that encrypts stored
data this way unless its reader tries the previous key too.

**What "dead" proves.** Nothing outside refuses a value, so the old one is reported as
*replaced, death not provable*.`
