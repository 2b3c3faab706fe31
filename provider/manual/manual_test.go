package manual

import (
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

func newProvider(t testing.TB, opts Options) *Provider {
	t.Helper()
	p, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var r2 = Options{
	URL: "https://dash.example/tokens", Instructions: "Only this bucket.", RevokeInstructions: "Menu, then Delete.",
	Fields: []Field{{Name: "key_id", Public: true, Pattern: "[0-9a-f]{8}"}, {Name: "secret", Pattern: "[A-Za-z0-9]{40}"}},
	ID:     "key_id",
}

func TestExam(t *testing.T) {
	inPlace := r2
	inPlace.Strategy = "in-place"
	for name, opts := range map[string]Options{"overlap": r2, "in-place": inPlace} {
		t.Run(name, func(t *testing.T) {
			providertest.Run(t, providertest.Setup{
				ByHand:   "there is no API",
				FormOnly: "only a person can ask the vendor",
				Open: func(t testing.TB) providertest.Subject {
					return providertest.Subject{
						Provider: newProvider(t, opts),
						Again:    func() provider.Provider { return newProvider(t, opts) },
						Supply: func() secret.Set {
							return secret.Set{"key_id": secret.Public("0123abcd"), "secret": secret.Random(40)}
						},
					}
				},
			})
		})
	}
}

func TestIssueReadsTheHandleAndMarksFields(t *testing.T) {
	p := newProvider(t, r2)
	// as `rotor set` hands it over: everything secret until the provider says otherwise
	v, err := p.Issue(t.Context(), provider.Request{Values: secret.Set{
		"key_id": secret.New("0123abcd"), "secret": secret.Random(40),
	}})
	if err != nil || v.Handle.ID != "0123abcd" {
		t.Fatalf("handle %v, %v", v.Handle, err)
	}
	if !v.Values["key_id"].IsPublic() || v.Values["secret"].IsPublic() {
		t.Error("fields are not marked as configured")
	}
}

func TestRefusedValues(t *testing.T) {
	p := newProvider(t, Options{Pattern: "sk-[a-z]{12}|old", MinLength: 6})
	for name, text := range map[string]string{
		"missing":          "",
		"short":            "old",
		"no match":         "sk-ABCDEFGHIJKL",
		"only in part":     "sk-abcdefghijkl-and-more",
		"newline at end":   "sk-abcdefghijkl\n",
		"space in front":   " sk-abcdefghijkl",
		"nul":              "sk-abc\x00efghijkl",
		"quotes copied":    `"sk-abcdefghijkl"`,
		"alternation tail": "xxxold",
	} {
		values := secret.Set{"value": secret.New(text)}
		_, issueErr := p.Issue(t.Context(), provider.Request{Values: values})
		verifyErr := p.Verify(t.Context(), provider.Issued{Values: values})
		for _, err := range []error{issueErr, verifyErr} {
			if err == nil || fault.KindOf(err) != fault.Rejected {
				t.Errorf("%s: %v", name, err)
			} else if text != "" && strings.Contains(err.Error()+fault.HintOf(err), strings.TrimSpace(text)) {
				t.Errorf("%s: the error repeats the value: %v", name, err)
			}
		}
	}
	extra := secret.Set{"value": secret.New("sk-abcdefghijkl"), "other": secret.New("x")}
	if _, err := p.Issue(t.Context(), provider.Request{Values: extra}); fault.KindOf(err) != fault.Rejected || err == nil {
		t.Errorf("a field too many: %v", err)
	}
}

func TestValuesOfSeveralLinesPass(t *testing.T) {
	p := newProvider(t, Options{})
	pem := "-----BEGIN TEST-----\nQUJD\n-----END TEST-----"
	if _, err := p.Issue(t.Context(), provider.Request{Values: secret.Set{"value": secret.New(pem)}}); err != nil {
		t.Error(err)
	}
}

func TestExpiry(t *testing.T) {
	p := newProvider(t, Options{ExpiresDays: 90})
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	p.now = func() time.Time { return start }
	v, err := p.Issue(t.Context(), provider.Request{Values: secret.Set{"value": secret.Random(20)}})
	if want := start.AddDate(0, 0, 90); err != nil || !v.NotAfter.Equal(want) {
		t.Errorf("NotAfter = %v (%v), want %v", v.NotAfter, err, want)
	}
}

func TestInstructions(t *testing.T) {
	p := newProvider(t, r2)
	ask := p.Instructions(rotation.Ask, provider.Request{Label: "i1-e1-r2-7-1"})
	for _, part := range []string{"https://dash.example/tokens", "Only this bucket.", "i1-e1-r2-7-1", "key_id, secret", "old one alive"} {
		if !strings.Contains(ask, part) {
			t.Errorf("ask lacks %q:\n%s", part, ask)
		}
	}
	revoke := p.Instructions(rotation.Revoke, provider.Request{Current: rotation.Handle{ID: "0123abcd"}})
	for _, part := range []string{"key_id 0123abcd", "Menu, then Delete.", "https://dash.example/tokens"} {
		if !strings.Contains(revoke, part) {
			t.Errorf("revoke lacks %q:\n%s", part, revoke)
		}
	}
	err := p.Revoke(t.Context(), rotation.Handle{ID: "0123abcd"})
	if fault.KindOf(err) != fault.NeedsPerson || fault.HintOf(err) != revoke {
		t.Errorf("Revoke: %v, hint %q", err, fault.HintOf(err))
	}
	inPlace := newProvider(t, Options{Strategy: "in-place"})
	if got := inPlace.Instructions(rotation.Ask, provider.Request{}); !strings.Contains(got, "old one stops working") {
		t.Errorf("in-place ask: %s", got)
	}
}

func TestBadOptions(t *testing.T) {
	for name, opts := range map[string]Options{
		"strategy":          {Strategy: "alternate"},
		"pattern":           {Pattern: "["},
		"unbalanced":        {Pattern: "a)|(b"},
		"min-length":        {MinLength: -1},
		"expires":           {ExpiresDays: -1},
		"url":               {URL: "javascript:alert(1)"},
		"url with password": {URL: "https://u:p@dash.example"},
		"twice":             {Fields: []Field{{Name: "a"}, {Name: "a"}}},
		"name":              {Fields: []Field{{Name: "access-key"}}},
		"previous":          {Fields: []Field{{Name: "previous"}}},
		"nothing secret":    {Fields: []Field{{Name: "a", Public: true}}},
		"pattern beside":    {Pattern: "x", Fields: []Field{{Name: "a"}}},
		"id unknown":        {ID: "key_id"},
		"id secret":         {ID: "value"},
	} {
		if _, err := New(opts); fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "" {
			t.Errorf("%s: %v, hint %q", name, err, fault.HintOf(err))
		}
	}
}

func FuzzPattern(f *testing.F) {
	f.Add("[0-9]+", "123")
	f.Add("a|b", "ab")
	f.Add("(?i)x$", "X\n")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		re, err := whole(pattern)
		if err != nil || re == nil || !re.MatchString(text) {
			return
		}
		if loc := re.FindStringIndex(text); loc[0] != 0 || loc[1] != len(text) {
			t.Errorf("%q matches %q only in part: %v", pattern, text, loc)
		}
	})
}
