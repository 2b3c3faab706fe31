package openai

import (
	"net/http"
	"strings"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.Method == http.MethodGet && r.URL.Path == "/v1/models" {
		d.models(w, r)
		return
	}
	if d.admins.Use(doubles.Bearer(r)) == nil {
		fail(w, http.StatusUnauthorized, "invalid_api_key", "Incorrect API key provided. You can find your API key in the dashboard.")
		return
	}
	mux := http.NewServeMux()
	const org, project = "/v1/organization", "/v1/organization/projects/{project}"
	mux.HandleFunc("GET "+org+"/admin_api_keys", func(w http.ResponseWriter, r *http.Request) { d.list(w, r, &d.admins, d.adminJSON) })
	mux.HandleFunc("POST "+org+"/admin_api_keys", d.createAdmin)
	mux.HandleFunc("GET "+org+"/admin_api_keys/{key}", func(w http.ResponseWriter, r *http.Request) { d.show(w, r, &d.admins, d.adminJSON) })
	mux.HandleFunc("DELETE "+org+"/admin_api_keys/{key}", d.deleteAdmin)
	mux.HandleFunc("GET "+project+"/service_accounts", d.inProject(d.listAccounts))
	mux.HandleFunc("POST "+project+"/service_accounts", d.inProject(d.createAccount))
	mux.HandleFunc("GET "+project+"/service_accounts/{account}", d.onAccount(d.showAccount))
	mux.HandleFunc("DELETE "+project+"/service_accounts/{account}", d.onAccount(d.deleteAccount))
	mux.HandleFunc("POST "+project+"/service_accounts/{account}/api_keys", d.onAccount(d.createKey))
	mux.HandleFunc("GET "+project+"/api_keys", d.inProject(func(w http.ResponseWriter, r *http.Request) { d.list(w, r, &d.keys, d.keyJSON) }))
	mux.HandleFunc("GET "+project+"/api_keys/{key}", d.inProject(func(w http.ResponseWriter, r *http.Request) { d.show(w, r, &d.keys, d.keyJSON) }))
	mux.HandleFunc("DELETE "+project+"/api_keys/{key}", d.inProject(d.deleteKey))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fail(w, http.StatusNotFound, "", "Invalid URL") })
	mux.ServeHTTP(w, r)
}

func fail(w http.ResponseWriter, status int, code, message string) {
	doubles.WriteJSON(w, status, doubles.Object{"error": doubles.Object{
		"message": message, "type": "invalid_request_error", "param": nil, "code": orNull(code)}})
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// models is where a key is used.
func (d *Double) models(w http.ResponseWriter, r *http.Request) {
	if d.opts.Walled {
		fail(w, http.StatusUnauthorized, "", "Your IP address is not authorized to use this project.")
		return
	}
	key := d.keys.Use(doubles.Bearer(r))
	if key == nil {
		fail(w, http.StatusUnauthorized, "invalid_api_key", "Incorrect API key provided. You can find your API key in the dashboard.")
		return
	}
	if scopes := d.about[key.ID].scopes; scopes != nil && !strings.Contains(strings.Join(scopes, " "), "api.model.read") {
		fail(w, http.StatusForbidden, "", "You have insufficient permissions for this operation. Missing scopes: api.model.read.")
		return
	}
	doubles.WriteJSON(w, http.StatusOK, doubles.Object{"object": "list", "data": []doubles.Object{
		{"id": "double-1", "object": "model", "created": 1700000000, "owned_by": "double"}}})
}

func (d *Double) inProject(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("project") != d.Project {
			fail(w, http.StatusNotFound, "", "Project not found")
			return
		}
		h(w, r)
	}
}

func (d *Double) onAccount(h func(http.ResponseWriter, *http.Request, *account)) http.HandlerFunc {
	return d.inProject(func(w http.ResponseWriter, r *http.Request) {
		a := d.account(r.PathValue("account"))
		if a == nil {
			fail(w, http.StatusNotFound, "", "No such service account")
			return
		}
		h(w, r, a)
	})
}

// list is a page of keys: limit, after, has_more.
func (d *Double) list(w http.ResponseWriter, r *http.Request, keys *doubles.Keys, show func(*doubles.Key) doubles.Object) {
	var all []*doubles.Key
	for _, k := range keys.Listed() {
		if k.ID != "" && (!d.about[k.ID].hidden || r.URL.Query().Get("owner_project_access") == "any") {
			all = append(all, k)
		}
	}
	page, more := doubles.After(all, r.URL.Query().Get("after"), doubles.Number(r, "limit", 20, 100))
	data := []doubles.Object{}
	for _, k := range page {
		data = append(data, show(k))
	}
	answer := doubles.Object{"object": "list", "data": data, "first_id": nil, "last_id": nil, "has_more": more}
	if len(page) > 0 {
		answer["first_id"], answer["last_id"] = page[0].ID, page[len(page)-1].ID
	}
	doubles.WriteJSON(w, http.StatusOK, answer)
}

func (d *Double) show(w http.ResponseWriter, r *http.Request, keys *doubles.Keys, show func(*doubles.Key) doubles.Object) {
	k := keys.Get(r.PathValue("key"))
	if k == nil {
		fail(w, http.StatusNotFound, "", "No such API key")
		return
	}
	doubles.WriteJSON(w, http.StatusOK, show(k))
}

func unix(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Unix()
}

// redacted is how a key is shown: its first characters and its last.
func redacted(value string) string { return value[:9] + "..." + value[len(value)-3:] }

func (d *Double) keyJSON(k *doubles.Key) doubles.Object {
	owner, access := doubles.Object{"type": "user", "user": doubles.Object{"id": "user-1", "name": "A person", "email": "person@example.com", "role": "member", "created_at": 1700000000}}, "active"
	a := d.about[k.ID]
	if a.account != nil {
		owner = doubles.Object{"type": "service_account", "service_account": doubles.Object{
			"id": a.account.id, "name": a.account.name, "role": a.account.role, "created_at": a.account.created}}
	}
	if a.hidden {
		access = "inactive"
	}
	o := doubles.Object{"object": "organization.project.api_key", "id": k.ID, "name": k.Name, "redacted_value": redacted(k.Value),
		"created_at": k.Born.Unix(), "last_used_at": unix(k.Used), "expires_at": unix(k.Expires),
		"owner_project_access": access, "owner": owner}
	if d.opts.Lasting {
		delete(o, "expires_at")
	}
	return o
}

func (d *Double) adminJSON(k *doubles.Key) doubles.Object {
	o := doubles.Object{"object": "organization.admin_api_key", "id": k.ID, "name": k.Name, "redacted_value": redacted(k.Value),
		"created_at": k.Born.Unix(), "last_used_at": unix(k.Used), "expires_at": unix(k.Expires),
		"owner": doubles.Object{"type": "user", "object": "organization.user", "id": "user-1", "name": "A person", "created_at": 1700000000, "role": "owner"}}
	if d.opts.Silent {
		delete(o, "last_used_at")
	}
	return o
}
