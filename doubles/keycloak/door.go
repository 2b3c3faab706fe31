package keycloak

import "github.com/agenticverz/rotor/doubles"

// Door is a server for trying: a user and a client in realm app.
func Door() (doubles.Door, error) {
	d := New(Options{})
	password, secret := "double-"+doubles.Text(24), "double-"+doubles.Text(25)
	d.User("backend", password, User{})
	d.Client("api", secret, Client{Account: true})
	return doubles.Door{Name: "keycloak", API: d, Words: []string{
		"export KEYCLOAK_ADMIN_PASSWORD=" + d.AdminPassword,
		"provider: {type: keycloak, kind: user-password, base-url: {base}, realm: app, username: backend, admin-user: " + d.AdminUser + ", admin-password: env:KEYCLOAK_ADMIN_PASSWORD}",
		"present password: " + password,
		"provider: {type: keycloak, kind: client-secret, base-url: {base}, realm: app, client: api, admin-user: " + d.AdminUser + ", admin-password: env:KEYCLOAK_ADMIN_PASSWORD}",
		"present secret: " + secret,
	}}, nil
}
