package grafana

import (
	"net/http"
	"slices"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

type route func(http.ResponseWriter, *http.Request, caller)

func (d *Double) accountRoutes(on func(string, func(http.ResponseWriter, *http.Request, caller))) {
	const one = "/api/serviceaccounts/{account}"
	on("GET /api/serviceaccounts/search", d.may("serviceaccounts:read", d.search))
	on("GET "+one, d.may("serviceaccounts:read", d.showAccount))
	on("GET "+one+"/tokens", d.may("serviceaccounts:read", d.listTokens))
	on("POST "+one+"/tokens", d.may("serviceaccounts:write", d.createToken))
	on("DELETE "+one+"/tokens/{token}", d.may("serviceaccounts:write", d.deleteToken))
}

func (d *Double) may(permission string, h route) route {
	return func(w http.ResponseWriter, r *http.Request, who caller) {
		if !who.admin() {
			d.denied(w, permission)
			return
		}
		h(w, r, who)
	}
}

func (d *Double) accountJSON(a *account) doubles.Object {
	n := 0
	for _, k := range d.keys.Listed() {
		if d.about[k.ID].account == a {
			n++
		}
	}
	out := doubles.Object{"id": a.id, "name": a.name, "login": a.login, "orgId": a.org, "isDisabled": a.disabled,
		"isExternal": false, "role": a.role, "tokens": n, "avatarUrl": "/avatar/1"}
	if d.version >= 1100 {
		out["uid"] = "u" + a.login
	}
	return out
}

// search is paged; what is asked for may stand anywhere in a name.
func (d *Double) search(w http.ResponseWriter, r *http.Request, who caller) {
	var all []*account
	for _, a := range d.accounts {
		if a.org == who.org && contains(a.name+" "+a.login, r.URL.Query().Get("query")) {
			all = append(all, a)
		}
	}
	page, perPage := doubles.Number(r, "page", 1, 1<<20), doubles.Number(r, "perpage", 1000, 1000)
	from := min((page-1)*perPage, len(all))
	list := []doubles.Object{}
	for _, a := range all[from:min(from+perPage, len(all))] {
		list = append(list, d.accountJSON(a))
	}
	doubles.WriteJSON(w, http.StatusOK, doubles.Object{"totalCount": len(all), "serviceAccounts": list, "page": page, "perPage": perPage})
}

func (d *Double) here(r *http.Request, who caller) *account {
	a := d.account(pathID(r, "account"))
	if a == nil || a.org != who.org {
		return nil
	}
	return a
}

func (d *Double) noAccount(w http.ResponseWriter) {
	message := "service account not found"
	if d.version < 1000 {
		message = "Failed to retrieve service account"
	}
	d.fail(w, http.StatusNotFound, "serviceaccounts.ErrNotFound", message)
}

func (d *Double) showAccount(w http.ResponseWriter, r *http.Request, who caller) {
	a := d.here(r, who)
	if a == nil {
		d.noAccount(w)
		return
	}
	out := d.accountJSON(a)
	out["createdAt"], out["updatedAt"], out["teams"] = stamp(d.Clock.Now()), stamp(d.Clock.Now()), []string{}
	doubles.WriteJSON(w, http.StatusOK, out)
}

// listTokens has no pages, and of an account that is not there it is empty.
func (d *Double) listTokens(w http.ResponseWriter, r *http.Request, who caller) {
	out := []doubles.Object{}
	a := d.here(r, who)
	for _, k := range d.keys.Listed() {
		if a == nil || d.about[k.ID].account != a {
			continue
		}
		left := 0.0
		if until := k.Expires.Sub(d.Clock.Now()); until > 0 && until < 7*24*time.Hour {
			left = until.Seconds()
		}
		token := doubles.Object{"id": idOf(k), "name": k.Name, "created": stamp(k.Born), "expiration": stamp(k.Expires),
			"secondsUntilExpiration": left, "hasExpired": k.Expired(d.Clock.Now()), "lastUsedAt": stamp(d.about[k.ID].seen)}
		if d.version >= 1000 {
			token["isRevoked"] = false
		}
		out = append(out, token)
	}
	doubles.WriteJSON(w, http.StatusOK, out)
}

func (d *Double) createToken(w http.ResponseWriter, r *http.Request, who caller) {
	var in struct {
		Name          string `json:"name"`
		SecondsToLive int64  `json:"secondsToLive"`
	}
	a := d.here(r, who)
	switch {
	case a == nil:
		d.noAccount(w)
	case !doubles.ReadJSON(r, &in) || in.Name == "":
		d.fail(w, http.StatusBadRequest, "", "bad request data")
	case d.refusesLife(w, in.SecondsToLive):
	case slices.ContainsFunc(d.keys.Listed(), func(k *doubles.Key) bool { return k.Name == in.Name && d.about[k.ID].org == who.org }):
		status := http.StatusBadRequest
		if d.version < 1000 {
			status = http.StatusConflict
		}
		d.fail(w, status, "serviceaccounts.ErrTokenAlreadyExists", "service account token with given name already exists in the organization")
	default:
		k := d.newKey(in.Name, &about{account: a, org: a.org})
		if in.SecondsToLive > 0 {
			k.Expires = k.Born.Add(time.Duration(in.SecondsToLive) * time.Second)
		}
		doubles.WriteJSON(w, http.StatusOK, doubles.Object{"id": idOf(k), "name": k.Name, "key": k.Value})
	}
}

// refusesLife answers where the server wants tokens to end, or to end sooner.
func (d *Double) refusesLife(w http.ResponseWriter, seconds int64) bool {
	switch most := int64(d.opts.MaxLife.Seconds()); {
	case seconds < 0:
		d.fail(w, http.StatusBadRequest, "serviceaccounts.ErrInvalidInput", "invalid SecondsToLive value")
	case most > 0 && seconds == 0:
		d.fail(w, http.StatusBadRequest, "", "Number of seconds before expiration should be set")
	case most > 0 && seconds > most:
		d.fail(w, http.StatusBadRequest, "", "Number of seconds before expiration is greater than the global limit")
	default:
		return false
	}
	return true
}

func (d *Double) deleteToken(w http.ResponseWriter, r *http.Request, who caller) {
	a, id := d.here(r, who), r.PathValue("token")
	switch {
	case a == nil:
		d.noAccount(w)
	case d.keys.Get(id) == nil || d.about[id].account != a:
		message := "service account token not found"
		if d.version < 1000 {
			message = "Failed to delete service account token"
		}
		d.fail(w, http.StatusNotFound, "serviceaccounts.ErrTokenNotFound", message)
	default:
		d.keys.End(id)
		doubles.WriteJSON(w, http.StatusOK, doubles.Object{"message": "Service account token deleted"})
	}
}
