package openai

import (
	"net/http"
	"slices"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

// wish is the body of everything that makes a key.
type wish struct {
	Name    string   `json:"name"`
	Scopes  []string `json:"scopes"`
	Expires *int64   `json:"expires_in_seconds"`
	Only    *bool    `json:"create_service_account_only"`
}

// read takes the body apart and says no to what the vendor refuses.
func (d *Double) read(w http.ResponseWriter, r *http.Request) (wish, bool) {
	var in wish
	switch {
	case !doubles.ReadJSON(r, &in):
		fail(w, http.StatusBadRequest, "invalid_json", "We could not parse the JSON body of your request.")
	case in.Expires != nil && (*in.Expires < 1 || *in.Expires > 31536000):
		fail(w, http.StatusBadRequest, "invalid_value", "expires_in_seconds must be between 1 and 31536000.")
	case in.Expires == nil && d.opts.MustExpire && (in.Only == nil || !*in.Only):
		fail(w, http.StatusBadRequest, "api_key_expiration_required", "This organization requires API keys to have an expiration: set expires_in_seconds.")
	default:
		return in, true
	}
	return in, false
}

func (d *Double) until(in wish) time.Time {
	if in.Expires == nil || d.opts.Lasting {
		return time.Time{}
	}
	return d.Clock.Now().Add(time.Duration(*in.Expires) * time.Second)
}

func (d *Double) createKey(w http.ResponseWriter, r *http.Request, a *account) {
	in, ok := d.read(w, r)
	if !ok {
		return
	}
	doubles.WriteJSON(w, http.StatusOK, d.made(in, a))
}

func (d *Double) made(in wish, a *account) doubles.Object {
	k := d.newKey(in.Name, about{account: a, scopes: in.Scopes})
	k.Expires = d.until(in)
	o := doubles.Object{"object": "organization.project.service_account.api_key", "id": k.ID, "name": k.Name,
		"created_at": k.Born.Unix(), "expires_at": unix(k.Expires), "value": k.Value}
	if d.opts.Lasting {
		delete(o, "expires_at")
	}
	return o
}

func (d *Double) deleteKey(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("key")
	switch k := d.keys.Get(id); {
	case k == nil:
		fail(w, http.StatusNotFound, "", "No such API key")
		return
	case d.opts.Kept && d.about[id].account != nil:
		fail(w, http.StatusBadRequest, "", "This API key is owned by a service account and cannot be deleted. Delete the service account instead.")
		return
	}
	d.keys.End(id)
	deleted(w, "organization.project.api_key.deleted", id)
}

func deleted(w http.ResponseWriter, object, id string) {
	doubles.WriteJSON(w, http.StatusOK, doubles.Object{"object": object, "id": id, "deleted": true})
}

func (d *Double) createAdmin(w http.ResponseWriter, r *http.Request) {
	in, ok := d.read(w, r)
	if !ok {
		return
	}
	if in.Name == "" {
		fail(w, http.StatusBadRequest, "missing_required_parameter", "Missing required parameter: 'name'.")
		return
	}
	k := d.admins.Add(doubles.Key{ID: "key_" + doubles.Text(12), Name: in.Name, Value: "double-admin-" + doubles.Text(40), Expires: d.until(in)})
	answer := d.adminJSON(k)
	answer["value"] = k.Value
	doubles.WriteJSON(w, http.StatusOK, answer)
}

func (d *Double) deleteAdmin(w http.ResponseWriter, r *http.Request) {
	if !d.admins.End(r.PathValue("key")) {
		fail(w, http.StatusNotFound, "", "No such API key")
		return
	}
	deleted(w, "organization.admin_api_key.deleted", r.PathValue("key"))
}

func accountJSON(a *account) doubles.Object {
	return doubles.Object{"object": "organization.project.service_account", "id": a.id, "name": a.name, "role": a.role, "created_at": a.created}
}

func (d *Double) showAccount(w http.ResponseWriter, _ *http.Request, a *account) {
	doubles.WriteJSON(w, http.StatusOK, accountJSON(a))
}

func (d *Double) listAccounts(w http.ResponseWriter, r *http.Request) {
	all := d.accounts
	if after := r.URL.Query().Get("after"); after != "" {
		all = all[slices.IndexFunc(all, func(a *account) bool { return a.id == after })+1:]
	}
	limit := doubles.Number(r, "limit", 20, 100)
	data := []doubles.Object{}
	for _, a := range all[:min(limit, len(all))] {
		data = append(data, accountJSON(a))
	}
	answer := doubles.Object{"object": "list", "data": data, "first_id": nil, "last_id": nil, "has_more": len(all) > limit}
	if len(data) > 0 {
		answer["first_id"], answer["last_id"] = data[0]["id"], data[len(data)-1]["id"]
	}
	doubles.WriteJSON(w, http.StatusOK, answer)
}

func (d *Double) createAccount(w http.ResponseWriter, r *http.Request) {
	in, ok := d.read(w, r)
	if !ok {
		return
	}
	if in.Name == "" {
		fail(w, http.StatusBadRequest, "missing_required_parameter", "Missing required parameter: 'name'.")
		return
	}
	only := in.Only != nil && *in.Only
	if only && in.Expires != nil {
		fail(w, http.StatusBadRequest, "invalid_value", "expires_in_seconds cannot be used with create_service_account_only.")
		return
	}
	a := d.newAccount(in.Name, "member")
	answer := accountJSON(a)
	if only {
		a.role, answer["role"], answer["api_key"] = "none", "none", nil
	} else {
		in.Name = "Secret Key" // the key of a new account has a name that nobody chose
		answer["api_key"] = d.made(in, a)
	}
	doubles.WriteJSON(w, http.StatusOK, answer)
}

// deleteAccount ends all keys of the account with it.
func (d *Double) deleteAccount(w http.ResponseWriter, _ *http.Request, a *account) {
	for _, k := range d.keys.Listed() {
		if d.about[k.ID].account == a {
			k.Died = d.Clock.Now()
		}
	}
	d.accounts = slices.DeleteFunc(d.accounts, func(x *account) bool { return x == a })
	deleted(w, "organization.project.service_account.deleted", a.id)
}
