// Package prometheus is the check that asks a Prometheus server for one number.
//
// What surprises: success with an empty result is the answer to a typo, to a dead
// target and to a label that never occurred. It is no data, so it is unknown.
package prometheus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/fault"
)

// T is one query.
type T struct {
	o   Options
	api v1.API
	at  string // for messages
}

var _ check.Check = (*T)(nil)

func newT(o Options, s Secrets, u *url.URL) (*T, error) {
	t := &T{o: o, at: u.Scheme + "://" + u.Host}
	client, err := api.NewClient(api.Config{Address: u.String(), Client: &http.Client{
		Transport: &transport{o: o, secrets: s, next: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) >= 10 || req.URL.Scheme != u.Scheme || req.URL.Host != u.Host {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}})
	if err != nil {
		return nil, bad("url cannot be used", "write http://localhost:9090")
	}
	t.api = v1.NewAPI(client)
	return t, nil
}

// transport adds the credentials, read anew for each request, and bounds the
// answer.
type transport struct {
	o       Options
	secrets Secrets
	next    http.RoundTripper
}

const bodyLimit = 4 << 20

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	if t.secrets.Bearer != nil {
		v, err := t.secrets.Bearer(req.Context())
		if err != nil {
			return nil, fault.Wrap(fault.KindOf(err), "bearer", err)
		}
		req.Header.Set("Authorization", "Bearer "+v.Reveal())
	}
	if t.secrets.Password != nil {
		v, err := t.secrets.Password(req.Context())
		if err != nil {
			return nil, fault.Wrap(fault.KindOf(err), "password", err)
		}
		req.SetBasicAuth(t.o.Username, v.Reveal())
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	switch {
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		_ = resp.Body.Close()
		return nil, fault.New(fault.Denied, "status %d", resp.StatusCode).WithHint("look at bearer, or username and password")
	case resp.StatusCode == http.StatusMethodNotAllowed, resp.StatusCode == http.StatusNotImplemented:
		// the client asks again with GET
	case resp.StatusCode >= 300 && resp.StatusCode < 400, resp.StatusCode == http.StatusNotFound:
		_ = resp.Body.Close()
		return nil, fault.New(fault.BadConfig, "status %d", resp.StatusCode).WithHint("url must be the address of a Prometheus server, with its path prefix if it has one")
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, bodyLimit), resp.Body}
	return resp, nil
}

// Measure implements check.Check: the query's number at the end of the window.
func (t *T) Measure(ctx context.Context, w check.Window) (check.Sample, error) {
	probe, cancel := context.WithTimeout(ctx, t.o.Timeout)
	defer cancel()
	value, warnings, _, err := t.api.Query(probe, t.o.Query, w.To, v1.WithTimeout(t.o.Timeout))
	if err != nil {
		return check.Sample{}, t.failed(ctx, err)
	}
	number, err := single(value)
	if err != nil {
		return check.Sample{}, err
	}
	for _, text := range warnings {
		// annotations on the query come as warnings too; they do not make it wrong
		if !strings.HasPrefix(text, "PromQL") {
			return check.Sample{Detail: "the server warns that data is incomplete"}, nil
		}
	}
	switch {
	case number == nil:
		return check.Sample{Detail: "no data"}, nil
	case math.IsNaN(*number), math.IsInf(*number, 0):
		return check.Sample{Detail: "not a number: no data to divide by"}, nil
	}
	return check.Sample{Known: true, Value: *number, Detail: fmt.Sprintf("%.4g", *number)}, nil
}

// single is the one number of a result; nil = there is none.
func single(value model.Value) (*float64, error) {
	var out float64
	switch v := value.(type) {
	case *model.Scalar:
		out = float64(v.Value)
	case model.Vector:
		switch {
		case len(v) == 0:
			return nil, nil
		case len(v) > 1:
			return nil, bad("the query gives %d series", "aggregate them to one: sum(...), max(...)", len(v))
		case v[0].Histogram != nil:
			return nil, bad("the query gives a histogram", "use histogram_quantile() or histogram_count()")
		}
		out = float64(v[0].Value)
	case model.Matrix:
		return nil, bad("the query gives a range", "apply rate(), increase() or max_over_time() to it")
	default:
		return nil, bad("the query gives no number", "write PromQL that gives one number")
	}
	return &out, nil
}

// failed gives the error its kind. What the server says about the query is not
// repeated; it quotes.
func (t *T) failed(ctx context.Context, err error) error {
	name := "prometheus check: query " + t.at
	var known *fault.Error
	var answer *v1.Error
	switch {
	case ctx.Err() != nil:
		return fault.Wrap(fault.Transient, name, context.Cause(ctx))
	case errors.As(err, &known):
		return fault.Wrap(known.Kind, name, known)
	case errors.As(err, &answer) && (answer.Type == v1.ErrBadData || answer.Type == v1.ErrExec):
		return fault.New(fault.BadConfig, "%s: the server refuses the query (%s)", name, answer.Type).
			WithHint("try it at %s/graph", t.at)
	case errors.As(err, &answer) && answer.Type == v1.ErrBadResponse:
		return fault.New(fault.BadConfig, "%s: the answer is not Prometheus'", name).
			WithHint("url must be the address of a Prometheus server, with its path prefix if it has one")
	case errors.As(err, &answer):
		return fault.New(fault.Transient, "%s: %s", name, answer.Type)
	}
	return fault.New(fault.Transient, "%s: no answer", name).WithHint("is Prometheus running there?")
}

// Judge implements check.Check. Limits that need a baseline are judged on now
// alone without one: as if it had been zero, or not at all for min-of-baseline.
func (t *T) Judge(base, now check.Sample) check.Result {
	if !now.Known || math.IsNaN(now.Value) || math.IsInf(now.Value, 0) {
		reason := now.Detail
		if reason == "" || now.Known {
			reason = "no data"
		}
		return check.Result{Verdict: check.Unknown, Reason: reason}
	}
	before, reason := 0.0, now.Detail
	if base.Known {
		before = base.Value
		reason += ", before the change " + base.Detail
	}
	limits := []struct {
		limit *float64
		bad   func(float64) bool
		words string
	}{
		{t.o.Max, func(l float64) bool { return now.Value > l }, "more than %g"},
		{t.o.Min, func(l float64) bool { return now.Value < l }, "less than %g"},
		{t.o.MaxOverBaseline, func(l float64) bool { return now.Value-before > l }, "more than %g over the baseline"},
		{t.o.MinOfBaseline, func(l float64) bool { return now.Value < l*before }, "less than %g of the baseline"},
	}
	for _, l := range limits {
		if l.limit != nil && l.bad(*l.limit) {
			return check.Result{Verdict: check.Fail, Reason: reason + ": " + fmt.Sprintf(l.words, *l.limit)}
		}
	}
	return check.Result{Verdict: check.Pass, Reason: reason}
}
