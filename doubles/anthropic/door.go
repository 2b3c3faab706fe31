package anthropic

import (
	"github.com/agenticverz/rotor/doubles"
)

// Door is an organisation for trying: one key in use, and one that a person made to
// take its place.
func Door() (doubles.Door, error) {
	d := New(Options{})
	return doubles.Door{Name: "anthropic", API: d,
		Env: []doubles.Variable{{Name: "ANTHROPIC_ADMIN_KEY", Value: d.AdminKey}, {Name: "ANTHROPIC_NEW_KEY", Value: d.Mint("next", d.Workspace, 0).Value}},
		Tries: []doubles.Try{{Name: "anthropic",
			Provider: "{type: anthropic, admin-key: env:ANTHROPIC_ADMIN_KEY, base-url: {base}, workspace: " + d.Workspace + "}",
			Present:  []doubles.Variable{{Name: "ANTHROPIC_API_KEY", Value: d.Mint("by-hand", d.Workspace, 0).Value}}}},
		Words: []string{"anthropic: the key that a person has made in the Console: rotor set anthropic --from-env ANTHROPIC_NEW_KEY"}}, nil
}
