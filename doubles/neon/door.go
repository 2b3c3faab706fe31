package neon

import (
	"fmt"

	"github.com/agenticverz/rotor/doubles"
)

// Door is a project for trying: a role on the main branch, and a preview branch that
// has its password.
func Door() (doubles.Door, error) {
	wire := NewWire()
	d := New(Options{Polls: 3, Plane: wire})
	word := d.Role(d.Main(), "app")
	d.Branch("preview", d.Main())
	host, err := wire.Address(d.Main())
	return doubles.Door{Name: "neon", API: d, Env: []doubles.Variable{{Name: "NEON_API_KEY", Value: d.Key}},
		Tries: []doubles.Try{{Name: "neon",
			Provider: fmt.Sprintf("{type: neon, api-key: env:NEON_API_KEY, base-url: {base}/api/v2, project: %s, branch: %s, role: app, database: db, host: '%s'}", d.Project, d.Main(), host),
			Present:  []doubles.Variable{{Name: "NEON_PASSWORD", Value: word}}}}}, err
}
