package grafana

import (
	"net/http"
	"strconv"

	"github.com/agenticverz/rotor/doubles"
)

func idOf(k *doubles.Key) int64 {
	n, _ := strconv.ParseInt(k.ID, 10, 64)
	return n
}

// keyRoutes are those of the old API keys.
func (d *Double) keyRoutes(on func(string, func(http.ResponseWriter, *http.Request, caller))) {
	on("GET /api/auth/keys", d.may("apikeys:read", d.listKeys))
	on("POST /api/auth/keys", d.may("apikeys:create", d.createKey))
	on("DELETE /api/auth/keys/{key}", d.may("apikeys:delete", d.deleteKey))
}

func (d *Double) listKeys(w http.ResponseWriter, r *http.Request, who caller) {
	out := []doubles.Object{}
	for _, k := range d.keys.Listed() {
		if a := d.about[k.ID]; a.account == nil && a.org == who.org &&
			(!k.Expired(d.Clock.Now()) || r.URL.Query().Get("includeExpired") == "true") {
			key := doubles.Object{"id": idOf(k), "name": k.Name, "role": a.role, "lastUsedAt": stamp(a.seen)}
			if !k.Expires.IsZero() {
				key["expiration"] = stamp(k.Expires)
			}
			out = append(out, key)
		}
	}
	doubles.WriteJSON(w, http.StatusOK, out)
}

func (d *Double) createKey(w http.ResponseWriter, r *http.Request, who caller) {
	if d.version >= 1103 {
		d.fail(w, http.StatusGone, "", "this endpoint has been removed, please use POST /api/serviceaccounts and POST /api/serviceaccounts/{id}/tokens instead")
		return
	}
	var in struct{ Name, Role string }
	if !doubles.ReadJSON(r, &in) || in.Name == "" {
		d.fail(w, http.StatusBadRequest, "", "bad request data")
		return
	}
	for _, k := range d.keys.Listed() {
		if k.Name == in.Name && d.about[k.ID].org == who.org {
			d.fail(w, http.StatusConflict, "", "API key, organization ID and name must be unique")
			return
		}
	}
	k := d.newKey(in.Name, &about{org: who.org, role: in.Role})
	doubles.WriteJSON(w, http.StatusOK, doubles.Object{"id": idOf(k), "name": k.Name, "key": k.Value})
}

func (d *Double) deleteKey(w http.ResponseWriter, r *http.Request, who caller) {
	id := r.PathValue("key")
	if d.keys.Get(id) == nil || d.about[id].account != nil || d.about[id].org != who.org {
		d.fail(w, http.StatusNotFound, "", "Failed to delete API key")
		return
	}
	d.keys.End(id)
	doubles.WriteJSON(w, http.StatusOK, doubles.Object{"message": "API key deleted"})
}
