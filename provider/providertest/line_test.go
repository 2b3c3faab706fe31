package providertest

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestAside: chosen answers replace all but the requests that are aside.
func TestAside(t *testing.T) {
	line := NewLine(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the vendor") }))
	line.Aside = func(r *http.Request) bool { return r.URL.Path == "/login" }
	h := line.HTTP(Reply{}, Reply{})
	calls, restore := h.Answer(Reply{Status: 503, Body: "the exam"})
	for path, want := range map[string]string{"/login": "the vendor", "/keys": "the exam"} {
		if got := get(t, line.URL+path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if n := calls(); n != 1 {
		t.Errorf("%d calls counted", n)
	}
	restore()
	mend := h.Spoil(Cut)
	defer mend()
	if got := get(t, line.URL+"/login"); got != "the vendor" {
		t.Errorf("a login is spoiled: %q", got)
	}
	if got := get(t, line.URL+"/keys"); got == "the vendor" || !strings.HasPrefix("the vendor", got) {
		t.Errorf("not spoiled: %q", got)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
