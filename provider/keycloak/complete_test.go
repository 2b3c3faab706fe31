package keycloak_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// needed are the fields that the driver reads, by the end of the path: the document
// declares none of them as required.
var needed = map[string][]string{
	"users":         {"id", "username", "enabled"},
	"clients":       {"id", "clientId", "enabled", "publicClient", "clientAuthenticatorType", "attributes"},
	"client-secret": {"type", "value"},
	"rotated":       {"type", "value"},
	"credentials":   {"type"},
}

// complete holds good answers against what is needed, in every object of a list, and
// wants every refusal to have Keycloak's form.
func complete(t testing.TB, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		body := answer.Body.Bytes()
		var objects []map[string]any
		if len(body) > 0 && json.Unmarshal(body, &objects) != nil {
			objects = []map[string]any{{}}
			_ = json.Unmarshal(body, &objects[0])
		}
		last := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		for _, o := range objects {
			for _, name := range needed[last] {
				if _, ok := o[name]; !ok && answer.Code == http.StatusOK {
					t.Errorf("%s %s: the answer lacks %s", r.Method, last, name)
				}
			}
			if _, ok := o["error"]; !ok && answer.Code >= 400 {
				t.Errorf("%s %s: a refusal without an error", r.Method, last)
			}
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body)
	})
}
