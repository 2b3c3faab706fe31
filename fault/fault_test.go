package fault

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// TestUnknownIsTheDefault: what nobody classified may have happened.
func TestUnknownIsTheDefault(t *testing.T) {
	for _, err := range []error{errors.New("x"), context.DeadlineExceeded, fmt.Errorf("y: %w", context.Canceled), &Error{Op: "z"}} {
		if k := KindOf(err); k != Unknown || !k.MayHaveHappened() {
			t.Errorf("%v is %s", err, k)
		}
	}
	for _, k := range []Kind{Transient, Denied, BadConfig, Rejected, NeedsPerson} {
		if k.MayHaveHappened() {
			t.Errorf("%s may have happened", k)
		}
		if ParseKind(k.String()) != k {
			t.Errorf("%s does not read back", k)
		}
	}
}

func TestWrapping(t *testing.T) {
	inner := (&Error{Kind: Transient, Op: "GET /keys: status 429", RetryAfter: time.Minute}).WithHint("wait for %s", "it")
	err := fmt.Errorf("outer: %w", Wrap(Denied, "resend: find", inner))
	if KindOf(err) != Denied {
		t.Errorf("the outermost kind must win, got %s", KindOf(err))
	}
	if HintOf(err) != "wait for it" || RetryAfterOf(err) != time.Minute {
		t.Errorf("hint %q, retry after %s", HintOf(err), RetryAfterOf(err))
	}
	if got := err.Error(); got != "outer: resend: find: GET /keys: status 429" {
		t.Error(got)
	}
	if Wrap(Denied, "x", nil) != nil {
		t.Error("wrapping nothing makes an error")
	}
}
