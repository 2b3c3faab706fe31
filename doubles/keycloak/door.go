package keycloak

import (
	"github.com/agenticverz/rotor/doubles"
)

// Door is a server for trying: a user and a client in realm app.
func Door() (doubles.Door, error) {
	d := New(Options{})
	password, secret := "double-"+doubles.Text(24), "double-"+doubles.Text(25)
	d.User("backend", password, User{})
	d.Client("api", secret, Client{Account: true})
	admin := "base-url: {base}, realm: app, admin-user: " + d.AdminUser + ", admin-password: env:KEYCLOAK_ADMIN_PASSWORD}"
	return doubles.Door{Name: "keycloak", API: d, Env: []doubles.Variable{{Name: "KEYCLOAK_ADMIN_PASSWORD", Value: d.AdminPassword}},
		Tries: []doubles.Try{
			{Name: "keycloak-user", Provider: "{type: keycloak, kind: user-password, username: backend, " + admin,
				Present: []doubles.Variable{{Name: "KEYCLOAK_PASSWORD", Value: password}}},
			{Name: "keycloak-client", Provider: "{type: keycloak, kind: client-secret, client: api, " + admin,
				Present: []doubles.Variable{{Name: "KEYCLOAK_CLIENT_SECRET", Value: secret}}},
		}}, nil
}
