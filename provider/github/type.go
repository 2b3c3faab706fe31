package github

import (
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/secret"
)

const name = "github"

// Type is its entry in provider/all.
func Type() provider.Type {
	return provider.Type{
		Name:       name,
		Summary:    "GitHub: personal access tokens, tokens of an App's installation, deploy keys",
		Doc:        doc,
		Evidence:   provider.EvidenceDocument,
		NewOptions: func() any { return new(Options) },
		Refs: func(opts any) map[string]string {
			o := opts.(*Options)
			refs := map[string]string{}
			for option, ref := range map[string]string{"private-key": o.PrivateKey, "token": o.Token} {
				if ref != "" {
					refs[option] = ref
				}
			}
			return refs
		},
		Destination: func(opts any) string {
			if o := opts.(*Options); o.BaseURL != "" {
				return o.BaseURL
			}
			return defaultBase
		},
		New: build,
	}
}

func build(opts any, c provider.Context) (provider.Provider, error) {
	o, err := opts.(*Options).validated()
	if err != nil {
		return nil, err
	}
	var ref, hint string
	switch o.Kind {
	case kindPAT:
		return New(o, nil)
	case kindInstallation:
		ref, hint = o.PrivateKey, "refer to the App's private key, for example private-key: file:/etc/rotor/github-app.pem"
	case kindDeployKey:
		ref, hint = o.Token, "refer to a token that may administer the repository, for example token: env:GITHUB_TOKEN"
	}
	if ref == "" {
		return nil, bad("kind: %s lacks the option that refers to its secret", o.Kind).WithHint("%s", hint)
	}
	var source secret.Source
	if source, err = c.Bind.Source(ref); err != nil {
		return nil, err
	}
	return New(o, source)
}

const doc = `
    github-bot:
      provider: {type: github, kind: pat, login: acme-bot, scopes: [repo, "read:org"], expires-days: 90}
      targets: [{store: vault, path: app-prod, key: GITHUB_TOKEN}]
    github-app:
      every: 30m
      grace: 10m
      provider:
        type: github
        kind: installation-token
        app-id: "123456"
        installation-id: 7654321
        private-key: vault:github-app#private_key
        repositories: [backend]
        permissions: {contents: read}
      targets: [{store: vault, path: app-prod, key: GITHUB_TOKEN}]
    deploy:
      provider: {type: github, kind: deploy-key, repository: acme/backend, token: "vault:github-admin#token"}
      targets: [{store: vault, path: deploy, key: SSH_KEY, value: "{{.private_key}}"}]

**Rights.** *pat*: none besides the tokens themselves. *installation-token*: a private key of the App. *deploy-key*: a token of
somebody who administers the repository, classic with scope repo, or fine-grained with Administration: write.

**Strategy.** *overlap* for all three. *pat*: a person makes a further token and hands it to Rotor, which asks GitHub whose it is,
when it expires and, of a classic one, which scopes it has; the old one is revoked by presenting it, without a login, as
GitHub offers it to whoever finds a token; a server of your own that lacks that call, or wants a login for it, leaves it to a person,
who is told which token it is. *installation-token*: GitHub makes tokens that end by themselves after an hour; the
old one is ended before that by presenting it. *deploy-key*: Rotor makes an ed25519 pair, adds the public key under its
label, and deletes the old one by its number.

**A person must** make each personal access token: no API does. Make another one rather than to regenerate the old, which would
stop at that moment. A token of another account, with other scopes or a longer life than rotor.yaml says, or of an
App is refused at once. For an App a person installs it and grants its permissions. Nothing for deploy keys.

**Limits.** Tokens have no id that an API tells. Rotor names them by account (or installation) and the first 16 hex digits of their
SHA-256 hash. GitHub's audit log names tokens by that hash too, in base64: the first 8 bytes are the same. A token whose
value is lost can only be deleted by a person. Revoking by value is limited to 60 calls an hour for one address, and the owner
gets a mail. Where an hour's requests are used up, Rotor waits until the time that GitHub names. What a fine-grained token may do no API tells; the view of an organisation on its members' tokens, which is for
Apps, is not used. Do not give ` + "`on: [expiry]`" + ` less notice than a person needs. An installation's token whose answer was lost lives
for up to an hour, known to nobody. Deploy keys are named by the API's host, the repository and their number, and one of another
repository or server is left alone: finish retirements before you change either in rotor.yaml. ` + "`read-only: false`" + ` allows pushes; a public key opens one repository only; the ssh
server's host key is compared with ` + "`ssh-host-keys`" + `, by default with what the API lists; the day of last use may be behind.
Rotor's own logins count as use.

**What "dead" proves.** Tokens: ` + "`GET /user`" + ` (an installation's: its repositories) was answered with 401 in GitHub's own form, Bad
credentials. Deploy keys: the ssh server, which showed the right host key, does not know the public key.
`
