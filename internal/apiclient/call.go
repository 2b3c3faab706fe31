package apiclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/agenticverz/rotor/fault"
)

// Call is one request. Path and Step stand in errors; Query, In and Out never do.
type Call struct {
	Step   string // what it is for: "issue"
	Method string // default GET
	Path   string // below BaseURL, escaped: see Path
	Query  url.Values
	Header http.Header // further headers; no credentials
	Form   url.Values  // sent as a form, instead of In
	In     any         // sent as JSON; nil: no body
	Out    any         // where a good answer's JSON goes; nil: it is not read
	// Decode reads a good answer that is not JSON, in place of Out. Its error says that
	// the answer is not the API's; its words are not repeated.
	Decode func(body []byte) error
	// OK lists the good statuses; default all of 2xx. Only 2xx is decoded into Out.
	OK []int
	// Kinds overrides what a status means, for this call.
	Kinds map[int]fault.Kind
	// Judge looks at an answer that is not OK and may say what it proves; nil
	// leaves it to Kinds and the defaults. Its words must not repeat the body.
	Judge func(Answer) *Verdict
	// Answer, if set, gets the answer whatever its status was.
	Answer *Answer
	// Reads says that the request changes nothing although its method is not GET.
	Reads bool
	// Auth replaces the client's; Anonymous sends none.
	Auth      Auth
	Anonymous bool
	Timeout   time.Duration // default the client's
}

// Answer is what came back. Its body may hold secrets.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// JSON decodes the body; false if it is not JSON of that shape.
func (a Answer) JSON(into any) bool { return json.Unmarshal(a.Body, into) == nil }

// Date is the vendor's clock, to the second; zero if the answer had none.
func (a Answer) Date() time.Time {
	t, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t
}

// Clock is what a provider says of the vendor's clock: the answer's date, or why there
// is none. op begins the error; err is the call's.
func (a Answer) Clock(op string, err error) (time.Time, error) {
	if err == nil && a.Date().IsZero() {
		err = fault.New(fault.Unknown, "%s: the answer has no date", op)
	}
	return a.Date(), err
}

// Verdict is what an answer proves.
type Verdict struct {
	Kind fault.Kind
	Hint string
}

// changes says whether the call may have an effect.
func (c Call) changes() bool {
	switch c.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	}
	return !c.Reads
}

// Path fills %s in pattern with escaped segments. An empty segment, "." or ".."
// would lead to another place (DELETE /keys/ is not DELETE /keys/9): the path is
// then "", which Do refuses.
func Path(pattern string, segments ...string) string {
	for _, s := range segments {
		if s == "" || s == "." || s == ".." {
			return ""
		}
		pattern = strings.Replace(pattern, "%s", strings.ReplaceAll(url.PathEscape(s), "%", "%25"), 1)
	}
	return strings.ReplaceAll(pattern, "%25", "%")
}

// Do sends the call, once. nil: an OK status, and Out is filled. Blocks until the
// answer is read, the call's time is over or ctx ends.
func (c *Client) Do(ctx context.Context, call Call) error {
	op := c.op(call)
	body, kind, err := encode(call)
	if err != nil {
		return fault.New(fault.BadConfig, "%s: the request cannot be encoded", op)
	}
	release, err := c.limits.acquire(ctx)
	if err != nil {
		return fault.Wrap(fault.Transient, op+": waiting for our own limit", err)
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, firstOf(call.Timeout, c.config.Timeout))
	defer cancel()
	sent := &atomic.Bool{}
	req, err := c.request(trace(ctx, sent), call, body, kind)
	if err != nil {
		return unsent(op, err)
	}
	resp, err := c.transport(call).RoundTrip(req)
	if err != nil {
		return lost(ctx, op, call, sent.Load(), err)
	}
	defer resp.Body.Close()
	return c.judge(ctx, op, call, resp)
}

func (c *Client) transport(call Call) *http.Transport {
	if call.changes() {
		return c.writes
	}
	return c.reads
}

// trace notes whether bytes of the request may have left. net/http tries another
// connection only if nothing was written on the first.
func trace(ctx context.Context, sent *atomic.Bool) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { sent.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
	})
}

func encode(call Call) (body []byte, contentType string, err error) {
	switch {
	case call.Form != nil:
		return []byte(call.Form.Encode()), "application/x-www-form-urlencoded", nil
	case call.In != nil:
		body, err = json.Marshal(call.In)
		return body, "application/json", err
	}
	return nil, "", nil
}

func (c *Client) request(ctx context.Context, call Call, body []byte, contentType string) (*http.Request, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(call.Path, "/") {
		return nil, fault.New(fault.BadConfig, "an id is empty or no id")
	}
	target := c.base + call.Path
	if len(call.Query) > 0 {
		target += "?" + call.Query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, firstOf(call.Method, http.MethodGet), target, bytes.NewReader(body))
	if err != nil {
		return nil, fault.New(fault.BadConfig, "the request cannot be made") // the error repeats the query
	}
	if body == nil {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	for name, values := range call.Header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", userAgent)
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	auth := c.config.Auth
	if call.Auth != nil {
		auth = call.Auth
	}
	if auth != nil && !call.Anonymous {
		return req, auth(req, body)
	}
	return req, nil
}

func firstOf[T comparable](values ...T) T {
	var zero T
	for _, v := range values {
		if v != zero {
			return v
		}
	}
	return zero
}

// judge reads the answer and says what it proves.
func (c *Client) judge(ctx context.Context, op string, call Call, resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.config.MaxBody+1))
	answer := Answer{resp.StatusCode, resp.Header, body}
	if call.Answer != nil {
		*call.Answer = answer
	}
	good := call.OK
	ok := len(good) == 0 && answer.Status/100 == 2 || slices.Contains(good, answer.Status)
	op += c.named(resp)
	if !ok {
		return c.failure(op, call, answer)
	}
	if answer.Status/100 != 2 {
		return nil
	}
	switch {
	case err != nil:
		return lostBody(ctx, op)
	case int64(len(body)) > c.config.MaxBody:
		return fault.New(fault.Unknown, "%s: the answer is longer than %d bytes", op, c.config.MaxBody)
	}
	return decode(op, call, answer)
}

// decode never repeats what encoding/json says: it quotes the text.
func decode(op string, call Call, a Answer) error {
	text := bytes.TrimSpace(a.Body)
	var syntax *json.SyntaxError
	switch {
	case isPage(call, a):
		return fault.New(fault.Unknown, "%s: the answer is a web page, not the API's", op).
			WithHint("a login page, a proxy or a wrong base-url answers in the API's place")
	case call.Out == nil && call.Decode == nil, a.Status == http.StatusNoContent:
		return nil
	case len(text) == 0:
		return fault.New(fault.Unknown, "%s: the answer is empty", op)
	}
	err := call.into(text)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax) && syntax.Offset >= int64(len(text)):
		return fault.New(fault.Unknown, "%s: the answer is cut off", op)
	case errors.As(err, &syntax):
		return fault.New(fault.Unknown, "%s: the answer is not JSON", op)
	}
	return fault.New(fault.Unknown, "%s: the answer has an unexpected form", op)
}

func (c Call) into(body []byte) error {
	if c.Decode != nil {
		return c.Decode(body)
	}
	return json.Unmarshal(body, c.Out)
}
