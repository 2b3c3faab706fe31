package keycloak

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

// client of a realm. Its secrets are keys, named by their number.
type client struct {
	id, name                       string
	public, account, direct, admin bool
	keys                           doubles.Keys
	now, rotated                   *doubles.Key
	created, expires               time.Time // of the present secret, as the attributes say it
	rotatedUntil                   time.Time
	authorization                  bool
	Client
}

// Client is what a test may ask for.
type Client struct {
	Disabled bool
	Public   bool
	Account  bool   // it has a service account
	Vaulted  bool   // its secret is a reference to a vault
	Method   string // how it proves itself; "" = client-secret
}

// Client makes a confidential client in realm app and gives the uuid.
func (d *Double) Client(name, secret string, about Client) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.addClient("app", client{name: name, account: about.Account, public: about.Public, authorization: about.Account, Client: about}, secret).id
}

// ChangeClient alters a client of realm app behind everybody's back.
func (d *Double) ChangeClient(name string, change func(*Client)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(&d.clientNamed(name).Client)
}

// Authorization says whether a client of realm app still has its authorization settings.
func (d *Double) Authorization(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.clientNamed(name).authorization
}

// Rotated is the text of a client's rotated secret; "" if it has none.
func (d *Double) Rotated(name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c := d.clientNamed(name); c.rotated != nil {
		return c.rotated.Value
	}
	return ""
}

// Secrets lists, for the living secrets of a client of realm app, when each was made.
func (d *Double) Secrets(name string) []int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.clientNamed(name)
	out := []int64{c.now.Born.Unix()}
	if c.rotated != nil && c.rotated != c.now && d.Clock.Now().Before(c.rotatedUntil) {
		out = append(out, c.rotated.Born.Unix())
	}
	return out
}

func (d *Double) clientNamed(name string) *client {
	for _, c := range d.realms["app"].clients {
		if c.name == name {
			return c
		}
	}
	return nil
}

func (d *Double) addClient(realm string, c client, secret string) *client {
	c.id, c.keys = uuid(), doubles.Keys{Clock: d.Clock, Delay: d.opts.Delay}
	c.now = c.keys.Add(doubles.Key{ID: uuid(), Value: secret, Life: d.anHourAgo()})
	c.created = c.now.Born
	if d.opts.Rotation != nil && realm == "app" && !c.public {
		c.expires = d.Clock.Now().Add(d.opts.Rotation.Expires)
	}
	d.realms[realm].clients = append(d.realms[realm].clients, &c)
	return &c
}

// proves: the present secret, if it has not expired, or the rotated one in its time.
func (d *Double) proves(c *client, secret string) bool {
	k := c.keys.Use(secret)
	if k == nil || k == c.now && !c.expires.IsZero() && !d.Clock.Now().Before(c.expires) {
		return false
	}
	return k != c.rotated || k == c.now || d.Clock.Now().Before(c.rotatedUntil)
}

func (d *Double) clientRoutes(mux *http.ServeMux, admin string) {
	mux.HandleFunc("GET "+admin+"/clients", d.asAdmin(d.findClients))
	one := admin + "/clients/{id}"
	mux.HandleFunc("GET "+one, d.onClient(func(w http.ResponseWriter, _ *http.Request, c *client) {
		doubles.WriteJSON(w, http.StatusOK, clientJSON(c))
	}))
	mux.HandleFunc("PUT "+one, d.onClient(d.writeClient))
	mux.HandleFunc("GET "+one+"/client-secret", d.onClient(func(w http.ResponseWriter, _ *http.Request, c *client) { showSecret(w, c, c.now.Value) }))
	mux.HandleFunc("POST "+one+"/client-secret", d.onClient(d.regenerate))
	mux.HandleFunc("GET "+one+"/client-secret/rotated", d.onClient(func(w http.ResponseWriter, _ *http.Request, c *client) {
		if c.rotated == nil {
			fail(w, http.StatusNotFound, "Client does not have a rotated secret", "")
			return
		}
		showSecret(w, c, c.rotated.Value)
	}))
	mux.HandleFunc("DELETE "+one+"/client-secret/rotated", d.onClient(func(w http.ResponseWriter, _ *http.Request, c *client) {
		c.dropRotated()
		w.WriteHeader(http.StatusNoContent)
	}))
}

