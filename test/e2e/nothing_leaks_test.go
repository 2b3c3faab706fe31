package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

// TestNothingLeaks says everything that rotor can be made to say, in every
// format, while all three credentials change in containers and one of them is
// turned back. Values are looked for at the end, as after every test; here it is
// proven that the search would find them.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plan{short: true})
	w.watch.known(badKey, "Rt7-a-new-partner-key-0001")
	_, first := w.database()
	w.rotor("plan").want(t, 0)
	w.rotor("plan", "-o", "json").want(t, 0)
	w.rotor("rotate", "database", "--yes", "--wait", "--progress", "json", "-o", "json").want(t, 0)
	w.rotor("rotate", "machine-token", "--yes", "--wait", "--progress", "json", "-o", "yaml").want(t, 0)
	w.start(run{stdin: badKey}, "set", "partner-key", "-", "--progress", "json").wait().want(t, 1)
	w.start(run{env: []string{"NEW_KEY=Rt7-a-new-partner-key-0001"}}, "set", "partner-key", "--from-env", "NEW_KEY").wait().want(t, 5)
	const typed = "Rt7-typed-as-an-argument" // not looked for in its own arguments
	if e := w.rotor("set", "partner-key", typed).want(t, 3); strings.Contains(e.stdout+e.stderr, typed) {
		t.Errorf("a value given as an argument is repeated: rotor %s", e)
	}
	for _, args := range [][]string{{"status"}, {"status", "-o", "json"}, {"status", "database", "-o", "json"}, {"status", "partner-key"},
		{"audit", "list"}, {"audit", "list", "-o", "json"}, {"audit", "export"}, {"config", "view"}, {"config", "view", "--origin"}} {
		w.rotor(args...)
	}
	for _, id := range w.records() {
		w.rotor("status", id)
		w.rotor("status", id, "-o", "json").want(t, 0)
	}
	w.watch.findsWhatIsThere(first)
}

// records lists the ids of everything that was done.
func (w *world) records() []string {
	w.t.Helper()
	seen, out := map[string]bool{}, []string(nil)
	for _, line := range strings.Split(w.rotor("audit", "export").want(w.t, 0).stdout, "\n") {
		var entry struct {
			Record string `json:"record"`
		}
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Record != "" && !seen[entry.Record] {
			seen[entry.Record] = true
			out = append(out, entry.Record)
		}
	}
	if len(out) < 4 {
		w.t.Errorf("the audit knows of %d records", len(out))
	}
	return out
}

// findsWhatIsThere: processes were seen while they ran, compose among them with
// the values that it is given by right; and a value that stands somewhere is
// found in each of the six encodings.
func (x *watch) findsWhatIsThere(value string) {
	t := x.w.t
	t.Helper()
	x.mu.Lock()
	programs, given := map[string]bool{}, 0
	for _, s := range x.samples {
		program, _, _ := strings.Cut(s.cmdline, "\x00")
		programs[program[strings.LastIndex(program, "/")+1:]] = true
		if s.compose && strings.Contains(s.environ, "DATABASE_URL=") {
			given++
		}
	}
	x.mu.Unlock()
	if !programs["rotor"] || !programs["docker"] || given == 0 {
		t.Errorf("processes seen: %v; of compose with values: %d", programs, given)
	}
	quoted, _ := json.Marshal(value)
	for what, text := range map[string]string{
		"raw": value, "URL": url.QueryEscape(value), "JSON": string(quoted), "hex": hex.EncodeToString([]byte(value)),
		"base64": base64.StdEncoding.EncodeToString([]byte("pw=" + value)), "base64, one further": base64.StdEncoding.EncodeToString([]byte("pwd=" + value + "&")),
		"base64, two further": base64.StdEncoding.EncodeToString([]byte("p=" + value)), "base64url": base64.URLEncoding.EncodeToString([]byte(value)),
	} {
		if len(x.hits(map[string][]byte{"here": []byte("before " + text + " behind")})) == 0 {
			t.Errorf("a value is not found as %s", what)
		}
	}
	places := x.places()
	for _, name := range []string{"log of PostgreSQL", "audit of Vault", "log of backend-a", x.w.state + "/state.db", x.w.dir + "/rotor.yaml"} {
		if len(places[name]) == 0 {
			t.Errorf("nothing was read of: %s", name)
		}
	}
	if !bytes.Contains(places["log of PostgreSQL"], []byte(x.w.db.a)) || !bytes.Contains(places["audit of Vault"], []byte(x.w.vault.mount)) {
		t.Error("the servers' logs are not those of this test")
	}
}
