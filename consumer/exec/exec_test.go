package exec

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/consumer/consumertest"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

const (
	oldKey = "old-key-9Yc2Lq7TnB4wXe"
	newKey = "new-key-5Rk8Vd3HsJ6mZa"
	badKey = "bad-key-1Pf4Gu0CtQ2yNo"
)

func keys(text string) secret.Set { return secret.Set{"API_KEY": secret.New(text)} }

// plant is a folder with a file for each unit, and the two programs.
type plant struct{ dir string }

const deployScript = `#!/bin/sh
case "$API_KEY" in bad*) echo "starting" >&2; echo "unit $ROTOR_UNIT refuses $API_KEY" >&2; printf %%s "$API_KEY" > %[1]s/$ROTOR_UNIT; exit 1;; esac
printf %%s "$API_KEY" > %[1]s/$ROTOR_UNIT
echo "$ROTOR_CREDENTIAL $ROTOR_GENERATION $ROTOR_FINGERPRINT" > %[1]s/told
`

const confirmScript = `#!/bin/sh
read running < %[1]s/$ROTOR_UNIT
[ "$running" = "" ] && running=$(cat %[1]s/$ROTOR_UNIT)
[ "$running" = "$API_KEY" ] || exit 1
case "$running" in bad*) exit 1;; esac
`

func newPlant(t testing.TB) *plant {
	t.Helper()
	p := &plant{t.TempDir()}
	p.script(t, "deploy", deployScript)
	p.script(t, "confirm", confirmScript)
	for _, u := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(p.dir, u), []byte(oldKey), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p *plant) script(t testing.TB, name, text string) {
	t.Helper()
	if strings.Contains(text, "%[1]s") {
		text = fmt.Sprintf(text, p.dir)
	}
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}

func (p *plant) options() Options {
	return Options{Deploy: []string{filepath.Join(p.dir, "deploy")}, Confirm: []string{filepath.Join(p.dir, "confirm")},
		Units: []string{"a", "b"}, EnvKeys: []string{"API_KEY", "OTHER_KEY"}, Timeout: 20 * time.Second}
}

func (p *plant) running(unit string) (secret.Set, error) {
	text, err := os.ReadFile(filepath.Join(p.dir, unit))
	return keys(string(text)), err
}

func (p *plant) witness() (string, error) {
	entries, err := os.ReadDir(p.dir)
	var b strings.Builder
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return "", err
		}
		fmt.Fprintln(&b, e.Name(), info.Size(), info.ModTime().UnixNano())
	}
	return b.String(), err
}

func TestExam(t *testing.T) {
	consumertest.Run(t, func(t testing.TB) consumertest.World {
		p := newPlant(t)
		return consumertest.World{
			Open:   func() (consumer.Consumer, error) { return New(p.options()) },
			Before: keys(oldKey), After: keys(newKey), Bad: keys(badKey), Running: p.running, Witness: p.witness,
			Break: func() error { return os.Chmod(filepath.Join(p.dir, "deploy"), 0o777) },
		}
	})
}

func TestExamWithoutConfirm(t *testing.T) {
	consumertest.Run(t, func(t testing.TB) consumertest.World {
		p := newPlant(t)
		o := p.options()
		o.Confirm = nil
		return consumertest.World{
			Open:   func() (consumer.Consumer, error) { return New(o) },
			Before: keys(oldKey), After: keys(newKey), Running: p.running, Witness: p.witness, Blind: true,
			Break: func() error { return os.Remove(filepath.Join(p.dir, "deploy")) },
		}
	})
}

func change() consumer.Change {
	return consumer.Change{Credential: "openai", Generation: 7, Fingerprint: "f00dcafe", Old: keys(oldKey),
		Values: secret.Set{"API_KEY": secret.New(newKey), "UNLISTED": secret.New("rotor-test-unlisted-value")}}
}

func TestProgramsAreToldWhatAndNoMore(t *testing.T) {
	p := newPlant(t)
	p.script(t, "deploy", "#!/bin/sh\nenv > "+p.dir+"/env\n")
	t.Setenv("VAULT_TOKEN", "rotor-test-vault-token")
	c, err := New(p.options())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Deploy(t.Context(), "b", change()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(p.dir, "env"))
	if err != nil {
		t.Fatal(err)
	}
	env := string(text)
	for _, want := range []string{"ROTOR_UNIT=b\n", "ROTOR_CREDENTIAL=openai\n", "ROTOR_GENERATION=7\n", "ROTOR_FINGERPRINT=f00dcafe\n", "API_KEY=" + newKey + "\n"} {
		if !strings.Contains(env, want) {
			t.Errorf("not told: %s", want)
		}
	}
	for _, not := range []string{"UNLISTED", "rotor-test-vault-token", "OTHER_KEY", oldKey} {
		if strings.Contains(env, not) {
			t.Errorf("told too much: %s", not)
		}
	}
}

