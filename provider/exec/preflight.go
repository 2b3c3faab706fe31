package exec

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
)

// traits are what the program says of itself, in the words of rotor.yaml.
type traits struct {
	Version  int      `json:"version"`
	Strategy string   `json:"strategy"`
	Minter   string   `json:"minter"`
	Fields   []Field  `json:"fields"`
	Can      []string `json:"can"`
	Settle   span     `json:"settle"`
	Steady   span     `json:"steady"`
	InFlight span     `json:"in-flight"`
	Quota    int      `json:"quota"`
	Expires  span     `json:"expires"`
	Lingers  span     `json:"lingers"`
	Shared   bool     `json:"shared"`
	Outage   string   `json:"outage"`
}

// span is a length of time as rotor.yaml has it: "30s", "90m".
type span time.Duration

// UnmarshalJSON implements json.Unmarshaler.
func (s *span) UnmarshalJSON(text []byte) error {
	var word string
	if err := json.Unmarshal(text, &word); err != nil {
		return err
	}
	d, err := time.ParseDuration(word)
	*s = span(d)
	return err
}

func (s span) String() string { return time.Duration(s).String() }

// Preflight: the program may be run, its traits are those of rotor.yaml, and it has
// nothing against a rotation.
func (p *Provider) Preflight(ctx context.Context, req provider.Request) error {
	c := call{Method: "traits"}
	own, err := speak[traits](ctx, p, c)
	if err != nil {
		return err
	}
	if own.Version != version {
		return fault.New(fault.BadConfig, "%s: %s speaks version %d of the protocol, Rotor %d", p.name, p.hook.Name(), own.Version, version).
			WithHint("take a version of the program that fits this Rotor")
	}
	if differs := p.opts.differences(own); len(differs) > 0 {
		return fault.New(fault.BadConfig, "%s: rotor.yaml and %s do not agree about %s", p.name, p.hook.Name(), strings.Join(names(differs), ", ")).
			WithHint("the program says %s; write it so in rotor.yaml", c.prose(strings.Join(differs, "; ")))
	}
	if !p.can("preflight") {
		return nil
	}
	c = call{Method: "preflight"}
	c.Request = c.request(req)
	return p.obey(ctx, c)
}

// differences lists what the program says otherwise, as rotor.yaml would have it.
// rotor.yaml may be more careful: wait longer, count on fewer values, ask for less.
func (o Options) differences(own traits) []string {
	if len(own.Fields) == 0 {
		own.Fields = []Field{{Name: "value"}}
	}
	var out []string
	unlike := func(differs bool, format string, args ...any) {
		if differs {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	unlike(own.Strategy != o.Strategy, "strategy: %s", own.Strategy)
	unlike(own.Minter != o.Minter, "minter: %s", own.Minter)
	unlike(!slices.Equal(own.Fields, o.Fields), "fields: [%s]", fieldWords(own.Fields))
	unlike(time.Duration(own.Settle) > o.Settle, "settle: %s", own.Settle)
	unlike(time.Duration(own.Steady) > o.Steady, "steady: %s", own.Steady)
	unlike(time.Duration(own.InFlight) > o.InFlight, "in-flight: %s", own.InFlight)
	unlike(own.Quota > 0 && (o.Quota == 0 || o.Quota > own.Quota), "quota: %d", own.Quota)
	unlike(time.Duration(own.Expires) != o.Expires, "expires: %s", own.Expires)
	unlike(time.Duration(own.Lingers) != o.Lingers, "lingers: %s", own.Lingers)
	unlike(own.Shared && !o.Shared, "shared: true")
	unlike(own.Outage != "" && o.Outage == "", "outage: %q", own.Outage)
	unlike(slices.ContainsFunc(o.Can, func(word string) bool { return !slices.Contains(own.Can, word) }), "can: [%s]", strings.Join(own.Can, ", "))
	return out
}

func fieldWords(fields []Field) string {
	var out []string
	for _, f := range fields {
		words := "{name: " + f.Name
		if f.Public {
			words += ", public: true"
		}
		out = append(out, words+"}")
	}
	return strings.Join(out, ", ")
}

func names(differs []string) []string {
	var out []string
	for _, d := range differs {
		name, _, _ := strings.Cut(d, ":")
		out = append(out, name)
	}
	return out
}
