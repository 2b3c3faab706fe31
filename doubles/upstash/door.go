package upstash

import (
	"fmt"

	"github.com/agenticverz/rotor/doubles"
)

// Door is a data base for trying.
func Door() (doubles.Door, error) {
	d, err := New(Options{})
	if err != nil {
		return doubles.Door{}, err
	}
	return doubles.Door{Name: "upstash", API: d, Env: []doubles.Variable{{Name: "UPSTASH_API_KEY", Value: d.Key}},
		Tries: []doubles.Try{{Name: "upstash",
			Provider: fmt.Sprintf("{type: upstash, email: %s, api-key: env:UPSTASH_API_KEY, base-url: {base}/v2, database: %s, address: '%s', rest-url: {base}/rest}", d.Email, d.Database, d.Address()),
			Present:  []doubles.Variable{{Name: "REDIS_PASSWORD", Field: "password", Value: d.Password()}}}}}, nil
}
