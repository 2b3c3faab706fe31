// Package apiclient is the one HTTP client of all providers with an API. It sends
// one request and says what the answer, or its absence, proves.
//
// What surprises: it never retries and never follows a redirect, and a request
// that changes something goes out on a connection of its own. An idle connection
// that the other side has just closed would turn a request that never arrived
// into one that may have: the engine would then have to find out. (Reads share
// connections, and net/http repeats one whose kept connection turns out closed.)
package apiclient

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
)

// Config describes a vendor's API. Only Name and BaseURL are required.
type Config struct {
	Name    string // of the provider; every error begins with it
	BaseURL string // https://host/prefix; plain http only to loopback
	Auth    Auth   // nil: requests carry no credential
	// RequestID is the header in which the vendor names a request; default
	// X-Request-Id. It is kept in the text of errors.
	RequestID string
	// Kinds are statuses with a meaning of their own at this vendor.
	Kinds map[int]fault.Kind
	// Limits of all clients of one Name and host in this process together.
	Limits         Limits
	ConnectTimeout time.Duration // default 10 s, TLS included
	Timeout        time.Duration // of a whole call, default 30 s
	MaxBody        int64         // bytes of an answer, default 8 MiB
}

const (
	defaultConnect = 10 * time.Second
	defaultTimeout = 30 * time.Second
	defaultMaxBody = 8 << 20
)

// Client sends calls. It is safe for concurrent use.
type Client struct {
	config Config
	base   string // without a slash at the end
	limits *limits
	reads  *http.Transport // keeps connections
	writes *http.Transport // a fresh one for each request
}

// New checks the configuration; nothing is connected. A BaseURL comes from a
// user's rotor.yaml, so the errors have hints.
func New(c Config) (*Client, error) {
	base, err := checkBase(c.Name, c.BaseURL)
	if err != nil {
		return nil, err
	}
	if c.RequestID == "" {
		c.RequestID = "X-Request-Id"
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = defaultConnect
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.MaxBody == 0 {
		c.MaxBody = defaultMaxBody
	}
	writes := transport(c)
	writes.DisableKeepAlives = true
	return &Client{config: c, base: strings.TrimRight(base.String(), "/"), reads: transport(c), writes: writes,
		limits: sharedLimits(c.Name+" "+base.Host, c.Limits)}, nil
}

func transport(c Config) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment, // never for loopback
		DialContext:           (&net.Dialer{Timeout: c.ConnectTimeout}).DialContext,
		TLSHandshakeTimeout:   c.ConnectTimeout,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   32,
		IdleConnTimeout:       20 * time.Second, // shorter than any server's
		ExpectContinueTimeout: time.Second,
	}
}

// checkBase refuses addresses that would send a credential in the clear.
func checkBase(name, text string) (*url.URL, error) {
	bad := func(what, hint string) error {
		return fault.New(fault.BadConfig, "%s: base-url: %s", name, what).WithHint("%s", hint)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, bad("not the address of an API", "write https://host, with a path if the vendor's API has one")
	case u.User != nil:
		return nil, bad("holds a user or password", "credentials are options of their own, as references")
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return nil, bad("has a query or a fragment", "write https://host/path only")
	case u.Scheme == "http" && !Loopback(u.Hostname()):
		return nil, bad("plain http beyond this machine", "use https://: the request carries a credential")
	}
	return u, nil
}

// Loopback says whether a host name or address cannot leave this machine.
func Loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// userAgent names Rotor and its version: vendors ask for one, and whoever reads
// the vendor's audit log should see it.
var userAgent = func() string {
	version := "dev"
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" && b.Main.Version != "(devel)" {
		version = b.Main.Version
	}
	return "rotor/" + version + " (+https://github.com/agenticverz/rotor)"
}()

// Close drops idle connections. The client stays usable.
func (c *Client) Close() error {
	c.reads.CloseIdleConnections()
	c.writes.CloseIdleConnections()
	return nil
}