func TestExitStatuses(t *testing.T) {
	p := newPlant(t)
	for code, want := range map[int]fault.Kind{1: fault.Rejected, 2: fault.Rejected, 75: fault.Transient, 77: fault.Denied, 78: fault.BadConfig, 255: fault.Rejected} {
		p.script(t, "deploy", fmt.Sprintf("#!/bin/sh\necho \"cannot take $API_KEY\" >&2\nexit %d\n", code))
		c, err := New(p.options())
		if err != nil {
			t.Fatal(err)
		}
		err = c.Deploy(t.Context(), "a", change())
		if err == nil || fault.KindOf(err) != want || fault.HintOf(err) != "the program said: cannot take [redacted]" {
			t.Errorf("%d: %v (%v), %s", code, err, fault.KindOf(err), fault.HintOf(err))
		}
	}
	for code, want := range map[int]consumer.Proof{0: consumer.Proven, 1: consumer.NotYet, 2: consumer.CannotTell, 127: consumer.CannotTell} {
		p.script(t, "confirm", fmt.Sprintf("#!/bin/sh\nexit %d\n", code))
		c, err := New(p.options())
		if err != nil {
			t.Fatal(err)
		}
		if proof, err := c.Confirm(t.Context(), "a", change()); err != nil || proof != want {
			t.Errorf("%d: %q, %v", code, proof, err)
		}
	}
}

func TestTimeoutIsUnknown(t *testing.T) {
	p := newPlant(t)
	for _, name := range []string{"deploy", "confirm"} {
		p.script(t, name, "#!/bin/sh\nexec sleep 3600\n")
	}
	o := p.options()
	o.Timeout = 50 * time.Millisecond
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Deploy(t.Context(), "a", change()); err == nil || fault.KindOf(err) != fault.Unknown {
		t.Errorf("deploy: %v", err)
	}
	if proof, err := c.Confirm(t.Context(), "a", change()); err == nil || proof != consumer.CannotTell {
		t.Errorf("confirm: %q, %v", proof, err)
	}
}

func TestLastWords(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "the program said nothing on its standard error",
		"one\ntwo\n\n":                 "the program said: two",
		"red \x1b[31mtext\x00":         "the program said: red  [31mtext",
		strings.Repeat("é", 200):       "the program said: " + strings.Repeat("é", 150) + " ...",
		"x" + strings.Repeat("é", 200): "the program said: x" + strings.Repeat("é", 149) + " ...",
	} {
		if got := lastWords(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	good := Options{Deploy: []string{"/bin/deploy"}}
	for name, change := range map[string]func(*Options){
		"no program":       func(o *Options) { o.Deploy = nil },
		"relative":         func(o *Options) { o.Deploy = []string{"deploy.sh"} },
		"relative confirm": func(o *Options) { o.Confirm = []string{"confirm.sh"} },
		"unit twice":       func(o *Options) { o.Units = []string{"a", "a"} },
		"unit with space":  func(o *Options) { o.Units = []string{"a b"} },
		"option as unit":   func(o *Options) { o.Units = []string{"--help"} },
		"path as key":      func(o *Options) { o.EnvKeys = []string{"PATH"} },
		"no variable":      func(o *Options) { o.EnvKeys = []string{"api-key"} },
		"our own variable": func(o *Options) { o.EnvKeys = []string{"ROTOR_UNIT"} },
		"negative timeout": func(o *Options) { o.Timeout = -1 },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil || fault.KindOf(err) != fault.BadConfig {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, err := New(good)
	if err != nil {
		t.Fatal(err)
	}
	if units, _ := c.Units(t.Context()); len(units) != 1 || units[0] != "default" {
		t.Errorf("%q", units)
	}
	if got := Type().Commands(&Options{Deploy: []string{"/a"}, Confirm: []string{"/b", "c"}}); len(got) != 2 || got["confirm"][1] != "c" {
		t.Errorf("%v", got)
	}
}
