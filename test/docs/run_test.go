package docs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/internal/testserver"
)

// most is how many blocks of all pages together may go untested; each says why.
const most = 6

// TestBlocks runs the commands of every page.
func TestBlocks(t *testing.T) {
	skipped := 0
	for _, page := range written(t) {
		t.Run(page, func(t *testing.T) {
			if testing.Short() && strings.Contains(read(t, page), "seededbugs") {
				t.Skip("builds half the tree anew")
			}
			s := &session{t: t}
			for _, b := range blocks(t, page) {
				if why, skip := b.order("skip"); skip {
					skipped++
					t.Logf("%s:%d: not run: %s", page, b.line, why)
					if why == "" {
						t.Errorf("%s:%d: a skip without a reason", page, b.line)
					}
					continue
				}
				s.take(b)
			}
			s.save(page)
		})
	}
	if skipped > most {
		t.Errorf("%d blocks are not run; %d are enough", skipped, most)
	}
	t.Logf("not run: %d blocks", skipped)
}

// session is one reader who goes through a page.
type session struct {
	t       *testing.T
	home    string
	dir     string
	shown   string // how the page names dir
	env     []string
	changes [][2]string // page text to real text: ports, programs
	updates []update
}

type update struct {
	b    block
	text string
}

// begin makes an empty folder, and a home of its own.
func (s *session) begin() {
	s.t.Helper()
	parent, err := os.MkdirTemp("", "rd-")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = os.RemoveAll(parent) })
	s.home, s.dir = filepath.Join(parent, "home"), filepath.Join(parent, "nova")
	s.shown, s.changes = "/srv", nil
	for _, d := range []string{s.home, s.dir} {
		if err := os.Mkdir(d, 0o700); err != nil {
			s.t.Fatal(err)
		}
	}
	s.env = []string{"HOME=" + s.home, "ROTOR_STATE=" + filepath.Join(s.home, "state"), "TZ=UTC", "LANG=C.UTF-8",
		"PATH=" + bin(s.t) + string(os.PathListSeparator) + os.Getenv("PATH")}
	for _, keep := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOFLAGS", "GOPROXY", "GOTOOLCHAIN"} {
		if text, err := exec.Command("go", "env", keep).Output(); err == nil {
			s.env = append(s.env, keep+"="+strings.TrimSpace(string(text)))
		}
	}
}

// take does what one block asks for.
func (s *session) take(b block) {
	s.t.Helper()
	_, fresh := b.order("fresh")
	if s.dir == "" && (b.runs() || len(b.orders) > 0) || fresh {
		s.begin()
	}
	if name, ok := b.order("world"); ok {
		s.world(name)
	}
	if _, ok := b.order("checkout"); ok {
		s.checkout()
	}
	if _, ok := b.order("tree"); ok {
		s.begin()
		s.env = append(s.env, "GOBIN="+filepath.Join(s.home, "bin"))
		s.dir, _ = filepath.Abs(root)
	}
	if _, ok := b.order("needs vault"); ok {
		v := testserver.Vault(s.t)
		s.env = append(s.env, "VAULT_ADDR="+v.Addr, "VAULT_TOKEN="+v.RootToken)
		s.changes = append(s.changes, [2]string{"mount: secret", "mount: " + v.Mount}, [2]string{"secret/", v.Mount + "/"})
	}
	if _, ok := b.order("needs sqlite3"); ok {
		if _, err := exec.LookPath("sqlite3"); err != nil {
			s.t.Logf("%s:%d: not run: needs sqlite3", b.page, b.line)
			return
		}
		s.changes = append(s.changes, [2]string{"/var/lib/rotor", filepath.Join(s.home, "state")}, [2]string{"/backup", s.home})
	}
	if _, ok := b.order("needs jq"); ok {
		if _, err := exec.LookPath("jq"); err != nil {
			s.t.Logf("%s:%d: not run: needs jq", b.page, b.line)
			return
		}
	}
	if name, ok := b.order("file"); ok {
		path := filepath.Join(s.dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(s.real(b.text)), 0o600)); err != nil {
			s.t.Fatal(err)
		}
	}
	switch {
	case !b.runs():
	case b.language == "sh":
		s.script(b)
	default:
		s.console(b)
	}
}

func (s *session) real(text string) string {
	for _, c := range s.changes {
		text = strings.ReplaceAll(text, c[0], c[1])
	}
	return text
}

// script is a block that must work; what it prints does not matter.
func (s *session) script(b block) {
	s.t.Helper()
	out, err := s.bash("set -eu\n" + s.real(b.text))
	want, got := 0, 0
	if text, ok := b.order("exit"); ok {
		want, _ = strconv.Atoi(text)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		s.t.Fatal(err)
	}
	if got != want {
		s.t.Fatalf("%s:%d: exit code %d, want %d\n%s\n%s", b.page, b.line, got, want, b.text, out)
	}
}

// console is a block as a terminal shows it: commands behind "$ ", then what they
// print. All run in one shell.
func (s *session) console(b block) {
	s.t.Helper()
	marker := fmt.Sprintf("--%d--", time.Now().UnixNano())
	var script, page []string
	for _, line := range strings.Split(strings.TrimSuffix(b.text, "\n"), "\n") {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			page = append(page, command)
			script = append(script, fmt.Sprintf("last=$?; echo '%s'; (exit $last)", marker), s.real(command))
		}
	}
	out, err := s.bash(strings.Join(script, "\n"))
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	parts := strings.Split(out, marker+"\n")
	if len(parts) != len(page)+1 {
		s.t.Fatalf("%s:%d: ran %d of %d commands\n%s", b.page, b.line, len(parts)-1, len(page), out)
	}
	got := ""
	for i, command := range page {
		got += "$ " + command + "\n" + s.asShown(parts[i+1])
	}
	if plain(got) == plain(b.text) {
		return
	}
	if os.Getenv("UPDATE") != "" {
		s.updates = append(s.updates, update{b, got})
		return
	}
	s.t.Errorf("%s:%d: the page says\n%s\nand it is\n%s\n(UPDATE=1 go test ./test/docs writes it)", b.page, b.line, b.text, got)
}

// asShown is the output in the page's words.
func (s *session) asShown(text string) string {
	text = strings.ReplaceAll(text, s.dir, s.shown)
	for _, c := range s.changes {
		text = strings.ReplaceAll(text, c[1], c[0])
	}
	return text
}

func (s *session) bash(script string) (string, error) {
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir, cmd.Env = s.dir, s.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// save writes the new outputs into the page, the last one first so that the lines
// above keep their numbers.
func (s *session) save(page string) {
	if len(s.updates) == 0 {
		return
	}
	lines := strings.Split(read(s.t, page), "\n")
	for i := len(s.updates) - 1; i >= 0; i-- {
		u := s.updates[i]
		old := strings.Count(u.b.text, "\n")
		fresh := strings.Split(strings.TrimSuffix(u.text, "\n"), "\n")
		lines = append(lines[:u.b.line-1:u.b.line-1], append(fresh, lines[u.b.line-1+old:]...)...)
	}
	if err := os.WriteFile(filepath.Join(root, filepath.FromSlash(page)), []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		s.t.Fatal(err)
	}
}
