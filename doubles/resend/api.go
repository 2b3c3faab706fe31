package resend

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.admit(w) {
		return
	}
	t, key := d.who(w, r)
	if key == nil {
		return
	}
	if d.scope[key.ID].sending && r.URL.Path != "/emails" {
		fail(w, http.StatusUnauthorized, "restricted_api_key", "This API key is restricted to only send emails")
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api-keys", func(w http.ResponseWriter, r *http.Request) { listKeys(w, r, t) })
	mux.HandleFunc("POST /api-keys", func(w http.ResponseWriter, r *http.Request) { d.create(w, r, t) })
	mux.HandleFunc("PATCH /api-keys/{key}", func(w http.ResponseWriter, r *http.Request) { rename(w, r, t) })
	mux.HandleFunc("DELETE /api-keys/{key}", func(w http.ResponseWriter, r *http.Request) { d.remove(w, r, t) })
	mux.HandleFunc("GET /domains", func(w http.ResponseWriter, r *http.Request) { listDomains(w, r, t) })
	mux.HandleFunc("POST /emails", func(w http.ResponseWriter, r *http.Request) { d.send(w, r, t, d.scope[key.ID]) })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusNotFound, "not_found", "The requested endpoint does not exist")
	})
	mux.ServeHTTP(w, r)
}

// admit counts the requests of one second, those of all keys together.
func (d *Double) admit(w http.ResponseWriter) bool {
	if d.opts.PerSecond == 0 {
		return true
	}
	now := d.Clock.Now()
	d.spent = slices.DeleteFunc(d.spent, func(t time.Time) bool { return now.Sub(t) >= time.Second })
	left := d.opts.PerSecond - len(d.spent)
	w.Header().Set("ratelimit-limit", strconv.Itoa(d.opts.PerSecond))
	w.Header().Set("ratelimit-remaining", strconv.Itoa(max(left-1, 0)))
	w.Header().Set("ratelimit-reset", "1")
	if left <= 0 {
		w.Header().Set("retry-after", "1")
		fail(w, http.StatusTooManyRequests, "rate_limit_exceeded", "Too many requests. You can only make 2 requests per second.")
		return false
	}
	d.spent = append(d.spent, now)
	return true
}

// who finds the key that the request presents.
func (d *Double) who(w http.ResponseWriter, r *http.Request) (*team, *doubles.Key) {
	value := doubles.Bearer(r)
	if value == "" {
		fail(w, http.StatusUnauthorized, "missing_api_key", "Missing API key in the authorization header")
		return nil, nil
	}
	for _, t := range d.teams {
		if k := t.keys.Use(value); k != nil {
			return t, k
		}
	}
	fail(w, d.opts.DeadStatus, d.opts.DeadName, "API key is invalid")
	return nil, nil
}

func fail(w http.ResponseWriter, status int, name, message string) {
	doubles.WriteJSON(w, status, doubles.Object{"statusCode": status, "name": name, "message": message})
}

// stamp is how Resend writes a time: no RFC 3339.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02 15:04:05.000+00")
}

// page cuts a list: limit, after, before.
func page[T any](r *http.Request, all []T, id func(T) string) ([]T, bool) {
	limit := doubles.Number(r, "limit", 20, 100)
	at := func(name string) int {
		want := r.URL.Query().Get(name)
		return slices.IndexFunc(all, func(x T) bool { return want != "" && id(x) == want })
	}
	if i := at("before"); i >= 0 {
		return all[max(i-limit, 0):i], i > limit
	}
	all = all[at("after")+1:]
	return all[:min(limit, len(all))], len(all) > limit
}

func listKeys(w http.ResponseWriter, r *http.Request, t *team) {
	listed := t.keys.Listed()
	slices.Reverse(listed) // newest first
	some, more := page(r, listed, func(k *doubles.Key) string { return k.ID })
	data := []doubles.Object{}
	for _, k := range some {
		data = append(data, doubles.Object{"id": k.ID, "name": k.Name, "created_at": stamp(k.Born), "last_used_at": stamp(k.Used)})
	}
	doubles.WriteJSON(w, http.StatusOK, doubles.Object{"object": "list", "has_more": more, "data": data})
}

func listDomains(w http.ResponseWriter, r *http.Request, t *team) {
	some, more := page(r, t.domains, func(x domain) string { return x.id })
	data := []doubles.Object{}
	for _, x := range some {
		data = append(data, doubles.Object{"id": x.id, "name": x.name, "status": x.status, "region": "eu-west-1", "created_at": stamp(x.created),
			"capabilities": doubles.Object{"sending": "enabled", "receiving": "disabled"}})
	}
	doubles.WriteJSON(w, http.StatusOK, doubles.Object{"object": "list", "has_more": more, "data": data})
}

