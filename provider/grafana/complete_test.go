package grafana_test

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
	"GET /search":   {"totalCount", "serviceAccounts", "page", "perPage"},
	"GET /tokens":   {"id", "name", "created", "expiration", "hasExpired", "lastUsedAt", "secondsUntilExpiration"},
	"POST /tokens":  {"id", "name", "key"},
	"DELETE /token": {"message"},
	"GET /account":  {"id", "name", "login", "orgId", "isDisabled", "role"},
	"GET /org":      {"id", "name"},
}

// what names a call by what its answer is about.
func what(r *http.Request) string {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/"), "/")
	last := parts[len(parts)-1]
	switch {
	case len(parts) == 4 && parts[2] == "tokens":
		last = "token"
	case len(parts) == 2 && parts[0] == "serviceaccounts" && last != "search":
		last = "account"
	}
	return r.Method + " /" + last
}

// complete holds good answers against what is needed, in every object of a list.
func complete(t testing.TB, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		var objects []map[string]any
		body := answer.Body.Bytes()
		if json.Unmarshal(body, &objects) != nil {
			objects = []map[string]any{{}}
			_ = json.Unmarshal(body, &objects[0])
		}
		for _, o := range objects {
			for _, name := range needed[what(r)] {
				if _, ok := o[name]; !ok && answer.Code == http.StatusOK {
					t.Errorf("%s: the answer lacks %s", what(r), name)
				}
			}
			if _, ok := o["message"]; !ok && answer.Code >= 400 {
				t.Errorf("%s: a refusal without a message", what(r))
			}
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body)
	})
}
