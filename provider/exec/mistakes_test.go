package exec_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/exec"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// marker is a value whose forms differ from each other.
const marker = "mark/er+7Q&9z w3K5t8"

var (
	living  = provider.Issued{Handle: rotation.Handle{ID: "id-1"}, Values: secret.Set{"value": secret.New(marker)}}
	request = provider.Request{Label: "rotor-test-e1-acme-g1-a1", Generation: 1}
)

// wrong opens a program that gets it wrong. {value} in its words is the marker.
func wrong(t *testing.T, how string) provider.Provider {
	t.Helper()
	opts := kinds["everything"].opts
	how, text, _ := strings.Cut(how, " ")
	text = strings.ReplaceAll(text, "{value}", marker)
	const ok = `echo '{"ok": true}'`
	body := map[string]string{
		"hang": "exec sleep 3600", "die": "kill -9 $$", "exit": ok + "\nexit 3", "stderr": ok,
		"flood": "head -c 9437184 /dev/zero | tr '\\0' ' '\n" + ok,
		"print": "cat <<'END'\n" + text + "\nEND",
	}[how]
	if how == "exit" || how == "stderr" {
		body = "cat >&2 <<'END'\n" + text + "\nEND\n" + body
	}
	opts.Program = []string{script(t, t.TempDir(), "rotor-provider-wrong", "#!/bin/sh\ncat >/dev/null\n"+body+"\n")}
	if how == "hang" {
		opts.Timeout = 200 * time.Millisecond
	}
	return open(t, opts, admin)
}

func wantFault(t *testing.T, what string, err error, kind fault.Kind, hint string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind || !strings.Contains(fault.HintOf(err), hint) {
		t.Errorf("%s: %v, %v; hint %q, want %s and %q", what, fault.KindOf(err), err, fault.HintOf(err), kind, hint)
	}
	noLeak(t, what, err)
}

// noLeak looks for both values in everything that can be printed of an error.
func noLeak(t *testing.T, what string, err error) {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		text := fmt.Sprintf("%v %+v %#v %s", e, e, e, fault.HintOf(e))
		for _, v := range []string{marker, admin} {
			for _, form := range secret.Encodings(secret.New(v)) {
				if strings.Contains(text, form) {
					t.Errorf("%s: LEAK: %s", what, text)
				}
			}
		}
	}
}

// TestSenselessPrograms: whoever does not answer as agreed leaves an unknown outcome, and
// nothing of what was printed is shown.
func TestSenselessPrograms(t *testing.T) {
	for _, how := range []string{
		"hang", "die", "flood", "exit {value}", "print", "print {value}", "print null", "print []", `print {"ok": true} {"ok": true}`,
		`print {"ok": true`, `print {"ok": false}`, "print {}", `print {"ok": "yes"}`, `print {"ok": true, "extra": "{value}"}`,
		`print {"OK": true, "handle": {"id": "x"}}`, `print {"error": {}}`, `print {"error": "{value}"}`, `print {"error": {"kind": "{value}"}}`,
		`print {"error": {"kind": "Rejected", "message": "no"}}`, `print {"ok": true, "error": {"kind": "rejected"}}`,
		`print {"error": {"kind": "denied", "detail": "{value}"}}`, `print {"liveness": "dead-ish"}`, `print {"found": null}`,
		`print {"found": [{"handle": {}, "label": "rotor-x"}]}`, `print {"known": null}`, `print {"known": true, "active": -1}`,
		`print {"now": null}`, `print {"now": "today"}`, `print {"handle": {"id": ""}}`, `print {"handle": null, "values": {"value": "x"}}`,
		`print {"handle": {"id": "1"}}`, `print {"handle": {"id": "1"}, "values": {"value": ""}}`, `print {"handle": {"id": "1"}, "values": {"other": "x"}}`,
		`print {"handle": {"id": "is-the-{value}"}, "values": {"value": "{value}"}}`, `print {"handle": {"id": "1"}, "values": {"value": "x"}, "not-after": 7}`,
	} {
		t.Run(strings.NewReplacer("/", "_", " ", "_").Replace(how), func(t *testing.T) {
			p := wrong(t, how)
			for method, err := range all(t.Context(), p) {
				if method == "Identify" && how == `print {"handle": {"id": "1"}}` {
					continue // that is an answer
				}
				wantFault(t, method, err, fault.Unknown, "")
			}
		})
	}
}

// all calls each method once, as a provider of minter provider that can everything.
func all(ctx context.Context, p provider.Provider) map[string]error {
	out := map[string]error{"Verify": p.Verify(ctx, living), "Revoke": p.Revoke(ctx, living.Handle)}
	_, out["Issue"] = p.Issue(ctx, request)
	finder, _ := provider.As[provider.Finder](p)
	_, out["Find"] = finder.Find(ctx, "rotor-")
	prober, _ := provider.As[provider.Prober](p)
	_, out["Probe"] = prober.Probe(ctx, living)
	identifier, _ := provider.As[provider.Identifier](p)
	_, out["Identify"] = identifier.Identify(ctx, living.Values)
	reporter, _ := provider.As[provider.UsageReporter](p)
	_, out["Usage"] = reporter.Usage(ctx, living.Handle)
	clock, _ := provider.As[provider.Clock](p)
	_, out["Now"] = clock.Now(ctx)
	return out
}

