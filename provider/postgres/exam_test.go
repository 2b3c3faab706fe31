package postgres_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// statements takes the text of Grants apart.
func statements(text string) []string {
	var out []string
	for _, line := range strings.Split(text, "\n") {
		if line = strings.TrimSuffix(strings.TrimSpace(line), ";"); line != "" && !strings.HasPrefix(line, "--") {
			out = append(out, line)
		}
	}
	return out
}

// TestExam: with a superuser and with exactly the documented grants.
func TestExam(t *testing.T) {
	for _, strategy := range []rotation.Strategy{rotation.Alternate, rotation.InPlace} {
		for name, least := range map[string]bool{"superuser": false, "least-privilege": true} {
			t.Run(string(strategy)+"/"+name, func(t *testing.T) {
				t.Parallel()
				db := testserver.Postgres(t)
				providertest.Run(t, providertest.Setup{Open: func(t testing.TB) providertest.Subject {
					a := accountIn(t, db, strategy, least)
					way := newPipe(t, a.address())
					return providertest.Subject{
						Provider: a.open(t, way.Address()),
						Again:    func() provider.Provider { return a.open(t, way.Address()) },
						Secrets:  []secret.Value{secret.New(a.word)},
						Live:     a.live, Stranger: a.stranger, Break: way.Break,
					}
				}})
			})
		}
	}
}

// newPipe is a way to the server that the exam can break; a commit is its effect.
func newPipe(t testing.TB, target string) *providertest.Pipe {
	p := providertest.NewPipe(t, target)
	p.Effect = func(request []byte) bool { return bytes.Contains(request, []byte("COMMIT")) }
	return p
}
