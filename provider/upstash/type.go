package upstash

import (
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

const name = "upstash"

// Type is its entry in provider/all.
func Type() provider.Type {
	return provider.Type{
		Name:       name,
		Summary:    "Upstash Redis: the password and its REST tokens, or ACL users that overlap",
		Doc:        doc,
		Evidence:   provider.EvidenceDouble,
		NewOptions: func() any { return new(Options) },
		Refs: func(opts any) map[string]string {
			o := opts.(*Options)
			refs := map[string]string{"api-key": o.APIKey}
			if o.AdminPassword != "" {
				refs["admin-password"] = o.AdminPassword
			}
			return refs
		},
		Destination: func(opts any) string {
			o := opts.(*Options)
			to := o.BaseURL
			if to == "" {
				to = defaultBase
			}
			if o.Address != "" {
				to += " and " + o.Address
			}
			return to
		},
		Accounts: func(opts any) []string {
			if o := opts.(*Options); o.Strategy != rotation.Overlap { // there each generation is a user of its own
				return provider.AccountsAt(provider.BaseAt(o.BaseURL, defaultBase), o.Database)
			}
			return nil
		},
		New: build,
	}
}

func build(opts any, c provider.Context) (provider.Provider, error) {
	o := *opts.(*Options)
	if o.APIKey == "" {
		return nil, bad("api-key is missing").WithHint("refer to a key of the Developer API, for example api-key: env:UPSTASH_API_KEY")
	}
	if _, err := o.validated(); err != nil {
		return nil, err
	}
	key, err := c.Bind.Source(o.APIKey)
	if err != nil {
		return nil, err
	}
	var admin secret.Source
	if o.AdminPassword != "" {
		if admin, err = c.Bind.Source(o.AdminPassword); err != nil {
			return nil, err
		}
	}
	return New(o, key, admin)
}

const doc = `
    cache:
      provider:
        type: upstash
        email: ops@example.com
        api-key: env:UPSTASH_API_KEY
        database: 6b1f0000-0000-4000-8000-000000000000
        strategy: overlap
      targets:
        - {store: vault, path: upstash, key: REDIS_URL, value: "rediss://{{.username | userinfo}}:{{.password | userinfo}}@quiet-stallion-12345.upstash.io:6379"}
        - {store: vault, path: upstash, key: UPSTASH_REDIS_REST_TOKEN, value: "{{.rest_token}}"}

**Rights.** A key of the Developer API; it is made in the console and belongs to a person's account, whose
e-mail address is part of the login. For *overlap* also the password of the user default, which
the API tells, unless Credential Protection is on: then ` + "`admin-password`" + ` refers to it.

**Strategy.** *in-place* (every plan): a reset replaces the password of the user default, both REST tokens
and all connections at once; publish and deploy follow immediately. If the answer is lost, or lacks the
password, it is read from the API. *overlap* (paid plans): each generation is an ACL user of its own, named
by its label; the server makes its token, Rotor seals it, then the user is made. Consumers move while
both work; deleting the old user ends its connections and nobody else's. Consumers must take the user
name as well: use ` + "`{{.username}}`" + ` in their URL.

**A person must** make the key of the Developer API. Where the old value is the user default's, its end is a person's:
ACL commands cannot change default. So is that of an ACL user after a change to in-place.

**Limits.** The vendor refuses passwords that others made up, so tokens come from ACL GENTOKEN. ` + "`rules`" + ` are the same for all
generations; subcommands (+client|list) are not supported there. A new user must work for 6 seconds in a row, because replicas may learn of it one after the other. With Credential Protection in-place is refused unless
` + "`unrevealable: true`" + `: a lost answer would then need a person. The value has the fields username, password, rest_token and,
in place, read_only_rest_token; ` + "`no-rest: true`" + ` leaves the tokens out.
A handle names the data base and the user; one of another data base is left alone: finish retirements before you change ` + "`database`" + `.
Beyond loopback Redis is spoken to over TLS only.

**What "dead" proves.** Redis refused the login with WRONGPASS and REST refused every token of the value with a 401 that says
WRONGPASS. Nothing else counts.`
