package clerk

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
	if r.URL.Path != "/v1/jwks" && !d.admit(w) {
		return
	}
	mux := http.NewServeMux()
	const platform = "/v1/platform/applications/{app}"
	mux.HandleFunc("GET "+platform, d.ofPlatform(d.showApplication))
	mux.HandleFunc("POST "+platform+"/rotate_secret_keys", d.ofPlatform(d.rotateKeys))
	mux.HandleFunc("POST "+platform+"/instances/{instance}/rotate_secret_keys", d.ofPlatform(d.rotateKeys))
	mux.HandleFunc("GET /v1/jwks", d.ofInstance(jwks))
	mux.HandleFunc("GET /v1/instance", d.ofInstance(showInstance))
	mux.HandleFunc("GET /v1/machines", d.ofInstance(listMachines))
	mux.HandleFunc("GET /v1/machines/{machine}", d.ofMachine(func(w http.ResponseWriter, _ *http.Request, i *instance, m *machine) {
		doubles.WriteJSON(w, http.StatusOK, machineJSON(i, m))
	}))
	mux.HandleFunc("GET /v1/machines/{machine}/secret_key", d.ofMachine(func(w http.ResponseWriter, _ *http.Request, _ *instance, m *machine) {
		secretKey(w, m.keys.newest())
	}))
	mux.HandleFunc("POST /v1/machines/{machine}/secret_key/rotate", d.ofMachine(d.rotateMachine))
	mux.HandleFunc("POST /v1/m2m_tokens", d.token)
	mux.HandleFunc("GET /v1/oauth_applications", d.ofInstance(listApps))
	mux.HandleFunc("GET /v1/oauth_applications/{oauth}", d.ofApp(func(w http.ResponseWriter, r *http.Request, i *instance, a *app) {
		doubles.WriteJSON(w, http.StatusOK, appJSON(r, i, a))
	}))
	mux.HandleFunc("POST /v1/oauth_applications/{oauth}/rotate_secret", d.ofApp(d.rotateApp))
	mux.HandleFunc("POST /oauth/token", d.exchange)
	mux.HandleFunc("POST /oauth/token_info", d.introspect)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusNotFound, "resource_not_found", "not found")
	})
	mux.ServeHTTP(w, r)
}

func (d *Double) admit(w http.ResponseWriter) bool {
	if d.opts.PerTen == 0 {
		return true
	}
	now := d.Clock.Now()
	d.spent = slices.DeleteFunc(d.spent, func(t time.Time) bool { return now.Sub(t) >= 10*time.Second })
	if len(d.spent) >= d.opts.PerTen {
		w.Header().Set("Retry-After", "10")
		fail(w, http.StatusTooManyRequests, "too_many_requests", "Too many requests, retry later")
		return false
	}
	d.spent = append(d.spent, now)
	return true
}

func fail(w http.ResponseWriter, status int, code, message string) {
	doubles.WriteJSON(w, status, doubles.Object{"clerk_trace_id": doubles.Text(32),
		"errors": []doubles.Object{{"message": message, "long_message": message, "code": code}}})
}

func (d *Double) dead(w http.ResponseWriter) {
	fail(w, http.StatusUnauthorized, d.opts.DeadCode, "The provided Clerk Secret Key is invalid. Make sure that your Clerk Secret Key is correct.")
}

func (d *Double) ofPlatform(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case doubles.Bearer(r) != d.PlatformToken:
			fail(w, http.StatusUnauthorized, "authentication_invalid", "Invalid authentication")
		case r.PathValue("app") != d.Application:
			fail(w, http.StatusNotFound, "resource_not_found", "application not found")
		default:
			h(w, r)
		}
	}
}

// ofInstance finds the instance whose secret key is presented.
func (d *Double) ofInstance(h func(http.ResponseWriter, *http.Request, *instance)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, i := range d.instances {
			if i.keys.Use(doubles.Bearer(r)) != nil {
				h(w, r, i)
				return
			}
		}
		d.dead(w)
	}
}

func (d *Double) ofMachine(h func(http.ResponseWriter, *http.Request, *instance, *machine)) http.HandlerFunc {
	return d.ofInstance(func(w http.ResponseWriter, r *http.Request, i *instance) {
		for _, m := range i.machines {
			if m.id == r.PathValue("machine") {
				h(w, r, i, m)
				return
			}
		}
		fail(w, http.StatusNotFound, "resource_not_found", "machine not found")
	})
}

func (d *Double) ofApp(h func(http.ResponseWriter, *http.Request, *instance, *app)) http.HandlerFunc {
	return d.ofInstance(func(w http.ResponseWriter, r *http.Request, i *instance) {
		for _, a := range i.apps {
			if a.id == r.PathValue("oauth") {
				h(w, r, i, a)
				return
			}
		}
		fail(w, http.StatusNotFound, "resource_not_found", "OAuth application not found")
	})
}

func (d *Double) showApplication(w http.ResponseWriter, r *http.Request) {
	with := r.URL.Query().Get("include_secret_keys") == "true" && !d.opts.Unreadable
	doubles.WriteJSON(w, http.StatusOK, d.applicationJSON("", func(i *instance, o doubles.Object) {
		o["publishable_key"] = "pk_" + i.environment + "_double"
		if with {
			o["secret_key"] = i.keys.newest()
		}
	}))
}

