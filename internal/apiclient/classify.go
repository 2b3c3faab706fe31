package apiclient

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/agenticverz/rotor/fault"
)

// op is how errors name the call: "neon: issue: POST /projects/p/…". The query is
// left out.
func (c *Client) op(call Call) string {
	path := call.Path
	if len(path) > 200 {
		path = path[:200] + "…"
	}
	op := c.config.Name
	if call.Step != "" {
		op += ": " + call.Step
	}
	return op + ": " + firstOf(call.Method, http.MethodGet) + " " + firstOf(path, "(no path)")
}

var requestID = regexp.MustCompile(`^[A-Za-z0-9._:/-]{1,64}$`)

// named is the vendor's id of the request, for a support ticket. A server that
// answers with our own credential there gets no say.
func (c *Client) named(resp *http.Response) string {
	id := resp.Header.Get(c.config.RequestID)
	if !requestID.MatchString(id) {
		return ""
	}
	for _, sent := range resp.Request.Header {
		for _, value := range sent {
			if strings.Contains(value, id) {
				return ""
			}
		}
	}
	return " (request " + id + ")"
}

// StatusError is the cause in an error that came from an answer.
type StatusError struct{ Status int }

func (e *StatusError) Error() string {
	words := http.StatusText(e.Status)
	if words == "" {
		return "status " + strconv.Itoa(e.Status)
	}
	return "status " + strconv.Itoa(e.Status) + " " + words
}

// StatusOf is the status of the answer that err came from; 0 if there was none.
func StatusOf(err error) int {
	var e *StatusError
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// failure classifies an answer that is not OK: the call's Judge first, then its
// Kinds, then the vendor's, then what HTTP says.
func (c *Client) failure(op string, call Call, a Answer) error {
	e := &fault.Error{Op: op, Err: &StatusError{a.Status}, RetryAfter: retryAfter(a)}
	if call.Judge != nil {
		if v := call.Judge(a); v != nil {
			e.Kind, e.Hint = v.Kind, v.Hint
			return e
		}
	}
	for _, kinds := range []map[int]fault.Kind{call.Kinds, c.config.Kinds} {
		if kind, ok := kinds[a.Status]; ok {
			e.Kind = kind
			return e
		}
	}
	e.Kind, e.Hint = byStatus(a.Status, call.changes(), e.RetryAfter > 0)
	if isPage(call, a) && e.Hint == "" {
		e.Hint = "the answer is a web page: a proxy, a firewall or a wrong base-url may have answered in the API's place"
	}
	return e
}

// byStatus is what a status proves when nobody knows better. 5xx may come after
// the effect; where nothing can have an effect it is worth another try.
func byStatus(status int, changes, invited bool) (fault.Kind, string) {
	switch status {
	case http.StatusUnauthorized:
		return fault.Denied, "the credential that Rotor uses is refused; check what the option refers to"
	case http.StatusForbidden:
		return fault.Denied, "the credential that Rotor uses lacks a right, or is of another account"
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone, http.StatusUnsupportedMediaType, http.StatusNotAcceptable:
		return fault.BadConfig, "check the ids in the options, the base-url, and whose credential it is: vendors also say so to those who may not see"
	case http.StatusPaymentRequired:
		return fault.NeedsPerson, "the vendor wants another plan or a payment"
	case http.StatusProxyAuthRequired:
		return fault.BadConfig, "the proxy in HTTPS_PROXY wants a login"
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return fault.Transient, ""
	case http.StatusServiceUnavailable:
		if invited { // it names a time: turned away at the door
			return fault.Transient, ""
		}
	}
	switch {
	case status >= 300 && status < 400:
		return fault.BadConfig, "the API sends us elsewhere, and a credential follows no redirect; correct base-url"
	case status >= 400 && status < 500:
		return fault.Rejected, ""
	case status >= 500 && !changes:
		return fault.Transient, ""
	}
	return fault.Unknown, ""
}

// isPage says whether a body is a web page; where the API speaks XML, by its name.
func isPage(call Call, a Answer) bool {
	start := strings.ToLower(strings.TrimSpace(string(a.Body[:min(len(a.Body), 64)])))
	if call.Decode != nil {
		return strings.HasPrefix(start, "<html") || strings.HasPrefix(start, "<!doctype html")
	}
	return strings.HasPrefix(start, "<")
}

// unsent: the request never began.
func unsent(op string, err error) error {
	kind := fault.KindOf(err)
	if kind == fault.Unknown {
		kind = fault.Transient // a source that could not be read, a context that had ended
	}
	return fault.Wrap(kind, op, err)
}

// lost classifies a request without an answer. The words are ours: net/http's
// repeat the address and, for a proxy, its password.
func lost(ctx context.Context, op string, call Call, sent bool, err error) error {
	if !sent {
		kind, words, hint := unreached(ctx, err)
		return &fault.Error{Kind: kind, Op: op, Hint: hint, Err: errors.New(words)}
	}
	kind, words := fault.Unknown, "the connection broke before an answer came"
	if !call.changes() {
		kind = fault.Transient
	}
	if ended := ctx.Err(); ended != nil {
		words = "no answer: " + ended.Error()
	}
	return fault.New(kind, "%s: %s", op, words)
}

func lostBody(ctx context.Context, op string) error {
	if err := ctx.Err(); err != nil {
		return fault.New(fault.Unknown, "%s: the answer did not come to its end: %s", op, err)
	}
	return fault.New(fault.Unknown, "%s: the answer is cut off", op)
}

// unreached says why no connection was made.
func unreached(ctx context.Context, err error) (fault.Kind, string, string) {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var opErr *net.OpError
	switch {
	case errors.As(err, &cert):
		return fault.BadConfig, "the server's certificate is not trusted", "is something between here and the vendor? a private authority is named by SSL_CERT_FILE"
	case errors.As(err, &record):
		return fault.BadConfig, "the server does not speak TLS", "correct base-url"
	case ctx.Err() != nil:
		return fault.Transient, "no connection: " + ctx.Err().Error(), ""
	case errors.As(err, &dns):
		return fault.Transient, "the host name cannot be resolved", "check base-url and the resolver"
	case errors.As(err, &opErr) && opErr.Op == "proxyconnect":
		return fault.Transient, "the proxy cannot be reached", "check HTTPS_PROXY and NO_PROXY"
	case errors.Is(err, syscall.ECONNREFUSED):
		return fault.Transient, "connection refused", ""
	}
	return fault.Transient, "no connection", ""
}
