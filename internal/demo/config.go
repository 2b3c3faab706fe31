package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// partnerKey is a value that only a person can get, for the bad one.
const partnerKey = "PARTNER_KEY"

// prepare makes the database and the two .env files as they are before Rotor.
func (d *demo) prepare(ctx context.Context) error {
	token := "MACHINE_SECRET_TOKEN=" + d.values.add(newToken())
	lines := []string{"# the service's secrets; Rotor writes here", token, partnerKey + "=" + d.values.add(newToken())}
	if d.database != nil {
		l := login{firstLogin, d.values.add(newPassword())}
		if err := d.database.prepareRotor(ctx, l); err != nil {
			return err
		}
		admin := filepath.Join(d.dir, "admin-url")
		if err := os.WriteFile(admin, []byte(d.database.DSN("postgres", "", "")), 0o600); err != nil {
			return err
		}
		lines = append(lines, "POSTGRES_USER="+l.user, "POSTGRES_PASSWORD="+l.password, "DATABASE_URL="+d.database.url(rotorDatabase, l))
	}
	if err := writeEnv(filepath.Join(d.dir, ".env"), lines...); err != nil {
		return err
	}
	return writeEnv(filepath.Join(d.dir, "caller.env"), "# the client's copy of the token", token)
}

// writeConfig writes rotor.yaml as a user would, apart from the short times.
func (d *demo) writeConfig(p *pair, socket string) error {
	values := map[string]string{
		"ROTOR": quote(d.Rotor), "SOCKET": quote(socket), "ENV": quote(p.env),
		"HEALTH": quote(p.balancer.URL() + "/health"),
	}
	text := configHead
	if d.database != nil {
		values["ADMIN"] = quote("file:" + filepath.Join(d.dir, "admin-url"))
		values["DATABASE"], values["PORT"] = rotorDatabase, fmt.Sprint(d.database.Port)
		values["OWNER"], values["ROLES"] = owner, firstLogin+", "+secondLogin
		text += configDatabase
	}
	text += configToken
	if d.Bad {
		text += configPartner
	}
	for name, value := range values {
		text = strings.ReplaceAll(text, "@"+name+"@", value)
	}
	return os.WriteFile(filepath.Join(d.dir, "rotor.yaml"), []byte(text), 0o600)
}

// quote: single quotes, in which YAML knows no escapes.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

const configHead = `version: 1
stores:
  dotenv: {type: dotenv, path: @ENV@}
consumers:
  app:
    type: exec
    units: [one, two]
    deploy: [@ROTOR@, demo, unit, deploy, @SOCKET@]
    confirm: [@ROTOR@, demo, unit, confirm, @SOCKET@]
  client:
    type: exec
    units: [caller]
    deploy: [@ROTOR@, demo, unit, deploy, @SOCKET@]
    confirm: [@ROTOR@, demo, unit, confirm, @SOCKET@]
checks:
  health: {type: http, url: @HEALTH@}
credentials:
`

const configDatabase = `  database:
    owner: Platform
    every: quarterly
    provider:
      type: postgres
      admin: @ADMIN@
      database: @DATABASE@
      owner-role: @OWNER@
      roles: [@ROLES@]
      verify-table: work
    targets:
      - {store: dotenv, key: POSTGRES_USER, value: "{{.username}}"}
      - {store: dotenv, key: POSTGRES_PASSWORD, value: "{{.password}}"}
      - {store: dotenv, key: DATABASE_URL, value: "postgresql://{{.username | userinfo}}:{{.password | userinfo}}@127.0.0.1:@PORT@/@DATABASE@"}
    consumers: [app]
    checks: [health]
    monitor: 2s
    grace: 3s
`

// The services accept the old token beside the new one until the client has moved.
const configToken = `  machine-token:
    owner: Platform
    every: quarterly
    provider: {type: generated, bytes: 32, encoding: hex}
    acceptors:
      - consumer: app
        targets:
          - {store: dotenv, key: MACHINE_SECRET_TOKEN, value: "{{.value}}{{with .previous.value}},{{.}}{{end}}"}
    targets: [{store: dotenv, path: caller.env, key: MACHINE_SECRET_TOKEN}]
    consumers: [client]
    checks: [health]
    monitor: 2s
    grace: 3s
`

const configPartner = `  partner-key:
    owner: Platform
    every: never
    provider: {type: manual, instructions: "Make a new key in the partner's console."}
    targets: [{store: dotenv, key: PARTNER_KEY}]
    consumers: [app]
    checks: [health]
    monitor: 2s
    grace: 3s
`
