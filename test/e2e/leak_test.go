package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/agenticverz/rotor/secret"
)

// watch remembers everything that a world's values must not appear in, and at
// the end looks for every value that ever was, in all encodings.
type watch struct {
	w *world

	mu      sync.Mutex
	values  map[string]bool
	heards  []ended
	samples map[string]sample // of processes, by content
}

// sample is what others can see of a process.
type sample struct {
	cmdline, environ string
	compose          bool // see givenValues
}

// givenValues says whether a program has the values in its environment by right:
// docker compose where it fills in ${NAME}, and nobody else, not even docker
// compose where it does not.
func givenValues(cmdline string) bool {
	has := func(word string) bool { return strings.Contains(cmdline, "\x00"+word+"\x00") }
	return strings.Contains(cmdline, "compose") &&
		(has("up") || has("config") && !has("--no-interpolate") || has("docker-cli-plugin-metadata"))
}

func newWatch(w *world) *watch {
	return &watch{w: w, values: map[string]bool{}, samples: map[string]sample{}}
}

func (x *watch) known(values ...string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, v := range values {
		if v != "" {
			x.values[v] = true
		}
	}
}

func (x *watch) heard(e ended) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.heards = append(x.heards, e)
}

// sample looks at rotor and all that it started, again and again, until the
// function it returns is called: less often where forty runs are looked at.
func (x *watch) sample(pid int) (stop func()) {
	end, ended, often := make(chan struct{}), make(chan struct{}), 5*time.Millisecond
	if x.w.plan.short {
		often *= 4
	}
	go func() {
		defer close(ended)
		tick := time.NewTicker(often)
		defer tick.Stop()
		for {
			x.look(pid, true)
			select {
			case <-end:
				return
			case <-tick.C:
			}
		}
	}()
	return func() { close(end); <-ended }
}

func (x *watch) look(pid int, rotor bool) {
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return
	}
	s := sample{cmdline: string(cmdline), compose: givenValues(string(cmdline))}
	// its own environment has the token by right, and a child that was not made
	// another program yet is still itself
	if !rotor && !x.w.isRotor(s.cmdline) {
		environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		s.environ = string(environ)
	}
	again, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if len(again) == 0 || !bytes.Equal(again, cmdline) {
		return // it is just becoming another program, or ending: who it is cannot be told
	}
	x.mu.Lock()
	x.samples[s.cmdline+"\x00\x00"+s.environ] = s
	x.mu.Unlock()
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, word := range strings.Fields(string(text)) {
			var child int
			if _, err := fmt.Sscan(word, &child); err == nil {
				x.look(child, false)
			}
		}
	}
}

func (w *world) isRotor(cmdline string) bool {
	return strings.HasPrefix(cmdline, w.binary+"\x00") || strings.HasPrefix(cmdline, w.binary+"-stops\x00")
}

// learn asks rotor for every value that it ever made: those that were taken back
// before anybody could read them in the store are found too.
func (x *watch) learn() {
	t := x.w.t
	t.Helper()
	out := shortDir(t)
	for _, name := range []string{"database", "machine-token", "partner-key"} {
		for n := 0; ; n++ {
			path := filepath.Join(out, fmt.Sprintf("%s-%d", name, n))
			if e := x.w.rotor("recover", name, "--generation", fmt.Sprint(n), "--out", path); e.code != 0 {
				if n > 0 { // 0 is missing if it was never rotated, or not ours
					break
				}
				continue
			}
			text := readFile(t, path)
			var fields map[string]string
			if json.Unmarshal(text, &fields) != nil {
				x.known(string(text))
			}
			x.known(fields["password"])
		}
	}
}

// places is every text in which no value may stand, by its name.
func (x *watch) places() map[string][]byte {
	t, w := x.w.t, x.w
	t.Helper()
	out := map[string][]byte{
		"log of PostgreSQL": readFile(t, w.db.LogPath()),
		"log of Vault":      readFile(t, w.vault.LogPath()),
		"audit of Vault":    readFile(t, w.vault.auditLog),
	}
	for name, read := range w.app.logs() {
		out[name] = read()
	}
	err := filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path == filepath.Join(w.dir, "instances"):
			return fs.SkipDir // the service's own
		case d.Type().IsRegular() && path != filepath.Join(w.state, "key"):
			out[path] = readFile(t, path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, e := range x.heards {
		out[fmt.Sprintf("output of run %d: rotor %s", i, strings.Join(e.args, " "))] = []byte(e.stdout + e.stderr)
	}
	for key, s := range x.samples {
		name := "process " + strings.ReplaceAll(strings.TrimRight(s.cmdline, "\x00"), "\x00", " ")
		text := s.cmdline
		if !s.compose {
			text = key
		}
		out[name] = append(append(out[name], 0), text...)
	}
	return out
}

// search is the end of every test.
func (x *watch) search() {
	t := x.w.t
	t.Helper()
	if t.Skipped() {
		return
	}
	x.learn()
	for _, hit := range x.hits(x.places()) {
		t.Error(hit)
	}
}

// hits says where values stand, without repeating them.
func (x *watch) hits(places map[string][]byte) []string {
	var out []string
	for i, v := range x.all() {
		for j, form := range secret.Encodings(secret.New(v)) {
			for place, text := range places {
				if at := bytes.Index(text, []byte(form)); at >= 0 {
					out = append(out, fmt.Sprintf("value %d (encoding %d) stands in %s, at byte %d of %d", i, j, place, at, len(text)))
				}
			}
		}
	}
	return out
}

func (x *watch) all() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var out []string
	for v := range x.values {
		for _, one := range strings.Split(v, ",") { // a new token and the one before it
			out = append(out, one)
		}
	}
	return out
}