// TestProbeOfASenselessProgram never says dead.
func TestProbeOfASenselessProgram(t *testing.T) {
	for _, how := range []string{"die", "exit x", `print {"liveness": "Dead"}`, `print {"error": {"kind": "rejected", "message": "dead"}}`} {
		prober, _ := provider.As[provider.Prober](wrong(t, how))
		if live, err := prober.Probe(t.Context(), living); live != provider.NotKnown || err == nil {
			t.Errorf("%s: %s, %v", how, live, err)
		}
	}
	prober, _ := provider.As[provider.Prober](wrong(t, `print {"liveness": "dead"}`))
	if live, _ := prober.Probe(t.Context(), provider.Issued{Handle: living.Handle}); live == provider.Refused {
		t.Error("a program said of no value at all that it is dead, and was believed")
	}
}

// TestWords: a program's failure is believed about its kind, and what it says is shown
// without values: those that Rotor knows in every form, and what looks like one.
func TestWords(t *testing.T) {
	quoted, _ := json.Marshal(marker)
	for name, said := range map[string]string{
		"raw": marker, "query": url.QueryEscape(marker), "path": url.PathEscape(marker), "json": string(quoted[1 : len(quoted)-1]),
		"base64": base64.StdEncoding.EncodeToString([]byte("x" + marker)), "base64url": base64.RawURLEncoding.EncodeToString([]byte(marker)),
		"hex": hex.EncodeToString([]byte(marker)), "the admin key": admin, "in lines": hex.EncodeToString([]byte(marker))[:30] + "\n" + hex.EncodeToString([]byte(marker))[30:],
		"made a moment ago": "sk-9aK3jd82Lq04MzXw81Bv",
	} {
		text, err := json.Marshal(object{"error": object{"kind": "denied", "message": "no: " + said + " for\x1b id-1", "hint": "ask " + said, "retry-after": 7}})
		if err != nil {
			t.Fatal(err)
		}
		err = wrong(t, "print "+string(text)).Verify(t.Context(), living)
		wantFault(t, name, err, fault.Denied, "ask ")
		if fault.RetryAfterOf(err) != 7*time.Second || !strings.Contains(err.Error(), "the program says: no: ") || !strings.HasSuffix(err.Error(), "id-1") {
			t.Errorf("%s: %v; retry after %s", name, err, fault.RetryAfterOf(err))
		}
		if strings.Contains(err.Error(), "9aK3jd82") || strings.Contains(err.Error(), "\x1b") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %q", name, err)
		}
	}
}

// TestEveryKind reaches the engine as it was said.
func TestEveryKind(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Unknown, fault.Transient, fault.Denied, fault.BadConfig, fault.Rejected, fault.NeedsPerson} {
		p := wrong(t, fmt.Sprintf(`print {"error": {"kind": %q, "message": "as told", "hint": "do this"}}`, kind))
		for method, err := range all(t.Context(), p) {
			wantFault(t, method, err, kind, "do this")
		}
	}
}

// TestStandardErrorIsNotShown, whatever is on it.
func TestStandardErrorIsNotShown(t *testing.T) {
	if err := wrong(t, "stderr {value}").Verify(t.Context(), living); err != nil {
		t.Errorf("a program may say something on its standard error: %v", err)
	}
	wantFault(t, "Verify", wrong(t, "exit {value} a-secret-of-3-words").Verify(t.Context(), living), fault.Unknown, "by hand")
	if err := wrong(t, "exit a-secret-of-3-words").Verify(t.Context(), living); strings.Contains(fmt.Sprintf("%+v %s", err, fault.HintOf(err)), "3-words") {
		t.Errorf("%v", err)
	}
}

// TestValuesOnStandardInputOnly: neither the arguments nor the environment of the
// program hold a value.
func TestValuesOnStandardInputOnly(t *testing.T) {
	t.Setenv("ACME_ADMIN_KEY", admin)
	dir, opts := t.TempDir(), kinds["everything"].opts
	opts.Program = []string{script(t, dir, "rotor-provider-seen", "#!/bin/sh\ncat /proc/$$/cmdline /proc/$$/environ >\"$1\"/seen\ncat >\"$1\"/read\necho '{\"ok\": true}'\n"), dir}
	p := open(t, opts, admin)
	if err := p.Verify(t.Context(), living); err != nil {
		t.Fatal(err)
	}
	seen, err := os.ReadFile(filepath.Join(dir, "seen"))
	if err != nil || !strings.Contains(string(seen), "PATH=") || !strings.Contains(string(seen), dir) {
		t.Fatalf("the program did not see its surroundings: %v", err)
	}
	read, err := os.ReadFile(filepath.Join(dir, "read"))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []string{`mark/er+7Q\u00269z w3K5t8`, admin} {
		if !strings.Contains(string(read), v) {
			t.Errorf("the program did not get a value")
		}
	}
	for _, v := range []string{"w3K5t8", admin} {
		if strings.Contains(string(seen), v) {
			t.Error("a value stands where everybody can read it")
		}
	}
}

// TestItsOwnSecrets: the engine asks what a program enters with before it ends a value.
func TestItsOwnSecrets(t *testing.T) {
	p, err := exec.New(exec.Options{Program: []string{"/opt/x"}, Can: []string{"find"}}, map[string]secret.Source{
		"user": secret.Fixed(secret.New("somebody-1")), "admin": secret.Fixed(secret.New(admin))})
	if err != nil {
		t.Fatal(err)
	}
	holder, ok := provider.As[provider.Keyholder](p)
	if !ok {
		t.Fatal("nobody can tell")
	}
	keys, err := holder.Keys(t.Context())
	if err != nil || len(keys.Secrets()) != 2 || !slices.ContainsFunc(keys.Secrets(), secret.New(admin).Equal) {
		t.Errorf("%v, %v", keys, err)
	}
	if p, err = exec.New(exec.Options{Program: []string{"/opt/x"}, Can: []string{"find"}}, nil); err != nil {
		t.Fatal(err)
	}
	if _, ok := provider.As[provider.Keyholder](p); ok {
		t.Error("a program without secrets enters with some")
	}
}
