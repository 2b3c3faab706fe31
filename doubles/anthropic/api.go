package anthropic

import (
	"net/http"
	"slices"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

const keysPath = "/v1/organizations/api_keys"

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w.Header().Set("Request-Id", "req_"+doubles.Text(16))
	if r.Header.Get("Anthropic-Version") == "" {
		fail(w, http.StatusBadRequest, "invalid_request_error", "anthropic-version: header is required")
		return
	}
	presented := r.Header.Get("X-Api-Key")
	if presented == "" {
		fail(w, http.StatusUnauthorized, "authentication_error", "x-api-key header is required")
		return
	}
	if r.Method == http.MethodGet && r.URL.Path == "/v1/models" {
		d.models(w, presented)
		return
	}
	if presented != d.AdminKey {
		d.notAdmin(w, presented)
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/organizations/me", func(w http.ResponseWriter, _ *http.Request) {
		doubles.WriteJSON(w, http.StatusOK, doubles.Object{"id": "11111111-0000-4000-8000-000000000000", "type": "organization", "name": "double"})
	})
	mux.HandleFunc("GET "+keysPath, d.list)
	mux.HandleFunc(keysPath, func(w http.ResponseWriter, _ *http.Request) { // nothing makes a key
		fail(w, http.StatusMethodNotAllowed, "invalid_request_error", "Method Not Allowed")
	})
	mux.HandleFunc("GET "+keysPath+"/{key}", d.onKey(func(w http.ResponseWriter, _ *http.Request, k *key) { doubles.WriteJSON(w, http.StatusOK, d.show(k)) }))
	mux.HandleFunc("POST "+keysPath+"/{key}", d.onKey(d.change))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusNotFound, "not_found_error", "Not Found")
	})
	mux.ServeHTTP(w, r)
}

func fail(w http.ResponseWriter, status int, kind, message string) {
	doubles.WriteJSON(w, status, doubles.Object{"type": "error", "request_id": w.Header().Get("Request-Id"),
		"error": doubles.Object{"type": kind, "message": message}})
}

// notAdmin: a key that is alive and no admin key is told so.
func (d *Double) notAdmin(w http.ResponseWriter, presented string) {
	if d.keys.Use(presented) != nil {
		fail(w, http.StatusForbidden, "permission_error", "This API key does not have access to the Admin API.")
		return
	}
	fail(w, http.StatusUnauthorized, "authentication_error", "invalid x-api-key")
}

// models is where a key is used. The admin key is none for it.
func (d *Double) models(w http.ResponseWriter, presented string) {
	used := d.keys.Use(presented)
	if used == nil && d.opts.NotFound && d.keys.Peek(presented) != nil {
		fail(w, http.StatusNotFound, "not_found_error", "Not Found")
		return
	}
	if used == nil {
		fail(w, http.StatusUnauthorized, "authentication_error", "invalid x-api-key")
		return
	}
	if d.get(used.ID).limited {
		fail(w, http.StatusForbidden, "permission_error", "Your API key does not have permission to use the specified resource.")
		return
	}
	doubles.WriteJSON(w, http.StatusOK, doubles.Object{"data": []doubles.Object{
		{"id": "double-1", "type": "model", "display_name": "Double 1", "created_at": "2026-01-01T00:00:00Z"}},
		"first_id": "double-1", "last_id": "double-1", "has_more": false})
}

func (d *Double) onKey(h func(http.ResponseWriter, *http.Request, *key)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		k := d.get(r.PathValue("key"))
		if k == nil {
			fail(w, http.StatusNotFound, "not_found_error", "API key not found")
			return
		}
		h(w, r, k)
	}
}

// list is a page of keys: limit, after_id, has_more; archived keys are on it too.
func (d *Double) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var fits []*doubles.Key
	for _, k := range d.all {
		if (q.Get("status") == "" || q.Get("status") == d.statusOf(k)) && (q.Get("workspace_id") == "" || q.Get("workspace_id") == k.workspace) {
			fits = append(fits, k.Key)
		}
	}
	slices.Reverse(fits) // the newest first
	page, more := doubles.After(fits, q.Get("after_id"), doubles.Number(r, "limit", min(20, d.opts.PageMost), d.opts.PageMost))
	rows := []doubles.Object{}
	for _, k := range page {
		rows = append(rows, d.show(d.get(k.ID)))
	}
	answer := doubles.Object{"data": rows, "first_id": nil, "last_id": nil, "has_more": more}
	if len(page) > 0 {
		answer["first_id"], answer["last_id"] = page[0].ID, page[len(page)-1].ID
	}
	doubles.WriteJSON(w, http.StatusOK, answer)
}

// shown is how much of a value's beginning the list shows: what all have, and three more.
const shown = len("double-api03-") + 3

func (d *Double) show(k *key) doubles.Object {
	o := doubles.Object{"id": k.ID, "type": "api_key", "name": k.Name, "status": d.statusOf(k),
		"created_at": k.Born.UTC().Format(time.RFC3339Nano), "expires_at": nil, "partial_key_hint": nil,
		"created_by": doubles.Object{"id": "user_01", "type": "user"}, "principal": nil,
		"scope": doubles.Object{"type": "organization"}, "workspace_id": nil}
	if k.workspace != "" {
		o["scope"] = doubles.Object{"type": "workspace", "workspace_id": k.workspace}
		o["workspace_id"] = k.workspace
	}
	if !k.Expires.IsZero() {
		o["expires_at"] = k.Expires.UTC().Format(time.RFC3339)
	}
	if !d.opts.NoHint {
		o["partial_key_hint"] = k.Value[:shown] + "..." + k.Value[len(k.Value)-4:]
	}
	return o
}

func (d *Double) change(w http.ResponseWriter, r *http.Request, k *key) {
	var in struct {
		Name, Status string
	}
	switch {
	case !doubles.ReadJSON(r, &in):
		fail(w, http.StatusBadRequest, "invalid_request_error", "The request body is not valid JSON")
		return
	case in.Status != "" && !slices.Contains([]string{Active, Inactive, Archived}, in.Status):
		fail(w, http.StatusBadRequest, "invalid_request_error", "status: Input should be 'active', 'inactive' or 'archived'")
		return
	case d.opts.Kept && in.Status == Archived:
		fail(w, http.StatusBadRequest, "invalid_request_error", "status: cannot be set to 'archived'")
		return
	case d.opts.Stubborn && in.Status == Archived && k.status == Active:
		fail(w, http.StatusBadRequest, "invalid_request_error", "status: only an inactive key can be archived")
		return
	}
	if in.Status != "" {
		d.set(k, in.Status)
	}
	if in.Name != "" {
		k.Name = in.Name
	}
	doubles.WriteJSON(w, http.StatusOK, d.show(k))
}
