// Package all lists the providers that Rotor is built with: one line each, and
// that line is all that a new provider needs outside its own folder.
package all

import (
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/anthropic"
	"github.com/agenticverz/rotor/provider/awsiam"
	"github.com/agenticverz/rotor/provider/clerk"
	"github.com/agenticverz/rotor/provider/exec"
	"github.com/agenticverz/rotor/provider/generated"
	"github.com/agenticverz/rotor/provider/github"
	"github.com/agenticverz/rotor/provider/grafana"
	"github.com/agenticverz/rotor/provider/keycloak"
	"github.com/agenticverz/rotor/provider/manual"
	"github.com/agenticverz/rotor/provider/neon"
	"github.com/agenticverz/rotor/provider/openai"
	"github.com/agenticverz/rotor/provider/postgres"
	"github.com/agenticverz/rotor/provider/r2"
	"github.com/agenticverz/rotor/provider/redis"
	"github.com/agenticverz/rotor/provider/resend"
	"github.com/agenticverz/rotor/provider/upstash"
)

// Registry knows every provider.
func Registry() provider.Registry {
	return provider.NewRegistry(
		anthropic.Type(),
		awsiam.Type(),
		clerk.Type(),
		exec.Type(),
		generated.Type(),
		github.Type(),
		grafana.Type(),
		keycloak.Type(),
		manual.Type(),
		neon.Type(),
		openai.Type(),
		postgres.Type(),
		r2.Type(),
		redis.Type(),
		resend.Type(),
		upstash.Type(),
	)
}
