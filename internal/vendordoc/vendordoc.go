// Package vendordoc is for tests: it stands between a double and its clients, and
// holds what both say against the vendor's own OpenAPI document.
//
// What surprises: the documents are not part of the project. They lie beside it, or
// where ROTOR_SPECS says; a test without them is skipped by name.
package vendordoc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// Options of a Document.
type Options struct {
	// Base is the part of the path before those of the document: "/v1".
	Base string
	// Map turns a path into one that the document has; nil: as it is.
	Map func(path string) string
	// Outside lists calls that the document does not have, as "METHOD /path", each
	// segment literal or "*".
	Outside []string
	// Accept lists where double and document disagree, with reasons. One that is no
	// longer needed fails the test.
	Accept []Disagreement
	// ReadOnly lets requests carry properties that the document calls read-only.
	ReadOnly bool
}

// Disagreement is a known difference between the document and what the vendor does.
type Disagreement struct {
	Method, Path string // as in Outside
	Status       int    // of the answer; 0: the request
	Says         string // part of what the validator says
	Why          string
}

// Document is a vendor's document.
type Document struct {
	t      testing.TB
	opts   Options
	router routers.Router
	filter *openapi3filter.Options

	mu   sync.Mutex
	seen map[string]int // operations met
	used map[int]bool   // of Accept
}

// Open reads a document by file name, or skips the test.
func Open(t testing.TB, file string, o Options) *Document {
	t.Helper()
	path := filepath.Join(folder(), file)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("needs the vendor's document %s; ROTOR_SPECS names the folder", file)
	}
	doc, err := openapi3.NewLoader().LoadFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	doc.Servers = nil
	for _, item := range doc.Paths.Map() {
		item.Servers = nil
	}
	d := &Document{t: t, opts: o, seen: map[string]int{}, used: map[int]bool{}, filter: &openapi3filter.Options{
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, MultiError: true,
		ExcludeReadOnlyValidations: o.ReadOnly}}
	if d.router, err = gorillamux.NewRouter(doc); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.end)
	return d
}

func folder() string {
	if dir := os.Getenv("ROTOR_SPECS"); dir != "" {
		return dir
	}
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "..", "..", "..", "shared", "specs")
}

func (d *Document) end() {
	if len(d.seen) == 0 {
		d.t.Error("the document was never asked")
	}
	for i, a := range d.opts.Accept {
		if !d.used[i] {
			d.t.Errorf("no longer needed: %s %s %d (%s)", a.Method, a.Path, a.Status, a.Why)
		}
	}
}

// Watch puts the document before a double.
func (d *Document) Watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		d.check(r, body, answer)
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

func (d *Document) check(r *http.Request, body []byte, answer *httptest.ResponseRecorder) {
	copied := r.Clone(r.Context())
	copied.Body = io.NopCloser(bytes.NewReader(body))
	copied.URL.Path = strings.TrimPrefix(r.URL.Path, d.opts.Base)
	if d.opts.Map != nil {
		copied.URL.Path = d.opts.Map(copied.URL.Path)
	}
	copied.URL.RawPath, copied.Host = "", ""
	call := r.Method + " " + copied.URL.Path
	for _, pattern := range d.opts.Outside {
		if fits(pattern, call) {
			return
		}
	}
	route, params, err := d.router.FindRoute(copied)
	if err != nil {
		d.t.Errorf("%s: the document has no such call", call)
		return
	}
	d.met(r.Method + " " + route.Path)
	in := &openapi3filter.RequestValidationInput{Request: copied, PathParams: params, Route: route, Options: d.filter}
	d.report(call, 0, openapi3filter.ValidateRequest(r.Context(), in))
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: answer.Code, Header: answer.Header(), Options: d.filter}
	out.SetBodyBytes(answer.Body.Bytes())
	d.report(call, answer.Code, openapi3filter.ValidateResponse(r.Context(), out))
}

func (d *Document) met(operation string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen[operation]++
}

// report is the verdict, unless the disagreement is known.
func (d *Document) report(call string, status int, err error) {
	if err == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, a := range d.opts.Accept {
		if a.Status == status && fits(a.Method+" "+a.Path, call) && strings.Contains(err.Error(), a.Says) {
			d.used[i] = true
			return
		}
	}
	what := "the request"
	if status != 0 {
		what = fmt.Sprintf("the answer %d", status)
	}
	d.t.Errorf("%s: %s is not what the vendor's document says: %v", call, what, err)
}

// fits compares "METHOD /path" with a pattern.
func fits(pattern, call string) bool {
	want, have := strings.Split(pattern, "/"), strings.Split(call, "/")
	if len(want) != len(have) {
		return false
	}
	for i := range want {
		if want[i] != "*" && want[i] != have[i] {
			return false
		}
	}
	return true
}

// Met lists how often each operation of the document was used: what a test that
// means to cover them compares.
func (d *Document) Met() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := map[string]int{}
	for op, n := range d.seen {
		out[op] = n
	}
	return out
}
