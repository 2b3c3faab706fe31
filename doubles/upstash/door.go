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
	return doubles.Door{Name: "upstash", API: d, Words: []string{
		"export UPSTASH_API_KEY=" + d.Key,
		fmt.Sprintf("provider: {type: upstash, email: %s, api-key: env:UPSTASH_API_KEY, base-url: {base}/v2, database: %s, address: '%s', rest-url: {base}/rest}", d.Email, d.Database, d.Address()),
		"present password: " + d.Password(),
	}}, nil
}
