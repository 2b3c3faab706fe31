package prometheus

import (
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// Options configure a query of a Prometheus server. At least one limit must be
// given; all that are given must hold.
type Options struct {
	// URL is the server's address; without it the variable PROMETHEUS_URL.
	URL string `yaml:"url,omitempty" json:"url,omitempty"`
	// Query is PromQL that gives one number: a scalar or a vector of one series.
	// An absolute counter says nothing about the change: use increase or rate. A
	// label that has never occurred gives no data: write "or vector(0)" and ask
	// for up == 1 beside it.
	Query string `yaml:"query" json:"query"`
	// MaxOverBaseline is how much higher than before the change it may be.
	MaxOverBaseline *float64 `yaml:"max-over-baseline,omitempty" json:"max-over-baseline,omitempty"`
	// Max is the highest healthy number.
	Max *float64 `yaml:"max,omitempty" json:"max,omitempty"`
	// Min is the lowest healthy number.
	Min *float64 `yaml:"min,omitempty" json:"min,omitempty"`
	// MinOfBaseline is the share of the number before the change that must be
	// reached: 0.5 fails when traffic falls to less than half.
	MinOfBaseline *float64 `yaml:"min-of-baseline,omitempty" json:"min-of-baseline,omitempty" jsonschema:"minimum=0"`
	// Bearer is a reference to a token for the server.
	Bearer string `yaml:"bearer,omitempty" json:"bearer,omitempty"`
	// Username and Password, a reference, are the server's basic authentication.
	Username string `yaml:"username,omitempty" json:"username,omitempty"`
	Password string `yaml:"password,omitempty" json:"password,omitempty"`
	// Timeout is how long the answer may take.
	Timeout time.Duration `yaml:"timeout,omitempty" json:"timeout,omitempty" jsonschema:"default=10s"`
}

// Secrets are the bound references of Options.
type Secrets struct{ Bearer, Password secret.Source }

// bad is an error in the options.
func bad(what, hint string, args ...any) error {
	return fault.New(fault.BadConfig, "prometheus check: "+what, args...).WithHint("%s", hint)
}

// New checks the options; the query itself is checked by the server.
func New(o Options, s Secrets) (*T, error) {
	u, err := target(o.URL)
	if err != nil {
		return nil, err
	}
	withSecret := o.Bearer != "" || o.Password != ""
	switch {
	case strings.TrimSpace(o.Query) == "":
		return nil, bad("query is missing", "write PromQL that gives one number")
	case o.MaxOverBaseline == nil && o.Max == nil && o.Min == nil && o.MinOfBaseline == nil:
		return nil, bad("no limit is given", "write max-over-baseline, max, min or min-of-baseline")
	case o.Min != nil && o.Max != nil && *o.Min > *o.Max:
		return nil, bad("min is greater than max", "exchange them")
	case o.MinOfBaseline != nil && *o.MinOfBaseline < 0:
		return nil, bad("min-of-baseline is negative", "it is a share: 0.5")
	case o.Bearer != "" && o.Username != "", (o.Username == "") != (o.Password == ""):
		return nil, bad("give either bearer, or username and password", "remove one of them")
	case o.Bearer != "" && s.Bearer == nil, o.Password != "" && s.Password == nil:
		return nil, bad("a secret is not bound", "write a reference: env:NAME, file:/path or STORE:path#key")
	case withSecret && u.Scheme != "https" && !loopback(u.Hostname()):
		return nil, bad("a secret would be sent in clear to %s", "use https; http is for this machine's own addresses only", u.Host)
	case o.Timeout < 0:
		return nil, bad("timeout %s is negative", "write a duration such as 10s", o.Timeout)
	case o.Timeout == 0:
		o.Timeout = 10 * time.Second
	}
	return newT(o, s, u)
}

func target(text string) (*url.URL, error) {
	if text == "" {
		text = os.Getenv("PROMETHEUS_URL")
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, bad("url is not the address of a server", "write http://localhost:9090")
	}
	if u.User != nil {
		return nil, bad("url holds a user or password", "use username: and password:, a reference")
	}
	return u, nil
}

// loopback: addresses that never leave the machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// Type describes this check to the registry.
func Type() check.Type {
	return check.Type{
		Name:       "prometheus",
		Summary:    "A PromQL query whose number must stay within limits",
		Doc:        doc,
		Evidence:   check.EvidenceServer,
		NewOptions: func() any { return new(Options) },
		Refs: func(opts any) map[string]string {
			o, refs := opts.(*Options), map[string]string{}
			if o.Bearer != "" {
				refs["bearer"] = o.Bearer
			}
			if o.Password != "" {
				refs["password"] = o.Password
			}
			return refs
		},
		Destination: func(opts any) string {
			u, err := target(opts.(*Options).URL)
			if err != nil {
				return ""
			}
			return u.Scheme + "://" + u.Host
		},
		New: func(opts any, c check.Context) (check.Check, error) {
			o := opts.(*Options)
			var s Secrets
			var err error
			if o.Bearer != "" {
				s.Bearer, err = c.Bind.Source(o.Bearer)
			}
			if o.Password != "" && err == nil {
				s.Password, err = c.Bind.Source(o.Password)
			}
			if err != nil {
				return nil, err
			}
			return New(*o, s)
		},
	}
}

const doc = `
An instant query at the end of the window, compared with the same query before the change.

*Unknown*, never pass: no series (a typo, a label that never occurred, a dead target's lookback over), NaN
(no traffic), an infinite number, a server that does not answer or warns that its data is incomplete.
Several series are a configuration error: aggregate with sum or max.

Prometheus looks back five minutes: a target that died a minute ago still has its last numbers. Ask for
` + "`min(up{job=\"...\"}) == 1`" + ` in the same query. The range of increase() or rate() should be four scrape
intervals or more, and no longer than the monitor time, or the baseline's errors are in it.
`
