package sigv4

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// TestPublishedVectors: examples that AWS itself publishes, with their signatures.
func TestPublishedVectors(t *testing.T) {
	at := func() time.Time { return time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC) }
	for _, c := range []struct {
		url, contentType string
		scope            Scope
		signature        string
	}{
		{"https://example.amazonaws.com/", "", Scope{"service", "us-east-1", at}, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", "application/x-www-form-urlencoded; charset=utf-8", Scope{"iam", "us-east-1", at},
			"5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
	} {
		r, err := http.NewRequest(http.MethodGet, c.url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if c.contentType != "" {
			r.Header.Set("Content-Type", c.contentType)
		}
		id, key := secret.Public("AKIDEXAMPLE"), secret.New("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
		if err := c.scope.With(id, key)(r, nil); err != nil {
			t.Fatal(err)
		}
		if got := r.Header.Get("Authorization"); !strings.HasSuffix(got, "Signature="+c.signature) {
			t.Errorf("%s: %s", c.url, got)
		}
	}
}

// TestNothingIsSentWithHalfAPair: it is a mistake in the options.
func TestNothingIsSentWithHalfAPair(t *testing.T) {
	for _, pair := range [][2]string{{"", "key"}, {"AKIA", ""}, {"AKIA\n", "key"}, {"AKIA", "k ey"}} {
		r, _ := http.NewRequest(http.MethodGet, "https://example.com/", http.NoBody)
		err := Scope{Service: "iam", Region: "us-east-1"}.With(secret.New(pair[0]), secret.New(pair[1]))(r, nil)
		if fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "" || r.Header.Get("Authorization") != "" {
			t.Errorf("%q: %v", pair, err)
		}
	}
}
