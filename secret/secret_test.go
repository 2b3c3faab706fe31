package secret

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/fault"
)

const marker = "marker/with+odd&chars 7Q"

type holder struct {
	hidden  Value
	pointer *Value
	list    []Value
	table   map[string]Value
	set     Set
}

// TestNothingPrintsAValue tries every way in which Go prints things.
func TestNothingPrintsAValue(t *testing.T) {
	v := New(marker)
	h := holder{v, &v, []Value{v}, map[string]Value{"k": v}, Set{"password": v}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p"} {
		for _, x := range []any{v, &v, h, &h, h.list, h.table, h.set} {
			fmt.Fprintf(&out, verb+"\n", x)
		}
	}
	for _, x := range []any{v, h.list, h.table, h.set} {
		text, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v, "set", h.set, "holder", h)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v, "set", h.set)
	fmt.Fprint(&out, fault.Wrap(fault.Unknown, "op", fmt.Errorf("wrapped %v %s", v, h.set)))
	for _, form := range Encodings(v) {
		if strings.Contains(out.String(), form) {
			t.Fatalf("a value was printed:\n%s", out.String())
		}
	}
	if !strings.Contains(out.String(), redacted) {
		t.Error("nothing was printed at all")
	}
}

// TestEncodings: a value is found in whatever form it leaks, with anything
// around it.
func TestEncodings(t *testing.T) {
	s := NewScrubber(New(marker), Public("nova_a"))
	for around := range 5 {
		text := strings.Repeat("x", around) + marker + "yz"
		quoted, _ := json.Marshal(text)
		for name, leak := range map[string]string{
			"raw": text, "query": url.QueryEscape(text), "path": url.PathEscape(text), "json": string(quoted),
			"base64": base64.StdEncoding.EncodeToString([]byte(text)), "base64url": base64.RawURLEncoding.EncodeToString([]byte(text)),
			"hex": hex.EncodeToString([]byte(text)),
		} {
			if clean := s.Scrub(leak); !strings.Contains(clean, redacted) {
				t.Errorf("%s, %d before: not found in %s", name, around, leak)
			}
		}
	}
	if s.Scrub("user nova_a") != "user nova_a" {
		t.Error("a public field was scrubbed")
	}
}

func TestSealing(t *testing.T) {
	k, err := NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	set := Set{"username": Public("nova_a"), "password": New(marker)}
	at := Place{"db", 3, "values/1"}
	blob, err := k.Seal(set, at)
	if err != nil || bytes.Contains(blob, []byte(marker)) {
		t.Fatalf("sealed: %v", err)
	}
	got, err := k.Open(blob, at)
	if err != nil || !got.Equal(set) || !got["username"].IsPublic() || got["password"].IsPublic() {
		t.Fatalf("opened %v: %v", got, err)
	}
	for name, place := range map[string]Place{"credential": {"db2", 3, "values/1"}, "generation": {"db", 4, "values/1"}, "slot": {"db", 3, "values/2"}} {
		if _, err := k.Open(blob, place); fault.KindOf(err) != fault.NeedsPerson {
			t.Errorf("a blob moved to another %s opens: %v", name, err)
		}
	}
	blob[len(blob)/2] ^= 1
	if _, err := k.Open(blob, at); fault.KindOf(err) != fault.NeedsPerson {
		t.Errorf("a flipped bit was not noticed: %v", err)
	}
}

func TestKeyFile(t *testing.T) {
	k, _ := NewKeyset()
	text, err := k.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := DecodeKeyset(text)
	if err != nil {
		t.Fatal(err)
	}
	v := New(marker)
	if k.Fingerprint(v) != again.Fingerprint(v) || len(k.Fingerprint(v)) != 10 {
		t.Error("a key read back gives other fingerprints")
	}
	other, _ := NewKeyset()
	if other.Fingerprint(v) == k.Fingerprint(v) {
		t.Error("two installations give the same fingerprint")
	}
	if _, err := DecodeKeyset(New("{}")); fault.KindOf(err) != fault.BadConfig {
		t.Errorf("a broken key file: %v", err)
	}
}

func TestTemplates(t *testing.T) {
	now := Set{"username": Public("nova_b"), "password": New("p@ss/w:rd %+")}
	old := Set{"username": Public("nova_a"), "password": New("old")}
	for text, want := range map[string]string{
		"{{.password}}":                        "p@ss/w:rd %+",
		"{{ .username }}":                      "nova_b",
		"{{.username}}:{{.previous.username}}": "nova_b:nova_a",
		"postgresql://{{.username | userinfo}}:{{.password | userinfo}}@h/db": "postgresql://nova_b:p%40ss%2Fw%3Ard%20%25%2B@h/db",
	} {
		tmpl, err := ParseTemplate(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tmpl.Render(now, old)
		if err != nil || got.Reveal() != want {
			t.Errorf("%s gives %q, %v", text, got.Reveal(), err)
		}
	}
	u, err := url.Parse("postgresql://nova_b:p%40ss%2Fw%3Ard%20%25%2B@h/db")
	if pass, _ := u.User.Password(); err != nil || pass != now["password"].Reveal() {
		t.Errorf("a URL made with userinfo reads back as %q, %v", pass, err)
	}
	missing, _ := ParseTemplate("{{.nope}}x")
	if _, err := missing.Render(now, old); fault.KindOf(err) != fault.BadConfig || strings.Contains(err.Error(), "p@ss") {
		t.Errorf("a missing field: %v", err)
	}
	key, _ := ParseTemplate("{{.password}}")
	if _, err := key.RenderKey(now, nil); fault.KindOf(err) != fault.BadConfig {
		t.Errorf("a secret field in a name: %v", err)
	}
	if !key.UsesPrevious() == false || missing.Field() != "" || key.Field() != "password" {
		t.Error("what a template uses is read wrongly")
	}
}

func TestRefs(t *testing.T) {
	for _, text := range []string{"env:VAULT_TOKEN", "file:/run/secrets/x", "vault:pg-admin#url"} {
		r, err := ParseRef(text)
		if err != nil || r.String() != text {
			t.Errorf("%s reads back as %s, %v", text, r, err)
		}
	}
	for _, text := range []string{"", "plain", "vault:path", "postgres://u:" + marker + "@h/db", "env:", marker} {
		_, err := ParseRef(text)
		if fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "" {
			t.Errorf("%q is taken for a reference: %v", text, err)
		}
		if err != nil && strings.Contains(err.Error()+fault.HintOf(err), marker) {
			t.Errorf("the refusal repeats the value: %v", err)
		}
	}
	if v, err := Fixed(New(marker))(context.Background()); err != nil || !v.Equal(New(marker)) {
		t.Error("a fixed source gives something else")
	}
}

func TestRandom(t *testing.T) {
	seen := map[string]bool{}
	counts := map[rune]int{}
	for range 2000 {
		v := Random(32).Reveal()
		if len(v) != 32 || seen[v] {
			t.Fatalf("length %d, seen %v", len(v), seen[v])
		}
		seen[v] = true
		for _, c := range v {
			counts[c]++
		}
	}
	if len(counts) != 62 {
		t.Errorf("%d different characters, want 62", len(counts))
	}
}
