package generated_test

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/generated"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

func newProvider(t testing.TB, opts generated.Options, overlap bool) *generated.Provider {
	t.Helper()
	p, err := generated.New(opts, overlap)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestExam(t *testing.T) {
	for name, overlap := range map[string]bool{"overlap": true, "in-place": false} {
		t.Run(name, func(t *testing.T) {
			providertest.Run(t, providertest.Setup{
				FormOnly: "nobody outside checks the value",
				Open: func(t testing.TB) providertest.Subject {
					open := func() provider.Provider { return newProvider(t, generated.Options{}, overlap) }
					return providertest.Subject{Provider: open(), Again: open}
				},
			})
		})
	}
}

func TestStrategyFollowsTheAcceptors(t *testing.T) {
	if got := newProvider(t, generated.Options{}, true).Traits(); got.Strategy != rotation.Overlap || got.Outage != "" {
		t.Errorf("with overlap: %s, outage %q", got.Strategy, got.Outage)
	}
	if got := newProvider(t, generated.Options{}, false).Traits(); got.Strategy != rotation.InPlace || got.Outage == "" {
		t.Errorf("without overlap: %s, outage %q", got.Strategy, got.Outage)
	}
}

func TestEncodings(t *testing.T) {
	for _, c := range []struct {
		opts   generated.Options
		decode func(string) ([]byte, error)
		length int // of the text without its prefix
	}{
		{generated.Options{}, hex.DecodeString, 64},
		{generated.Options{Bytes: 16, Encoding: "hex"}, hex.DecodeString, 32},
		{generated.Options{Bytes: 24, Encoding: "base64", Prefix: "whsec_"}, base64.StdEncoding.DecodeString, 32},
		{generated.Options{Bytes: 32, Encoding: "base64url"}, base64.RawURLEncoding.DecodeString, 43},
		{generated.Options{Bytes: 32, Encoding: "alnum"}, nil, 43},
	} {
		p := newProvider(t, c.opts, true)
		values, err := p.Make(t.Context(), provider.Request{})
		if err != nil {
			t.Fatal(err)
		}
		text, ok := strings.CutPrefix(values["value"].Reveal(), c.opts.Prefix)
		if !ok || len(text) != c.length {
			t.Errorf("%+v: %d characters after the prefix (%v), want %d", c.opts, len(text), ok, c.length)
		}
		if c.decode != nil {
			if _, err := c.decode(text); err != nil {
				t.Errorf("%+v: %v", c.opts, err)
			}
		}
		if err := p.Verify(t.Context(), provider.Issued{Values: values}); err != nil {
			t.Errorf("%+v: Verify refuses its own value: %v", c.opts, err)
		}
	}
}

func TestVerifyRefusesOtherForms(t *testing.T) {
	p := newProvider(t, generated.Options{Bytes: 16, Encoding: "base64", Prefix: "whsec_"}, true)
	good := "whsec_AAAAAAAAAAAAAAAAAAAAAA=="
	for name, text := range map[string]string{
		"no prefix":  strings.TrimPrefix(good, "whsec_"),
		"too short":  "whsec_AAAA",
		"line break": "whsec_AAAAAAAAAAAA\nAAAAAAAAAA==",
		"unpadded":   strings.TrimRight(good, "="),
		"empty":      "",
		"only shell": "whsec_$(id)",
	} {
		err := p.Verify(t.Context(), provider.Issued{Values: secret.Set{"value": secret.New(text)}})
		if fault.KindOf(err) != fault.Rejected || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := p.Verify(t.Context(), provider.Issued{Values: secret.Set{"value": secret.New(good)}}); err != nil {
		t.Errorf("good value: %v", err)
	}
}

func TestBadOptions(t *testing.T) {
	for name, opts := range map[string]generated.Options{
		"few bytes":    {Bytes: 15},
		"many bytes":   {Bytes: 1025},
		"negative":     {Bytes: -1},
		"encoding":     {Encoding: "rot13"},
		"prefix space": {Prefix: "a b"},
		"prefix quote": {Prefix: `"`},
		"long prefix":  {Prefix: strings.Repeat("a", 33)},
	} {
		if _, err := generated.New(opts, false); fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "" {
			t.Errorf("%s: %v, hint %q", name, err, fault.HintOf(err))
		}
	}
}
