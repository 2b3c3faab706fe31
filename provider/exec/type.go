package exec

import (
	"maps"
	"slices"
	"strings"

	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Type is its entry in provider/all.
func Type() provider.Type {
	return provider.Type{
		Name:       name,
		Summary:    "Programs of yours that issue and revoke: rotor-provider-NAME",
		Doc:        doc,
		Evidence:   provider.EvidenceDouble,
		NewOptions: func() any { return new(Options) },
		Refs: func(opts any) map[string]string {
			out := map[string]string{}
			for name, ref := range opts.(*Options).Secrets {
				out["secrets."+name] = ref
			}
			return out
		},
		Destination: func(opts any) string {
			if program := opts.(*Options).Program; len(program) > 0 {
				return "program " + program[0]
			}
			return ""
		},
		Commands: func(opts any) map[string][]string { return map[string][]string{"program": opts.(*Options).Program} },
		Accounts: func(opts any) []string {
			o := opts.(*Options)
			if o.Lingers == 0 && (o.Strategy == "" || o.Strategy == string(rotation.Overlap)) {
				return nil
			}
			return provider.AccountsAt("program", o.account())
		},
		New: build,
	}
}

// account is what tells one use of the program from another: its arguments, and what it
// logs in with.
func (o *Options) account() string {
	parts := slices.Clone(o.Program)
	for _, name := range slices.Sorted(maps.Keys(o.Secrets)) {
		parts = append(parts, name+"="+o.Secrets[name])
	}
	return strings.Join(parts, "\x00")
}

func build(opts any, c provider.Context) (provider.Provider, error) {
	o := *opts.(*Options)
	secrets := map[string]secret.Source{}
	for _, name := range slices.Sorted(maps.Keys(o.Secrets)) {
		if o.Secrets[name] == "" {
			return nil, bad("secrets: %s refers to nothing", name).WithHint("refer to it, for example secrets: {%s: \"env:ACME_ADMIN_KEY\"}", name)
		}
		source, err := c.Bind.Source(o.Secrets[name])
		if err != nil {
			return nil, err
		}
		secrets[name] = source
	}
	p, err := New(o, secrets)
	if err != nil {
		return nil, err
	}
	return p, nil
}

const doc = `
For issuers that Rotor does not know. The program is run once for each call, reads one request as JSON on standard
input and writes one answer as JSON on standard output; how to write one, in shell or in Python, is told in
[A provider as a program](../../exec-provider.md).

    acme:
      provider:
        type: exec
        program: [/usr/local/lib/rotor/rotor-provider-acme, --url, "https://api.acme.example"]
        secrets: {admin: "vault:acme-admin#key"}
        strategy: overlap
        minter: provider
        fields: [{name: api_key}]
        can: [find, identify, probe, usage, now, preflight]
        settle: 10s
      targets: [{store: vault, path: app-prod, key: ACME_API_KEY}]

**Rights.** Those of the secrets that are handed over, and those of Rotor's user. ` + "`rotor config trust`" + ` shows the
program and each secret that it is given. It gets PATH, HOME, LANG, DOCKER_* and COMPOSE_* of Rotor's environment;
secrets and values stand on its standard input only. It is not run if anybody but root and Rotor's user could change it.

**Strategy.** As rotor.yaml says, because that must be known without running anything. *preflight* asks the program for
its traits and refuses to begin if they do not agree; rotor.yaml may wait longer and ask for less.

**A person must do** what the program's instructions say, if it has any.

**Limits.** A program that ends with another exit status than 0, that answers with anything but one JSON object of the
agreed form, or that takes longer than ` + "`timeout`" + ` leaves an unknown outcome: Rotor then finds out, as after a lost
answer. Values must be UTF-8. What the program says of a failure is shown without the values that Rotor knows and
without long words that look like one; its standard error is never shown. Reshaping what existed before Rotor
(` + "`rotor adopt`" + ` of a database login) is not for programs; taking over a value that they can identify is.

**What "dead" proves.** That the program says so (` + "`can: [probe]`" + `). Without, an old value is reported as
*replaced, death not provable*.
`
