package redis_test

import (
	"bytes"
	"testing"

	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

func subject(t testing.TB, a *account) providertest.Subject {
	way := newPipe(t, a.Addr())
	return providertest.Subject{
		Provider: a.open(t, way.Address()),
		Again:    func() provider.Provider { return a.open(t, way.Address()) },
		Secrets:  []secret.Value{secret.New(a.word)},
		Live:     a.live, Stranger: a.stranger, Break: way.Break,
	}
}

// TestExam: with an admin who may do everything and with exactly the documented rights.
func TestExam(t *testing.T) {
	for _, strategy := range []rotation.Strategy{rotation.Overlap, rotation.Alternate} {
		for name, least := range map[string]bool{"admin": false, "least-privilege": true} {
			t.Run(string(strategy)+"/"+name, func(t *testing.T) {
				t.Parallel()
				providertest.Run(t, providertest.Setup{Open: func(t testing.TB) providertest.Subject {
					return subject(t, newAccount(t, strategy, least))
				}})
			})
		}
	}
}

// TestExamInPlace has a server of its own: there is one user default.
func TestExamInPlace(t *testing.T) {
	t.Parallel()
	a := ownAccount(t, localserver.RedisOptions{}, rotation.InPlace)
	for name, least := range map[string]bool{"admin": false, "least-privilege": true} {
		t.Run(name, func(t *testing.T) {
			providertest.Run(t, providertest.Setup{Open: func(t testing.TB) providertest.Subject {
				a.prepare(t, rotation.InPlace, least)
				if least { // Revoke of the only password needs users
					a.setUser(t, a.admin, "+acl|getuser", "+acl|setuser", "+client|list", "+client|kill")
				}
				return subject(t, a)
			}})
		})
	}
}

// newPipe is a way to the server that the exam can break; what changes a password is
// its effect.
func newPipe(t testing.TB, target string) *providertest.Pipe {
	p := providertest.NewPipe(t, target)
	p.Effect = func(request []byte) bool {
		return bytes.Contains(request, []byte("SETUSER")) || bytes.Contains(request, []byte("requirepass"))
	}
	return p
}
