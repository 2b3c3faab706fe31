package clerk

import (
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/secret"
)

const name = "clerk"

// Type is its entry in provider/all.
func Type() provider.Type {
	return provider.Type{
		Name:       name,
		Summary:    "Clerk: secret keys of instances and machines, client secrets of OAuth applications",
		Doc:        doc,
		Evidence:   provider.EvidenceDocument,
		NewOptions: func() any { return new(Options) },
		Refs: func(opts any) map[string]string {
			refs := map[string]string{}
			o := opts.(*Options)
			if o.PlatformToken != "" {
				refs["platform-token"] = o.PlatformToken
			}
			if o.SecretKey != "" {
				refs["secret-key"] = o.SecretKey
			}
			return refs
		},
		Destination: func(opts any) string {
			o := opts.(*Options)
			to := o.BaseURL
			if to == "" {
				to = defaultBase
			}
			if o.Kind == kindOAuth {
				to += " and the token endpoint that it names"
			}
			return to
		},
		Accounts: func(opts any) []string {
			if o := opts.(*Options); !o.keysByHand() {
				return o.accounts()
			}
			return nil
		},
		Beside: func(opts any) []string {
			if o := opts.(*Options); o.keysByHand() { // a person ends them, one by one
				return o.accounts()
			}
			return nil
		},
		New: build,
	}
}

// keysByHand is byPerson for options that are not checked yet.
func (o *Options) keysByHand() bool {
	return o.PlatformToken == "" && (o.Kind == "" || o.Kind == kindKey)
}

// accounts: the id of an instance is enough, production and development need the application.
func (o *Options) accounts() []string {
	base := provider.BaseAt(o.BaseURL, defaultBase)
	if o.Instance == production || o.Instance == development {
		base += " " + o.Application
	}
	return provider.AccountsAt(base, o.Instance, o.OAuthApplication, o.Machine)
}

func build(opts any, c provider.Context) (provider.Provider, error) {
	o := *opts.(*Options)
	checked, err := o.validated()
	if err != nil {
		return nil, err
	}
	ref := o.PlatformToken
	if checked.Kind != kindKey {
		if ref = o.SecretKey; ref == "" {
			return nil, bad("secret-key is missing").WithHint("refer to a secret key of the instance, for example secret-key: env:CLERK_SECRET_KEY")
		}
	}
	var source secret.Source
	if ref != "" {
		if source, err = c.Bind.Source(ref); err != nil {
			return nil, err
		}
	}
	return New(o, source)
}

const doc = `
    clerk:
      provider:
        type: clerk
        platform-token: vault:clerk#platform_token
        application: app_abc123
        instance: production
      targets: [{store: vault, path: app-prod, key: CLERK_SECRET_KEY}]
    oidc:
      provider:
        type: clerk
        kind: oauth-client-secret
        secret-key: vault:app-prod#CLERK_SECRET_KEY
        oauth-application: oa_abc123
      targets: [{store: vault, path: app-prod, key: OIDC_CLIENT_SECRET}]

A secret key (of an instance, for the Backend API) and a client secret (of an OAuth application, what OIDC_CLIENT_SECRET
should hold) are two things. Checking a session's JWT uses neither of them, so it is no check of a
rotation.

**Rights.** Kind secret-key: an access token of the Platform API, a private beta of Clerk's; it can read the secret keys of
all instances of the application. Kinds oauth-client-secret and machine-secret-key: a secret key of the instance.

**Strategy.** Kind secret-key, with ` + "`platform-token`" + `: *overlap* with a timer. One call makes the new key and lets **all** others of
the instance live for ` + "`old-lives-hours`" + ` (24). Nothing stops the timer, so there is no way back to the old key: a failed check stops
the rotation for a person instead. Grace is as long as the timer at least, and then the old key is tried until Clerk refuses it.
Kind machine-secret-key: the same, with 8 hours at most. ` + "`strategy: in-place`" + ` ends the old key at once. Kind oauth-client-secret:
*in-place*; the secret is shown once, and if the answer is lost another is made. The handle of a key is the id of its instance or machine, for keys have none.

**A person must**, without ` + "`platform-token`" + `, add the new key in Clerk's dashboard under the name that Rotor shows, and delete the
old one when Rotor says so; any number of keys live side by side there. With it nothing, unless the old key must
end before its time, in an emergency: then Rotor asks for its deletion in the dashboard. (A machine's cannot be deleted there;
a rotation with ` + "`strategy: in-place`" + ` ends it with the present one.)

**Limits.** Where several keys are in use, Clerk's rotation ends them all: if the newest key is not the present one, preflight
refuses (` + "`ends-other-keys`" + `), and in any case if that one is of another application's instance. A key made without the Platform API belongs to no list, so its instance must be
named by id and each key is compared with that. A second rotation within the timer of the first is possible; what it does to the
oldest key's time is not documented. A machine's key is tried by making a token that ends within a second.

**What "dead" proves.** A secret key: GET /jwks, or for a machine POST /m2m_tokens, was answered with 401 in Clerk's envelope. A
client secret: the application's token endpoint said invalid_client to a login in the header and to one in the form;
to a living secret it says that the code is wrong.
`
