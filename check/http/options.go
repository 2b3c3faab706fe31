package http

import (
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// Options configure an HTTP probe.
type Options struct {
	// URL is what is asked, without user and password.
	URL string `yaml:"url" json:"url"`
	// Method is GET, HEAD, OPTIONS or POST. A POST must not change anything.
	Method string `yaml:"method,omitempty" json:"method,omitempty" jsonschema:"enum=GET,enum=HEAD,enum=OPTIONS,enum=POST,default=GET"`
	// Headers are sent as they stand here. Names that carry secrets
	// (Authorization, Cookie, X-Api-Key ...) belong under secret-headers.
	Headers map[string]string `yaml:"headers,omitempty" json:"headers,omitempty"`
	// SecretHeaders are references to the texts of further headers.
	SecretHeaders map[string]string `yaml:"secret-headers,omitempty" json:"secret-headers,omitempty"`
	// Bearer is a reference to the token of an Authorization header.
	Bearer string `yaml:"bearer,omitempty" json:"bearer,omitempty"`
	// Body is sent with a POST. It is no place for secrets.
	Body string `yaml:"body,omitempty" json:"body,omitempty"`
	// Expect says what a healthy answer is.
	Expect Expect `yaml:"expect,omitempty" json:"expect,omitempty"`
	// Timeout is how long the answer may take.
	Timeout time.Duration `yaml:"timeout,omitempty" json:"timeout,omitempty" jsonschema:"default=10s"`
}

// Expect describes a healthy answer; every part given must hold.
type Expect struct {
	// Status lists the codes that are healthy.
	Status []int `yaml:"status,omitempty" json:"status,omitempty" jsonschema:"default=200"`
	// Contains is a text that the first MiB of the body must hold.
	Contains string `yaml:"contains,omitempty" json:"contains,omitempty"`
	// JSON maps paths into a JSON body ("status", "checks.db.ok") to their texts.
	JSON map[string]string `yaml:"json,omitempty" json:"json,omitempty"`
}

// Secrets are the bound references of Options.
type Secrets struct {
	Bearer  secret.Source
	Headers map[string]secret.Source
}

var (
	headerName  = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
	secretNames = regexp.MustCompile(`(?i)^(proxy-)?authorization$|cookie|token|secret|passw|api[-_]?key|credential|signature|^key$|^sig$`)
	methods     = []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPost}
)

// bad is an error in the options.
func bad(what, hint string, args ...any) error {
	return fault.New(fault.BadConfig, "http check: "+what, args...).WithHint("%s", hint)
}

// New checks the options. secrets has a source for Bearer and for each of
// SecretHeaders.
func New(o Options, secrets Secrets) (*T, error) {
	u, err := target(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Method == "" {
		o.Method = http.MethodGet
	}
	if !slices.Contains(methods, o.Method) {
		return nil, bad("method %q cannot be used", "use GET, HEAD, OPTIONS or POST; a check must not change anything", o.Method)
	}
	if o.Body != "" && o.Method != http.MethodPost {
		return nil, bad("a body needs method: POST", "remove body, or set method: POST")
	}
	if err := checkHeaders(o, secrets); err != nil {
		return nil, err
	}
	if (o.Bearer != "" || len(o.SecretHeaders) > 0) && u.Scheme != "https" && !loopback(u.Hostname()) {
		return nil, bad("a secret would be sent in clear to %s", "use https; http is for this machine's own addresses only", u.Host)
	}
	if err := checkExpect(&o.Expect, o.Method); err != nil {
		return nil, err
	}
	switch {
	case o.Timeout < 0:
		return nil, bad("timeout %s is negative", "write a duration such as 10s", o.Timeout)
	case o.Timeout == 0:
		o.Timeout = 10 * time.Second
	}
	return &T{o: o, url: u, secrets: secrets, client: newClient(u)}, nil
}

func target(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil: // its text repeats the URL
		return nil, bad("url is not a URL", "write http://host:port/path or https://host/path")
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return nil, bad("url is not an http or https URL", "write http://host:port/path or https://host/path")
	case u.User != nil:
		return nil, bad("url holds a user or password", "send it as a reference: bearer: or secret-headers:")
	}
	for name := range u.Query() {
		if secretNames.MatchString(name) {
			return nil, bad("url holds a secret in its query", "send it as a reference: bearer: or secret-headers:")
		}
	}
	return u, nil
}

func checkHeaders(o Options, secrets Secrets) error {
	for name, text := range o.Headers {
		switch {
		case !headerName.MatchString(name), strings.ContainsAny(text, "\r\n\x00"):
			return bad("header %q cannot be sent", "a header's name has letters, digits and -, its text is one line", name)
		case secretNames.MatchString(name):
			return bad("header %s carries a secret", "give a reference instead: bearer: or secret-headers:", name)
		}
	}
	for name := range o.SecretHeaders {
		if !headerName.MatchString(name) {
			return bad("header %q cannot be sent", "a header's name has letters, digits and -", name)
		}
		if secrets.Headers[name] == nil {
			return bad("header %s is not bound", "write a reference: env:NAME, file:/path or STORE:path#key", name)
		}
	}
	if o.Bearer != "" && secrets.Bearer == nil {
		return bad("bearer is not bound", "write a reference: env:NAME, file:/path or STORE:path#key")
	}
	return nil
}

func checkExpect(e *Expect, method string) error {
	if len(e.Status) == 0 {
		e.Status = []int{http.StatusOK}
	}
	for _, code := range e.Status {
		if code < 200 || code > 599 {
			return bad("expect: status %d is none", "write codes such as [200, 204]", code)
		}
	}
	if (e.Contains != "" || len(e.JSON) > 0) && method == http.MethodHead {
		return bad("expect: the answer to HEAD has no body", "use method: GET")
	}
	return nil
}

// loopback: addresses that never leave the machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// Type describes this check to the registry.
func Type() check.Type {
	return check.Type{
		Name:       "http",
		Summary:    "An HTTP request that must be answered as expected",
		Doc:        doc,
		Evidence:   check.EvidenceServer,
		NewOptions: func() any { return new(Options) },
		Refs: func(opts any) map[string]string {
			o, refs := opts.(*Options), map[string]string{}
			if o.Bearer != "" {
				refs["bearer"] = o.Bearer
			}
			for name, ref := range o.SecretHeaders {
				refs["secret-headers."+name] = ref
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
			s, err := bind(*o, c.Bind)
			if err != nil {
				return nil, err
			}
			return New(*o, s)
		},
	}
}

func bind(o Options, b check.Bind) (Secrets, error) {
	s := Secrets{Headers: map[string]secret.Source{}}
	var err error
	if o.Bearer != "" {
		if s.Bearer, err = b.Source(o.Bearer); err != nil {
			return s, err
		}
	}
	for name, ref := range o.SecretHeaders {
		if s.Headers[name], err = b.Source(ref); err != nil {
			return s, err
		}
	}
	return s, nil
}

const doc = `
One request, now. It passes if the status, the text and the JSON fields are as ` + "`expect`" + ` says.

A server that refuses the connection, hangs or breaks off counts as *fail*: it was asked and is not well.
What says nothing about the server is *unknown*: a name that does not resolve, a certificate that is not
trusted, a bearer that cannot be read. So is a server that was not well before the change either.

A redirect to another host, port or scheme is not followed; its 3xx status is compared. With a bearer or a
secret header, plain http is refused beyond this machine.
`
