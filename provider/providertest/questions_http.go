package providertest

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// echo stands in every body that the exam serves, beside the value at hand: a
// provider that puts bodies into errors is caught.
const echo = "exam-canary-7f3b9d51c0"

// gateway is an answer of something in between that is not the vendor.
const gateway = "<html><body>" + echo + "</body></html>"

type expectation struct {
	status int
	kinds  []fault.Kind
}

var proven = []fault.Kind{fault.Transient, fault.Denied, fault.BadConfig, fault.Rejected, fault.NeedsPerson}

// issueTable: what an answer to Issue proves. A 5xx may come after the effect.
var issueTable = []expectation{
	{400, []fault.Kind{fault.Rejected, fault.BadConfig}},
	{401, []fault.Kind{fault.Denied}},
	{403, []fault.Kind{fault.Denied}},
	{404, []fault.Kind{fault.BadConfig, fault.Denied}},
	{409, proven},
	{422, []fault.Kind{fault.Rejected, fault.BadConfig}},
	{429, []fault.Kind{fault.Transient}},
	{500, []fault.Kind{fault.Unknown}},
	{502, []fault.Kind{fault.Unknown}},
	{503, []fault.Kind{fault.Unknown, fault.Transient}},
	{504, []fault.Kind{fault.Unknown}},
	{200, []fault.Kind{fault.Unknown}}, // a login page: nobody knows what happened
}

// revokeTable: where a value is ended without a login, a refused one is a person's affair.
var revokeTable = []expectation{
	{400, append(proven[:len(proven):len(proven)], fault.Unknown)},
	{401, []fault.Kind{fault.Denied, fault.NeedsPerson}},
	{403, []fault.Kind{fault.Denied, fault.NeedsPerson}},
	{404, append(proven[:len(proven):len(proven)], fault.Unknown)}, // not the vendor's: the key may still work
	{409, append(proven[:len(proven):len(proven)], fault.Unknown)},
	{429, []fault.Kind{fault.Transient}},
	{500, []fault.Kind{fault.Unknown}},
	{503, []fault.Kind{fault.Unknown, fault.Transient}},
}

// unproven: something in between said no, and perhaps not to the value.
var unproven = []fault.Kind{fault.Unknown, fault.Transient, fault.BadConfig, fault.Denied, fault.NeedsPerson}

// verifyTable: none of these says that the value is wrong.
var verifyTable = []expectation{
	{400, unproven},
	{404, []fault.Kind{fault.Unknown, fault.Transient, fault.BadConfig}},
	{409, unproven},
	{422, unproven},
	{429, []fault.Kind{fault.Transient}},
	{500, []fault.Kind{fault.Unknown, fault.Transient}},
	{502, []fault.Kind{fault.Unknown, fault.Transient}},
	{503, []fault.Kind{fault.Unknown, fault.Transient}},
}

func (s *sitting) http() error {
	if s.HTTP == nil {
		return skip("the provider does not speak HTTP")
	}
	s.note(secret.New(echo))
	return nil
}

// answered runs call while every request gets the reply.
func (s *sitting) answered(r Reply, v provider.Issued, call func() error) (err error, calls int) {
	for _, hidden := range v.Values.Secrets() {
		r.Body += " " + hidden.Reveal()
	}
	count, restore := s.HTTP.Answer(r)
	defer restore()
	err = call()
	return err, count()
}

const retryAfter = 7 * time.Second

// table plays the statuses. The provider must neither retry nor lose Retry-After.
func (s *sitting) table(what string, v provider.Issued, rows []expectation, call func() error) error {
	for _, row := range rows {
		r := Reply{row.status, http.Header{"Retry-After": {"7"}, "Content-Type": {"text/html"}}, gateway}
		err, calls := s.answered(r, v, call)
		name := fmt.Sprintf("%s answered with %d", what, row.status)
		kinds := row.kinds
		if row.status >= 500 && s.HTTP.Changed != nil && s.HTTP.Changed() == 0 {
			kinds = append(kinds[:len(kinds):len(kinds)], fault.Transient) // only asked: proven not applied
		}
		if err := wantKind(name, err, kinds...); err != nil {
			return err
		}
		if calls > 1 && row.status != http.StatusOK {
			return fmt.Errorf("%s: %d requests; the engine retries, not the provider", name, calls)
		}
		if row.status == http.StatusTooManyRequests && fault.RetryAfterOf(err) != retryAfter {
			return fmt.Errorf("%s: Retry-After: 7 became %v", name, fault.RetryAfterOf(err))
		}
	}
	return nil
}

