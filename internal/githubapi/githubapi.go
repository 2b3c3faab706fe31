// Package githubapi is what all clients of GitHub's API share: the headers that a
// request carries, the form of a refusal, and the limits.
package githubapi

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
)

// Header is what every request carries.
func Header() http.Header {
	return http.Header{"Accept": {"application/vnd.github+json"}, "X-Github-Api-Version": {"2022-11-28"}}
}

// Says reads a refusal in GitHub's own form; nothing else has it. What it says of single
// fields stands behind the message.
func Says(a apiclient.Answer) (message string, ok bool) {
	var e struct {
		Message string `json:"message"`
		Docs    string `json:"documentation_url"`
		Errors  any    `json:"errors"`
	}
	if !a.JSON(&e) || e.Message == "" || e.Docs == "" {
		return "", false
	}
	all, _ := e.Errors.([]any)
	for _, one := range all {
		if o, isObject := one.(map[string]any); isObject {
			if text, isText := o["message"].(string); isText {
				e.Message += " " + text
			}
		}
	}
	return e.Message, true
}

// Limited: a limit is told with 403 or 429. It is no refusal of the token, and no proof
// that it lives either: it may be the address's.
func Limited(a apiclient.Answer) bool {
	if a.Status != http.StatusForbidden {
		return a.Status == http.StatusTooManyRequests
	}
	message, _ := Says(a)
	return a.Header.Get("X-Ratelimit-Remaining") == "0" || a.Header.Get("Retry-After") != "" ||
		strings.Contains(strings.ToLower(message), "rate limit")
}

// Waiting adds to a limit's error when the hour begins anew; GitHub says it in a header
// of its own, and nothing in Retry-After.
func Waiting(err error, a apiclient.Answer) error {
	var e *fault.Error
	reset, bad := strconv.ParseInt(a.Header.Get("X-Ratelimit-Reset"), 10, 64)
	if !errors.As(err, &e) || e.Kind != fault.Transient || e.RetryAfter > 0 || bad != nil || a.Header.Get("X-Ratelimit-Remaining") != "0" {
		return err
	}
	from := a.Date()
	if from.IsZero() {
		from = time.Now()
	}
	c := *e
	c.RetryAfter = min(max(time.Unix(reset, 0).Sub(from), 0), time.Hour)
	return &c
}
