// Package fault names the kinds of failure that every room reports in. The
// engine decides on the kind alone, never on text.
//
// What surprises: the zero Kind is Unknown, and an error that nobody classified
// is Unknown. An unknown effect may have happened; only kinds that are proofs
// of the contrary may be treated as "nothing changed".
//
// Rotor's packages are public so that the tree can be read; only sdk/ promises
// compatibility.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what a failure proves and who can do something about it.
type Kind uint8

const (
	// Unknown: the effect may or may not have happened (time-out, lost answer,
	// an answer that makes no sense). The zero value, on purpose.
	Unknown Kind = iota
	// Transient: proven not applied, and worth the same try later (429, 503
	// before processing, connection refused, lock held).
	Transient
	// Denied: proven not applied; our own identity lacks the right (401, 403).
	Denied
	// BadConfig: proven not applied; what we were told to do cannot work.
	BadConfig
	// Rejected: proven not applied; the other side looked at the value or
	// request and refuses it. Verify uses it for "this value does not work".
	Rejected
	// NeedsPerson: proven not applied; only a person can go on.
	NeedsPerson
)

var names = [...]string{"unknown", "transient", "denied", "bad-config", "rejected", "needs-person"}

// String gives the word used in the journal, the output and the documents.
func (k Kind) String() string {
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// ParseKind is the inverse of String; an unknown word is Unknown.
func ParseKind(s string) Kind {
	for i, n := range names {
		if n == s {
			return Kind(i)
		}
	}
	return Unknown
}

// MayHaveHappened says whether an effect that ended in this kind may have happened.
func (k Kind) MayHaveHappened() bool { return k == Unknown }

// Error is a failure with its kind. Op says what was tried, in the form
// "resend: revoke: DELETE /api-keys/9: status 503"; neither Op, Hint nor Err may
// contain a body, a header, a query or a value.
type Error struct {
	Kind       Kind
	Op         string
	Hint       string        // what to do next, for a person; may be empty
	RetryAfter time.Duration // what the other side asked for; 0 = nothing
	Err        error         // may be nil
}

func (e *Error) Error() string {
	switch {
	case e.Err == nil:
		return e.Op
	case e.Op == "":
		return e.Err.Error()
	}
	return e.Op + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// New returns an error of the given kind; op and args as in fmt.Sprintf.
func New(k Kind, op string, args ...any) *Error {
	return &Error{Kind: k, Op: fmt.Sprintf(op, args...)}
}

// Wrap gives err a kind and says what was tried. Wrap(k, op, nil) is nil.
func Wrap(k Kind, op string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: k, Op: op, Err: err, Hint: HintOf(err), RetryAfter: RetryAfterOf(err)}
}

// WithHint adds what a person should do next.
func (e *Error) WithHint(hint string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(hint, args...)
	return &c
}

// KindOf is the kind of the outermost *Error in err's chain, else Unknown.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Unknown
}

// HintOf is the first hint in err's chain.
func HintOf(err error) string {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return ""
		}
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Err
	}
	return ""
}

// RetryAfterOf is the first wish of the other side in err's chain.
func RetryAfterOf(err error) time.Duration {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return 0
		}
		if e.RetryAfter > 0 {
			return e.RetryAfter
		}
		err = e.Err
	}
	return 0
}
