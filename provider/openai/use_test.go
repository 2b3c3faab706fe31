package openai_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	double "github.com/agenticverz/rotor/doubles/openai"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/fault/faulttest"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/openai"
	"github.com/agenticverz/rotor/rotation"
)

// answering is a provider before an API that says the same to everything, but is a
// healthy one to GET /models.
func answering(t *testing.T, body string) *openai.Provider {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/models" {
			fmt.Fprint(w, `{"object":"list","data":[]}`)
			return
		}
		fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	return newAccount(double.Options{}, openai.Options{ServiceAccount: "backend"}).open(t, server.URL)
}

// TestRedactedForms: the list may cut a value as it likes; what proves nothing counts
// for nothing.
func TestRedactedForms(t *testing.T) {
	const text = "sk-proj-abcdefghijklmnopqrstuvwxyz"
	const fits, differs, nothing = "fits", "differs", "nothing"
	for redacted, want := range map[string]string{
		"sk-proj-abc...xyz": fits, "sk-proj-***...wxyz": fits, "sk-pr…xyz": fits, "sk-proj-***xyz": fits, "s…*.z": fits, "sk-proj-a..ghi**z": fits,
		"sk-proj-abc...xya": differs, "sk-proj-abd...xyz": differs, "sk-admin-…xyz": differs,
		"sk-proj-abc...": nothing, "...xyz": nothing, "…": nothing, "sk-proj-abc": nothing, "": nothing,
		"sk-proj-abcdefghijklmnop...qrstuvwxyz": nothing, // nothing is left out: not a redaction
	} {
		k := fmt.Sprintf(`{"object":"organization.project.api_key","id":"key_1","name":"x","redacted_value":%q,"created_at":1790000000}`, redacted)
		list := answering(t, `{"object":"list","has_more":false,"data":[`+k+`]}`)
		h, err := list.Identify(t.Context(), value(text))
		verify := answering(t, k).Verify(t.Context(), provider.Issued{Handle: rotation.Handle{ID: "key_1"}, Values: value(text)})
		switch want {
		case fits:
			if err != nil || h.ID != "key_1" || verify != nil {
				t.Errorf("%q: %v, %v; Verify: %v", redacted, h, err, verify)
			}
		case differs:
			faulttest.Want(t, redacted, err, fault.Rejected, "of this project")
			faulttest.Want(t, "Verify "+redacted, verify, fault.Rejected, "")
		case nothing:
			faulttest.Want(t, redacted, err, fault.NeedsPerson, "provider type manual")
			if verify != nil {
				t.Errorf("%q says nothing of the value: %v", redacted, verify)
			}
		}
	}
}

// TestKeysThatLookAlike: which of two it is, a person must say.
func TestKeysThatLookAlike(t *testing.T) {
	const k = `{"id":"key_%d","redacted_value":"sk-proj-abc...xyz","created_at":1790000000}`
	p := answering(t, fmt.Sprintf(`{"object":"list","has_more":false,"data":[`+k+`,`+k+`]}`, 1, 2))
	_, err := p.Identify(t.Context(), value("sk-proj-abcdefghijklmnopqrstuvwxyz"))
	faulttest.Want(t, "Identify", err, fault.NeedsPerson, "nobody uses")
}

// TestUnclearAnswers: what is said to the value under test is no word about the key that
// Rotor enters with, and only OpenAI's own refusal says that the value is dead.
func TestUnclearAnswers(t *testing.T) {
	const envelope = `{"error":{"message":"%s","type":"invalid_request_error","param":null,"code":null}}`
	for _, kind := range []string{"", "admin"} {
		for _, body := range []string{fmt.Sprintf(envelope, "Your IP address is not authorized"), "<html>no</html>", `{}`} {
			for _, status := range []int{400, 401, 403, 404, 407, 422} {
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.WriteHeader(status)
					fmt.Fprint(w, body)
				}))
				p := newAccount(double.Options{}, openai.Options{Kind: kind}).open(t, server.URL)
				v := provider.Issued{Values: value("double-key")}
				live, err := p.Probe(t.Context(), v)
				faulttest.Want(t, fmt.Sprint("Probe ", status), err, fault.Unknown, "network")
				if live != provider.NotKnown {
					t.Errorf("%d: %s", status, live)
				}
				faulttest.Want(t, fmt.Sprint("Verify ", status), p.Verify(t.Context(), v), fault.Unknown, "network")
				server.Close()
			}
		}
	}
}

// TestAnAllowlist: a project may be closed to the place that Rotor is at.
func TestAnAllowlist(t *testing.T) {
	a := newAccount(double.Options{Walled: true}, openai.Options{ServiceAccount: "backend"})
	p := serve(t, a)
	v, err := p.Issue(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	faulttest.Want(t, "Verify", p.Verify(t.Context(), v), fault.Unknown, "IP allowlist")
}

// TestAnObjectIsNoList: whatever answers 200 with JSON need not be OpenAI.
func TestAnObjectIsNoList(t *testing.T) {
	for _, body := range []string{`{}`, `{"object":"list"}`, `{"object":"list","data":null}`, `{"data":"no"}`, `{"status":"ok"}`} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }))
		p := newAccount(double.Options{}, openai.Options{ServiceAccount: "backend"}).open(t, server.URL)
		if live, err := p.Probe(t.Context(), provider.Issued{Values: value("double-key")}); live != provider.NotKnown || err == nil || fault.KindOf(err) != fault.Unknown {
			t.Errorf("%s: %s, %v", body, live, err)
		}
		if found, err := p.Find(t.Context(), "rotor-"); err == nil || fault.KindOf(err) != fault.Unknown {
			t.Errorf("%s is no list of keys: %v, %v", body, found, err)
		}
		server.Close()
	}
}
