package cloudflare

import (
	"net/http"
	"strings"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

func (d *Double) api(w http.ResponseWriter, r *http.Request) {
	mux := http.NewServeMux()
	for family, base := range map[string]string{"account": "/client/v4/accounts/{account}/tokens", "user": "/client/v4/user/tokens"} {
		of := func(h func(http.ResponseWriter, *http.Request, string)) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if d.admitted(w, r) {
					h(w, r, family)
				}
			}
		}
		mux.HandleFunc("GET "+base, of(d.list))
		mux.HandleFunc("POST "+base, of(d.create))
		mux.HandleFunc("GET "+base+"/permission_groups", of(d.permissionGroups))
		mux.HandleFunc("GET "+base+"/verify", func(w http.ResponseWriter, r *http.Request) { d.verify(w, r, family) })
		mux.HandleFunc("GET "+base+"/{token}", of(d.show))
		mux.HandleFunc("DELETE "+base+"/{token}", of(d.remove))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		d.fail(w, http.StatusNotFound, 7003, "Could not route to "+r.URL.Path+", perhaps your object identifier is invalid?")
	})
	mux.ServeHTTP(w, r)
}

func (d *Double) fail(w http.ResponseWriter, status, code int, message string) {
	if d.opts.Mild {
		status = http.StatusOK
	}
	doubles.WriteJSON(w, status, doubles.Object{"success": false, "errors": []doubles.Object{{"code": code, "message": message}}, "messages": []any{}, "result": nil})
}

func good(w http.ResponseWriter, result any, more doubles.Object) {
	answer := doubles.Object{"success": true, "errors": []any{}, "messages": []any{}, "result": result}
	for k, v := range more {
		answer[k] = v
	}
	doubles.WriteJSON(w, http.StatusOK, answer)
}

// admitted: the token manages tokens, and those of this account.
func (d *Double) admitted(w http.ResponseWriter, r *http.Request) bool {
	k := d.tokens.Use(doubles.Bearer(r))
	account := r.PathValue("account")
	switch {
	case k == nil:
		d.fail(w, http.StatusForbidden, 9109, "Invalid access token")
	case d.about[k.ID].family != "manage" || d.about[k.ID].nothing:
		d.fail(w, http.StatusForbidden, 9109, "Unauthorized to access requested resource")
	case account != "" && account != d.Account:
		d.fail(w, http.StatusForbidden, 10000, "Authentication error")
	default:
		return true
	}
	return false
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func (d *Double) status(k *doubles.Key) string {
	switch {
	case k.Expired(d.Clock.Now()):
		return "expired"
	case !d.about[k.ID].off.IsZero():
		return "disabled"
	}
	return "active"
}

func (d *Double) token(k *doubles.Key) doubles.Object {
	t := doubles.Object{"id": k.ID, "name": k.Name, "status": d.status(k), "issued_on": date(k.Born), "modified_on": date(k.Born), "policies": d.about[k.ID].policies}
	if !k.Used.IsZero() {
		t["last_used_on"] = date(k.Used)
	}
	if !k.Expires.IsZero() {
		t["expires_on"] = date(k.Expires)
	}
	return t
}

func (d *Double) list(w http.ResponseWriter, r *http.Request, family string) {
	all := d.listed(family)
	page, per := doubles.Number(r, "page", 1, 1<<20), max(5, doubles.Number(r, "per_page", 20, 50))
	from := min((page-1)*per, len(all))
	result := []doubles.Object{}
	for _, k := range all[from:min(from+per, len(all))] {
		result = append(result, d.token(k))
	}
	good(w, result, doubles.Object{"result_info": doubles.Object{"page": page, "per_page": per, "count": len(result), "total_count": len(all)}})
}

// permissionGroups of the user's family come without a filter, as they did before there
// was one.
func (d *Double) permissionGroups(w http.ResponseWriter, r *http.Request, family string) {
	result := []group{}
	for _, g := range groups {
		if family == "user" || strings.Contains(g.Name, r.URL.Query().Get("name")) { // whether it is a part or the whole, we do not know
			result = append(result, g)
		}
	}
	good(w, result, nil)
}

// of is the token that a path names, if it is of that family.
func (d *Double) of(w http.ResponseWriter, r *http.Request, family string) *doubles.Key {
	if k := d.tokens.Get(r.PathValue("token")); k != nil && d.about[k.ID].family == family {
		return k
	}
	d.fail(w, http.StatusNotFound, 1003, "API token not found")
	return nil
}

func (d *Double) show(w http.ResponseWriter, r *http.Request, family string) {
	if k := d.of(w, r, family); k != nil {
		good(w, d.token(k), nil)
	}
}

func (d *Double) remove(w http.ResponseWriter, r *http.Request, family string) {
	if k := d.of(w, r, family); k != nil {
		d.tokens.End(k.ID)
		good(w, doubles.Object{"id": k.ID}, nil)
	}
}

// verify is asked with the token itself. That of an account is not valid at the user's.
func (d *Double) verify(w http.ResponseWriter, r *http.Request, family string) {
	k := d.tokens.Peek(doubles.Bearer(r))
	if k == nil || d.about[k.ID].family != family || d.about[k.ID].off.IsZero() && !k.Expired(d.Clock.Now()) && !d.use(k) {
		d.fail(w, http.StatusUnauthorized, 1000, "Invalid API Token")
		return
	}
	result := doubles.Object{"id": k.ID, "status": d.status(k)}
	if !k.Expires.IsZero() {
		result["expires_on"] = date(k.Expires)
	}
	messages := []doubles.Object{}
	if result["status"] == "active" {
		messages = append(messages, doubles.Object{"code": 10000, "message": "This API Token is valid and active", "type": nil})
	}
	good(w, result, doubles.Object{"messages": messages})
}

func (d *Double) create(w http.ResponseWriter, r *http.Request, family string) {
	var in struct {
		Name     string    `json:"name"`
		Policies []policy  `json:"policies"`
		Expires  time.Time `json:"expires_on"`
	}
	switch {
	case !doubles.ReadJSON(r, &in) || in.Name == "" || len(in.Name) > 120 || len(in.Policies) == 0:
		d.fail(w, http.StatusBadRequest, 1001, "Invalid request body")
		return
	case d.opts.Most > 0 && family == "user" && len(d.listed(family)) >= d.opts.Most:
		d.fail(w, http.StatusBadRequest, 1015, "You have reached the maximum number of API tokens")
		return
	case !in.Expires.IsZero() && !in.Expires.After(d.Clock.Now()), in.Expires.Nanosecond() != 0:
		d.fail(w, http.StatusBadRequest, 1001, "Invalid expires_on")
		return
	}
	for i := range in.Policies {
		if !d.sound(&in.Policies[i]) {
			d.fail(w, http.StatusBadRequest, 1001, "Invalid policies")
			return
		}
	}
	k := d.add(in.Name, about{family: family, policies: in.Policies})
	k.Expires = in.Expires
	result := d.token(k)
	result["value"] = k.Value
	good(w, result, nil)
}

// sound checks a policy, and completes it as answers have it.
func (d *Double) sound(p *policy) bool {
	p.ID = hexadecimal(32)
	for i, asked := range p.Groups {
		p.Groups[i] = group{}
		for _, g := range groups {
			if g.ID == asked.ID {
				p.Groups[i] = group{ID: g.ID, Name: g.Name}
			}
		}
		if p.Groups[i].ID == "" {
			return false
		}
	}
	return p.Effect == "allow" && len(p.Groups) > 0 && len(p.Resources) > 0
}
