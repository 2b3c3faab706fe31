package neon

import "github.com/agenticverz/rotor/provider"

const name = "neon"

// Type is its entry in provider/all.
func Type() provider.Type {
	return provider.Type{
		Name:       name,
		Summary:    "Neon: the password of a role on a branch, in place",
		Doc:        doc,
		Evidence:   provider.EvidenceDouble,
		NewOptions: func() any { return new(Options) },
		Refs:       func(opts any) map[string]string { return map[string]string{"api-key": opts.(*Options).APIKey} },
		Destination: func(opts any) string {
			if base := opts.(*Options).BaseURL; base != "" {
				return base
			}
			return defaultBase
		},
		Accounts: func(opts any) []string {
			o := opts.(*Options)
			return provider.AccountsAt(provider.BaseAt(o.BaseURL, defaultBase)+" "+o.Project+" "+o.Branch, o.Role)
		},
		Commands: func(opts any) map[string][]string {
			if hook := opts.(*Options).AfterDelete; len(hook) > 0 {
				return map[string][]string{"after-delete": hook}
			}
			return nil
		},
		New: func(opts any, c provider.Context) (provider.Provider, error) {
			o := *opts.(*Options)
			if o.APIKey == "" {
				return nil, bad("api-key is missing").WithHint("refer to a key of the project's organisation, for example api-key: env:NEON_API_KEY")
			}
			if _, err := o.validated(); err != nil {
				return nil, err
			}
			key, err := c.Bind.Source(o.APIKey)
			if err != nil {
				return nil, err
			}
			return New(o, key)
		},
	}
}

const doc = `
    database:
      provider:
        type: neon
        api-key: env:NEON_API_KEY
        project: quiet-haze-12345678
        branch: br-cold-sun-12345678
        role: app
        database: nova_aos
        host: ep-still-dew-12345678.eu-central-1.aws.neon.tech
      targets:
        - {store: vault, path: database, key: POSTGRES_PASSWORD, value: "{{.password}}"}
        - {store: vault, path: database, key: DATABASE_URL, value: "postgresql://{{.username | userinfo}}:{{.password | userinfo}}@ep-still-dew-12345678-pooler.eu-central-1.aws.neon.tech/nova_aos?sslmode=require"}

One target at least should hold the password alone, so that the value that is in use now is
known.

**Rights.** An API key that may change the project: a key of the organisation limited to this
project is enough.

**Strategy.** *in-place*: Neon makes the new password. It begins to work, the old one ends and the
role's connections are dropped when the operation behind the reset is finished, some seconds
later. Rotor watches the operation, publishes when it is finished, then logs in. An operation that
takes longer than half a minute is looked at again by the engine, and in the end by a person;
until it is finished the old password works and stays published. If the answer is lost, or Rotor is
killed, the password is read again (reveal), never reset twice.

Where no request may fail, do not use this provider but ` + "`postgres`" + ` with ` + "`plaintext: true`" + ` over Neon's own
connection: two roles taking turns under one owner, made by SQL, which drops no connection.

**A person must** make the API key and store it. A branch that keeps the old password, and is not
dealt with by ` + "`child-branches`" + `, is a person's decision.

**Child branches.** A branch has passwords of its own, copied from its parent when it was made; a reset on
the parent leaves them as they were. Rotor compares the role's password on every branch with the
one that ends.
*list* touches nothing: the old password counts as dead only when no branch takes it, and until then a person
sees their names, age and last use. *rotate* resets the role on each branch below ours, before our
own reset; those passwords are not published anywhere, whoever works there reads them from Neon.
*delete* deletes those that were unused for ` + "`stale-after`" + `, deepest first, and rotates the rest; a deleted
branch can be restored for seven days. Protected branches, the default branch and branches that are not below ours are
never touched. *ignore* looks at no other branch.

` + "`after-delete`" + ` runs after each deletion with ROTOR_NEON_PROJECT, ROTOR_NEON_BRANCH and
ROTOR_NEON_BRANCH_NAME in its environment, and no value. It is not run again if Rotor is killed between the
deletion and it.

**Limits.** One operation of a project runs at a time: while there is another, Neon answers 423 and Rotor waits. A project
that stores no passwords (reveal gives 412) is refused unless ` + "`unstored: true`" + `: a lost answer would then
need a person. Verify wakes a compute that sleeps. Beyond loopback it insists on TLS with a checked name.

**What "dead" proves.** The branch's own endpoint refused the old password (28P01) and, unless *ignore*, no
other branch of the project has it. Neon's proxy does the asking, so a login that it remembers may go on for some seconds.`
