package upstash

import (
	"crypto/subtle"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/agenticverz/rotor/doubles"
)

type object = map[string]any

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	if path, ok := strings.CutPrefix(r.URL.Path, "/rest"); ok {
		d.rest(w, r, path)
		return
	}
	email, key, _ := r.BasicAuth()
	if subtle.ConstantTimeCompare([]byte(email+":"+key), []byte(d.Email+":"+d.Key)) != 1 {
		doubles.WriteJSON(w, http.StatusUnauthorized, object{"error": "unauthorized"})
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/redis/databases", func(w http.ResponseWriter, _ *http.Request) {
		doubles.WriteJSON(w, http.StatusOK, []object{d.show(false)})
	})
	mux.HandleFunc("GET /v2/redis/database/{id}", d.known(func(w http.ResponseWriter, r *http.Request) {
		doubles.WriteJSON(w, http.StatusOK, d.show(!d.opts.Protected && r.URL.Query().Get("credentials") != "hide"))
	}))
	mux.HandleFunc("POST /v2/redis/reset-password/{id}", d.known(func(w http.ResponseWriter, r *http.Request) {
		if _, err := d.renew(r.Context()); err != nil {
			doubles.WriteJSON(w, http.StatusInternalServerError, object{"error": "reset failed"})
			return
		}
		doubles.WriteJSON(w, http.StatusOK, d.show(!d.opts.HidePassword))
	}))
	mux.HandleFunc("GET /auditlogs", func(w http.ResponseWriter, _ *http.Request) {
		doubles.WriteJSON(w, http.StatusOK, []object{})
	})
	mux.ServeHTTP(w, r)
}

func (d *Double) known(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") != d.Database {
			doubles.WriteJSON(w, http.StatusNotFound, object{"error": "database not found"})
			return
		}
		h(w, r)
	}
}

// show is the data base as the API describes it.
func (d *Double) show(secrets bool) object {
	d.mu.Lock()
	defer d.mu.Unlock()
	host, port, _ := net.SplitHostPort(d.Address())
	number, _ := strconv.Atoi(port)
	if d.opts.Slug {
		host = "quiet-double-" + d.Database[:5]
	}
	out := object{"database_id": d.Database, "database_name": "double", "region": "global", "primary_region": "eu-central-1",
		"state": "active", "modifying_state": "", "endpoint": host, "port": number, "tls": true, "eviction": false,
		"creation_time": d.Clock.Now().Unix(), "customer_id": d.Email, "type": "payg",
		"db_acl_enabled": "true", "db_acl_default_user_status": "true"}
	if d.opts.Free {
		out["type"], out["db_acl_enabled"] = "free", "false"
	}
	if secrets {
		out["password"] = d.password
		if !d.opts.NoTokens {
			out["rest_token"] = d.token(fullHeader, d.password)
			out["read_only_rest_token"] = d.token(readHeader, d.password)
		}
	}
	return out
}

// rest runs one command: its words in the path, or as a JSON list in the body.
func (d *Double) rest(w http.ResponseWriter, r *http.Request, path string) {
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	user, password := d.user(bearer)
	session, err := d.backend.Open(r.Context())
	if err != nil {
		doubles.WriteJSON(w, http.StatusBadGateway, object{"error": "ERR no server"})
		return
	}
	defer session.Close()
	if _, err := session.Do(r.Context(), "AUTH", d.opts.Prefix+user, password); err != nil || user == "" {
		doubles.WriteJSON(w, http.StatusUnauthorized, object{"error": "WRONGPASS invalid or missing auth token"})
		return
	}
	args := strings.Split(strings.Trim(path, "/"), "/")
	if r.Method == http.MethodPost && len(path) <= 1 && json.NewDecoder(r.Body).Decode(&args) != nil || args[0] == "" {
		doubles.WriteJSON(w, http.StatusBadRequest, object{"error": "ERR no command"})
		return
	}
	result, err := session.Do(r.Context(), args...)
	if err != nil {
		doubles.WriteJSON(w, http.StatusBadRequest, object{"error": words(err)})
		return
	}
	doubles.WriteJSON(w, http.StatusOK, object{"result": result})
}