func (c *client) dropRotated() {
	if c.rotated != nil && c.rotated != c.now {
		c.keys.End(c.rotated.ID)
	}
	c.rotated, c.rotatedUntil = nil, time.Time{}
}

func showSecret(w http.ResponseWriter, c *client, secret string) {
	if c.Vaulted {
		secret = "${vault.backend}"
	}
	doubles.WriteJSON(w, http.StatusOK, doubles.Object{"type": "secret", "value": secret})
}

func (d *Double) onClient(h func(http.ResponseWriter, *http.Request, *client)) http.HandlerFunc {
	return d.asAdmin(func(w http.ResponseWriter, r *http.Request, in *realm) {
		for _, c := range in.clients {
			if c.id == r.PathValue("id") {
				h(w, r, c)
				return
			}
		}
		fail(w, http.StatusNotFound, "Could not find client", "")
	})
}

func clientJSON(c *client) doubles.Object {
	seconds := func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
	attributes := doubles.Object{"client.secret.creation.time": seconds(c.created)}
	if !c.expires.IsZero() {
		attributes["client.secret.expiration.time"] = seconds(c.expires)
	}
	if c.rotated != nil {
		attributes["client.secret.rotated"] = c.rotated.Value
		attributes["client.secret.rotated.creation.time"] = seconds(c.created)
		attributes["client.secret.rotated.expiration.time"] = seconds(c.rotatedUntil)
	}
	method := c.Method
	if method == "" {
		method = "client-secret"
	}
	out := doubles.Object{"id": c.id, "clientId": c.name, "enabled": !c.Disabled, "publicClient": c.public, "bearerOnly": false,
		"serviceAccountsEnabled": c.account, "directAccessGrantsEnabled": c.direct, "clientAuthenticatorType": method,
		"attributes": attributes, "secret": c.now.Value}
	if c.authorization {
		out["authorizationServicesEnabled"] = true
	}
	return out
}

func (d *Double) findClients(w http.ResponseWriter, r *http.Request, in *realm) {
	out := []doubles.Object{}
	for _, c := range in.clients {
		if c.name == r.URL.Query().Get("clientId") {
			out = append(out, clientJSON(c))
		}
	}
	doubles.WriteJSON(w, http.StatusOK, out)
}

// regenerate makes another secret; with the policy the one before lives on as rotated.
func (d *Double) regenerate(w http.ResponseWriter, _ *http.Request, c *client) {
	old := c.now
	c.dropRotated()
	c.now = c.keys.Add(doubles.Key{ID: uuid(), Value: "double-" + doubles.Text(25)})
	c.created, c.Vaulted = d.Clock.Now(), false
	if p := d.opts.Rotation; p != nil {
		c.rotated, c.rotatedUntil, c.expires = old, c.created.Add(p.RotatedExpires), c.created.Add(p.Expires)
	} else {
		c.keys.End(old.ID)
		c.expires = time.Time{}
	}
	doubles.WriteJSON(w, http.StatusOK, doubles.Object{"type": "secret", "value": c.now.Value})
}

// writeClient takes a representation; what it lacks is left, but for the authorization
// settings, which end.
func (d *Double) writeClient(w http.ResponseWriter, r *http.Request, c *client) {
	var in struct {
		Secret        *string `json:"secret"`
		Authorization *bool   `json:"authorizationServicesEnabled"`
	}
	if !doubles.ReadJSON(r, &in) {
		fail(w, http.StatusBadRequest, "unknown_error", "")
		return
	}
	c.authorization = in.Authorization != nil && *in.Authorization
	if in.Secret != nil && *in.Secret != c.now.Value && strings.TrimSpace(*in.Secret) != "" {
		old := c.now
		if c.rotated != nil && c.rotated.Value == *in.Secret {
			c.now = c.rotated
		} else {
			c.now = c.keys.Add(doubles.Key{ID: uuid(), Value: *in.Secret})
		}
		c.keys.End(old.ID)
	}
	w.WriteHeader(http.StatusNoContent)
}
