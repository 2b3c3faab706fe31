package pgbouncer_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/consumer/pgbouncer"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// TestEncryption: with and without TLS, and whatever the connection string would
// fall back to, one refusal is one login.
func TestEncryption(t *testing.T) {
	cert, key := certificate(t)
	for mode, tls := range map[string]string{"verify-full": "require", "prefer": "allow", "allow": "disable"} {
		t.Run(mode, func(t *testing.T) {
			w := start(t, 1, map[string]string{"app": "old-0001"}, localserver.PgBouncerOptions{Settings: map[string]string{
				"client_tls_sslmode": tls, "client_tls_cert_file": cert, "client_tls_key_file": key}})
			url := strings.Replace(w.poolers[0].AdminDSN(), "sslmode=disable", "sslmode="+mode+"&sslrootcert="+cert, 1)
			url = strings.Replace(url, "127.0.0.1", "localhost", 1)
			bind := secret.BinderFunc(func(string) (secret.Source, error) { return secret.Fixed(secret.New(url)), nil })
			c, err := pgbouncer.New(pgbouncer.Options{Admin: "file:/x", Databases: []string{w.db.Name}}, "/", bind)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Preflight(t.Context()); err != nil {
				t.Fatal(err)
			}
			fresh := change(w.set("app", "new-0002"), nil)
			if proof, err := c.Confirm(t.Context(), "default", fresh); err != nil || proof != consumer.NotYet {
				t.Errorf("%s, %v", proof, err)
			}
			if n := strings.Count(w.log(0), "pooler error: SASL authentication failed"); n != 1 {
				t.Errorf("%d failed logins", n)
			}
			w.db.Exec(t, "ALTER ROLE "+w.role("app")+" PASSWORD 'new-0002'")
			w.put(store.Edit{Set: fresh.Values})
			if err := c.Deploy(t.Context(), "default", fresh); err != nil {
				t.Error(err)
			}
			if encrypted := strings.Contains(w.log(0), "tls=TLSv1"); encrypted == (tls == "disable") {
				t.Errorf("encrypted: %v", encrypted)
			}
		})
	}
}

// certificate makes one for localhost, in a folder that PgBouncer's user can enter.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "rotor-cert-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secretDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secretDER}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
