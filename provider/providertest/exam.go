package providertest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// question asks one thing of a freshly opened account. An error is a failed
// question and its text is written for the provider's author.
type question struct {
	name string
	ask  func(s *sitting) error
}

func questions() []question {
	return []question{
		{"traits", askTraits},
		{"make", askMake},
		{"issue", askIssue},
		{"issue-again", askIssueAgain},
		{"wrong-value", askWrongValue},
		{"revoke-one", askRevokeOne},
		{"revoke-again", askRevokeAgain},
		{"life", askLife},
		{"probe", askProbe},
		{"preflight", askPreflight},
		{"unsent", askUnsent},
		{"unanswered-issue", askUnansweredIssue},
		{"unanswered-revoke", askUnansweredRevoke},
		{"silent", askSilent},
		{"cancelled", askCancelled},
		{"find", askFind},
		{"list", askList},
		{"namesake", askNamesake},
		{"impostor", askImpostor},
		{"steady", askSteady},
		{"spoiled", askSpoiled},
		{"reveal", askReveal},
		{"identify", askIdentify},
		{"usage", askUsage},
		{"clock", askClock},
		{"guide", askGuide},
		{"http-issue", askHTTPIssue},
		{"http-revoke", askHTTPRevoke},
		{"http-verify", askHTTPVerify},
		{"http-probe", askHTTPProbe},
	}
}

// Run sits the provider down for the whole exam.
func Run(t *testing.T, setup Setup) {
	for _, q := range questions() {
		t.Run(q.name, func(t *testing.T) { sit(t, setup, q) })
	}
}

func sit(t *testing.T, setup Setup, q question) {
	err := examine(t, setup, q)
	var skip skipped
	switch {
	case errors.As(err, &skip):
		t.Skip(skip.reason)
	case err != nil:
		t.Error(err)
	}
}

// Finding is a question that the provider failed.
type Finding struct {
	Question string
	Err      error
}

// Examine asks all questions and returns the failed ones; for tests of the exam
// itself.
func Examine(t testing.TB, setup Setup) []Finding {
	var out []Finding
	for _, q := range questions() {
		err := examine(t, setup, q)
		var skip skipped
		if err != nil && !errors.As(err, &skip) {
			out = append(out, Finding{q.name, err})
		}
	}
	return out
}

// patience bounds one question: a provider that hangs fails instead of the build.
const patience = 2 * time.Minute

func examine(t testing.TB, setup Setup, q question) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s := &sitting{Subject: setup.Open(t), ctx: ctx, formOnly: setup.FormOnly,
		byHand: setup.ByHand, labels: "exam" + strings.ToLower(rand.Text()[:8]), known: map[rotation.Handle]provider.Issued{}}
	s.note(s.Secrets...)
	err := q.ask(s)
	if leak := s.leak(); leak != nil {
		return leak // worse than whatever else was wrong
	}
	return err
}

// skipped is the "error" of a question that cannot be asked.
type skipped struct{ reason string }

func (s skipped) Error() string { return s.reason }

func skip(reason string, args ...any) error { return skipped{fmt.Sprintf(reason, args...)} }