func (d *Double) create(w http.ResponseWriter, r *http.Request, t *team) {
	var in struct {
		Name       string `json:"name"`
		Permission string `json:"permission"`
		Domain     string `json:"domain_id"`
	}
	known := func(x domain) bool { return x.id == in.Domain }
	switch {
	case !doubles.ReadJSON(r, &in), in.Name == "":
		fail(w, http.StatusUnprocessableEntity, "missing_required_field", "Missing `name` field.")
	case len(in.Name) > 50:
		fail(w, http.StatusUnprocessableEntity, "validation_error", "The `name` field must be at most 50 characters.")
	case in.Permission != "" && in.Permission != "full_access" && in.Permission != "sending_access":
		fail(w, http.StatusUnprocessableEntity, "validation_error", "The `permission` field is not valid.")
	case in.Domain != "" && (in.Permission != "sending_access" || !slices.ContainsFunc(t.domains, known)):
		fail(w, http.StatusUnprocessableEntity, "validation_error", "The `domain_id` field is not valid.")
	default:
		k := d.newKey(t, in.Name, scope{in.Permission == "sending_access", in.Domain})
		doubles.WriteJSON(w, http.StatusCreated, doubles.Object{"id": k.ID, "token": k.Value})
	}
}

func rename(w http.ResponseWriter, r *http.Request, t *team) {
	var in struct {
		Name string `json:"name"`
	}
	k := t.keys.Get(r.PathValue("key"))
	switch {
	case k == nil:
		fail(w, http.StatusNotFound, "not_found", "API key not found")
	case !doubles.ReadJSON(r, &in), in.Name == "":
		fail(w, http.StatusUnprocessableEntity, "missing_required_field", "Missing `name` field.")
	default:
		k.Name = in.Name
		doubles.WriteJSON(w, http.StatusOK, doubles.Object{"object": "api_key", "id": k.ID})
	}
}

func (d *Double) remove(w http.ResponseWriter, r *http.Request, t *team) {
	id := r.PathValue("key")
	if !t.keys.End(id) {
		fail(w, http.StatusNotFound, "not_found", "API key not found")
		return
	}
	if d.opts.Silent {
		w.WriteHeader(http.StatusOK)
		return
	}
	doubles.WriteJSON(w, http.StatusOK, doubles.Object{"object": "api_key", "id": id, "deleted": true})
}

// send takes a mail and does nothing with it. One Idempotency-Key sends once.
func (d *Double) send(w http.ResponseWriter, r *http.Request, t *team, s scope) {
	var in struct {
		From    string   `json:"from"`
		To      []string `json:"to"`
		Subject string   `json:"subject"`
	}
	if !doubles.ReadJSON(r, &in) || len(in.To) == 0 || in.Subject == "" {
		fail(w, http.StatusUnprocessableEntity, "missing_required_field", "Missing `to` field.")
		return
	}
	if d.opts.Quota != "" {
		fail(w, http.StatusTooManyRequests, d.opts.Quota, "You have reached your email sending quota.")
		return
	}
	name, ok := domainOf(in.From)
	if !ok {
		fail(w, http.StatusUnprocessableEntity, "validation_error", "Invalid `from` field.")
		return
	}
	at := slices.IndexFunc(t.domains, func(x domain) bool { return x.name == name && x.status == "verified" })
	switch once := r.Header.Get("Idempotency-Key"); {
	case at < 0:
		fail(w, http.StatusForbidden, "validation_error", "The "+name+" domain is not verified. Please, add and verify your domain.")
	case s.domain != "" && t.domains[at].id != s.domain:
		fail(w, http.StatusForbidden, "validation_error", "This API key is not authorized to send emails from "+name)
	case once != "" && d.sent[once] != "":
		doubles.WriteJSON(w, http.StatusOK, doubles.Object{"id": d.sent[once]})
	default:
		mail := id()
		d.mails++
		if once != "" {
			d.sent[once] = mail
		}
		doubles.WriteJSON(w, http.StatusOK, doubles.Object{"id": mail})
	}
}

func domainOf(from string) (string, bool) {
	from = strings.TrimSuffix(from, ">")
	_, name, ok := strings.Cut(from, "@")
	return name, ok && name != ""
}
