package apiclient

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

const canary = "canary-9f2c51aa07"

func client(t testing.TB, base string) *Client {
	t.Helper()
	c, err := New(Config{Name: "acme", BaseURL: base, Auth: Bearer(secret.Fixed(secret.New("key-" + canary)))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func serve(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// clean: no error may hold a body, a query, a header or a credential.
func clean(t testing.TB, err error) {
	t.Helper()
	for _, text := range []string{fmt.Sprintf("%v %+v %#v", err, err, err), fault.HintOf(err)} {
		if strings.Contains(text, canary) {
			t.Errorf("LEAK: %s", text)
		}
	}
}

func TestBaseURL(t *testing.T) {
	for base, good := range map[string]bool{
		"https://api.example.com/v2": true, "https://api.example.com:8443/": true, "http://127.0.0.1:1/x": true, "http://[::1]:1": true,
		"http://localhost:99": true, "http://api.example.com": false, "http://10.0.0.1": false, "ftp://x": false, "api.example.com": false,
		"https://u:" + canary + "@x": false, "https://x/?a=" + canary: false, "https://x#f": false, "": false, "https://": false, ":%zz": false,
		"http://127.0.0.1.example.com": false,
	} {
		_, err := New(Config{Name: "acme", BaseURL: base})
		if (err == nil) != good || err != nil && (fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "") {
			t.Errorf("%q: %v", base, err)
		}
		clean(t, err)
	}
}

func TestAGoodCall(t *testing.T) {
	type seen struct{ method, uri, auth, agent, kind, body string }
	var got seen
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = seen{r.Method, r.RequestURI, r.Header.Get("Authorization"), r.Header.Get("User-Agent"), r.Header.Get("Content-Type"), string(body)}
		fmt.Fprintf(w, `{"password":%q,"none":null}`, canary)
	})
	var out struct {
		Password Secret `json:"password"`
		None     Secret `json:"none"`
	}
	var answer Answer
	in := map[string]any{"value": Plain{secret.New("x\"" + canary)}}
	err := client(t, base+"/v1/").Do(t.Context(), Call{Step: "issue", Method: "POST", Path: Path("/keys/%s/%s", "a/b", "50%s"), Query: url.Values{"q": {"1"}}, In: in, Out: &out, Answer: &answer})
	want := seen{"POST", "/v1/keys/a%2Fb/50%25s?q=1", "Bearer key-" + canary, userAgent, "application/json", `{"value":"x\"` + canary + `"}`}
	if err != nil || got != want {
		t.Errorf("%v\n got %v\nwant %v", err, got, want)
	}
	if !out.Password.Equal(secret.New(canary)) || !out.None.IsZero() || answer.Date().IsZero() || answer.Status != 200 {
		t.Error("the answer was not taken apart")
	}
	if text := fmt.Sprintf("%v %+v %#v", out, in, out); strings.Contains(text, canary) {
		t.Errorf("LEAK: %s", text)
	}
	if text, _ := json.Marshal(out); strings.Contains(string(text), canary) {
		t.Errorf("LEAK: %s", text)
	}
}

// TestPathHoldsIDs: no id leads to another place.
func TestPathHoldsIDs(t *testing.T) {
	for _, id := range []string{"", ".", ".."} {
		if got := Path("/keys/%s", id); got != "" {
			t.Errorf("%q gives %q", id, got)
		}
	}
	hit := false
	base := serve(t, func(http.ResponseWriter, *http.Request) { hit = true })
	err := client(t, base).Do(t.Context(), Call{Step: "revoke", Method: "DELETE", Path: Path("/keys/%s", "")})
	if fault.KindOf(err) != fault.BadConfig || err == nil || hit {
		t.Errorf("an empty id was sent: %v", err)
	}
}

func FuzzPath(f *testing.F) {
	for _, seed := range []string{"a", "a/b", "..", "%2e%2e", "?x", "#", "%s", "\x00", "é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		got := Path("/keys/%s/end", id)
		if got == "" {
			return
		}
		u, err := url.Parse("http://h" + got)
		if err != nil || u.Path != "/keys/"+id+"/end" || u.RawQuery != "" || u.Fragment != "" || strings.Count(u.EscapedPath(), "/") != 3 {
			t.Errorf("%q became %q (%v)", id, got, err)
		}
	})
}

func TestStatuses(t *testing.T) {
	for _, c := range []struct {
		status         int
		changes, reads fault.Kind
		retryAfter     bool
	}{
		{302, fault.BadConfig, fault.BadConfig, false},
		{307, fault.BadConfig, fault.BadConfig, false},
		{400, fault.Rejected, fault.Rejected, false},
		{401, fault.Denied, fault.Denied, false},
		{402, fault.NeedsPerson, fault.NeedsPerson, false},
		{403, fault.Denied, fault.Denied, false},
		{404, fault.BadConfig, fault.BadConfig, false},
		{405, fault.BadConfig, fault.BadConfig, false},
		{407, fault.BadConfig, fault.BadConfig, false},
		{408, fault.Transient, fault.Transient, false},
		{409, fault.Rejected, fault.Rejected, false},
		{410, fault.BadConfig, fault.BadConfig, false},
		{422, fault.Rejected, fault.Rejected, false},
		{429, fault.Transient, fault.Transient, true},
		{500, fault.Unknown, fault.Transient, false},
		{502, fault.Unknown, fault.Transient, false},
		{503, fault.Unknown, fault.Transient, false},
		{503, fault.Transient, fault.Transient, true},
		{504, fault.Unknown, fault.Transient, false},
		{599, fault.Unknown, fault.Transient, false},
	} {
		t.Run(fmt.Sprint(c.status, c.retryAfter), func(t *testing.T) {
			calls := 0
			base := serve(t, func(w http.ResponseWriter, r *http.Request) {
				calls++
				if c.retryAfter {
					w.Header().Set("Retry-After", "7")
				}
				w.Header().Set("Location", "http://"+canary+".example.com/")
				w.Header().Set("X-Request-Id", "req-42")
				w.WriteHeader(c.status)
				fmt.Fprint(w, "<html>"+canary)
			})
			for method, want := range map[string]fault.Kind{"POST": c.changes, "GET": c.reads} {
				calls = 0
				err := client(t, base).Do(t.Context(), Call{Step: "issue", Method: method, Path: "/keys", Query: url.Values{"q": {canary}}, In: canary})
				if err == nil || fault.KindOf(err) != want || StatusOf(err) != c.status || calls != 1 {
					t.Errorf("%s: %s after %d calls, want %s: %v", method, fault.KindOf(err), calls, want, err)
				}
				if wish := fault.RetryAfterOf(err); c.retryAfter != (wish == 7*time.Second) {
					t.Errorf("Retry-After %s", wish)
				}
				if text := err.Error(); !strings.HasPrefix(text, "acme: issue: "+method+" /keys (request req-42): status ") {
					t.Error(text)
				}
				clean(t, err)
			}
		})
	}
}

// TestWhatAStatusMeans: the call knows better than the vendor, the vendor better than HTTP.
func TestWhatAStatusMeans(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(423)
		fmt.Fprint(w, `{"code":"busy","canary":"`+canary+`"}`)
	})
	c, err := New(Config{Name: "acme", BaseURL: base, Kinds: map[int]fault.Kind{423: fault.Transient}})
	if err != nil {
		t.Fatal(err)
	}
	judge := func(a Answer) *Verdict {
		var words struct{ Code string }
		if a.JSON(&words) && words.Code == "busy" {
			return &Verdict{fault.NeedsPerson, "wait"}
		}
		return nil
	}
	for want, call := range map[fault.Kind]Call{
		fault.Transient: {}, fault.Denied: {Kinds: map[int]fault.Kind{423: fault.Denied}}, fault.NeedsPerson: {Judge: judge},
	} {
		call.Path, call.Method = "/", "POST"
		if err := c.Do(t.Context(), call); fault.KindOf(err) != want {
			t.Errorf("%s, want %s", err, want)
		}
	}
	var answer Answer
	if err := c.Do(t.Context(), Call{Path: "/", OK: []int{200, 423}, Out: &struct{}{}, Answer: &answer}); err != nil || answer.Status != 423 {
		t.Errorf("423 is as good as 200 to this call: %v", err)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	long := `{"a":"` + strings.Repeat("x", 9<<20) + `"}`
	for name, c := range map[string]struct{ body, want string }{
		"a login page": {"<!DOCTYPE html><p>" + canary, "web page"},
		"cut off":      {`{"password":"` + canary, "cut off"},
		"no json":      {canary, "not JSON"},
		"wrong form":   {`{"password":{"x":"` + canary + `"}}`, "unexpected form"},
		"a number":     {`{"number":"` + canary + `"}`, "unexpected form"},
		"empty":        {"", "empty"},
		"too long":     {long, "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			base := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, c.body) })
			var out struct {
				Password Secret `json:"password"`
				Number   int    `json:"number"`
			}
			err := client(t, base).Do(t.Context(), Call{Step: "issue", Method: "POST", Path: "/keys", Out: &out})
			if err == nil || fault.KindOf(err) != fault.Unknown || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			clean(t, err)
		})
	}
	base := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>") })
	if err := client(t, base).Do(t.Context(), Call{Method: "DELETE", Path: "/keys/1"}); fault.KindOf(err) != fault.Unknown || err == nil {
		t.Errorf("a login page in answer to a deletion: %v", err)
	}
	base = serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) })
	if err := client(t, base).Do(t.Context(), Call{Method: "DELETE", Path: "/keys/1", Out: &struct{}{}}); err != nil {
		t.Errorf("204 has no body: %v", err)
	}
}