func askHTTPIssue(s *sitting) error {
	if err := s.http(); err != nil {
		return err
	}
	req := s.request(provider.Issued{})
	if err := s.prepare(&req, provider.Issued{}); err != nil {
		return err
	}
	rows := slices.Clone(issueTable)
	for i, row := range rows {
		if s.traits().Minter == rotation.ByPerson && row.status/100 == 4 && row.status != http.StatusTooManyRequests {
			// Issue has no effect there, and may present the person's value: a stranger's
			// no is no word about it
			rows[i].kinds = append(row.kinds[:len(row.kinds):len(row.kinds)], fault.Unknown)
		}
	}
	return s.table("Issue", provider.Issued{Values: req.Values}, rows, func() error {
		_, err := s.issue(s.ctx, s.Provider, req)
		return err
	})
}

func askHTTPRevoke(s *sitting) error {
	if err := s.http(); err != nil {
		return err
	}
	if err := s.canRevoke(); err != nil {
		return err
	}
	v, _, err := s.next(provider.Issued{})
	if err != nil {
		return err
	}
	revoke := func() error { return s.revoke(s.ctx, s.Provider, v.Handle) }
	if err := s.table("Revoke", v, revokeTable, revoke); err != nil {
		return err
	}
	if err, _ := s.answered(s.HTTP.Gone, provider.Issued{}, revoke); err != nil {
		return fmt.Errorf("Revoke answered with the vendor's \"no such value\" (%d) must be nil: %w", s.HTTP.Gone.Status, err)
	}
	return nil
}

// valueHTTP: the value itself is used over HTTP.
func (s *sitting) valueHTTP() error {
	if err := s.http(); err != nil {
		return err
	}
	if s.HTTP.Elsewhere != "" {
		return skip("the value is used elsewhere: %s", s.HTTP.Elsewhere)
	}
	return nil
}

func askHTTPVerify(s *sitting) error {
	if err := s.valueHTTP(); err != nil {
		return err
	}
	v, _, err := s.next(provider.Issued{})
	if err != nil {
		return err
	}
	verify := func() error { return s.verify(s.ctx, v) }
	if err := s.table("Verify", v, verifyTable, verify); err != nil {
		return err
	}
	err, _ = s.answered(s.HTTP.Refusal, provider.Issued{}, verify)
	return wantKind("Verify answered with the vendor's refusal", err, fault.Rejected)
}

func askHTTPProbe(s *sitting) error {
	if err := s.valueHTTP(); err != nil {
		return err
	}
	if _, ok := provider.As[provider.Prober](s.Provider); !ok {
		return skip("the provider has no Probe")
	}
	v, _, err := s.next(provider.Issued{})
	if err != nil {
		return err
	}
	var got provider.Liveness
	probe := func() (err error) { got, err = s.probe(s.ctx, v); return err }
	for _, status := range []int{200, 302, 400, 401, 403, 404, 407, 429, 500, 502, 503} {
		_, _ = s.answered(Reply{status, nil, gateway}, v, probe)
		if got == provider.Refused || got == provider.Expired {
			return fmt.Errorf("Probe takes a stranger's %d for %q; only the vendor's own refusal proves it", status, got)
		}
		if status >= 429 && got != provider.NotKnown {
			return fmt.Errorf("Probe answered with %d says %q, want %q", status, got, provider.NotKnown)
		}
	}
	if err, _ := s.answered(s.HTTP.Refusal, provider.Issued{}, probe); err != nil || got != provider.Refused {
		return fmt.Errorf("Probe answered with the vendor's refusal says %q (%v), want %q", got, err, provider.Refused)
	}
	return nil
}
