package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/config"
)

// TestMistakesOfRooms: what only a room can tell is found before anything is connected.
func TestMistakesOfRooms(t *testing.T) {
	const text = `version: 1
defaults: {owner: Platform, every: quarterly}
stores:
  dotenv: {type: dotenv, path: .env}
credentials:
  nameless:
    provider: {type: postgres, admin: env:A, database: d, owner-role: o, roles: [a, b]}
    targets: [{store: dotenv, key: P, value: "{{.password}}"}]
  alone:
    provider: {type: postgres, admin: env:A, database: d, owner-role: o, roles: [c]}
    targets: [{store: dotenv, key: Q, value: "{{.username}}"}]
`
	file := filepath.Join(t.TempDir(), "rotor.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err := app.Load(app.Options{ConfigPath: file})
	if err != nil {
		t.Fatal(err)
	}
	var found *config.Errors
	if !errors.As(app.Mistakes(c), &found) || len(found.Problems) != 2 {
		t.Fatalf("%v", app.Mistakes(c))
	}
	for i, want := range []struct {
		line int
		what string
	}{{6, "strategy alternate changes the account with every rotation, and no target tells its name"},
		{10, "postgres: roles: alternate needs two different ones"}} {
		if p := found.Problems[i]; p.Pos.Line != want.line || p.What != want.what || p.Hint == "" {
			t.Errorf("%+v", p)
		}
	}
}

// TestOneAccountTwice: who copies a credential and forgets the account is told before one
// ends the other's value; neighbours are no rivals.
func TestOneAccountTwice(t *testing.T) {
	for provider, neighbour := range map[string]string{
		`type: postgres, admin: env:A, database: d, owner-role: o, roles: [a, b]`:                    `type: postgres, admin: env:A, database: d, owner-role: o, roles: [c, d]`,
		`type: postgres, admin: env:A, database: d, strategy: in-place, role: a`:                     `type: postgres, admin: env:B, database: d, strategy: in-place, role: a`,
		`type: redis, admin: env:A, user: app`:                                                       `type: redis, admin: env:A, user: other`,
		`type: redis, admin: env:A, strategy: in-place`:                                              `type: redis, admin: env:B, strategy: in-place`,
		`type: neon, api-key: env:A, project: p, branch: br-a, role: r, database: d, host: h`:        `type: neon, api-key: env:A, project: p, branch: br-b, role: r, database: d, host: h`,
		`type: upstash, email: e, api-key: env:A, database: d`:                                       `type: upstash, email: e, api-key: env:A, database: d2`,
		`type: keycloak, base-url: "https://k", realm: r, kind: user-password, username: u`:          `type: keycloak, base-url: "https://k", realm: r, kind: client-secret, client: u`,
		`type: clerk, kind: machine-secret-key, secret-key: env:A, machine: mch_1`:                   `type: clerk, kind: machine-secret-key, secret-key: env:A, machine: mch_2`,
		`type: clerk, platform-token: env:A, application: app_1, instance: ins_1`:                    `type: clerk, platform-token: env:A, application: app_1, instance: ins_2`,
		`type: exec, program: [/opt/rotor-provider-x], strategy: in-place, outage: o, can: [reveal]`: `type: exec, program: [/opt/rotor-provider-x, --other], strategy: in-place, outage: o, can: [reveal]`,
	} {
		if n := rivals(t, provider, provider); n != 1 {
			t.Errorf("%s: %d rivals", provider, n)
		}
		if n := rivals(t, provider, neighbour); n != 0 {
			t.Errorf("%s beside %s: %d rivals", provider, neighbour, n)
		}
	}
	for one, same := range map[string]string{ // the same account, written in another way
		`type: keycloak, base-url: "https://k", realm: r, kind: user-password, username: u`:   `type: keycloak, base-url: "https://k/", realm: r, kind: user-password, username: U`,
		`type: neon, api-key: env:A, project: p, branch: br-a, role: r, database: d, host: h`: `type: neon, base-url: "https://console.neon.tech/api/v2/", api-key: env:B, project: p, branch: br-a, role: r, database: d, host: h`,
		`type: upstash, email: e, api-key: env:A, database: d`:                                `type: upstash, base-url: "https://api.upstash.com/v2", email: e, api-key: env:A, database: d`,
		`type: clerk, kind: machine-secret-key, secret-key: env:A, machine: mch_1`:            `type: clerk, base-url: "https://api.clerk.com/v1/", kind: machine-secret-key, secret-key: env:A, machine: mch_1`,
		`type: clerk, platform-token: env:A, application: app_1, instance: ins_1`:             `type: clerk, instance: ins_1`,
		`type: clerk, instance: ins_1`:                                                        `type: clerk, kind: secret-key, platform-token: env:A, application: app_1, instance: ins_1`,
	} {
		if n := rivals(t, one, same); n != 1 {
			t.Errorf("%s beside %s: %d rivals", one, same, n)
		}
	}
	for one, other := range map[string]string{
		`type: exec, program: [/opt/x], secrets: {admin: env:A, b: env:B}, strategy: in-place, outage: o, can: [reveal]`: `type: exec, program: [/opt/x], secrets: {admin: env:B, b: env:A}, strategy: in-place, outage: o, can: [reveal]`,
		`type: clerk, platform-token: env:A, application: app_1, instance: production`:                                   `type: clerk, platform-token: env:A, application: app_2, instance: production`,
		`type: clerk, platform-token: env:A, application: app_1, instance: ins_1`:                                        `type: clerk, instance: ins_2`,
	} {
		if n := rivals(t, one, one); n != 1 {
			t.Errorf("%s: %d rivals", one, n)
		}
		if n := rivals(t, one, other); n != 0 {
			t.Errorf("%s beside %s: %d rivals", one, other, n)
		}
	}
	for _, many := range []string{`type: clerk, instance: ins_1`, `type: openai, admin-key: env:A, project: p, service-account: s`, `type: generated`,
		`type: upstash, email: e, api-key: env:A, database: d, strategy: overlap`, `type: exec, program: [/opt/x], can: [find]`} {
		if n := rivals(t, many, many); n != 0 {
			t.Errorf("%s: %d rivals, though values live side by side", many, n)
		}
	}
}

// rivals counts what is said about two credentials of one account.
func rivals(t *testing.T, one, two string) (n int) {
	t.Helper()
	text := "version: 1\ndefaults: {owner: Platform, every: quarterly}\nstores:\n  dotenv: {type: dotenv, path: .env}\ncredentials:\n" +
		"  one:\n    provider: {" + one + "}\n    targets: [{store: dotenv, key: ONE}]\n" +
		"  two:\n    provider: {" + two + "}\n    targets: [{store: dotenv, key: TWO}]\n"
	file := filepath.Join(t.TempDir(), "rotor.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := app.Load(app.Options{ConfigPath: file})
	var found *config.Errors
	if !errors.As(err, &found) {
		return 0
	}
	for _, p := range found.Problems {
		if strings.Contains(p.What, "the account of credential") {
			n++
		}
	}
	return n
}
