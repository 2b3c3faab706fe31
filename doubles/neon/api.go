package neon

import (
	"crypto/subtle"
	"net/http"
	"strconv"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

type object = map[string]any

// serve authenticates and routes. All of it happens under the lock: the vendor, too,
// does one thing at a time to a project.
func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+d.Key)) != 1 {
		fail(w, http.StatusUnauthorized, "", "not authorized: the API key is invalid")
		return
	}
	mux := http.NewServeMux()
	const project, branch, role = "/api/v2/projects/{project}", "/branches/{branch}", "/roles/{role}"
	mux.HandleFunc("GET /api/v2/auth", d.auth)
	mux.HandleFunc("GET "+project, d.showProject)
	mux.HandleFunc("GET "+project+"/operations", d.listOperations)
	mux.HandleFunc("GET "+project+"/operations/{operation}", d.showOperation)
	mux.HandleFunc("GET "+project+"/endpoints", d.listEndpoints)
	mux.HandleFunc("GET "+project+"/branches", d.listBranches)
	mux.HandleFunc("GET "+project+branch, d.onBranch(d.showBranch))
	mux.HandleFunc("DELETE "+project+branch, d.onBranch(d.deleteBranch))
	mux.HandleFunc("GET "+project+branch+role, d.onRole(d.showRole))
	mux.HandleFunc("GET "+project+branch+role+"/reveal_password", d.onRole(d.reveal))
	mux.HandleFunc("POST "+project+branch+role+"/reset_password", d.onRole(d.reset))
	if p := r.URL.Path; len(p) > len("/api/v2/projects/") && !d.ours(p) {
		fail(w, http.StatusNotFound, "", "project not found")
		return
	}
	mux.ServeHTTP(w, r)
}

func (d *Double) ours(path string) bool {
	prefix := "/api/v2/projects/" + d.Project
	return path == prefix || len(path) > len(prefix) && path[:len(prefix)+1] == prefix+"/"
}

func fail(w http.ResponseWriter, status int, code, message string) {
	doubles.WriteJSON(w, status, object{"code": code, "message": message, "request_id": "req-" + doubles.Text(12)})
}

func (d *Double) onBranch(h func(http.ResponseWriter, *http.Request, *branch)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		b, ok := d.branches[r.PathValue("branch")]
		switch {
		case !ok && r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
		case !ok:
			fail(w, http.StatusNotFound, "", "branch not found")
		default:
			h(w, r, b)
		}
	}
}

func (d *Double) onRole(h func(http.ResponseWriter, *http.Request, *branch, *role)) http.HandlerFunc {
	return d.onBranch(func(w http.ResponseWriter, r *http.Request, b *branch) {
		x, ok := b.roles[r.PathValue("role")]
		if !ok {
			fail(w, http.StatusNotFound, "", "role not found")
			return
		}
		h(w, r, b, x)
	})
}

func (d *Double) auth(w http.ResponseWriter, _ *http.Request) {
	doubles.WriteJSON(w, http.StatusOK, object{"account_id": "acc-double", "auth_method": "api_key_org", "auth_data": "double"})
}

