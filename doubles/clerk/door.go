package clerk

import (
	"github.com/agenticverz/rotor/doubles"
)

// Door is an application for trying.
func Door() (doubles.Door, error) {
	d := New(Options{})
	at := "base-url: {base}/v1}"
	return doubles.Door{Name: "clerk", API: d,
		Env: []doubles.Variable{{Name: "CLERK_PLATFORM_TOKEN", Value: d.PlatformToken}, {Name: "CLERK_ADMIN_KEY", Value: d.Value(Instance)}},
		Tries: []doubles.Try{
			{Name: "clerk", Provider: "{type: clerk, kind: secret-key, platform-token: env:CLERK_PLATFORM_TOKEN, application: " + d.Application + ", instance: production, " + at,
				Present: []doubles.Variable{{Name: "CLERK_SECRET_KEY", Value: d.Value(Instance)}}},
			{Name: "oidc-client", Provider: "{type: clerk, kind: oauth-client-secret, secret-key: env:CLERK_ADMIN_KEY, oauth-application: " + d.ID(App) + ", " + at,
				Present: []doubles.Variable{{Name: "OIDC_CLIENT_SECRET", Value: d.Value(App)}}},
			{Name: "clerk-machine", Provider: "{type: clerk, kind: machine-secret-key, secret-key: env:CLERK_ADMIN_KEY, machine: " + d.ID(Machine) + ", " + at,
				Present: []doubles.Variable{{Name: "CLERK_MACHINE_SECRET_KEY", Value: d.Value(Machine)}}},
		}}, nil
}
