package r2

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
)

// envelope is what every answer of the API comes in.
type envelope struct {
	Success bool `json:"success"`
	Errors  []struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"errors"`
	Result json.RawMessage `json:"result"` // may hold a token
	Info   struct {
		Page  *int `json:"page"`
		Total *int `json:"total_count"`
	} `json:"result_info"`
}

// do sends a call and takes the result out of its envelope. A refusal may come with
// status 200: it is judged like any other.
func (p *Provider) do(ctx context.Context, call apiclient.Call, result any) (envelope, error) {
	var e envelope
	var a apiclient.Answer
	if call.Judge == nil {
		call.Judge = judge
	}
	if call.Answer == nil {
		call.Answer = &a
	}
	call.Out = &e
	if err := p.api.Do(ctx, call); err != nil {
		return e, err
	}
	op := name + ": " + call.Step
	switch {
	case e.Success && (result == nil || len(e.Result) > 0 && json.Unmarshal(e.Result, result) == nil && string(e.Result) != "null"):
		return e, nil
	case e.Success:
		return e, fault.New(fault.Unknown, "%s: the answer has an unexpected form", op)
	case len(e.Errors) == 0:
		return e, fault.New(fault.Unknown, "%s: the answer says neither yes nor why not", op)
	}
	refusal := &fault.Error{Kind: fault.Rejected, Op: op + ": refused, with status 200"}
	if v := call.Judge(*call.Answer); v != nil {
		refusal.Kind, refusal.Hint = v.Kind, v.Hint
	}
	return e, refusal
}

// says reads Cloudflare's refusal: the codes, and all that is said.
func says(a apiclient.Answer) (codes []int, message string, ok bool) {
	var e envelope
	if !a.JSON(&e) || e.Success || len(e.Errors) == 0 {
		return nil, "", false
	}
	for _, x := range e.Errors {
		codes, message = append(codes, x.Code), message+" "+x.Message
	}
	return codes, strings.ToLower(message), true
}

const goneHint = "the token is gone"

func verdict(kind fault.Kind, hint string) *apiclient.Verdict {
	return &apiclient.Verdict{Kind: kind, Hint: hint}
}

// unrouted: the path itself is wrong, which is no word about a token.
func unrouted(codes []int) bool { return slices.Contains(codes, 7000) || slices.Contains(codes, 7003) }

// judge is what a refusal proves about a request of Rotor's own.
func judge(a apiclient.Answer) *apiclient.Verdict {
	codes, message, ok := says(a)
	has := func(code int) bool { return slices.Contains(codes, code) }
	switch {
	case !ok || a.Status == http.StatusTooManyRequests:
		return nil
	case unrouted(codes):
		return verdict(fault.BadConfig, "check account-id and base-url")
	case has(1000) || has(6003) || strings.Contains(message, "invalid access token"):
		return verdict(fault.Denied, "api-token is refused: deleted, expired, or not a token of Cloudflare's API")
	case has(9109) || has(10000) || a.Status == http.StatusForbidden || a.Status == http.StatusUnauthorized:
		return verdict(fault.Denied, "api-token lacks the right to manage tokens (of the account: API Tokens Edit; of a user: that user's own token), or account-id is of another account")
	case strings.Contains(message, "maximum") || strings.Contains(message, "limit") || strings.Contains(message, "too many"):
		return verdict(fault.Rejected, "no further token fits (a user has about 50): delete tokens that nobody uses, or let the account own them (owner: account)")
	case a.Status == http.StatusBadRequest && strings.Contains(message, "polic"):
		return verdict(fault.BadConfig, "check account-id, buckets and jurisdiction")
	}
	return nil
}

// missing also recognises a token that is gone, in Cloudflare's own form: that there is
// no such path proves nothing.
func missing(a apiclient.Answer) *apiclient.Verdict {
	codes, message, ok := says(a)
	gone := a.Status == http.StatusNotFound || a.Status == http.StatusOK && strings.Contains(message, "not found")
	if ok && gone && !unrouted(codes) {
		return verdict(fault.BadConfig, goneHint)
	}
	return judge(a)
}

func isGone(err error) bool { return err != nil && fault.HintOf(err) == goneHint }
