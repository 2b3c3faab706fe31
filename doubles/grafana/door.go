package grafana

import (
	"fmt"

	"github.com/agenticverz/rotor/doubles"
)

// Door is a Grafana for trying: a service account with one token.
func Door() (doubles.Door, error) {
	d := New(Options{})
	account := d.Account("backend", "Editor")
	return doubles.Door{Name: "grafana", API: d, Words: []string{
		"export GRAFANA_ADMIN_TOKEN=" + d.AdminToken,
		fmt.Sprintf("provider: {type: grafana, base-url: {base}, admin-token: env:GRAFANA_ADMIN_TOKEN, service-account-id: %d}", account),
		"present token: " + d.Token(account, "by-hand").Value,
	}}, nil
}
