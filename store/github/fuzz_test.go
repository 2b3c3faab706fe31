package github

import (
	"strings"
	"testing"

	"github.com/agenticverz/rotor/secret"
)

// FuzzPath: whatever stands in rotor.yaml leads below the place it names, or nowhere.
func FuzzPath(f *testing.F) {
	for _, path := range []string{"acme/app", "acme/app/live", "acme/app/a/b", "orgs/acme", "../x", "acme/..", "acme/app/../..", "acme/app/%2e%2e", "a//b", "/", "acme/app/ü"} {
		f.Add(path)
	}
	s, err := New(Options{Visibility: "private"}, secret.Fixed(secret.New("double")))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path string) {
		p, err := s.place(path)
		if err != nil {
			return
		}
		at := p.at("API_KEY")
		parts := strings.Split(at, "/")
		fine := len(parts) == 7 && parts[1] == "repos" && parts[4] == "actions" || len(parts) == 6 && parts[1] == "orgs" ||
			len(parts) == 8 && parts[4] == "environments"
		if !fine || strings.ContainsAny(at, "?# \n") || !strings.HasSuffix(at, "/secrets/API_KEY") {
			t.Errorf("%q leads to %q", path, at)
		}
		for _, part := range parts {
			if part == "." || part == ".." {
				t.Errorf("%q leads to %q", path, at)
			}
		}
	})
}