func (d *Double) applicationJSON(which string, fill func(*instance, doubles.Object)) doubles.Object {
	list := []doubles.Object{}
	for _, i := range d.instances {
		if i.application != d.Application || which != "" && which != i.id && which != i.environment {
			continue
		}
		o := doubles.Object{"instance_id": i.id, "environment_type": i.environment}
		fill(i, o)
		list = append(list, o)
	}
	return doubles.Object{"application_id": d.Application, "name": "double", "instances": list}
}

// rotateKeys: a delay that is left out is none.
func (d *Double) rotateKeys(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Hours int `json:"delay_old_secrets_expiration_hours"`
	}
	if !doubles.ReadJSON(r, &in) || in.Hours < 0 {
		fail(w, http.StatusBadRequest, "request_invalid_for_endpoint", "invalid delay")
		return
	}
	answer := d.applicationJSON(r.PathValue("instance"), func(i *instance, o doubles.Object) {
		o["secret_key"] = d.rotate(&i.keys, time.Duration(in.Hours)*time.Hour).Value
	})
	if len(answer["instances"].([]doubles.Object)) == 0 {
		fail(w, http.StatusNotFound, "resource_not_found", "instance not found")
		return
	}
	doubles.WriteJSON(w, http.StatusOK, answer)
}

func jwks(w http.ResponseWriter, _ *http.Request, i *instance) {
	doubles.WriteJSON(w, http.StatusOK, doubles.Object{"keys": []doubles.Object{
		{"kid": i.id, "alg": "RS256", "use": "sig", "kty": "RSA", "n": "double", "e": "AQAB"}}})
}

func showInstance(w http.ResponseWriter, _ *http.Request, i *instance) {
	doubles.WriteJSON(w, http.StatusOK, doubles.Object{"object": "instance", "id": i.id, "environment_type": i.environment,
		"allowed_origins": nil, "workspace_id": nil})
}

func machineJSON(i *instance, m *machine) doubles.Object {
	return doubles.Object{"object": "machine", "id": m.id, "name": m.name, "instance_id": i.id, "created_at": m.created,
		"updated_at": m.created, "default_token_ttl": 3600, "scoped_machines": []doubles.Object{}}
}

func listMachines(w http.ResponseWriter, r *http.Request, i *instance) {
	data := []doubles.Object{}
	for _, m := range i.machines {
		data = append(data, machineJSON(i, m))
	}
	page(w, r, data)
}

func page(w http.ResponseWriter, r *http.Request, data []doubles.Object) {
	offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
	all := len(data)
	data = data[min(max(offset, 0), all):]
	data = data[:min(doubles.Number(r, "limit", 10, 500), len(data))]
	doubles.WriteJSON(w, http.StatusOK, doubles.Object{"data": data, "total_count": all})
}

func secretKey(w http.ResponseWriter, value string) {
	doubles.WriteJSON(w, http.StatusOK, doubles.Object{"object": "machine_secret_key", "secret": value})
}

func (d *Double) rotateMachine(w http.ResponseWriter, r *http.Request, _ *instance, m *machine) {
	var in struct {
		Seconds *int `json:"previous_token_ttl"`
	}
	if !doubles.ReadJSON(r, &in) || in.Seconds == nil || *in.Seconds < 0 || *in.Seconds > 28800 {
		fail(w, http.StatusUnprocessableEntity, "form_param_value_invalid", "previous_token_ttl must be between 0 and 28800")
		return
	}
	secretKey(w, d.rotate(&m.keys, time.Duration(*in.Seconds)*time.Second).Value)
}

// token is where a machine's secret key is used.
func (d *Double) token(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Seconds float64 `json:"seconds_until_expiration"`
	}
	if !doubles.ReadJSON(r, &in) || in.Seconds < 0 {
		fail(w, http.StatusBadRequest, "form_param_value_invalid", "seconds_until_expiration must be positive")
		return
	}
	for _, i := range d.instances {
		for _, m := range i.machines {
			if m.keys.Use(doubles.Bearer(r)) == nil {
				continue
			}
			now := d.Clock.Now().UnixMilli()
			doubles.WriteJSON(w, http.StatusCreated, doubles.Object{"object": "machine_to_machine_token", "id": "mt_" + hexes(32), "subject": m.id,
				"token": "double-" + doubles.Text(32), "scopes": []string{}, "claims": nil, "revoked": false, "revocation_reason": nil, "expired": false,
				"expiration": now + int64(in.Seconds*1000), "last_used_at": nil, "created_at": now, "updated_at": now})
			return
		}
	}
	d.dead(w)
}

func listApps(w http.ResponseWriter, r *http.Request, i *instance) {
	data := []doubles.Object{}
	for _, a := range i.apps {
		if strings.Contains(a.name, r.URL.Query().Get("name_query")) {
			data = append(data, appJSON(r, i, a))
		}
	}
	page(w, r, data)
}
