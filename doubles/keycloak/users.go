package keycloak

import (
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/agenticverz/rotor/doubles"
)

// user is an account; what is public may be set by tests.
type user struct {
	id, name string
	admin    bool
	keys     doubles.Keys // passwords; one is listed
	past     []string
	changed  time.Time
	failures int // in a row
	wrong    int // in all

	lastFailure, lockedUntil time.Time
	User
}

// User is what a test may ask for.
type User struct {
	Disabled  bool
	Federated bool     // passwords are accepted and go nowhere
	OTP       bool     // a second factor
	Actions   []string // required at the next login
	Sessions  int
}

// User makes a user in realm app and gives the id.
func (d *Double) User(name, password string, about User) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.addUser("app", user{name: name, User: about}, password).id
}

// UserID is the id of a user of a realm.
func (d *Double) UserID(realm, name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.realms[realm].named(name).id
}

// Sessions counts those of a user of realm app.
func (d *Double) Sessions(name string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.realms["app"].named(name).Sessions
}

// Wrong counts the failed logins of a user of realm app.
func (d *Double) Wrong(name string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.realms["app"].named(name).wrong
}

// Change alters a user of realm app behind everybody's back.
func (d *Double) Change(name string, change func(*User)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(&d.realms["app"].named(name).User)
}

func (d *Double) addUser(realm string, u user, password string) *user {
	u.id, u.keys, u.past = uuid(), doubles.Keys{Clock: d.Clock, Delay: d.opts.Delay}, []string{password}
	u.keys.Add(doubles.Key{ID: "password", Value: password, Life: d.anHourAgo()})
	d.realms[realm].users = append(d.realms[realm].users, &u)
	return &u
}

func uuid() string {
	t := doubles.Text(32)
	return strings.Join([]string{t[:8], t[8:12], t[12:16], t[16:20], t[20:]}, "-")
}

func (d *Double) userRoutes(mux *http.ServeMux, admin string) {
	mux.HandleFunc("GET "+admin+"/users", d.asAdmin(d.findUsers))
	mux.HandleFunc("GET "+admin+"/users/{id}", d.onUser(func(w http.ResponseWriter, _ *http.Request, u *user) {
		doubles.WriteJSON(w, http.StatusOK, userJSON(u))
	}))
	mux.HandleFunc("PUT "+admin+"/users/{id}/reset-password", d.onUser(d.resetPassword))
	mux.HandleFunc("GET "+admin+"/users/{id}/credentials", d.onUser(d.credentials))
	mux.HandleFunc("POST "+admin+"/users/{id}/logout", d.onUser(func(w http.ResponseWriter, _ *http.Request, u *user) {
		u.Sessions = 0
		w.WriteHeader(http.StatusNoContent)
	}))
	mux.HandleFunc("GET "+admin+"/attack-detection/brute-force/users/{id}", d.onUser(func(w http.ResponseWriter, _ *http.Request, u *user) {
		doubles.WriteJSON(w, http.StatusOK, doubles.Object{"numFailures": u.failures, "disabled": d.locked(u), "lastIPFailure": "n/a", "lastFailure": 0})
	}))
}

func (d *Double) onUser(h func(http.ResponseWriter, *http.Request, *user)) http.HandlerFunc {
	return d.asAdmin(func(w http.ResponseWriter, r *http.Request, in *realm) {
		for _, u := range in.users {
			if u.id == r.PathValue("id") {
				h(w, r, u)
				return
			}
		}
		fail(w, http.StatusNotFound, "User not found", "")
	})
}

func userJSON(u *user) doubles.Object {
	out := doubles.Object{"id": u.id, "username": u.name, "enabled": !u.Disabled, "emailVerified": true, "createdTimestamp": 1700000000000,
		"requiredActions": append([]string{}, u.Actions...), "totp": u.OTP}
	if u.Federated {
		out["federationLink"] = "ldap-1"
	}
	return out
}

// findUsers: old versions do not know exact.
func (d *Double) findUsers(w http.ResponseWriter, r *http.Request, in *realm) {
	out := []doubles.Object{}
	name := strings.ToLower(r.URL.Query().Get("username"))
	exact := r.URL.Query().Get("exact") == "true" && !d.opts.Old
	for _, u := range in.users {
		if u.name == name || !exact && strings.Contains(u.name, name) {
			out = append(out, userJSON(u))
		}
	}
	doubles.WriteJSON(w, http.StatusOK, out)
}

func (d *Double) credentials(w http.ResponseWriter, _ *http.Request, u *user) {
	out := []doubles.Object{{"id": uuid(), "type": "password", "createdDate": u.changed.UnixMilli(), "credentialData": `{"hashIterations":5}`}}
	if u.OTP {
		out = append(out, doubles.Object{"id": uuid(), "type": "otp", "userLabel": "phone", "createdDate": 1700000000000})
	}
	doubles.WriteJSON(w, http.StatusOK, out)
}

func (d *Double) resetPassword(w http.ResponseWriter, r *http.Request, u *user) {
	var in struct {
		Type, Value string
		Temporary   bool
	}
	switch {
	case !doubles.ReadJSON(r, &in) || in.Value == "":
		fail(w, http.StatusBadRequest, "No password provided", "")
		return
	case u.Federated:
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if code := d.opts.Policy.refuses(in.Value, u.past); code != "" {
		fail(w, http.StatusBadRequest, code, "Invalid password: "+code)
		return
	}
	u.set(in.Value, d)
	if in.Temporary {
		u.Actions = append(u.Actions, "UPDATE_PASSWORD")
	} else {
		u.Actions = slices.DeleteFunc(u.Actions, func(a string) bool { return a == "UPDATE_PASSWORD" })
	}
	w.WriteHeader(http.StatusNoContent)
}

func (u *user) set(password string, d *Double) {
	u.changed = d.Clock.Now()
	if now := u.keys.Get("password"); now != nil && now.Value == password {
		return
	}
	u.keys.End("password")
	if u.keys.Peek(password) != nil { // one from before, back again
		u.keys = doubles.Keys{Clock: d.Clock, Delay: d.opts.Delay}
	}
	u.keys.Add(doubles.Key{ID: "password", Value: password})
	u.past = append(u.past, password)
}

// refuses gives the code for a password that the policy does not like.
func (p Policy) refuses(password string, past []string) string {
	digits, special := 0, 0
	for _, c := range password {
		switch {
		case unicode.IsDigit(c):
			digits++
		case !unicode.IsLetter(c):
			special++
		}
	}
	switch {
	case len(password) < p.MinLength:
		return "invalidPasswordMinLengthMessage"
	case p.MaxLength > 0 && len(password) > p.MaxLength:
		return "invalidPasswordMaxLengthMessage"
	case digits < p.Digits:
		return "invalidPasswordMinDigitsMessage"
	case special < p.Special:
		return "invalidPasswordMinSpecialCharsMessage"
	case p.History > 0 && slices.Contains(past[max(0, len(past)-p.History):], password):
		return "invalidPasswordHistoryMessage"
	}
	return ""
}
