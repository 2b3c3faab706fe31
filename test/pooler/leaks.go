package pooler

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/agenticverz/rotor/secret"
)

// Known adds values that must stand in no log.
func (w *World) Known(values ...string) {
	for _, v := range values {
		if v != "" {
			w.values[v] = true
		}
	}
}

// KnownVerifier adds what a server stores of a password, whole and in its parts.
func (w *World) KnownVerifier(text string) {
	w.Known(text)
	if i := strings.LastIndex(text, "$"); i > 0 {
		stored, server, _ := strings.Cut(text[i+1:], ":")
		w.Known(stored, server)
	}
}

// Learn asks rotor for every value that it ever made.
func (w *World) Learn(ctx context.Context) (generations int, err error) {
	for n := 0; ; n++ {
		path := filepath.Join(w.Dir, "recovered")
		e := w.Run(ctx, w.Rotor, nil, "recover", "database", "--generation", fmt.Sprint(n), "--out", path)
		if e.Code != 0 && n == 0 {
			continue // the value from before Rotor may not be there
		}
		if e.Code != 0 {
			return generations, nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return generations, err
		}
		if err := os.Remove(path); err != nil {
			return generations, err
		}
		var fields map[string]string
		if err := json.Unmarshal(text, &fields); err != nil {
			return generations, err
		}
		w.Known(fields["password"])
		w.KnownVerifier(fields["verifier"])
		generations++
	}
}

// Leaks says where known values stand, in any encoding, without repeating them: in
// the servers' logs, in the statistics of statements, in what rotor and the
// instances said.
func (w *World) Leaks(ctx context.Context) ([]string, error) {
	statements, err := w.Ask(ctx, "SELECT query FROM pg_stat_statements")
	if err != nil {
		return nil, err
	}
	places := map[string]string{"pg_stat_statements": strings.Join(statements, "\n"), "rotor's output": strings.Join(w.outputs, "\n")}
	logs := map[string]string{"PostgreSQL's log": w.DB.LogPath(), "PgBouncer's log": w.Bouncer.LogPath()}
	for name := range w.instances {
		logs["log of "+name] = filepath.Join(w.Dir, name+".log")
	}
	for name, path := range logs {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		places[name] = string(text)
	}
	s := newSearch(w.values)
	var out []string
	for name, text := range places {
		if at, found := s.in(text); found {
			out = append(out, fmt.Sprintf("a value stands in %s, at byte %d of %d", name, at, len(text)))
		}
	}
	return out, nil
}

// search looks for thousands of texts at once: by their first bytes.
type search struct{ forms map[string][]string }

// head is shorter than every form of a value.
const head = 6

func newSearch(values map[string]bool) search {
	s := search{map[string][]string{}}
	for v := range values {
		for _, form := range secret.Encodings(secret.New(v)) {
			s.forms[form[:head]] = append(s.forms[form[:head]], form)
		}
	}
	return s
}

func (s search) in(text string) (at int, found bool) {
	for at := 0; at+head <= len(text); at++ {
		for _, form := range s.forms[text[at:at+head]] {
			if strings.HasPrefix(text[at:], form) {
				return at, true
			}
		}
	}
	return 0, false
}
