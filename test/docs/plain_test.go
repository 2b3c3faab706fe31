package docs

import (
	"os/user"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// changing is what differs from run to run: ids, times, fingerprints, random
// values, and the widths that follow from them.
var changing = []struct {
	pattern *regexp.Regexp
	stand   string
}{
	{regexp.MustCompile(`\b([rx])-[0-9a-z]{14}\b`), "$1-ID"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?( UTC)?`), "TIME"},
	{regexp.MustCompile(`\b\d+(\.\d+)?(ms|s|m|h|d) ago\b|\bnow\b`), "AGO"},
	{regexp.MustCompile(`\bin \d+(ms|s|m|h|d)\b`), "in SPAN"},
	{regexp.MustCompile(`\blives \d+(ms|s|m|h|d)\b`), "lives SPAN"},
	{regexp.MustCompile(`\b[a-z2-7]{10}\b`), "WORD"}, // a fingerprint, or a word as long
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "HEX"},
	{regexp.MustCompile(`\b(127\.0\.0\.1|localhost):\d+\b`), "ADDRESS"},
	{regexp.MustCompile(`=[A-Za-z0-9]{32}\b`), "=VALUE"},
	{regexp.MustCompile(` +`), " "},
	{regexp.MustCompile(`(?m) +$`), ""},
}

// plain is a text without what changes.
func plain(text string) string {
	if me, err := user.Current(); err == nil && me.Username != "" {
		text = regexp.MustCompile(`\b`+regexp.QuoteMeta(me.Username)+`\b`).ReplaceAllString(text, "USER")
	}
	text = regexp.MustCompile(`\broot\b`).ReplaceAllString(text, "USER")
	for _, c := range changing {
		text = c.pattern.ReplaceAllString(text, c.stand)
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(slices.Compact(lines), "\n") // how often a wait is told depends on the machine's speed
}

// TestPlain: what does not change must still be compared.
func TestPlain(t *testing.T) {
	same := [2]string{"Done: r-1m83757medb06f at 2026-11-24 03:27 UTC (in 24h)", "Done:  r-0000000000000a at 2027-01-01 00:00 UTC (in 23h)"}
	if plain(same[0]) != plain(same[1]) {
		t.Errorf("%q and %q", plain(same[0]), plain(same[1]))
	}
	for _, other := range []string{"Done: r-1m83757medb06f", "Failed: r-1m83757medb06f at 2026-11-24 03:27 UTC (in 24h)"} {
		if plain(same[0]) == plain(other) {
			t.Errorf("%q passes for %q", other, same[0])
		}
	}
}
