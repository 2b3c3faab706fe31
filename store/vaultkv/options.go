package vaultkv

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/openbao/openbao/api/v2"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// Options configure a store in Vault or OpenBao. What is left out is taken from
// the environment, BAO_ADDR before VAULT_ADDR and so on, as their own command
// line tools do.
type Options struct {
	// Mount is where the KV version 2 engine is mounted, for instance "secret".
	Mount string `yaml:"mount" json:"mount"`
	// Address is the server's URL. Plain http is accepted on loopback only, and
	// unix:///path for an agent's socket. Default: BAO_ADDR, VAULT_ADDR, then
	// https://127.0.0.1:8200.
	Address string `yaml:"address,omitempty" json:"address,omitempty"`
	// Token is a reference to the token. Default: BAO_TOKEN, VAULT_TOKEN, then the
	// file ~/.vault-token.
	Token string `yaml:"token,omitempty" json:"token,omitempty"`
	// Namespace is for OpenBao and Vault Enterprise; Vault's community edition
	// ignores it silently, so there it is refused. Default: BAO_NAMESPACE,
	// VAULT_NAMESPACE.
	Namespace string `yaml:"namespace,omitempty" json:"namespace,omitempty"`
	// CACert is a file with the authorities to trust. Default: BAO_CACERT, VAULT_CACERT.
	CACert string `yaml:"ca-cert,omitempty" json:"ca-cert,omitempty"`
	// CAPath is a folder of such files. Default: BAO_CAPATH, VAULT_CAPATH.
	CAPath string `yaml:"ca-path,omitempty" json:"ca-path,omitempty"`
	// ClientCert and ClientKey are the files of a client certificate. Default:
	// BAO_CLIENT_CERT and BAO_CLIENT_KEY, or VAULT_...
	ClientCert string `yaml:"client-cert,omitempty" json:"client-cert,omitempty"`
	// ClientKey belongs to ClientCert.
	ClientKey string `yaml:"client-key,omitempty" json:"client-key,omitempty"`
	// TLSServerName is the name the server's certificate must have. Default:
	// BAO_TLS_SERVER_NAME, VAULT_TLS_SERVER_NAME.
	TLSServerName string `yaml:"tls-server-name,omitempty" json:"tls-server-name,omitempty"`
	// SkipVerify accepts any certificate; whoever is on the path then reads every
	// secret. Default: BAO_SKIP_VERIFY, VAULT_SKIP_VERIFY.
	SkipVerify bool `yaml:"skip-verify,omitempty" json:"skip-verify,omitempty"`
}

// timeout is for one request, whatever the caller's patience.
const timeout = 30 * time.Second

// New checks the options without talking to the server. token may be nil.
func New(o Options, token secret.Source) (*Store, error) {
	fromEnvironment(&o)
	if err := checkPath(o.Mount); err != nil {
		return nil, fault.New(fault.BadConfig, "vaultkv: mount %q", o.Mount).
			WithHint("name the mount of a KV version 2 engine without slashes around it; vault secrets list shows them")
	}
	if err := checkAddress(o.Address); err != nil {
		return nil, err
	}
	config := api.NewConfig()
	if config.Error != nil {
		return nil, fault.Wrap(fault.BadConfig, "vaultkv: client", config.Error)
	}
	config.Address = o.Address
	config.Timeout = timeout
	config.MaxRetries = 0 // the engine retries; a repeated write is its decision
	config.DisableRedirects = true
	err := config.ConfigureTLS(&api.TLSConfig{
		CACert: o.CACert, CAPath: o.CAPath, CACertBytes: []byte(api.ReadBaoVariable(api.EnvVaultCACertBytes)),
		ClientCert: o.ClientCert, ClientKey: o.ClientKey, TLSServerName: o.TLSServerName, Insecure: o.SkipVerify,
	})
	if err != nil {
		return nil, &fault.Error{Kind: fault.BadConfig, Op: "vaultkv: TLS settings", Err: err, Hint: "check ca-cert, ca-path, client-cert and client-key"}
	}
	client, err := api.NewClient(config)
	if err != nil {
		return nil, fault.Wrap(fault.BadConfig, "vaultkv: client", err)
	}
	config.HttpClient.Transport = bounded{config.HttpClient.Transport}
	s := &Store{mount: o.Mount, namespace: strings.Trim(o.Namespace, "/"), root: client, client: client, token: token}
	if s.token == nil {
		s.token = ambientToken
	}
	if s.namespace != "" {
		s.client = client.WithNamespace(s.namespace)
	}
	return s, nil
}

// Store is a KV version 2 mount.
type Store struct {
	mount, namespace string
	root, client     *api.Client // root ignores the namespace: sys/health has none
	token            secret.Source

	mu      sync.Mutex
	checked bool // the mount is KV version 2 and the namespace is obeyed
}

func fromEnvironment(o *Options) {
	for field, name := range map[*string]string{
		&o.Address: api.EnvVaultAddress, &o.Namespace: api.EnvVaultNamespace,
		&o.CACert: api.EnvVaultCACert, &o.CAPath: api.EnvVaultCAPath, &o.TLSServerName: api.EnvVaultTLSServerName,
	} {
		if *field == "" {
			*field = api.ReadBaoVariable(name)
		}
	}
	if o.ClientCert == "" && o.ClientKey == "" { // a pair never comes from two places
		o.ClientCert, o.ClientKey = api.ReadBaoVariable(api.EnvVaultClientCert), api.ReadBaoVariable(api.EnvVaultClientKey)
	}
	if skip, err := strconv.ParseBool(api.ReadBaoVariable(api.EnvVaultSkipVerify)); err == nil && skip {
		o.SkipVerify = true
	}
	if o.Address == "" {
		o.Address = "https://127.0.0.1:8200"
	}
}

// checkAddress refuses what would send a token in clear to somebody else.
func checkAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Host == "" && u.Scheme != "unix" {
		return fault.New(fault.BadConfig, "vaultkv: address is not a URL").WithHint("write address: https://vault.example.com:8200, without user, password or query")
	}
	switch u.Scheme {
	case "https", "unix":
		return nil
	case "http":
		ip := net.ParseIP(u.Hostname())
		if u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
			return nil
		}
		return fault.New(fault.BadConfig, "vaultkv: address %s: plain http beyond this machine", u.Redacted()).
			WithHint("the token and every secret would cross the network in clear: use https")
	}
	return fault.New(fault.BadConfig, "vaultkv: address %s: unknown scheme", u.Redacted()).WithHint("use https")
}

// bounded keeps a wrong server from filling the memory.
type bounded struct{ http.RoundTripper }

const maxAnswer = 32 << 20 // Vault's own limit for a request

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	}
	return resp, err
}

// CloseIdleConnections serves http.Client.
func (b bounded) CloseIdleConnections() {
	if c, ok := b.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// readTokenFile reads what vault login leaves behind, at every use.
func readTokenFile() (string, error) {
	path := api.ReadBaoVariable(api.EnvTokenPath)
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		path = filepath.Join(home, ".vault-token")
	}
	text, err := os.ReadFile(path)
	return strings.TrimSpace(string(text)), err
}
