package postgres_test

import (
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/postgres"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// refuser is a server that answers every start-up with one error, as PgBouncer or a
// starting server would.
func refuser(t *testing.T, answer pgproto3.ErrorResponse) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			b := pgproto3.NewBackend(conn, conn)
			if _, err := b.ReceiveStartupMessage(); err == nil {
				b.Send(&answer)
				_ = b.Flush()
			}
			conn.Close()
		}
	}()
	return l.Addr().String()
}

// TestRefusalsAreTakenApart: what each answer proves, for Verify and for Probe.
func TestRefusalsAreTakenApart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, code, routine, message string
		verify                       fault.Kind
		probe                        provider.Liveness
	}{
		{"wrong password", "28P01", "auth_failed", "", fault.Rejected, provider.Refused},
		{"a proxy refuses", "28P01", "", "password authentication failed", fault.Rejected, provider.NotKnown},
		{"no login", "28000", "InitializeSessionUserId", "", fault.Rejected, provider.Refused},
		{"no pg_hba entry", "28000", "ClientAuthentication", "no pg_hba.conf entry for host", fault.BadConfig, provider.NotKnown},
		{"ldap says no", "28000", "auth_failed", "LDAP authentication failed", fault.BadConfig, provider.NotKnown},
		{"pooler refuses", "08P01", "", "SASL authentication failed", fault.Rejected, provider.NotKnown},
		{"server refuses pooler", "08P01", "", "password authentication failed for user \"x\"", fault.Rejected, provider.NotKnown},
		{"pooler waits", "08P01", "", "query_wait_timeout", fault.Transient, provider.NotKnown},
		{"too many connections", "53300", "", "sorry, too many clients already", fault.Transient, provider.NotKnown},
		{"starting up", "57P03", "", "the database system is starting up", fault.Transient, provider.NotKnown},
		{"shut down", "57P01", "", "terminating connection", fault.Transient, provider.NotKnown},
		{"no database", "3D000", "", "database does not exist", fault.BadConfig, provider.NotKnown},
		{"no right to connect", "42501", "", "permission denied for database", fault.Denied, provider.Restricted},
		{"something new", "0A000", "", "feature not supported", fault.Unknown, provider.NotKnown},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			address := refuser(t, pgproto3.ErrorResponse{
				Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: c.code, Routine: c.routine, Message: c.message,
			})
			p, err := postgres.New(postgres.Options{Database: "db", Strategy: rotation.InPlace, Role: "app", VerifyAddress: address},
				secret.Fixed(secret.New("postgres://admin@"+address+"/db?sslmode=disable")))
			if err != nil {
				t.Fatal(err)
			}
			v := provider.Issued{Values: secret.Set{"username": secret.Public("app"), "password": secret.Random(32)}}
			if err := p.Verify(t.Context(), v); err == nil || fault.KindOf(err) != c.verify {
				t.Errorf("Verify: kind %s, want %s: %v", fault.KindOf(err), c.verify, err)
			}
			if live, err := p.Probe(t.Context(), v); live != c.probe {
				t.Errorf("Probe: %s, want %s (%v)", live, c.probe, err)
			}
		})
	}
}

// TestProbeAsksTheServerItself: a pooler's refusal is not the role's death.
func TestProbeAsksTheServerItself(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, false)
	v := rotate(t, a.open(t, ""), provider.Issued{})
	a.opts.VerifyAddress = refuser(t, pgproto3.ErrorResponse{Severity: "FATAL", Code: "08P01", Message: "SASL authentication failed"})
	p := a.open(t, "")
	if err := p.Verify(t.Context(), v); fault.KindOf(err) != fault.Rejected || err == nil {
		t.Errorf("Verify through the pooler: %v", err)
	}
	if live, err := p.Probe(t.Context(), v); live != provider.Alive {
		t.Errorf("Probe: %s (%v)", live, err)
	}
	if p.Traits().Settle == 0 {
		t.Error("behind a pooler a value needs a while to work")
	}
}

// TestSocketNeedsAnAddress: an admin on the unix socket proves nothing about TCP.
func TestSocketNeedsAnAddress(t *testing.T) {
	t.Parallel()
	opts := postgres.Options{Database: "db", Strategy: rotation.InPlace, Role: "app"}
	v := provider.Issued{Values: secret.Set{"username": secret.Public("app"), "password": secret.Random(32)}}
	dsn := secret.Fixed(secret.New("host=/nowhere/postgres user=admin dbname=db"))
	p, err := postgres.New(opts, dsn)
	if err != nil {
		t.Fatal(err)
	}
	if live, err := p.Probe(t.Context(), v); live != provider.NotKnown || fault.KindOf(err) != fault.BadConfig {
		t.Errorf("without address: %s, %v", live, err)
	}
	opts.Address = refuser(t, pgproto3.ErrorResponse{Severity: "FATAL", Code: "28P01", Routine: "auth_failed"})
	if p, err = postgres.New(opts, dsn); err != nil {
		t.Fatal(err)
	}
	if live, err := p.Probe(t.Context(), v); live != provider.Refused {
		t.Errorf("with address: %s, %v", live, err)
	}
}
