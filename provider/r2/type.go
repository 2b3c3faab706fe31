package r2

import (
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/secret"
)

const name = "r2"

// Type is its entry in provider/all.
func Type() provider.Type {
	return provider.API[Options]{
		Name: name, Summary: "Cloudflare R2: S3 keys, which are API tokens",
		Doc: doc, Evidence: provider.EvidenceDocument,
		Secret: "api-token", Example: "env:CLOUDFLARE_API_TOKEN", Base: defaultBase,
		Of:  func(o *Options) (ref, base string) { return o.APIToken, o.BaseURL },
		New: func(o Options, token secret.Source) (provider.Provider, error) { return New(o, token) },
	}.Type()
}

const doc = `
    r2:
      provider:
        type: r2
        api-token: vault:cloudflare-admin#token
        account-id: 0123456789abcdef0123456789abcdef
        buckets: [app-files]
      targets:
        - {store: vault, path: app-prod, key: R2_ACCESS_KEY_ID, value: "{{.access_key_id}}"}
        - {store: vault, path: app-prod, key: R2_SECRET_ACCESS_KEY, value: "{{.secret_access_key}}"}

Id and secret are one value: write them to one path, so that nobody reads half a pair. The secret is the SHA-256 of
the token's value, so nobody but Cloudflare can turn it into the token; ` + "`token: true`" + ` hands that out too.

**Rights.** For ` + "`owner: account`" + `, a token that may edit the account's API tokens, made by a Super Administrator. For
` + "`owner: user`" + `, a token of that user which may edit the user's tokens. Either can give itself every right that its
owner has: keep it in a store. Tokens of an account stay when people leave; use them.

**Strategy.** *overlap*: a further token is made beside the old one, and the old one is deleted later. Rolling a token
is not used: it ends the old secret at once.

**A person must do** nothing, but make the first token that manages tokens, and the buckets.

**Limits.** Names are labels of Rotor, ` + "`rotor-…`" + `; do not rename tokens while a rotation is open, and change ` + "`account-id`" + ` or
` + "`owner`" + ` only when no old key is waiting for its end: Rotor touches no token of another owner. One credential has
buckets of one jurisdiction. A new key needs up to a minute to be known, and must work for 10 seconds in a row before
it is published. Every bucket is listed with the new key; that it may write is read from its token's policies,
because writing an object would leave traces. ` + "`verify-write`" + ` asks each bucket to delete an object that cannot exist instead.
Use is known only once Cloudflare has recorded one: whether its record sees the S3 side is not promised, so a token that
was never seen in use does not count as unused. A user has about 50 tokens. This machine's clock must be right to
some minutes.

**What "dead" proves.** Two things together: R2 answered a request signed with the key with its own 401, Unauthorized,
and Cloudflare's API, asked with ` + "`api-token`" + `, says that the token is deleted, disabled or expired. Neither is enough alone:
R2 says the same to a key that has not arrived yet, and a deleted token works for a while.
`
