package localserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// Certs are the files of an authority made for one server: it is trusted by nobody else
// and its own key is never written.
type Certs struct {
	CA, Server, ServerKey, Client, ClientKey string // paths, PEM
	config                                   *tls.Config
}

func makeCerts(r *room) (*Certs, error) {
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "rotor test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, authority, authority, key.Public(), key)
	if err != nil {
		return nil, err
	}
	c := &Certs{}
	if c.CA, err = r.write("ca.crt", block("CERTIFICATE", der)); err != nil {
		return nil, err
	}
	if c.Server, c.ServerKey, err = issueCert(r, "server", 2, authority, key); err != nil {
		return nil, err
	}
	if c.Client, c.ClientKey, err = issueCert(r, "client", 3, authority, key); err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(c.Client, c.ClientKey)
	if err != nil {
		return nil, err
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(root)
	c.config = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool, Certificates: []tls.Certificate{pair}}
	return c, nil
}

// issueCert writes NAME.crt and NAME.key for this machine's own addresses.
func issueCert(r *room, name string, serial int64, authority *x509.Certificate, signer *ecdsa.PrivateKey) (cert, key string, err error) {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}, authority, own.Public(), signer)
	if err != nil {
		return "", "", err
	}
	text, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		return "", "", err
	}
	if cert, err = r.write(name+".crt", block("CERTIFICATE", der)); err != nil {
		return "", "", err
	}
	if key, err = r.write(name+".key", block("PRIVATE KEY", text)); err != nil {
		return "", "", err
	}
	return cert, key, nil
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
