package clerk

import (
	"net/http"
	"strings"

	"github.com/agenticverz/rotor/doubles"
)

// appJSON names addresses of the instance's own host; here that is this server.
func appJSON(r *http.Request, i *instance, a *app) doubles.Object {
	asked, _, _ := strings.Cut(r.RequestURI, "?")
	base := "http://" + r.Host + strings.TrimSuffix(asked, r.URL.Path) // the door's prefix
	return doubles.Object{"object": "oauth_application", "id": a.id, "instance_id": i.id, "name": a.name, "client_id": a.client,
		"dynamically_registered": false, "consent_screen_enabled": true, "pkce_required": a.public, "public": a.public,
		"client_uri": nil, "client_image_url": nil, "scopes": "profile email", "redirect_uris": []string{"https://example.com/callback"},
		"callback_url": "https://example.com/callback", "authorize_url": base + "/oauth/authorize", "token_fetch_url": base + "/oauth/token",
		"user_info_url": base + "/oauth/userinfo", "discovery_url": base + "/.well-known/openid-configuration",
		"token_introspection_url": base + "/oauth/token_info", "created_at": a.created, "updated_at": a.created}
}

// rotateApp shows the new secret this once; the old one is dead.
func (d *Double) rotateApp(w http.ResponseWriter, r *http.Request, i *instance, a *app) {
	answer := appJSON(r, i, a)
	if !a.public {
		answer["client_secret"] = d.rotate(&a.keys, 0).Value
	}
	doubles.WriteJSON(w, http.StatusOK, answer)
}

// client is the application that a request presents the secret of, or nil; then the
// refusal is written.
func (d *Double) client(w http.ResponseWriter, r *http.Request) *app {
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	words := "Client authentication failed (e.g., unknown client, no client authentication included, or unsupported authentication method)."
	for _, i := range d.instances {
		for _, a := range i.apps {
			switch {
			case a.client != id:
			case basic && d.opts.PostOnly:
				words = "The OAuth 2.0 Client supports client authentication method 'client_secret_post', but method 'client_secret_basic' was requested."
			case a.keys.Use(secret) != nil:
				return a
			}
		}
	}
	doubles.WriteJSON(w, http.StatusUnauthorized, doubles.Object{"error": "invalid_client", "error_description": words})
	return nil
}

// exchange knows no code: whoever comes this far has the right secret.
func (d *Double) exchange(w http.ResponseWriter, r *http.Request) {
	if d.client(w, r) == nil {
		return
	}
	if r.PostFormValue("grant_type") != "authorization_code" {
		doubles.WriteJSON(w, http.StatusBadRequest, doubles.Object{"error": "unsupported_grant_type"})
		return
	}
	doubles.WriteJSON(w, http.StatusBadRequest, doubles.Object{"error": "invalid_grant", "error_description": "The provided authorization grant is invalid."})
}

func (d *Double) introspect(w http.ResponseWriter, r *http.Request) {
	if d.client(w, r) != nil {
		doubles.WriteJSON(w, http.StatusOK, doubles.Object{"active": false})
	}
}
