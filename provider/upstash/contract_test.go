package upstash_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	double "github.com/agenticverz/rotor/doubles/upstash"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// document is the vendor's OpenAPI document.
type document struct {
	t        *testing.T
	compiler *jsonschema.Compiler
	paths    map[string]map[string]json.RawMessage
}

type operation struct {
	Parameters []struct{ In, Name string }
	Responses  map[string]any
}

// load skips, by name, where the document is not: it is test data that lies beside
// the project.
func load(t *testing.T) *document {
	t.Helper()
	dir := os.Getenv("ROTOR_SPECS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "specs")
	}
	text, err := os.ReadFile(filepath.Join(dir, "upstash.json"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("needs the vendor's document upstash.json; ROTOR_SPECS names the folder")
	}
	if err != nil {
		t.Fatal(err)
	}
	d := &document{t: t, compiler: jsonschema.NewCompiler()}
	var whole struct{ Paths any }
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err == nil {
		err = d.compiler.AddResource("upstash.json", parsed)
	}
	if err == nil {
		err = json.Unmarshal(text, &whole)
	}
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := json.Marshal(whole.Paths)
	if err := json.Unmarshal(raw, &d.paths); err != nil {
		t.Fatal(err)
	}
	return d
}

var segment = regexp.MustCompile(`\{[a-z]+\}`)

// check validates one request and its answer.
func (d *document) check(r *http.Request, status int, body []byte) {
	for pattern, operations := range d.paths {
		path := strings.TrimPrefix(r.URL.Path, "/v2")
		if !regexp.MustCompile("^" + segment.ReplaceAllString(pattern, `[^/]+`) + "$").MatchString(path) {
			continue
		}
		var op operation
		if json.Unmarshal(operations[strings.ToLower(r.Method)], &op) != nil {
			d.t.Errorf("%s %s: the document has no such method", r.Method, pattern)
		}
		known := map[string]bool{}
		for _, p := range op.Parameters {
			known[p.In+" "+p.Name] = true
		}
		for name := range r.URL.Query() {
			if !known["query "+name] {
				d.t.Errorf("%s %s: the document knows no parameter %s", r.Method, pattern, name)
			}
		}
		if _, ok := op.Responses[strconv.Itoa(status)]; !ok {
			d.t.Errorf("%s %s: the document has no answer %d", r.Method, pattern, status)
			return
		}
		at := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(pattern)
		schema, err := d.compiler.Compile("upstash.json#/paths/" + at + "/" + strings.ToLower(r.Method) + "/responses/" + strconv.Itoa(status) + "/content/application~1json/schema")
		if err != nil {
			d.t.Fatal(err)
		}
		answer, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
		if err == nil {
			err = schema.Validate(answer)
		}
		if err != nil {
			d.t.Errorf("%s %s: %v", r.Method, pattern, err)
		}
		return
	}
	d.t.Errorf("%s %s is not in the document", r.Method, r.URL.Path)
}

// TestContract: what we ask and what the double answers, against the vendor's document.
// It declares no field as required and no secret at all; these we demand ourselves.
func TestContract(t *testing.T) {
	doc := load(t)
	for _, strategy := range []rotation.Strategy{rotation.InPlace, rotation.Overlap} {
		a := newAccount(t, strategy, double.Options{Slug: true})
		var mu sync.Mutex
		checked := 0
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			a.ServeHTTP(rec, r)
			mu.Lock()
			defer mu.Unlock()
			if !strings.HasPrefix(r.URL.Path, "/rest") {
				checked++
				doc.check(r, rec.Code, rec.Body.Bytes())
				secrets := r.Method == http.MethodPost || r.URL.Query().Get("credentials") == ""
				required(t, rec.Body.Bytes(), secrets)
			}
			for name, values := range rec.Header() {
				w.Header()[name] = values
			}
			w.WriteHeader(rec.Code)
			_, _ = w.Write(rec.Body.Bytes())
		}))
		t.Cleanup(s.Close)
		a.opts.BaseURL, a.opts.RESTURL = s.URL+"/v2", s.URL+"/rest"
		p := a.open(t)
		if err := p.Preflight(t.Context(), provider.Request{}); err != nil {
			t.Fatal(err)
		}
		v := rotate(t, p)
		if err := p.Verify(t.Context(), v); err != nil {
			t.Error(err)
		}
		if err := p.Revoke(t.Context(), v.Handle); err != nil {
			t.Error(err)
		}
		if checked < 3 {
			t.Errorf("%d exchanges were checked", checked)
		}
	}
}

// required are the fields that our client needs, and the secrets only where they belong.
func required(t *testing.T, body []byte, secrets bool) {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Error(err)
	}
	for _, field := range []string{"database_id", "endpoint", "port", "state", "type"} {
		if got[field] == nil {
			t.Errorf("the answer lacks %s", field)
		}
	}
	for _, field := range []string{"password", "rest_token", "read_only_rest_token"} {
		if (got[field] != nil) != secrets {
			t.Errorf("%s: shown %v, want %v", field, got[field] != nil, secrets)
		}
	}
}
