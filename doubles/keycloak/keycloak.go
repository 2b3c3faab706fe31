// Package keycloak is a double of Keycloak: the token endpoint, introspection, and of the
// admin API what concerns passwords of users and secrets of clients.
//
// What surprises: an account that is locked after failed logins is refused in the same
// words as a wrong password. A password of a user from a federation is accepted with 204
// and changes nothing. A client that is written without authorizationServicesEnabled
// loses its authorization settings.
package keycloak

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

// Options of a double. The zero value is a healthy server of a current version.
type Options struct {
	// Old plays a version before 26: other codes for a refused client, 401 for a locked
	// account, and a search for users that finds parts of names.
	Old    bool
	Prefix string // of all paths: "/auth", as once
	Policy Policy
	// LockAfter so many failed logins an account is locked for LockFor; 0: never.
	LockAfter int
	LockFor   time.Duration
	// Quick: two failed logins within it lock an account for LockFor, as by default two
	// within a second do for a minute, however many are allowed; 0: never.
	Quick time.Duration
	// Rotation turns the feature client-secret-rotation on, with its policy; nil: off.
	Rotation *Rotation
	Delay    doubles.Delay
	Clock    *doubles.Clock // nil: a clock of its own
}

// Policy of passwords.
type Policy struct {
	MinLength, MaxLength, Digits, Special, History int
}

// Rotation is the executor secret-rotation of a client policy.
type Rotation struct{ Expires, RotatedExpires time.Duration }

// Double is one server with the realms master and app.
type Double struct {
	doubles.Faults
	AdminUser, AdminPassword     string // in master
	AdminClient, AdminSecret     string // a confidential client with a service account in master
	Powerless, PowerlessPassword string // a user of master who may nothing
	Clock                        *doubles.Clock

	opts   Options
	mu     sync.Mutex
	realms map[string]*realm
	tokens map[string]token
}

type realm struct {
	users   []*user
	clients []*client
}

// token is an access token.
type token struct {
	user  *user // nil: a client's
	admin bool
	until time.Time
}

// New makes a server. Realm app has the public client admin-cli alone.
func New(o Options) *Double {
	d := &Double{AdminUser: "admin", AdminPassword: "double-" + doubles.Text(24), AdminClient: "rotor:admin", AdminSecret: "double+" + doubles.Text(30) + "%=/",
		Powerless: "nobody", PowerlessPassword: "double-" + doubles.Text(24), Clock: o.Clock, opts: o, tokens: map[string]token{}}
	if d.Clock == nil {
		d.Clock = &doubles.Clock{}
	}
	if d.opts.LockFor == 0 {
		d.opts.LockFor = time.Minute
	}
	d.Dates = d.Clock
	d.realms = map[string]*realm{"master": {}, "app": {}}
	for name := range d.realms {
		d.addClient(name, client{name: "admin-cli", public: true, direct: true}, "")
	}
	d.addClient("master", client{name: d.AdminClient, account: true, admin: true}, d.AdminSecret)
	d.addUser("master", user{name: d.AdminUser, admin: true}, d.AdminPassword)
	d.addUser("master", user{name: d.Powerless}, d.PowerlessPassword)
	return d
}

// an hour ago: what is there from the start is known everywhere.
func (d *Double) anHourAgo() doubles.Life {
	return doubles.Life{Born: d.Clock.Now().Add(-time.Hour)}
}

// ServeHTTP is the whole server.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.Wrap(http.HandlerFunc(d.serve)).ServeHTTP(w, r)
}

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !strings.HasPrefix(r.URL.Path, d.opts.Prefix+"/") {
		fail(w, http.StatusNotFound, "Unable to find matching target resource method", "")
		return
	}
	mux := http.NewServeMux()
	oidc, admin := d.opts.Prefix+"/realms/{realm}/protocol/openid-connect", d.opts.Prefix+"/admin/realms/{realm}"
	mux.HandleFunc("POST "+oidc+"/token", d.inRealm(d.grant))
	mux.HandleFunc("POST "+oidc+"/token/introspect", d.inRealm(d.introspect))
	mux.HandleFunc("GET "+d.opts.Prefix+"/realms/{realm}/.well-known/openid-configuration", d.inRealm(func(w http.ResponseWriter, r *http.Request, _ *realm) {
		doubles.WriteJSON(w, http.StatusOK, doubles.Object{"issuer": "https://sso.example.com/realms/" + r.PathValue("realm")})
	}))
	d.userRoutes(mux, admin)
	d.clientRoutes(mux, admin)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusNotFound, "Unable to find matching target resource method", "")
	})
	mux.ServeHTTP(w, r)
}

type inRealm func(http.ResponseWriter, *http.Request, *realm)

func (d *Double) inRealm(h inRealm) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		realm := d.realms[r.PathValue("realm")]
		if realm == nil {
			fail(w, http.StatusNotFound, "Realm does not exist", "")
			return
		}
		h(w, r, realm)
	}
}

// asAdmin lets administrators in.
func (d *Double) asAdmin(h inRealm) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		t, ok := d.tokens[doubles.Bearer(r)]
		switch realm := d.realms[r.PathValue("realm")]; {
		case !ok || !d.Clock.Now().Before(t.until):
			fail(w, http.StatusUnauthorized, "HTTP 401 Unauthorized", "")
		case realm == nil:
			fail(w, http.StatusNotFound, "Realm not found.", "")
		case !t.admin:
			fail(w, http.StatusForbidden, "HTTP 403 Forbidden", "For more on this error consult the server log.")
		default:
			h(w, r, realm)
		}
	}
}

func fail(w http.ResponseWriter, status int, code, description string) {
	body := doubles.Object{"error": code}
	if description != "" {
		body["error_description"] = description
	}
	doubles.WriteJSON(w, status, body)
}
