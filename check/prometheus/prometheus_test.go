package prometheus

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/check/checktest"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/secret"
)

func TestMain(m *testing.M) { testserver.Main(m) }

const token = "rotor-test-prometheus-token"

func number(f float64) *float64 { return &f }

// app is a scraped program with one gauge and one counter that never counted.
type app struct{ errors atomic.Int64 }

func (a *app) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintf(w, "app_errors %d\napp_parts{part=\"a\"} 1\napp_parts{part=\"b\"} 1\n", a.errors.Load())
}

// server is a real Prometheus that scrapes an app.
func server(t testing.TB) (*app, string) {
	t.Helper()
	a := &app{}
	scraped := httptest.NewServer(a)
	t.Cleanup(scraped.Close)
	p := testserver.Prometheus(t, localserver.PrometheusOptions{
		Targets: map[string][]string{"app": {scraped.Listener.Addr().String()}}, ScrapeInterval: 100 * time.Millisecond,
	})
	wait(t, p.URL, "app_errors", 0)
	return a, p.URL
}

// wait until the server's number is want.
func wait(t testing.TB, url, query string, want float64) {
	t.Helper()
	c, err := New(Options{URL: url, Query: query, Max: number(0)}, Secrets{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		s, err := c.Measure(ctx, check.Window{})
		if err == nil && s.Known && s.Value == want {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s never became %g: %+v, %v", query, want, s, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// The exam uses one server for all trials, and a query of its own for no data.
func TestExam(t *testing.T) {
	a, url := server(t)
	for name, limits := range map[string]Options{"over baseline": {MaxOverBaseline: number(2)}, "max": {Max: number(3)}} {
		t.Run(name, func(t *testing.T) {
			checktest.Run(t, func(t testing.TB) checktest.World {
				a.errors.Store(1)
				wait(t, url, "app_errors", 1)
				o := limits
				o.URL, o.Query = url, "app_errors"
				c, err := New(o, Secrets{})
				if err != nil {
					t.Fatal(err)
				}
				return checktest.World{
					Open:   func() (check.Check, error) { return c, nil },
					Ill:    func() error { a.errors.Store(50); wait(t, url, "app_errors", 50); return nil },
					Blind:  func() error { c.o.Query = "app_errors_with_a_typo"; return nil },
					Window: func() check.Window { return check.Window{To: time.Now()} },
				}
			})
		})
	}
}

func TestWhatIsNoData(t *testing.T) {
	_, url := server(t)
	measure := func(query string, at time.Time) (check.Sample, error) {
		c, err := New(Options{URL: url, Query: query, Max: number(0)}, Secrets{})
		if err != nil {
			t.Fatal(err)
		}
		return c.Measure(t.Context(), check.Window{To: at})
	}
	for name, query := range map[string]string{"typo": "nothing_of_the_sort", "no traffic": "vector(0) / vector(0)", "infinite": "1 / vector(0)",
		"scalar NaN": "scalar(nothing)", "label that never occurred": `sum(app_parts{part="z"})`, "gate": `app_errors and on() min(up{job="app"}) == 2`} {
		if s, err := measure(query, time.Time{}); err != nil || s.Known || s.Detail == "" {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	if s, err := measure("app_errors", time.Now().Add(-time.Hour)); err != nil || s.Known {
		t.Errorf("before there was anything: %+v, %v", s, err)
	}
	for name, query := range map[string]string{"several series": "app_parts", "range": "app_errors[1m]", "text": `"x"`, "malformed": "sum(", "unknown function": "nope(1)"} {
		_, err := measure(query, time.Time{})
		if err == nil || fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for query, want := range map[string]float64{"scalar(sum(app_parts))": 2, "sum(app_parts)": 2, "42": 42, `sum(app_parts{part="z"}) or vector(0)`: 0} {
		if s, err := measure(query, time.Time{}); err != nil || !s.Known || s.Value != want {
			t.Errorf("%s: %+v, %v", query, s, err)
		}
	}
}

// double answers as a proxy in front of Prometheus would.
func double(t *testing.T, answer http.HandlerFunc) string {
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return s.URL
}

func TestFailuresHaveTheirKindAndNoSecret(t *testing.T) {
	stored := errors.New("no such file")
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		want   fault.Kind
		source secret.Source
	}{
		"unauthorized": {func(w http.ResponseWriter, r *http.Request) { http.Error(w, r.Header.Get("Authorization"), 401) }, fault.Denied, nil},
		"unavailable":  {func(w http.ResponseWriter, r *http.Request) { http.Error(w, r.Header.Get("Authorization"), 503) }, fault.Transient, nil},
		"not found":    {http.NotFound, fault.BadConfig, nil},
		"other page":   {func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("<html>" + token)) }, fault.BadConfig, nil},
		"elsewhere":    {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "http://127.0.0.2:1/", 307) }, fault.BadConfig, nil},
		"breaks off":   {func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, fault.Transient, nil},
		"no token": {func(w http.ResponseWriter, _ *http.Request) {}, fault.Denied, func(context.Context) (secret.Value, error) {
			return secret.Value{}, fault.Wrap(fault.Denied, "file", stored)
		}},
	} {
		if tc.source == nil {
			tc.source = secret.Fixed(secret.New(token))
		}
		c, err := New(Options{URL: double(t, tc.answer), Query: "secret_query_text", Max: number(1), Bearer: "env:T"}, Secrets{Bearer: tc.source})
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.Measure(t.Context(), check.Window{})
		if err == nil || s.Known || fault.KindOf(err) != tc.want {
			t.Errorf("%s: %+v, %v (%v)", name, s, err, fault.KindOf(err))
		} else if text := err.Error() + fault.HintOf(err); strings.Contains(text, token) || strings.Contains(text, "secret_query_text") {
			t.Errorf("%s: the error holds the token or the query", name)
		}
	}
}

func TestCredentialsAreSent(t *testing.T) {
	vector := `{"status":"success","data":{"resultType":"scalar","result":[1,"7"]}}`
	url := double(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if r.Header.Get("Authorization") == "Bearer "+token || user == "u" && password == token {
			_, _ = w.Write([]byte(vector))
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
	})
	source := secret.Fixed(secret.New(token))
	for _, o := range []Options{{Bearer: "env:T"}, {Username: "u", Password: "env:T"}} {
		o.URL, o.Query, o.Max = url, "x", number(9)
		c, err := New(o, Secrets{Bearer: pick(o.Bearer, source), Password: pick(o.Password, source)})
		if err != nil {
			t.Fatal(err)
		}
		if s, err := c.Measure(t.Context(), check.Window{}); err != nil || s.Value != 7 {
			t.Errorf("%+v, %v", s, err)
		}
	}
}

func pick(ref string, s secret.Source) secret.Source {
	if ref == "" {
		return nil
	}
	return s
}

func TestIncompleteDataIsUnknown(t *testing.T) {
	for warning, known := range map[string]bool{"PromQL info: metric might not be a counter": true, "remote read failed": false} {
		url := double(t, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"status":"success","warnings":[%q],"data":{"resultType":"scalar","result":[1,"0"]}}`, warning)
		})
		c, err := New(Options{URL: url, Query: "x", Max: number(1)}, Secrets{})
		if err != nil {
			t.Fatal(err)
		}
		if s, err := c.Measure(t.Context(), check.Window{}); err != nil || s.Known != known {
			t.Errorf("%s: %+v, %v", warning, s, err)
		}
	}
}

func TestLimits(t *testing.T) {
	known := func(v float64) check.Sample { return check.Sample{Known: true, Value: v, Detail: fmt.Sprint(v)} }
	for name, tc := range map[string]struct {
		o         Options
		base, now check.Sample
		want      check.Verdict
	}{
		"at max":           {Options{Max: number(3)}, known(0), known(3), check.Pass},
		"over max":         {Options{Max: number(3)}, known(9), known(3.1), check.Fail},
		"under min":        {Options{Min: number(1)}, known(0), known(0.9), check.Fail},
		"no more":          {Options{MaxOverBaseline: number(0)}, known(4), known(4), check.Pass},
		"one more":         {Options{MaxOverBaseline: number(0)}, known(4), known(5), check.Fail},
		"without baseline": {Options{MaxOverBaseline: number(3)}, check.Sample{}, known(4), check.Fail},
		"traffic is half":  {Options{MinOfBaseline: number(0.5)}, known(100), known(50), check.Pass},
		"traffic is gone":  {Options{MinOfBaseline: number(0.5)}, known(100), known(49), check.Fail},
		"traffic unknown":  {Options{MinOfBaseline: number(0.5)}, check.Sample{}, known(1), check.Pass},
		"both must hold":   {Options{Min: number(1), Max: number(2)}, known(1), known(3), check.Fail},
	} {
		o := tc.o
		o.URL, o.Query = "http://localhost:9090", "x"
		c, err := New(o, Secrets{})
		if err != nil {
			t.Fatal(err)
		}
		if r := c.Judge(tc.base, tc.now); r.Verdict != tc.want {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestTheServerMayComeFromTheEnvironment(t *testing.T) {
	t.Setenv("PROMETHEUS_URL", "http://localhost:19090/prefix")
	if got := Type().Destination(&Options{}); got != "http://localhost:19090" {
		t.Error(got)
	}
	if _, err := New(Options{Query: "x", Max: number(1)}, Secrets{}); err != nil {
		t.Error(err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Setenv("PROMETHEUS_URL", "")
	good := Options{URL: "http://localhost:9090", Query: "x", Max: number(1)}
	for name, change := range map[string]func(*Options){
		"no url":           func(o *Options) { o.URL = "" },
		"other scheme":     func(o *Options) { o.URL = "unix:///x" },
		"query in url":     func(o *Options) { o.URL = "http://localhost/api/v1/query?query=up" },
		"password in url":  func(o *Options) { o.URL = "http://u:" + token + "@localhost/" },
		"no query":         func(o *Options) { o.Query = " " },
		"no limit":         func(o *Options) { o.Max = nil },
		"min over max":     func(o *Options) { o.Min = number(2) },
		"negative share":   func(o *Options) { o.MinOfBaseline = number(-1) },
		"two credentials":  func(o *Options) { o.Bearer, o.Username, o.Password = "env:A", "u", "env:B" },
		"user alone":       func(o *Options) { o.Username = "u" },
		"clear text":       func(o *Options) { o.URL, o.Bearer = "http://prometheus.example.org", "env:A" },
		"negative timeout": func(o *Options) { o.Timeout = -1 },
	} {
		o := good
		change(&o)
		source := secret.Fixed(secret.New(token))
		_, err := New(o, Secrets{Bearer: source, Password: source})
		if err == nil || fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "" || strings.Contains(err.Error(), token) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good.Bearer = "env:A"
	if _, err := New(good, Secrets{}); err == nil {
		t.Error("an unbound bearer passes")
	}
	if refs := Type().Refs(&good); refs["bearer"] != "env:A" || Type().Destination(&good) != "http://localhost:9090" {
		t.Errorf("%v", refs)
	}
}