// TestTheAnswerThatNeverEnds: the call's time covers the body.
func TestTheAnswerThatNeverEnds(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"password":"`)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	err := client(t, base).Do(t.Context(), Call{Method: "POST", Path: "/keys", Out: &struct{}{}, Timeout: 50 * time.Millisecond})
	if err == nil || fault.KindOf(err) != fault.Unknown {
		t.Errorf("%v", err)
	}
}

// TestRequestID: kept, unless it is a trick.
func TestRequestID(t *testing.T) {
	for id, kept := range map[string]bool{"req_01-a:b/c": true, "with space": false, "key-" + canary: false, strings.Repeat("a", 65): false} {
		base := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Request-Id", id)
			w.WriteHeader(400)
		})
		err := client(t, base).Do(t.Context(), Call{Path: "/"})
		if got := strings.Contains(err.Error(), "(request "+id+")"); got != kept {
			t.Errorf("%q: %v", id, err)
		}
		clean(t, err)
	}
}

func TestCredentials(t *testing.T) {
	var got string
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization") + r.Header.Get("X-Key")
	})
	fixed := secret.Fixed(secret.New("k"))
	for want, call := range map[string]Call{"Basic dTpr": {Auth: Basic("u", fixed)}, "#k": {Auth: Header("X-Key", "#", fixed)}, "": {Anonymous: true}} {
		call.Path = "/"
		if err := client(t, base).Do(t.Context(), call); err != nil || got != want {
			t.Errorf("%q, want %q: %v", got, want, err)
		}
	}
	for _, broken := range []string{"", "a\nb" + canary} {
		for _, auth := range []Auth{Bearer(secret.Fixed(secret.New(broken))), Basic("u", secret.Fixed(secret.New(broken)))} {
			got = "nothing"
			err := client(t, base).Do(t.Context(), Call{Method: "POST", Path: "/", Auth: auth})
			if fault.KindOf(err) != fault.BadConfig || err == nil || got != "nothing" {
				t.Errorf("%q: %v", broken, err)
			}
			clean(t, err)
		}
	}
	down := Bearer(func(context.Context) (secret.Value, error) { return secret.Value{}, io.ErrUnexpectedEOF })
	if err := client(t, base).Do(t.Context(), Call{Method: "POST", Path: "/", Auth: down}); fault.KindOf(err) != fault.Transient || err == nil {
		t.Errorf("a source that cannot be read: %v", err)
	}
}
