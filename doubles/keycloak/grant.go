package keycloak

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

// grant is the token endpoint.
func (d *Double) grant(w http.ResponseWriter, r *http.Request, in *realm) {
	c := d.authenticated(r, in)
	if c == nil {
		d.noClient(w)
		return
	}
	switch r.PostFormValue("grant_type") {
	case "client_credentials":
		if c.public || !c.account {
			fail(w, http.StatusUnauthorized, "unauthorized_client", "Client not enabled to retrieve service account")
			return
		}
		d.enter(w, token{admin: c.admin})
	case "password":
		if !c.direct {
			fail(w, http.StatusBadRequest, "unauthorized_client", "Client not allowed for direct access grants")
			return
		}
		d.password(w, r, in)
	default:
		fail(w, http.StatusBadRequest, "unsupported_grant_type", "Unsupported grant_type")
	}
}

func (d *Double) noClient(w http.ResponseWriter) {
	code := "invalid_client"
	if d.opts.Old {
		code = "unauthorized_client"
	}
	fail(w, http.StatusUnauthorized, code, "Invalid client or Invalid client credentials")
}

// authenticated is the client that a request proves to be from; nil if it does not.
func (d *Double) authenticated(r *http.Request, in *realm) *client {
	id, secret := r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	if user, word, ok := r.BasicAuth(); ok { // each part is form-encoded
		var err1, err2 error
		id, err1 = url.QueryUnescape(user)
		secret, err2 = url.QueryUnescape(word)
		if err1 != nil || err2 != nil {
			return nil
		}
	}
	for _, c := range in.clients {
		if c.name == id && !c.Disabled && (c.public || d.proves(c, secret)) {
			return c
		}
	}
	return nil
}

func (d *Double) password(w http.ResponseWriter, r *http.Request, in *realm) {
	wrong := func(status int) { fail(w, status, "invalid_grant", "Invalid user credentials") }
	u := in.named(r.PostFormValue("username"))
	switch {
	case u == nil:
		wrong(d.statusOf(http.StatusBadRequest))
	case d.locked(u): // like a wrong password, so that nobody learns of it
		wrong(d.statusOf(http.StatusBadRequest))
	case u.Disabled:
		fail(w, http.StatusBadRequest, "invalid_grant", "Account disabled")
	case u.keys.Use(r.PostFormValue("password")) == nil || u.OTP:
		d.failed(u)
		wrong(http.StatusUnauthorized)
	case len(u.Actions) > 0:
		fail(w, http.StatusBadRequest, "invalid_grant", "Account is not fully set up")
	default:
		u.failures, u.lastFailure = 0, time.Time{}
		u.Sessions++
		d.enter(w, token{user: u, admin: u.admin})
	}
}

// statusOf: old versions answer 401 where new ones answer 400.
func (d *Double) statusOf(now int) int {
	if d.opts.Old {
		return http.StatusUnauthorized
	}
	return now
}

func (d *Double) locked(u *user) bool { return d.Clock.Now().Before(u.lockedUntil) }

func (d *Double) failed(u *user) {
	now := d.Clock.Now()
	quick := !u.lastFailure.IsZero() && now.Sub(u.lastFailure) < d.opts.Quick
	u.failures, u.lastFailure = u.failures+1, now
	u.wrong++
	if quick || d.opts.LockAfter > 0 && u.failures >= d.opts.LockAfter {
		u.lockedUntil, u.failures = now.Add(d.opts.LockFor), 0
	}
}

// enter gives an access token, for a minute.
func (d *Double) enter(w http.ResponseWriter, t token) {
	t.until = d.Clock.Now().Add(time.Minute)
	value := "double-access-" + doubles.Text(40)
	d.tokens[value] = t
	body := doubles.Object{"access_token": value, "expires_in": 60, "token_type": "Bearer", "not-before-policy": 0, "scope": "profile email"}
	if t.user != nil {
		body["refresh_token"], body["refresh_expires_in"], body["session_state"] = "double-refresh-"+doubles.Text(40), 1800, doubles.Text(20)
	}
	doubles.WriteJSON(w, http.StatusOK, body)
}

func (d *Double) introspect(w http.ResponseWriter, r *http.Request, in *realm) {
	c := d.authenticated(r, in)
	if c == nil || c.public {
		fail(w, http.StatusUnauthorized, "invalid_request", "Authentication failed.")
		return
	}
	t, ok := d.tokens[r.PostFormValue("token")]
	doubles.WriteJSON(w, http.StatusOK, doubles.Object{"active": ok && d.Clock.Now().Before(t.until)})
}

func (in *realm) named(name string) *user {
	for _, u := range in.users {
		if strings.EqualFold(u.name, name) {
			return u
		}
	}
	return nil
}
