// Package all lists the doubles that rotor-doubles serves: one line each.
//
// What surprises: a door's words hold the admin key of its double. That is what they
// are for: the keys open nothing else, and are made up anew at each start.
package all

import (
	"github.com/agenticverz/rotor/doubles"
	"github.com/agenticverz/rotor/doubles/acme"
	"github.com/agenticverz/rotor/doubles/anthropic"
	"github.com/agenticverz/rotor/doubles/aws"
	"github.com/agenticverz/rotor/doubles/clerk"
	"github.com/agenticverz/rotor/doubles/cloudflare"
	"github.com/agenticverz/rotor/doubles/github"
	"github.com/agenticverz/rotor/doubles/githubsecrets"
	"github.com/agenticverz/rotor/doubles/grafana"
	"github.com/agenticverz/rotor/doubles/keycloak"
	"github.com/agenticverz/rotor/doubles/neon"
	"github.com/agenticverz/rotor/doubles/openai"
	"github.com/agenticverz/rotor/doubles/resend"
	"github.com/agenticverz/rotor/doubles/upstash"
)

// Doors opens every double for trying.
func Doors() ([]doubles.Door, error) {
	var out []doubles.Door
	for _, open := range []func() (doubles.Door, error){
		acme.Door,
		anthropic.Door,
		aws.Door,
		clerk.Door,
		cloudflare.Door,
		github.Door,
		githubsecrets.Door,
		grafana.Door,
		keycloak.Door,
		neon.Door,
		openai.Door,
		resend.Door,
		upstash.Door,
	} {
		d, err := open()
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}
