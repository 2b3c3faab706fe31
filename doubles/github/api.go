package github

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/agenticverz/rotor/doubles"
)

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w.Header().Set("X-Github-Request-Id", "D0:"+strings.ToUpper(doubles.Text(20)))
	if d.opts.Private && r.Header.Get("Authorization") == "" {
		fail(w, http.StatusUnauthorized, "Must authenticate to access this API.")
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /rate_limit", func(w http.ResponseWriter, _ *http.Request) {
		doubles.WriteJSON(w, http.StatusOK, doubles.Object{"rate": doubles.Object{"limit": 60, "remaining": 60, "reset": d.Clock.Now().Unix(), "used": 0}})
	})
	mux.HandleFunc("GET /meta", d.meta)
	mux.HandleFunc("GET /user", d.user)
	if !d.opts.NoRevocation {
		mux.HandleFunc("POST /credentials/revoke", d.revoke)
	}
	const app = "/app/installations/{installation}"
	mux.HandleFunc("GET "+app, d.asApp(d.installation))
	mux.HandleFunc("POST "+app+"/access_tokens", d.asApp(d.issue))
	mux.HandleFunc("GET /installation/repositories", d.asInstallation(d.repositories))
	mux.HandleFunc("DELETE /installation/token", d.asInstallation(d.endToken))
	const keys = "/repos/{owner}/{name}/keys"
	mux.HandleFunc("GET "+keys, d.inRepository(d.listKeys))
	mux.HandleFunc("POST "+keys, d.inRepository(d.addKey))
	mux.HandleFunc("GET "+keys+"/{key}", d.inRepository(d.showKey))
	mux.HandleFunc("DELETE "+keys+"/{key}", d.inRepository(d.deleteKey))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fail(w, http.StatusNotFound, "Not Found") })
	mux.ServeHTTP(w, r)
}

func fail(w http.ResponseWriter, status int, message string) {
	doubles.WriteJSON(w, status, doubles.Object{"message": message, "documentation_url": "https://docs.github.com/rest", "status": fmt.Sprint(status)})
}

// invalid is a 422 about one field.
func invalid(w http.ResponseWriter, resource, field, message string) {
	doubles.WriteJSON(w, http.StatusUnprocessableEntity, doubles.Object{"message": "Validation Failed",
		"documentation_url": "https://docs.github.com/rest", "status": "422",
		"errors": []doubles.Object{{"resource": resource, "code": "custom", "field": field, "message": message}}})
}

// login is the token that the request presents, or a refusal.
func (d *Double) login(w http.ResponseWriter, r *http.Request) (*doubles.Key, about) {
	now := d.Clock.Now()
	d.bad = within(d.bad, now, time.Minute)
	if d.opts.BadLogins > 0 && len(d.bad) >= d.opts.BadLogins {
		fail(w, http.StatusForbidden, "Maximum number of login attempts exceeded. Please try again later.")
		return nil, about{}
	}
	presented := doubles.Bearer(r)
	if presented == "" {
		fail(w, http.StatusUnauthorized, "Requires authentication")
		return nil, about{}
	}
	k := d.tokens.Use(presented)
	if k == nil {
		d.bad = append(d.bad, now)
		fail(w, http.StatusUnauthorized, "Bad credentials")
		return nil, about{}
	}
	if !d.admit(w, k) {
		return nil, about{}
	}
	return k, d.about[k.ID]
}

// admit counts a token's requests of one hour. There is no Retry-After.
func (d *Double) admit(w http.ResponseWriter, k *doubles.Key) bool {
	if d.opts.PerHour == 0 {
		return true
	}
	now := d.Clock.Now()
	spent := within(d.spent[k.ID], now, time.Hour)
	if len(spent) < d.opts.PerHour {
		d.spent[k.ID] = append(spent, now)
		w.Header().Set("X-Ratelimit-Remaining", fmt.Sprint(d.opts.PerHour-len(spent)-1))
		return true
	}
	w.Header().Set("X-Ratelimit-Remaining", "0")
	w.Header().Set("X-Ratelimit-Reset", fmt.Sprint(spent[0].Add(time.Hour).Unix()))
	fail(w, http.StatusForbidden, "API rate limit exceeded for user ID 1.")
	return false
}

func within(all []time.Time, now time.Time, d time.Duration) []time.Time {
	var out []time.Time
	for _, t := range all {
		if now.Sub(t) < d {
			out = append(out, t)
		}
	}
	return out
}

// user says whose token it is, and when it expires.
func (d *Double) user(w http.ResponseWriter, r *http.Request) {
	k, a := d.login(w, r)
	switch {
	case k == nil:
		return
	case a.user == "":
		fail(w, http.StatusForbidden, "Resource not accessible by integration")
		return
	}
	if strings.HasPrefix(k.Value, "ghp_") {
		w.Header().Set("X-Oauth-Scopes", a.scopes)
	}
	if !k.Expires.IsZero() {
		form := "2006-01-02 15:04:05 UTC"
		if d.opts.Offset {
			form = "2006-01-02 15:04:05 -0700"
		}
		w.Header().Set("Github-Authentication-Token-Expiration", k.Expires.UTC().Format(form))
	}
	doubles.WriteJSON(w, http.StatusOK, userJSON(a.user))
}

// revokesAnHour is how often anybody may revoke.
const revokesAnHour = 60

// revoke ends tokens for whoever has them. It says the same of tokens that it does not
// know.
func (d *Double) revoke(w http.ResponseWriter, r *http.Request) {
	now := d.Clock.Now()
	d.revokes = within(d.revokes, now, time.Hour)
	var in struct{ Credentials []string }
	switch {
	case r.Header.Get("Authorization") != "":
		fail(w, http.StatusForbidden, "This endpoint must be called without authentication")
		return
	case len(d.revokes) >= revokesAnHour:
		w.Header().Set("X-Ratelimit-Remaining", "0")
		w.Header().Set("X-Ratelimit-Reset", fmt.Sprint(d.revokes[0].Add(time.Hour).Unix()))
		fail(w, http.StatusForbidden, "API rate limit exceeded for 127.0.0.1.")
		return
	case !doubles.ReadJSON(r, &in) || len(in.Credentials) == 0 || len(in.Credentials) > 1000:
		doubles.WriteJSON(w, http.StatusUnprocessableEntity, doubles.Object{"message": "Validation Failed",
			"documentation_url": "https://docs.github.com/rest", "errors": []string{"credentials"}})
		return
	}
	d.revokes = append(d.revokes, now)
	for _, value := range in.Credentials {
		if k := d.tokens.Peek(value); k != nil && d.about[k.ID].user != "" {
			d.tokens.End(k.ID)
		}
	}
	doubles.WriteJSON(w, http.StatusAccepted, doubles.Object{})
}

// meta lists the host keys that the ssh server shows.
func (d *Double) meta(w http.ResponseWriter, _ *http.Request) {
	key := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(d.host.PublicKey())))
	doubles.WriteJSON(w, http.StatusOK, doubles.Object{"verifiable_password_authentication": false, "ssh_keys": []string{key}})
}
