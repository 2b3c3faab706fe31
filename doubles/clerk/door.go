package clerk

import "github.com/agenticverz/rotor/doubles"

// Door is an application for trying.
func Door() (doubles.Door, error) {
	d := New(Options{})
	at := "base-url: {base}/v1"
	return doubles.Door{Name: "clerk", API: d, Words: []string{
		"export CLERK_PLATFORM_TOKEN=" + d.PlatformToken + " CLERK_SECRET_KEY=" + d.Value(Instance),
		"provider: {type: clerk, kind: secret-key, platform-token: env:CLERK_PLATFORM_TOKEN, application: " + d.Application + ", instance: production, " + at + "}",
		"provider: {type: clerk, kind: oauth-client-secret, secret-key: env:CLERK_SECRET_KEY, oauth-application: " + d.ID(App) + ", " + at + "}",
		"provider: {type: clerk, kind: machine-secret-key, secret-key: env:CLERK_SECRET_KEY, machine: " + d.ID(Machine) + ", " + at + "}",
		"present secret key, client secret and machine's secret key: " + d.Value(Instance) + " " + d.Value(App) + " " + d.Value(Machine),
	}}, nil
}
