package postgres_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/postgres"
	"github.com/agenticverz/rotor/secret"
)

// authority signs certificates into a folder.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, dir, name string) *authority {
	t.Helper()
	a := &authority{dir: dir}
	a.cert, a.key = a.sign(t, name, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// sign makes NAME.crt and NAME.key; the first one signs itself.
func (a *authority) sign(t *testing.T, name string, about *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about.SerialNumber, about.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}
	about.NotBefore, about.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = about, key
	}
	der, err := x509.CreateCertificate(rand.Reader, about, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err1 := x509.ParseCertificate(der)
	private, err2 := x509.MarshalPKCS8PrivateKey(key)
	err3 := os.WriteFile(a.path(name+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
	err4 := os.WriteFile(a.path(name+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

// strictServer is a PostgreSQL that demands TLS and a client certificate with the role's
// name, over IPv4 and IPv6, from everybody but the test itself.
func strictServer(t *testing.T) (*localserver.Postgres, *authority) {
	t.Helper()
	server := testserver.OwnPostgres(t, localserver.PostgresOptions{Settings: map[string]string{"listen_addresses": "127.0.0.1,::1"}})
	dir, err := os.MkdirTemp("", "rotor-tls-") // not t.TempDir: the server's account must get in
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	ca := newAuthority(t, dir, "ca")
	ca.sign(t, "server", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}})
	conn, err := pgx.Connect(t.Context(), server.DSN("postgres", "", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var hba string
	if err := conn.QueryRow(t.Context(), "SHOW hba_file").Scan(&hba); err != nil {
		t.Fatal(err)
	}
	about, err := os.Stat(hba)
	if err != nil || os.Chmod(dir, 0o755) != nil || os.Chown(ca.path("server.key"), int(about.Sys().(*syscall.Stat_t).Uid), -1) != nil {
		t.Fatal("cannot give the key to the server", err)
	}
	rules := "hostnossl all postgres 127.0.0.1/32 scram-sha-256\nhostssl all all all scram-sha-256 clientcert=verify-full\n"
	if err := os.WriteFile(hba, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"ALTER SYSTEM SET ssl_cert_file = '" + ca.path("server.crt") + "'", "ALTER SYSTEM SET ssl_key_file = '" + ca.path("server.key") + "'",
		"ALTER SYSTEM SET ssl_ca_file = '" + ca.path("ca.crt") + "'", "ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()",
		"CREATE ROLE tls_owner NOLOGIN", "GRANT ALL ON SCHEMA public TO tls_owner"} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	return server, ca
}

// TestClientCertificates: everything of the admin's connection string holds, and the
// roles present their own certificates.
func TestClientCertificates(t *testing.T) {
	t.Parallel()
	server, ca := strictServer(t)
	for _, name := range []string{"postgres", "tls_a", "tls_b"} {
		ca.sign(t, name, &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	}
	newAuthority(t, ca.dir, "other")
	dsn := func(host, root string) string {
		u := url.URL{Scheme: "postgres", User: url.UserPassword(server.User, server.Password), Host: net.JoinHostPort(host, strconv.Itoa(server.Port)), Path: "/postgres",
			RawQuery: url.Values{"sslmode": {"verify-full"}, "sslrootcert": {ca.path(root + ".crt")}, "sslcert": {ca.path("postgres.crt")}, "sslkey": {ca.path("postgres.key")}}.Encode()}
		return u.String()
	}
	own := postgres.Options{Database: "postgres", OwnerRole: "tls_owner", Roles: []string{"tls_a", "tls_b"}, ClientCert: ca.path("{role}.crt"), ClientKey: ca.path("{role}.key")}
	open := func(o postgres.Options, dsn string) *postgres.Provider {
		p, err := postgres.New(o, secret.Fixed(secret.New(dsn)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		return p
	}
	waitForTLS(t, server, open(own, dsn("127.0.0.1", "ca")))
	var old provider.Issued
	for _, host := range []string{"127.0.0.1", "::1", "127.0.0.1"} {
		p := open(own, dsn(host, "ca"))
		if err := p.Preflight(t.Context(), provider.Request{Current: old.Handle}); err != nil {
			t.Fatalf("%s: %v", host, err)
		}
		v := rotate(t, p, old)
		if !old.Handle.IsZero() {
			if err := p.Revoke(t.Context(), old.Handle); err != nil {
				t.Fatal(err)
			}
			if live, err := p.Probe(t.Context(), old); live != provider.Refused {
				t.Errorf("%s: the old value is %s (%v)", host, live, err)
			}
		}
		old = v
	}
	withTheAdminsCert(t, open, own, dsn("127.0.0.1", "ca"), old)
	if _, err := open(own, dsn("127.0.0.1", "other")).Now(t.Context()); fault.KindOf(err) != fault.BadConfig || err == nil {
		t.Errorf("a server that nobody vouches for: %v", err)
	}
	both := own
	both.Address, both.VerifyAddress = net.JoinHostPort("::1", strconv.Itoa(server.Port)), net.JoinHostPort("::1", strconv.Itoa(server.Port))
	p := open(both, dsn("127.0.0.1", "ca"))
	if err := p.Verify(t.Context(), old); err != nil {
		t.Errorf("by an IPv6 address: %v", err)
	}
	if live, err := p.Probe(t.Context(), old); live != provider.Alive {
		t.Errorf("by an IPv6 address: %s (%v)", live, err)
	}
}

// withTheAdminsCert: the server says of a certificate that does not fit that the
// password is wrong. It is not, and nothing is dead.
func withTheAdminsCert(t *testing.T, open func(postgres.Options, string) *postgres.Provider, own postgres.Options, dsn string, v provider.Issued) {
	t.Helper()
	own.ClientCert, own.ClientKey = "", ""
	p := open(own, dsn)
	if err := p.Verify(t.Context(), v); fault.KindOf(err) != fault.BadConfig || err == nil {
		t.Errorf("Verify with the admin's certificate: kind %s, %v", fault.KindOf(err), err)
	}
	if live, err := p.Probe(t.Context(), v); live != provider.NotKnown || err == nil {
		t.Errorf("Probe with the admin's certificate: %s, %v", live, err)
	}
	wrong := provider.Issued{Values: v.Values.Clone()}
	wrong.Values["password"] = secret.New("not-the-password")
	if live, err := p.Probe(t.Context(), wrong); live != provider.Refused {
		t.Errorf("Probe of a wrong password: %s, %v", live, err)
	}
	own.ClientCert, own.ClientKey = "/nowhere/{role}.crt", "/nowhere/{role}.key"
	if err := open(own, dsn).Verify(t.Context(), v); fault.KindOf(err) != fault.BadConfig || err == nil {
		t.Errorf("Verify without the file: %v", err)
	}
}

// waitForTLS: pg_reload_conf returns before the server has reloaded.
func waitForTLS(t *testing.T, server *localserver.Postgres, p *postgres.Provider) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		_, err := p.Now(t.Context())
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(server.LogPath())
			t.Fatalf("%v\n%s", err, log)
		}
	}
}