func (d *Double) showProject(w http.ResponseWriter, _ *http.Request) {
	doubles.WriteJSON(w, http.StatusOK, object{"project": object{"id": d.Project, "name": "double", "store_passwords": !d.opts.Unstored}})
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (o *operation) json(project string) object {
	return object{"id": o.id, "project_id": project, "branch_id": o.branch, "action": o.action, "status": o.status,
		"failures_count": 0, "created_at": stamp(o.created), "updated_at": stamp(o.created), "total_duration_ms": 0}
}

func (d *Double) listOperations(w http.ResponseWriter, _ *http.Request) {
	list := []object{}
	for i := len(d.ops) - 1; i >= 0; i-- { // the newest first
		d.ops[i].look()
		list = append(list, d.ops[i].json(d.Project))
	}
	doubles.WriteJSON(w, http.StatusOK, object{"operations": list, "pagination": object{}})
}

func (d *Double) showOperation(w http.ResponseWriter, r *http.Request) {
	for _, o := range d.ops {
		if o.id == r.PathValue("operation") {
			o.look()
			doubles.WriteJSON(w, http.StatusOK, object{"operation": o.json(d.Project)})
			return
		}
	}
	fail(w, http.StatusNotFound, "", "operation not found")
}

func (d *Double) listEndpoints(w http.ResponseWriter, _ *http.Request) {
	list := []object{}
	for _, b := range d.sorted() {
		list = append(list, object{"id": "ep-" + b.id[3:], "branch_id": b.id, "project_id": d.Project, "type": "read_write",
			"host": "127.0.0.1", "last_active": stamp(b.active)})
	}
	doubles.WriteJSON(w, http.StatusOK, object{"endpoints": list})
}

func (d *Double) branchJSON(b *branch) object {
	out := object{"id": b.id, "project_id": d.Project, "name": b.name, "default": b.primary, "protected": b.guarded,
		"current_state": "ready", "created_at": stamp(b.created), "updated_at": stamp(b.active)}
	if b.parent != "" {
		out["parent_id"] = b.parent
	}
	return out
}

// listBranches pages by the number of what was given out.
func (d *Double) listBranches(w http.ResponseWriter, r *http.Request) {
	from, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
	all := d.sorted()
	from = min(max(from, 0), len(all))
	to := min(from+d.opts.PageSize, len(all))
	list := []object{}
	for _, b := range all[from:to] {
		list = append(list, d.branchJSON(b))
	}
	page := object{"sort_by": "created_at"}
	if to < len(all) {
		page["next"] = strconv.Itoa(to)
	}
	doubles.WriteJSON(w, http.StatusOK, object{"branches": list, "pagination": page})
}

func (d *Double) showBranch(w http.ResponseWriter, _ *http.Request, b *branch) {
	doubles.WriteJSON(w, http.StatusOK, object{"branch": d.branchJSON(b)})
}

func (d *Double) deleteBranch(w http.ResponseWriter, _ *http.Request, b *branch) {
	switch {
	case d.busy():
		locked(w)
		return
	case b.primary || b.guarded || d.hasChildren(b.id):
		fail(w, http.StatusUnprocessableEntity, "", "the branch cannot be deleted")
		return
	}
	delete(d.branches, b.id)
	d.plane.Drop(b.id)
	op := d.start(b.id, "delete_timeline", func() {})
	doubles.WriteJSON(w, http.StatusOK, object{"branch": d.branchJSON(b), "operations": []object{op.json(d.Project)}})
}

func (d *Double) hasChildren(id string) bool {
	for _, b := range d.branches {
		if b.parent == id {
			return true
		}
	}
	return false
}

func locked(w http.ResponseWriter) {
	fail(w, http.StatusLocked, "", "project already has running operations, scheduling of new ones is prohibited")
}

func roleJSON(b *branch, r *role) object {
	return object{"branch_id": b.id, "name": r.name, "protected": false, "authentication_method": "password",
		"created_at": stamp(r.created), "updated_at": stamp(r.updated)}
}

func (d *Double) showRole(w http.ResponseWriter, _ *http.Request, b *branch, r *role) {
	doubles.WriteJSON(w, http.StatusOK, object{"role": roleJSON(b, r)})
}

func (d *Double) reveal(w http.ResponseWriter, _ *http.Request, _ *branch, r *role) {
	if d.opts.Unstored {
		fail(w, http.StatusPreconditionFailed, "", "the project does not store passwords")
		return
	}
	doubles.WriteJSON(w, http.StatusOK, object{"password": r.password})
}

func (d *Double) reset(w http.ResponseWriter, _ *http.Request, b *branch, r *role) {
	if d.busy() {
		locked(w)
		return
	}
	fresh := password()
	r.password, r.updated = fresh, d.Clock.Now()
	op := d.start(b.id, "apply_config", func() { d.plane.Set(b.id, r.name, fresh) })
	answer := roleJSON(b, r)
	answer["password"] = fresh
	doubles.WriteJSON(w, http.StatusOK, object{"role": answer, "operations": []object{op.json(d.Project)}})
}
