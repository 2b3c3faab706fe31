// Package http is the check that asks a server: is it well, does it take this
// token.
//
// What surprises: a refused connection is a known, bad sample. Only what says
// nothing about the server itself (names, certificates, our own token's source)
// is unknown.
package http

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/fault"
)

// T is one probe.
type T struct {
	o       Options
	url     *url.URL
	secrets Secrets
	client  *http.Client
}

var _ check.Check = (*T)(nil)

// bodyLimit is how much of an answer is read.
const bodyLimit = 1 << 20

// newClient follows redirects within the target's scheme, host and port only, and
// opens a connection for each probe: one kept open from before the change says
// nothing about new ones.
func newClient(u *url.URL) *http.Client {
	return &http.Client{
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) >= 10 || req.URL.Scheme != u.Scheme || req.URL.Host != u.Host {
				return http.ErrUseLastResponse
			}
			return nil
		},
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ForceAttemptHTTP2: true,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, MaxResponseHeaderBytes: 64 << 10,
		},
	}
}

// Measure implements check.Check; the window does not matter. Value is 1 for a
// healthy answer and 0 for any other.
func (t *T) Measure(ctx context.Context, _ check.Window) (check.Sample, error) {
	probe, cancel := context.WithTimeout(ctx, t.o.Timeout)
	defer cancel()
	req, err := t.request(probe)
	if err != nil {
		return check.Sample{}, err
	}
	resp, err := t.client.Do(req)
	if err != nil {
		return t.failed(ctx, err)
	}
	defer resp.Body.Close()
	if !slices.Contains(t.o.Expect.Status, resp.StatusCode) {
		return sample(false, "status %d", resp.StatusCode), nil
	}
	if t.o.Expect.Contains == "" && len(t.o.Expect.JSON) == 0 {
		return sample(true, "status %d", resp.StatusCode), nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, bodyLimit))
	if err != nil {
		return t.failed(ctx, err)
	}
	if why := t.o.Expect.missing(body); why != "" {
		return sample(false, "status %d, %s", resp.StatusCode, why), nil
	}
	return sample(true, "status %d, as expected", resp.StatusCode), nil
}

func sample(well bool, detail string, args ...any) check.Sample {
	s := check.Sample{Known: true, Detail: fmt.Sprintf(detail, args...)}
	if well {
		s.Value = 1
	}
	return s
}

func (t *T) request(ctx context.Context) (*http.Request, error) {
	var body io.Reader
	if t.o.Body != "" {
		body = strings.NewReader(t.o.Body)
	}
	req, err := http.NewRequestWithContext(ctx, t.o.Method, t.url.String(), body)
	if err != nil {
		return nil, bad("the request cannot be made", "look at url")
	}
	req.Header.Set("User-Agent", "rotor")
	for name, text := range t.o.Headers {
		req.Header.Set(name, text)
		if strings.EqualFold(name, "host") {
			req.Host = text
		}
	}
	for name, source := range t.secrets.Headers {
		v, err := source(ctx)
		if err != nil {
			return nil, fault.Wrap(fault.KindOf(err), "http check: header "+name, err)
		}
		req.Header.Set(name, v.Reveal())
	}
	if t.secrets.Bearer != nil {
		v, err := t.secrets.Bearer(ctx)
		if err != nil {
			return nil, fault.Wrap(fault.KindOf(err), "http check: bearer", err)
		}
		req.Header.Set("Authorization", "Bearer "+v.Reveal())
	}
	return req, nil
}

// failed tells a server that is not well from one about which nothing is known.
// The error's own text is not used: it holds the URL with its query, and for a
// malformed header the header.
func (t *T) failed(ctx context.Context, err error) (check.Sample, error) {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var op *net.OpError
	name := "http check: " + t.o.Method + " " + t.url.Scheme + "://" + t.url.Host + t.url.EscapedPath()
	switch {
	case ctx.Err() != nil:
		return check.Sample{}, fault.Wrap(fault.Transient, name, context.Cause(ctx))
	case errors.Is(err, context.DeadlineExceeded):
		return sample(false, "no answer in %s", t.o.Timeout), nil
	case errors.As(err, &dns):
		return check.Sample{}, fault.New(fault.Transient, "%s: the name does not resolve", name)
	case errors.As(err, &cert):
		return check.Sample{}, fault.New(fault.BadConfig, "%s: the certificate is not trusted", name).
			WithHint("add the issuer to the system's certificates, or set SSL_CERT_FILE")
	case errors.As(err, &op) && op.Op == "dial":
		return sample(false, "connection refused or not possible"), nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &op):
		return sample(false, "the connection broke off"), nil
	}
	return check.Sample{}, fault.New(fault.Unknown, "%s: no valid answer", name)
}

// missing says what of the body is not as expected, without repeating it.
func (e Expect) missing(body []byte) string {
	if e.Contains != "" && !strings.Contains(string(body), e.Contains) {
		return "the expected text is missing"
	}
	if len(e.JSON) == 0 {
		return ""
	}
	var doc any
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.UseNumber()
	if dec.Decode(&doc) != nil {
		return "the body is not JSON"
	}
	for path, want := range e.JSON {
		if got, ok := field(doc, path); !ok {
			return "the field " + path + " is missing"
		} else if got != want {
			return "the field " + path + " has another text"
		}
	}
	return ""
}

// field walks a dotted path; numbers index arrays.
func field(doc any, path string) (string, bool) {
	for _, name := range strings.Split(path, ".") {
		switch node := doc.(type) {
		case map[string]any:
			next, ok := node[name]
			if !ok {
				return "", false
			}
			doc = next
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(node) {
				return "", false
			}
			doc = node[i]
		default:
			return "", false
		}
	}
	switch v := doc.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	case nil:
		return "null", true
	}
	return "", false
}

// Judge implements check.Check. A server that was not well before the change
// either cannot tell whether the change did harm.
func (t *T) Judge(base, now check.Sample) check.Result {
	switch {
	case !now.Known || now.Value != 0 && now.Value != 1:
		return check.Result{Verdict: check.Unknown, Reason: "no answer could be judged"}
	case now.Value == 1:
		return check.Result{Verdict: check.Pass, Reason: now.Detail}
	case base.Known && base.Value == 0:
		return check.Result{Verdict: check.Unknown, Reason: now.Detail + "; it was not well before the change either"}
	}
	return check.Result{Verdict: check.Fail, Reason: now.Detail}
}
