package openai

import "github.com/agenticverz/rotor/doubles"

// Door is an organisation for trying: a service account with one key.
func Door() (doubles.Door, error) {
	d := New(Options{})
	account := d.Account("backend")
	return doubles.Door{Name: "openai", API: d, Env: []doubles.Variable{{Name: "OPENAI_ADMIN_KEY", Value: d.AdminKey}},
		Tries: []doubles.Try{{Name: "openai",
			Provider: "{type: openai, admin-key: env:OPENAI_ADMIN_KEY, base-url: {base}/v1, project: " + d.Project + ", service-account: " + account + "}",
			Present:  []doubles.Variable{{Name: "OPENAI_API_KEY", Value: d.Key(account, "by-hand").Value}}}}}, nil
}
