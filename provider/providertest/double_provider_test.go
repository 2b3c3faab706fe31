package providertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// candidate is a provider that keeps the contract, but for its bug.
type candidate struct {
	account  *account
	client   *http.Client
	minter   rotation.Minter
	bug      string
	issuedBy map[string]bool // only for bug remembers-ids
	asked    int
}

func newCandidate(a *account, minter rotation.Minter, bug string) *candidate {
	return &candidate{account: a, minter: minter, bug: bug, issuedBy: map[string]bool{},
		client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
}

func (c *candidate) Traits() provider.Traits {
	t := provider.Traits{Name: "acme", Strategy: rotation.Overlap, Minter: c.minter,
		Fields: []provider.Field{{Name: "key", Secret: true}}, Settle: 30 * time.Second, Steady: 6 * time.Second}
	if c.bug == "once-is-enough" {
		t.Steady = 0
	}
	if c.bug == "traits-change" {
		c.asked++
		t.Quota = c.asked
	}
	return t
}

func (c *candidate) Make(ctx context.Context, req provider.Request) (secret.Set, error) {
	v := secret.Random(32)
	switch c.bug {
	case "make-constant":
		v = secret.New("always-the-same-value-for-everyone")
	case "make-effect":
		_, _ = c.Issue(ctx, provider.Request{Values: secret.Set{"key": v}})
	case "make-short":
		v = secret.Random(8)
	}
	return secret.Set{"key": v}, nil
}

func (c *candidate) Issue(ctx context.Context, req provider.Request) (provider.Issued, error) {
	if c.minter == rotation.ByRotor && c.bug != "issue-doubles" {
		if k, err := c.byValue(ctx, req.Values["key"]); err != nil || k.ID != "" {
			return c.issued(k), err
		}
	}
	want := key{Label: req.Label, Value: req.Values["key"].Reveal()}
	if c.bug == "no-label" {
		want.Label = "rotor"
	}
	var got key
	if err := c.call(ctx, "issue", http.MethodPost, "/keys", "", want, &got); err != nil {
		return provider.Issued{}, err
	}
	c.issuedBy[got.ID] = true
	if got.ID == "" && c.bug != "garbage-is-fine" {
		return provider.Issued{}, fault.New(fault.Unknown, "acme: issue: the answer has no id")
	}
	return c.issued(got), nil
}

func (c *candidate) issued(k key) provider.Issued {
	h := rotation.Handle{ID: k.ID}
	if c.bug == "handle-is-value" {
		h.ID = k.Value
	}
	v := secret.New(k.Value)
	if c.bug == "value-public" {
		v = secret.Public(k.Value)
	}
	return provider.Issued{Handle: h, Values: secret.Set{"key": v}}
}

// byValue finds our key again; a real vendor would offer a digest for that.
func (c *candidate) byValue(ctx context.Context, v secret.Value) (key, error) {
	all, err := c.all(ctx)
	for _, k := range all {
		if k.Value == v.Reveal() {
			return k, nil
		}
	}
	return key{}, err
}

func (c *candidate) Verify(ctx context.Context, v provider.Issued) error {
	if c.bug == "verify-anything" {
		return ctx.Err()
	}
	var me key
	err := c.call(ctx, "verify", http.MethodGet, "/me", v.Values["key"].Reveal(), nil, &me)
	if err == nil && me.ID != v.Handle.ID && c.bug != "verify-any-key" {
		return fault.New(fault.Rejected, "acme: verify: it is another key")
	}
	switch {
	case err == nil:
		return nil
	case err != nil && c.bug == "verify-all-rejected":
		return fault.New(fault.Rejected, "acme: verify: refused")
	case err != nil && c.bug == "leak-base64":
		return fault.New(fault.KindOf(err), "acme: verify").WithHint("try %s", secret.Encodings(v.Values["key"])[4])
	case refused(err):
		return fault.Wrap(fault.Rejected, "acme: verify", err)
	case c.bug == "4xx-rejected":
		return err
	}
	return provider.Judged("acme: verify", provider.NotKnown, err)
}

func (c *candidate) Revoke(ctx context.Context, h rotation.Handle) error {
	if c.bug == "remembers-ids" && !c.issuedBy[h.ID] {
		return nil
	}
	if c.bug == "revoke-by-name" {
		c.revokeNamesakes(ctx, h)
	}
	if c.bug == "revoke-everything" {
		all, _ := c.all(ctx)
		for _, k := range all {
			_ = c.call(ctx, "revoke", http.MethodDelete, "/keys/"+k.ID, "", nil, nil)
		}
	}
	err := c.call(ctx, "revoke", http.MethodDelete, "/keys/"+h.ID, "", nil, nil)
	var r *refusal
	gone := errors.As(err, &r) && r.status == 404 && (r.body == goneReply.Body || c.bug == "any-404-is-gone")
	if gone && c.bug != "gone-is-error" || c.bug == "revoke-ignores-status" && r != nil {
		return nil
	}
	return err
}

func (c *candidate) revokeNamesakes(ctx context.Context, h rotation.Handle) {
	all, _ := c.all(ctx)
	for _, k := range all {
		for _, other := range all {
			if k.ID == h.ID && other.Label == k.Label {
				_ = c.call(ctx, "revoke", http.MethodDelete, "/keys/"+other.ID, "", nil, nil)
			}
		}
	}
}

func (c *candidate) Find(ctx context.Context, prefix string) ([]provider.Found, error) {
	all, err := c.all(ctx)
	var out []provider.Found
	for _, k := range all {
		if strings.HasPrefix(k.Label, prefix) || c.bug == "find-everything" {
			out = append(out, provider.Found{Handle: rotation.Handle{ID: k.ID}, Label: k.Label, Created: k.Created})
		}
	}
	return out, err
}

func (c *candidate) all(ctx context.Context) (out []key, err error) {
	for {
		var page []key
		err := c.call(ctx, "find", http.MethodGet, "/keys?from="+strconv.Itoa(len(out)), "", nil, &page)
		if c.bug == "cut-is-the-end" && fault.KindOf(err) == fault.Unknown && err != nil {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if len(out) > 0 && len(page) > 0 && page[0].ID == out[0].ID && c.bug != "reads-for-ever" {
			if c.bug == "repeat-is-the-end" {
				return out, nil
			}
			return nil, fault.New(fault.Unknown, "acme: find: the list repeats a page")
		}
		out = append(out, page...)
		if len(page) < pageSize || c.bug == "find-one-page" {
			return out, nil
		}
	}
}

func (c *candidate) Probe(ctx context.Context, v provider.Issued) (provider.Liveness, error) {
	err := c.call(ctx, "probe", http.MethodGet, "/me", v.Values["key"].Reveal(), nil, nil)
	var r *refusal
	switch {
	case err == nil:
		return provider.Alive, nil
	case v.Values["key"].IsZero():
		return provider.NotKnown, err
	case refused(err), c.bug == "probe-error-dead",
		c.bug == "probe-bare-401" && errors.As(err, &r) && r.status == 401:
		return provider.Refused, nil
	}
	return provider.NotKnown, err
}

func (c *candidate) Usage(ctx context.Context, h rotation.Handle) (provider.Usage, error) {
	var k key
	err := c.call(ctx, "usage", http.MethodGet, "/keys/"+h.ID, "", nil, &k)
	var r *refusal
	switch {
	case errors.As(err, &r) && r.status == http.StatusNotFound && c.bug != "usage-of-gone":
		return provider.Usage{}, nil
	case err != nil:
		return provider.Usage{}, err
	}
	if c.bug == "usage-uses" {
		_ = c.Verify(ctx, provider.Issued{Values: secret.Set{"key": secret.New(k.Value)}})
	}
	return provider.Usage{Known: true, LastUsed: k.Used}, nil
}

// refusal is an answer with a status that means failure.
type refusal struct {
	status int
	body   string
}

func (r *refusal) Error() string { return fmt.Sprintf("status %d", r.status) }

func refused(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.status == refusalReply.Status && strings.HasPrefix(r.body, refusalReply.Body)
}

func (c *candidate) call(ctx context.Context, step, method, path, bearer string, in, out any) error {
	op := "acme: " + step
	if c.bug == "ignores-context" {
		ctx = context.WithoutCancel(ctx)
	}
	body, _ := json.Marshal(in)
	req, _ := http.NewRequestWithContext(ctx, method, c.account.line.URL+path, bytes.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+bearer)
	resp, err := c.client.Do(req)
	if err != nil && c.bug == "mints-again" && method == http.MethodPost && ctx.Err() == nil {
		req.Body, _ = req.GetBody()
		resp, err = c.client.Do(req)
	}
	if err != nil {
		urlless := errors.Unwrap(err)
		if errors.Is(err, syscall.ECONNREFUSED) && c.bug != "unsent-unknown" || c.bug == "lost-is-transient" {
			return fault.Wrap(fault.Transient, op, urlless)
		}
		return fault.Wrap(fault.Unknown, op, urlless)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode >= 300 {
		if c.bug == "retries" && resp.StatusCode == 503 {
			req.Body, _ = req.GetBody()
			if again, err := c.client.Do(req); err == nil {
				again.Body.Close()
			}
		}
		return c.classify(op, resp, text)
	}
	if out != nil && json.Unmarshal(text, out) != nil && c.bug != "garbage-is-fine" {
		return fault.New(fault.Unknown, "%s: the answer is no JSON", op)
	}
	return nil
}

func (c *candidate) classify(op string, resp *http.Response, body []byte) error {
	e := &fault.Error{Kind: fault.Unknown, Op: op, Err: &refusal{resp.StatusCode, string(body)}}
	switch status := resp.StatusCode; {
	case status == 429:
		e.Kind = fault.Transient
		if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && c.bug != "no-retry-after" {
			e.RetryAfter = time.Duration(seconds) * time.Second
		}
	case status == 401 || status == 403:
		e.Kind = fault.Denied
		if step := strings.TrimPrefix(op, "acme: "); step == "verify" || step == "probe" {
			e.Kind = fault.Unknown
		}
	case status == 404:
		e.Kind = fault.BadConfig
	case status < 500:
		e.Kind = fault.Rejected
	}
	switch {
	case c.bug == "5xx-transient" && resp.StatusCode >= 500:
		e.Kind = fault.Transient
	case c.bug == "401-transient" && resp.StatusCode == 401:
		e.Kind = fault.Transient
	case c.bug == "leak-body":
		e.Err = fmt.Errorf("status %d: %s", resp.StatusCode, body)
	}
	return e
}
