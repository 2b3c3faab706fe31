package apiclient

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter: a vendor, or a proxy, may name a time that nobody can wait for.
const maxRetryAfter = 15 * time.Minute

// retryAfter reads both forms, seconds and a date; a date counts from the
// answer's own Date, so that a wrong clock here does not matter.
func retryAfter(a Answer) time.Duration {
	text := strings.TrimSpace(a.Header.Get("Retry-After"))
	if text == "" {
		return 0
	}
	var d time.Duration
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds == seconds { // some send 1.5
		d = time.Duration(min(max(seconds, 0), maxRetryAfter.Seconds()) * float64(time.Second))
	} else if at, err := http.ParseTime(text); err == nil {
		from := a.Date()
		if from.IsZero() {
			from = time.Now()
		}
		d = at.Sub(from)
	}
	return min(max(d, 0), maxRetryAfter)
}
