package grafana

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

// caller is who a request comes from.
type caller struct {
	org     int64
	account *account // nil: the administrator, or an API key
	user    bool
	role    string
}

func (c caller) admin() bool { return c.user || c.role == "Admin" }

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests++
	d.note()
	if r.URL.Path == "/api/health" {
		d.health(w)
		return
	}
	who, ok := d.caller(w, r)
	if !ok {
		return
	}
	mux := http.NewServeMux()
	on := func(pattern string, h func(http.ResponseWriter, *http.Request, caller)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { h(w, r, who) })
	}
	on("GET /api/org", d.org)
	on("GET /api/user", d.user)
	on("GET /api/search", func(w http.ResponseWriter, _ *http.Request, _ caller) {
		doubles.WriteJSON(w, http.StatusOK, []doubles.Object{})
	})
	d.accountRoutes(on)
	if d.version < 1201 {
		d.keyRoutes(on)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { d.fail(w, http.StatusNotFound, "", "Not found") })
	mux.ServeHTTP(w, r)
}

// fail answers with the words of the version: 9.x has the message alone.
func (d *Double) fail(w http.ResponseWriter, status int, id, message string) {
	body := doubles.Object{"message": message}
	if d.version >= 1000 && id != "" {
		body["messageId"], body["statusCode"], body["traceID"] = id, status, ""
	}
	doubles.WriteJSON(w, status, body)
}

func (d *Double) health(w http.ResponseWriter) {
	body := doubles.Object{"database": "ok", "commit": "double"}
	if !d.opts.HideVersion {
		body["version"] = d.opts.Version
	}
	doubles.WriteJSON(w, http.StatusOK, body)
}

// caller says who asks, or answers that nobody is let in.
func (d *Double) caller(w http.ResponseWriter, r *http.Request) (caller, bool) {
	if user, password, ok := r.BasicAuth(); ok {
		if user == d.AdminUser && password == d.AdminPassword {
			return caller{org: 1, user: true}, true
		}
		d.fail(w, http.StatusUnauthorized, "password-auth.failed", "Invalid username or password")
		return caller{}, false
	}
	value := doubles.Bearer(r)
	if value == "" {
		d.fail(w, http.StatusUnauthorized, "auth.unauthorized", "Unauthorized")
		return caller{}, false
	}
	known, key := d.keys.Peek(value), d.keys.Use(value)
	switch {
	case known != nil && known.Listed() && known.Expired(d.Clock.Now()):
		d.fail(w, http.StatusUnauthorized, "api-key.expired", "Expired API key")
		return caller{}, false
	case key == nil, d.about[key.ID].account == nil && d.version >= 1201:
		message := "Invalid API key"
		if d.version < 1000 {
			message = "invalid API key"
		}
		d.fail(w, http.StatusUnauthorized, "api-key.invalid", message)
		return caller{}, false
	}
	return d.asKey(w, key)
}

func (d *Double) asKey(w http.ResponseWriter, key *doubles.Key) (caller, bool) {
	a := d.about[key.ID]
	if a.account != nil && a.account.disabled {
		d.fail(w, http.StatusUnauthorized, "user.sync.user-disabled", "User is disabled")
		return caller{}, false
	}
	d.unnoted = append(d.unnoted, use{a, d.Clock.Now(), d.requests + d.opts.Lag})
	d.note()
	if a.account == nil {
		return caller{org: a.org, role: a.role}, true
	}
	return caller{org: a.org, account: a.account, role: a.account.role}, true
}

// note writes down what is due: a use, every five minutes at most.
func (d *Double) note() {
	var later []use
	for _, u := range d.unnoted {
		switch {
		case u.due > d.requests:
			later = append(later, u)
		case u.at.Sub(u.of.seen) > 5*time.Minute:
			u.of.seen = u.at
		}
	}
	d.unnoted = later
}

func (d *Double) denied(w http.ResponseWriter, permission string) {
	doubles.WriteJSON(w, http.StatusForbidden, doubles.Object{"accessErrorId": "ACE0123456789", "title": "Access denied",
		"message": "You'll need additional permissions to perform this action. Permissions needed: " + permission})
}

func (d *Double) org(w http.ResponseWriter, _ *http.Request, who caller) {
	if who.role == "None" {
		d.denied(w, "orgs:read")
		return
	}
	doubles.WriteJSON(w, http.StatusOK, doubles.Object{"id": who.org, "name": "Org " + strconv.FormatInt(who.org, 10),
		"address": doubles.Object{"address1": "", "address2": "", "city": "", "zipCode": "", "state": "", "country": ""}})
}

// user tells a service account's token who it is, except in the versions that serve
// people only.
func (d *Double) user(w http.ResponseWriter, _ *http.Request, who caller) {
	switch {
	case who.user:
		doubles.WriteJSON(w, http.StatusOK, doubles.Object{"id": 1, "login": d.AdminUser, "orgId": 1, "isGrafanaAdmin": true})
	case d.version >= 1004 && d.version < 1100:
		d.fail(w, http.StatusForbidden, "", "Endpoint only available for users")
	case who.account == nil:
		d.fail(w, http.StatusNotFound, "", "user not found")
	default:
		doubles.WriteJSON(w, http.StatusOK, doubles.Object{"id": who.account.id, "uid": "u" + strconv.FormatInt(who.account.id, 10),
			"name": who.account.name, "login": who.account.login, "orgId": who.org, "isGrafanaAdmin": false, "isDisabled": false})
	}
}

func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

func pathID(r *http.Request, name string) int64 {
	n, _ := strconv.ParseInt(r.PathValue(name), 10, 64)
	return n
}

func contains(name, query string) bool {
	return strings.Contains(strings.ToLower(name), strings.ToLower(query))
}
