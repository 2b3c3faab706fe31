package service

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// settings is everything a process is told, by its environment alone. It holds
// values: never print it.
type settings struct {
	name        string // of the instance, for logs
	listen      string
	database    *pgx.ConnConfig // nil: no database
	databaseURL string
	tokens      []string // that are accepted, the present one first
	drain       time.Duration
	lifetime    time.Duration     // of a connection; 0: the pool's own
	fingerprint string            // the key for /fingerprint; "" = no such page
	watched     map[string]string // the variables whose fingerprint may be asked
}

// Watched lists the variables that hold secrets.
var Watched = []string{"DATABASE_URL", "MACHINE_SECRET_TOKEN", "MACHINE_SECRET_TOKEN_PREVIOUS", "PARTNER_KEY"}

// read validates strictly: a process that starts with half a configuration is
// healthy until somebody needs the other half.
func read(getenv func(string) string) (settings, error) {
	s := settings{
		name: getenv("NAME"), listen: getenv("LISTEN"), databaseURL: getenv("DATABASE_URL"),
		fingerprint: getenv("FINGERPRINT_KEY"), watched: map[string]string{}, drain: 1500 * time.Millisecond,
	}
	for _, name := range Watched {
		s.watched[name] = getenv(name)
	}
	if s.listen == "" {
		s.listen = ":8080"
	}
	for name, into := range map[string]*time.Duration{"DRAIN": &s.drain, "LIFETIME": &s.lifetime} {
		if text := getenv(name); text != "" {
			ms, err := strconv.Atoi(text)
			if err != nil || ms < 0 || ms > 600_000 {
				return s, refused("%s is not a number of milliseconds", name)
			}
			*into = time.Duration(ms) * time.Millisecond
		}
	}
	if err := s.readTokens(getenv); err != nil {
		return s, err
	}
	if s.databaseURL == "" {
		return s, nil
	}
	config, err := pgx.ParseConfig(s.databaseURL)
	if err != nil {
		return s, refused("DATABASE_URL is not a connection string") // err may quote it
	}
	s.database = config
	return s, nil
}

// readTokens: the old token may stand behind the new one, after a comma, or in a
// variable of its own.
func (s *settings) readTokens(getenv func(string) string) error {
	for i, token := range strings.Split(getenv("MACHINE_SECRET_TOKEN"), ",") {
		if i > 0 && token == "" {
			continue
		}
		if err := wellFormed("MACHINE_SECRET_TOKEN", token); err != nil {
			return err
		}
		s.tokens = append(s.tokens, token)
	}
	for _, name := range []string{"MACHINE_SECRET_TOKEN_PREVIOUS", "PARTNER_KEY"} {
		value := getenv(name)
		if value == "" {
			continue // both are optional
		}
		if err := wellFormed(name, value); err != nil {
			return err
		}
		if name == "MACHINE_SECRET_TOKEN_PREVIOUS" {
			s.tokens = append(s.tokens, value)
		}
	}
	return nil
}

// wellFormed is what a program can know of a token: a truncated paste, two lines
// or a placeholder are none.
func wellFormed(name, value string) error {
	visible := strings.IndexFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
	switch {
	case value == "":
		return refused("%s is empty", name)
	case len(value) < 16 || len(value) > 4096 || !visible:
		return refused("%s is malformed: it needs 16 visible characters or more", name)
	}
	return nil
}

// refusal is a configuration with which the process will never work: exit
// status 3, at once, so that whoever deployed it learns it from the first unit.
type refusal struct{ reason string }

func (r *refusal) Error() string { return r.reason }

func refused(format string, args ...any) error {
	return &refusal{fmt.Sprintf(format, args...)}
}

// ExitCode is the status a process ends with: 0, 3 for a value that was refused,
// 1 for anything else.
func ExitCode(err error) int {
	var r *refusal
	switch {
	case err == nil:
		return 0
	case errors.As(err, &r):
		return 3
	}
	return 1
}
