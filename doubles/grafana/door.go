package grafana

import (
	"fmt"

	"github.com/agenticverz/rotor/doubles"
)

// Door is a Grafana for trying: a service account with one token.
func Door() (doubles.Door, error) {
	d := New(Options{})
	account := d.Account("backend", "Editor")
	return doubles.Door{Name: "grafana", API: d, Env: []doubles.Variable{{Name: "GRAFANA_ADMIN_TOKEN", Value: d.AdminToken}},
		Tries: []doubles.Try{{Name: "grafana",
			Provider: fmt.Sprintf("{type: grafana, base-url: {base}, admin-token: env:GRAFANA_ADMIN_TOKEN, service-account-id: %d}", account),
			Present:  []doubles.Variable{{Name: "GRAFANA_API_KEY", Value: d.Token(account, "by-hand").Value}}}}}, nil
}
