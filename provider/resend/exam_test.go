package resend_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/resend"
	"github.com/agenticverz/rotor/internal/vendordoc"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/provider/resend"
)

// kinds are the permissions, with every way in which a dead key has been refused.
var kinds = map[string]struct {
	double double.Options
	opts   resend.Options
}{
	"full": {opts: resend.Options{Permission: "full_access"}},
	"sending": {double: double.Options{DeadStatus: 400, DeadName: "validation_error"},
		opts: resend.Options{Permission: "sending_access"}},
	"one domain": {double: double.Options{DeadStatus: 401, DeadName: "validation_error", Silent: true},
		opts: resend.Options{Permission: "sending_access", Domain: "example.com"}},
	"with mail": {opts: resend.Options{Permission: "sending_access", Domain: "example.com", VerifyMail: "rotor@example.com"}},
	"slow to spread": {double: double.Options{Delay: doubles.Delay{Issue: 2 * time.Second, Revoke: 2 * time.Second}},
		opts: resend.Options{Permission: "sending_access"}},
}

// refusal is how the double answers to a key that is dead.
func refusal(o double.Options) providertest.Reply {
	status, name := o.DeadStatus, o.DeadName
	if status == 0 {
		status, name = 403, "invalid_api_key"
	}
	return providertest.Reply{Status: status, Body: fmt.Sprintf(`{"statusCode":%d,"name":%q,"message":"API key is invalid"}`, status, name)}
}

// TestExam: the questions, and rotations that are killed at every step or get no answer.
func TestExam(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			setup := providertest.Setup{Open: func(t testing.TB) providertest.Subject {
				a := newAccount(kind.double, kind.opts)
				return a.subject(t, a.Double, refusal(kind.double))
			}}
			providertest.Run(t, setup)
			t.Run("journey", func(t *testing.T) { providertest.Journey(t, setup) })
		})
	}
}

// TestVendorsDocument: every request, and every answer of the double, against Resend's
// own document. It asks for no field, so what we need is asked for here.
func TestVendorsDocument(t *testing.T) {
	const why = "no refusal is declared at all"
	for _, name := range []string{"full", "one domain"} {
		t.Run(name, func(t *testing.T) {
			kind := kinds[name]
			kind.double.Silent = false // older than the document
			status := 403
			accept := []vendordoc.Disagreement{{Method: "GET", Path: "/domains", Status: status, Why: why},
				{Method: "DELETE", Path: "/api-keys/*", Status: 404, Why: why}}
			if name == "full" {
				accept = append(accept, vendordoc.Disagreement{Method: "GET", Path: "/api-keys", Status: status, Why: why})
			} else {
				accept[0].Status = 401 // dead, and restricted
			}
			doc := vendordoc.Open(t, "resend.json", vendordoc.Options{Accept: accept})
			providertest.Run(t, providertest.Setup{Open: func(t testing.TB) providertest.Subject {
				a := newAccount(kind.double, kind.opts)
				return a.subject(t, demand(t, doc.Watch(a.Double)), refusal(kind.double))
			}})
		})
	}
}

// fields that the client reads, by call.
var fields = map[string][]string{
	"GET /api-keys":    {"data", "has_more", "object", "data.id", "data.name", "data.created_at", "data.last_used_at"},
	"POST /api-keys":   {"id", "token"},
	"GET /domains":     {"data", "has_more", "data.id", "data.name", "data.status"},
	"DELETE /api-keys": {"id", "deleted"},
}

// demand holds good answers against fields.
func demand(t testing.TB, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		call := r.Method + " " + r.URL.Path
		if r.Method == http.MethodDelete {
			call = "DELETE /api-keys"
		}
		var got map[string]any
		if answer.Code/100 == 2 {
			if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil {
				t.Errorf("%s: %v", call, err)
			}
			for _, field := range fields[call] {
				if !has(got, field) {
					t.Errorf("%s: the answer lacks %s", call, field)
				}
			}
			if fields[call] == nil {
				t.Errorf("%s: nobody says what the answer must hold", call)
			}
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

// has: data.X is wanted in each entry.
func has(got map[string]any, field string) bool {
	if len(field) > 5 && field[:5] == "data." {
		entries, _ := got["data"].([]any)
		for _, e := range entries {
			if _, ok := e.(map[string]any)[field[5:]]; !ok {
				return false
			}
		}
		return true
	}
	_, ok := got[field]
	return ok
}

// TestLive: against Resend itself, where ROTOR_LIVE says so.
func TestLive(t *testing.T) { providertest.Live(t, resend.Type()) }
