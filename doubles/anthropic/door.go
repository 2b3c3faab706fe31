package anthropic

import "github.com/agenticverz/rotor/doubles"

// Door is an organisation for trying: one key in use, and one that a person made to
// take its place.
func Door() (doubles.Door, error) {
	d := New(Options{})
	return doubles.Door{Name: "anthropic", API: d, Words: []string{
		"export ANTHROPIC_ADMIN_KEY=" + d.AdminKey,
		"provider: {type: anthropic, admin-key: env:ANTHROPIC_ADMIN_KEY, base-url: {base}, workspace: " + d.Workspace + "}",
		"present key: " + d.Mint("by-hand", d.Workspace, 0).Value,
		"a new key, made in the Console: " + d.Mint("next", d.Workspace, 0).Value,
	}}, nil
}
