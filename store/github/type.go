package github

import (
	"github.com/agenticverz/rotor/store"
)

// Type is its entry in store/all.
func Type() store.Type {
	return store.Type{
		Name:       name,
		Summary:    "Secrets of GitHub Actions and Dependabot; they can only be written",
		Doc:        doc,
		Evidence:   store.EvidenceDocument,
		NewOptions: func() any { return new(Options) },
		Refs:       func(o any) map[string]string { return map[string]string{"token": o.(*Options).Token} },
		Destination: func(o any) string {
			if base := o.(*Options).BaseURL; base != "" {
				return base
			}
			return defaultBase
		},
		Place: func(o any) string {
			c, _ := o.(*Options).validated() // the defaults are filled in first
			return c.BaseURL + " " + c.For
		},
		NeedsPath: true,
		New: func(o any, c store.Context) (store.Store, error) {
			opts := *o.(*Options)
			if opts.Token == "" {
				return nil, bad("token is missing").WithHint("refer to it, for example token: \"env:GITHUB_TOKEN\"")
			}
			token, err := c.Bind.Source(opts.Token)
			if err != nil {
				return nil, err
			}
			s, err := New(opts, token)
			if err != nil {
				return nil, err
			}
			return s, nil
		},
	}
}

const doc = `
    stores:
      actions: {type: github, token: "vault:github#token"}
    credentials:
      npm-token:
        targets:
          - {store: actions, path: acme/app, key: NPM_TOKEN}
          - {store: actions, path: acme/app/production, key: NPM_TOKEN}

| path | whose secrets |
|---|---|
| ` + "`OWNER/REPOSITORY`" + ` | a repository's |
| ` + "`OWNER/REPOSITORY/ENVIRONMENT`" + ` | those of one of its environments |
| ` + "`orgs/ORGANISATION`" + ` | an organisation's; ` + "`visibility`" + ` says which repositories see them |

The key is the secret's name: capitals, digits and ` + "`_`" + `. With ` + "`for: dependabot`" + ` the secrets are those that Dependabot
reads, which are others than Actions'.

**Rights.** *Secrets* (write) of the repository; for an environment *Environments* (write); for an organisation
*Organization secrets* (write); for Dependabot *Dependabot secrets* (write). Preflight sees whether the token may write
by deleting a secret that does not exist.

**How it is written.** A value is sealed on this machine for GitHub's public key (a libsodium sealed box), so that the
request does not hold it in the clear. Each key is a request of its own: a path with several keys is not written
in one step. A key counts as written when GitHub shows it with a new date. If GitHub changes its key meanwhile, the write is tried again.
A secret of an organisation that other repositories see than rotor.yaml says is not rewritten: Rotor compares ` + "`visibility`" + ` and, with
` + "`selected`" + `, the list of repositories, before it writes. Who adds a repository in GitHub adds it to ` + "`repositories`" + ` too.

**It cannot be read.** So a change made by hand is not noticed, references (` + "`actions:acme/app#KEY`" + `) do not work, and
` + "`rotor adopt`" + ` takes the value from another target. A rollback puts back the sealed value of the generation before;
where there is none yet, ` + "`rotor plan`" + ` says so, and a rollback removes the key.

**How a reader sees a change.** A workflow that begins afterwards has the new value; one that runs keeps the old: let
` + "`grace`" + ` be longer than your longest workflow.

**Limits.** 48 KB a secret; no empty ones. GitHub limits how many changes a token may make in a minute; Rotor waits as long as it is told to.
`
