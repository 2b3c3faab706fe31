package upstash_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	double "github.com/agenticverz/rotor/doubles/upstash"
	"github.com/agenticverz/rotor/internal/vendordoc"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/rotation"
)

// TestVendorsDocument: what we ask and what the double answers, against the vendor's own
// document. It declares no field as required and no secret at all; these we demand
// ourselves.
func TestVendorsDocument(t *testing.T) {
	for _, strategy := range []rotation.Strategy{rotation.InPlace, rotation.Overlap} {
		t.Run(string(strategy), func(t *testing.T) {
			doc := vendordoc.Open(t, "upstash.json", vendordoc.Options{Base: "/v2"})
			providertest.Run(t, providertest.Setup{Open: func(t testing.TB) providertest.Subject {
				return sitter(t, strategy, double.Options{Slug: true}, func(h http.Handler) http.Handler { return demand(t, doc.Watch(h)) })
			}})
		})
	}
}

// demand holds good answers against the fields that the client reads, and lets secrets
// be only where they belong.
func demand(t testing.TB, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		if answer.Code == http.StatusOK {
			required(t, answer.Body.Bytes(), r.Method == http.MethodPost || r.URL.Query().Get("credentials") == "")
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

func required(t testing.TB, body []byte, secrets bool) {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Error(err)
	}
	for _, field := range []string{"database_id", "endpoint", "port", "state", "type"} {
		if got[field] == nil {
			t.Errorf("the answer lacks %s", field)
		}
	}
	for _, field := range []string{"password", "rest_token", "read_only_rest_token"} {
		if (got[field] != nil) != secrets {
			t.Errorf("%s: shown %v, want %v", field, got[field] != nil, secrets)
		}
	}
}
