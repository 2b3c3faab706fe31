package resend

import (
	"github.com/agenticverz/rotor/doubles"
)

// Door is a team for trying: one domain, and one key that may only send.
func Door() (doubles.Door, error) {
	d := New(Options{PerSecond: 2})
	return doubles.Door{Name: "resend", API: d, Env: []doubles.Variable{{Name: "RESEND_ADMIN_KEY", Value: d.AdminKey}},
		Tries: []doubles.Try{{Name: "resend",
			Provider: "{type: resend, api-key: env:RESEND_ADMIN_KEY, base-url: {base}, permission: sending_access, domain: example.com}",
			Present:  []doubles.Variable{{Name: "RESEND_API_KEY", Value: d.Key("by-hand", true, d.teams[0].domains[0].id).Value}}}}}, nil
}
