package keycloak

import (
	"strings"

	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/secret"
)

const name = "keycloak"

// Type is its entry in provider/all.
func Type() provider.Type {
	return provider.Type{
		Name:        name,
		Summary:     "Keycloak: passwords of users, and secrets of clients",
		Doc:         doc,
		Evidence:    provider.EvidenceDocument,
		NewOptions:  func() any { return new(Options) },
		Refs:        func(opts any) map[string]string { return opts.(*Options).refs() },
		Destination: func(opts any) string { return opts.(*Options).BaseURL },
		Accounts: func(opts any) []string {
			o := opts.(*Options)
			base := provider.BaseAt(o.BaseURL, "")
			if o.Kind == kindUser {
				return provider.AccountsAt(base+" "+o.Realm+" user", strings.ToLower(o.Username))
			}
			return provider.AccountsAt(base+" "+o.Realm+" client", o.Client)
		},
		New: build,
	}
}

func (o *Options) refs() map[string]string {
	refs := map[string]string{}
	for option, ref := range map[string]string{"admin-client-secret": o.AdminClientSecret, "admin-password": o.AdminPassword, "login-client-secret": o.LoginClientSecret} {
		if ref != "" {
			refs[option] = ref
		}
	}
	if o.AdminClientSecret == "" && o.AdminPassword == "" { // whatever else there is, one of them is wanted
		refs["admin-client-secret"] = ""
	}
	return refs
}

func build(opts any, c provider.Context) (provider.Provider, error) {
	o := *opts.(*Options)
	ref := o.AdminClientSecret
	if o.AdminUser != "" {
		ref = o.AdminPassword
	}
	if ref == "" {
		return nil, bad("the administrator's secret is missing").
			WithHint("refer to it: admin-client: rotor and admin-client-secret: env:KEYCLOAK_ADMIN_SECRET, or admin-user and admin-password")
	}
	admin, err := c.Bind.Source(ref)
	if err != nil {
		return nil, err
	}
	var login secret.Source
	if o.LoginClientSecret != "" {
		if login, err = c.Bind.Source(o.LoginClientSecret); err != nil {
			return nil, err
		}
	}
	return New(o, admin, login)
}

const doc = `
The administrator's password, which the runbook keeps in ` + "`agenticverz/keycloak-admin`" + `:

    keycloak-admin:
      provider:
        type: keycloak
        kind: user-password
        base-url: https://sso.example.com
        realm: master
        username: admin
        admin-user: admin
        admin-password: vault:keycloak-admin#KEYCLOAK_ADMIN_PASSWORD
      targets:
        - {store: vault, path: keycloak-admin, key: KEYCLOAK_ADMIN_PASSWORD, value: "{{.password}}"}

and a client's secret:

    api-client:
      provider:
        type: keycloak
        kind: client-secret
        base-url: https://sso.example.com
        realm: app
        client: api
        admin-realm: app
        admin-client: rotor
        admin-client-secret: vault:keycloak-rotor#secret
      targets:
        - {store: vault, path: app-prod, key: OIDC_CLIENT_SECRET, value: "{{.client_secret}}"}

Keycloak reads its bootstrap variables (KC_BOOTSTRAP_ADMIN_PASSWORD, KEYCLOAK_ADMIN_PASSWORD) at its first start only: a
changed value there changes nothing. The password of its data base is a credential of provider postgres.

**Rights.** Best a confidential client with a service account, in the realm itself: the client roles of realm-management
manage-users (passwords) or manage-clients (secrets). Or a user of realm master who logs in through admin-cli. A user may
rotate its own password: then ` + "`admin-password`" + ` refers to the place that the credential's own target writes. Each
operation logs in anew, because tokens live for a minute.

**Strategy.** *user-password*, in-place: Rotor makes the password, seals it, then sets it, for good (not temporary). Then
the user's sessions and refresh tokens are ended, which would outlive the old password; ` + "`end-sessions: false`" + ` leaves them.
*client-secret*, in-place: Keycloak makes a secret, the old one is refused at once; if the answer is lost, the secret is read
again. *client-secret* with ` + "`strategy: overlap`" + `: where the server's preview feature client-secret-rotation is on, and a client
policy with the executor secret-rotation is on the client, the old secret lives on as *rotated secret* until Rotor deletes it.
A rotated secret has no id, so it is deleted only after it was read and found to be the very value to end. After a
rollback the old secret is written back into the client (the whole client is read and written) before the new one is gone.

The secret of ` + "`admin-client`" + ` itself is rotated with overlap only: in place, a lost answer would lock Rotor out.

**A person must** make the administrator's client, and the policy for overlap. A user with a second factor, a required action
or a lock cannot be tried; a person clears that first.

**Limits.** Passwords are letters and digits, at least two of each class; ` + "`symbols`" + ` adds some of -._~ where the policy wants
special characters. A policy with a history takes no old password back. Passwords are tried by direct access grant through
` + "`login-client`" + `: the client must allow that. A wrong password is tried once in a rotation, the old one at its end, because failed logins lock
accounts, by default two within a second already; one that was ended before, and is replaced with ` + "`--accept-dead`" + `, is tried once at the start. Each login as a user leaves a session until its idle time is over. A user from a read-only federation may take a
password with 204 and no effect: Verify finds out. With overlap the policy's *rotated secret expiration* ends the old secret
whatever Rotor's grace is, and two secrets live at most: the next rotation waits for the end of the one before.
Access tokens issued before a change live until they expire.

**What "dead" proves.** A user: the login was refused with "Invalid user credentials", and the administrator was told that the
account is there, not locked, and without a second factor. A client: 401 with invalid_client or unauthorized_client and the
words for a wrong secret, while the client is there and enabled. Nothing else counts.
`
