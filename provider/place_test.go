package provider_test

import (
	"testing"

	"github.com/agenticverz/rotor/provider"
)

// TestPlace: one place has one name, and two have two.
func TestPlace(t *testing.T) {
	for base, want := range map[string][2]string{
		"https://Grafana.example:443/sub/": {"grafana.example", "/sub"}, "https://grafana.example/sub": {"grafana.example", "/sub"},
		"https://grafana.example:8443": {"grafana.example:8443", ""}, "http://127.0.0.1:443": {"127.0.0.1:443", ""}, "": {"", ""}, "no url": {"no url", ""},
	} {
		if host, path := provider.Place(base); host != want[0] || path != want[1] {
			t.Errorf("%q: %q, %q", base, host, path)
		}
	}
}
