package grafana

import (
	"github.com/agenticverz/rotor/provider"
)

const name = "grafana"

// Type is its entry in provider/all.
func Type() provider.Type {
	return provider.Type{
		Name:       name,
		Summary:    "Grafana: tokens of service accounts",
		Doc:        doc,
		Evidence:   provider.EvidenceDocument,
		NewOptions: func() any { return new(Options) },
		Refs: func(opts any) map[string]string {
			if o := opts.(*Options); o.AdminPassword != "" {
				return map[string]string{"admin-password": o.AdminPassword}
			}
			return map[string]string{"admin-token": opts.(*Options).AdminToken}
		},
		Destination: func(opts any) string { return opts.(*Options).BaseURL },
		New:         build,
	}
}

func build(opts any, c provider.Context) (provider.Provider, error) {
	o := *opts.(*Options)
	ref := o.AdminToken
	if ref == "" {
		ref = o.AdminPassword
	}
	if ref == "" {
		return nil, bad("admin-token is missing").WithHint("refer to it, for example admin-token: env:GRAFANA_ADMIN_TOKEN; or name admin-user and admin-password")
	}
	source, err := c.Bind.Source(ref)
	if err != nil {
		return nil, err
	}
	p, err := New(o, source)
	if err != nil {
		return nil, err
	}
	return p, nil
}

const doc = `
    grafana:
      provider:
        type: grafana
        base-url: https://grafana.example.com
        admin-token: vault:grafana-admin#token
        service-account: monitoring-deploy
        role: Editor
      targets: [{store: vault, path: app-prod, key: GRAFANA_API_KEY}]
      checks: [dashboards]
      on: [compromise]

A script that deploys with the token is a good check: it uses the value for what it is for. Before the rotation it
gives the baseline; after deploy it must still work, or the old token is put back. In rotor.yaml:

    checks:
      dashboards: {type: exec, command: [/srv/app/scripts/ops/m9_monitoring_deploy.sh], timeout: 2m}

The script must read the token from where the target writes it (` + "`rotor exec`" + ` in its first line, or the store's own
program): a check gets no secret from Rotor. It must be safe to run several times, and end with 0, or with 1 or 2 for bad.

**Rights.** A token, or in a self-hosted Grafana a user with a password, that may read and change the service account
(serviceaccounts:read and serviceaccounts:write; an organisation's Admin has them). The token may be of the very account
that it rotates: then ` + "`admin-token`" + ` refers to the place that the credential's own target writes. Passwords never stand
in an address.

**Strategy.** *overlap*: a further token is made beside the old one, which is deleted later.

**A person must** make the service account, and the first admin token. An API key from before service accounts can be
taken over by ` + "`rotor adopt`" + `: Rotor finds it by the name that it holds, makes a service account's token in its place and
deletes it, up to Grafana 12.0. From 12.1 on there are no such keys; one that was turned into a service account is deleted by hand.

**Limits.** Grafana 9.1 and later. Names of tokens are labels of Rotor, ` + "`rotor-…`" + `, and unique in the organisation. Where the
server has a longest life for tokens (token_expiration_day_limit), set ` + "`expires-days`" + `, and ` + "`on: [expiry]`" + ` in the credential. No
answer says which token a request carried: Verify tells organisations apart and, but for versions around 10.4,
accounts; not the tokens of one account. A use is noted every five minutes at most. To take over a token, Rotor uses it twice and
looks which one's last use moves; if that may be another consumer's doing, it refuses. A handle names this Grafana by its address: change ` + "`base-url`" + ` only when no old token is
waiting for its end, for Rotor touches no token of another address. ` + "`Disable`" + ` in the account's page stops all its tokens at once; Rotor does not do that.

**What "dead" proves.** ` + "`GET /api/org`" + ` was answered with 401 in Grafana's own form: api-key.invalid, api-key.revoked or
api-key.expired; in 9.x, which names no ids, by the same words.
`
