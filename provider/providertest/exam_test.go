package providertest

import (
	"slices"
	"testing"

	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// setup opens an account with a provider that has the bug ("" = none).
func setup(minter rotation.Minter, bug string) Setup {
	return Setup{Open: func(t testing.TB) Subject {
		a := newAccount(t)
		return Subject{
			Provider: newCandidate(a, minter, bug),
			Again:    func() provider.Provider { return newCandidate(a, minter, bug) },
			Live:     a.live, Stranger: a.stranger, Break: a.line.Break, PageSize: pageSize,
			HTTP: a.line.HTTP(refusalReply, goneReply), Namesake: a.namesake, Impostor: a.impostor, Flap: a.flap, Pass: a.pass,
		}
	}}
}

func TestGoodProvidersPass(t *testing.T) {
	for _, minter := range []rotation.Minter{rotation.ByProvider, rotation.ByRotor} {
		t.Run(string(minter), func(t *testing.T) { Run(t, setup(minter, "")) })
	}
}

// TestSeededBugsAreCaught: each bug must be found, by the question meant for it.
func TestSeededBugsAreCaught(t *testing.T) {
	for _, bug := range []struct {
		name, question string
		minter         rotation.Minter
	}{
		{"traits-change", "traits", rotation.ByProvider},
		{"make-constant", "make", rotation.ByRotor},
		{"make-short", "make", rotation.ByRotor},
		{"make-effect", "make", rotation.ByRotor},
		{"handle-is-value", "issue", rotation.ByProvider},
		{"value-public", "issue", rotation.ByProvider},
		{"issue-doubles", "issue-again", rotation.ByRotor},
		{"verify-anything", "wrong-value", rotation.ByProvider},
		{"verify-all-rejected", "http-verify", rotation.ByProvider},
		{"4xx-rejected", "http-verify", rotation.ByProvider},
		{"revoke-everything", "revoke-one", rotation.ByProvider},
		{"remembers-ids", "revoke-one", rotation.ByProvider},
		{"gone-is-error", "revoke-again", rotation.ByProvider},
		{"gone-is-error", "http-revoke", rotation.ByProvider},
		{"revoke-ignores-status", "http-revoke", rotation.ByProvider},
		{"probe-error-dead", "probe", rotation.ByProvider},
		{"probe-bare-401", "http-probe", rotation.ByProvider},
		{"unsent-unknown", "unsent", rotation.ByProvider},
		{"lost-is-transient", "unanswered-issue", rotation.ByProvider},
		{"lost-is-transient", "unanswered-revoke", rotation.ByProvider},
		{"no-label", "unanswered-issue", rotation.ByProvider},
		{"ignores-context", "cancelled", rotation.ByProvider},
		{"find-one-page", "find", rotation.ByProvider},
		{"find-everything", "find", rotation.ByProvider},
		{"usage-uses", "usage", rotation.ByProvider},
		{"usage-of-gone", "usage", rotation.ByProvider},
		{"revoke-by-name", "namesake", rotation.ByProvider},
		{"verify-any-key", "impostor", rotation.ByProvider},
		{"once-is-enough", "steady", rotation.ByProvider},
		{"mints-again", "unanswered-issue", rotation.ByProvider},
		{"any-404-is-gone", "http-revoke", rotation.ByProvider},
		{"garbage-is-fine", "spoiled", rotation.ByProvider},
		{"cut-is-the-end", "spoiled", rotation.ByProvider},
		{"repeat-is-the-end", "spoiled", rotation.ByProvider},
		{"reads-for-ever", "spoiled", rotation.ByProvider},
		{"5xx-transient", "http-issue", rotation.ByProvider},
		{"401-transient", "http-issue", rotation.ByProvider},
		{"no-retry-after", "http-issue", rotation.ByProvider},
		{"retries", "http-issue", rotation.ByProvider},
		{"garbage-is-fine", "http-issue", rotation.ByProvider},
		{"leak-body", "http-issue", rotation.ByProvider},
		{"leak-base64", "wrong-value", rotation.ByProvider},
	} {
		t.Run(bug.name+"/"+bug.question, func(t *testing.T) {
			t.Parallel()
			q := questions()[slices.IndexFunc(questions(), func(q question) bool { return q.name == bug.question })]
			if err := examine(t, setup(bug.minter, bug.name), q); err == nil {
				t.Errorf("question %s does not catch it", bug.question)
			} else {
				t.Log(err)
			}
		})
	}
}

// TestExamineNamesTheQuestion: the whole exam fails a bad provider and says where.
func TestExamineNamesTheQuestion(t *testing.T) {
	found := Examine(t, setup(rotation.ByProvider, "verify-anything"))
	if !slices.ContainsFunc(found, func(f Finding) bool { return f.Question == "wrong-value" }) {
		t.Errorf("findings = %v", found)
	}
}

func TestWrongValueKeepsItsShape(t *testing.T) {
	for _, text := range []string{"sk-live", "0123456789abcdef", "whsec_QUJDREVGR0hJSktMTU5PUA==", "x"} {
		v := provider.Issued{Values: secret.Set{"key": secret.New(text), "user": secret.Public("app")}}
		got := wrong(v).Values
		if got["key"].Equal(v.Values["key"]) || got["key"].Len() != len(text) {
			t.Errorf("wrong(%s) = %s", text, got["key"].Reveal())
		}
		if got["user"].Reveal() != "app" || v.Values["key"].Reveal() != text {
			t.Errorf("wrong(%s) touched a public field or the original", text)
		}
	}
}

// TestJourney: good providers arrive, whatever happens on the way.
func TestJourney(t *testing.T) {
	for _, minter := range []rotation.Minter{rotation.ByProvider, rotation.ByRotor} {
		t.Run(string(minter), func(t *testing.T) { Journey(t, setup(minter, "")) })
	}
}

// TestBadProvidersDoNotArrive: each bug shows on some journey.
func TestBadProvidersDoNotArrive(t *testing.T) {
	for _, bug := range []struct {
		name   string
		minter rotation.Minter
		trip   trip
	}{
		{"no-label", rotation.ByProvider, trip{lose: true}},
		{"revoke-everything", rotation.ByProvider, trip{}},
		{"issue-doubles", rotation.ByRotor, trip{lose: true}},
		{"remembers-ids", rotation.ByProvider, trip{}},
	} {
		t.Run(bug.name, func(t *testing.T) {
			if _, err := travel(t, setup(bug.minter, bug.name), bug.trip); err == nil {
				t.Error("arrived")
			}
		})
	}
}
