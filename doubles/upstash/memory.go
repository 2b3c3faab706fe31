package upstash

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

// Memory is a Backend that needs no Redis: logins, users, PING, and nothing to store.
type Memory struct {
	Clock *doubles.Clock
	// Flap is for how long the next users are refused after the first login that went
	// well: one region knows them before the others do.
	Flap time.Duration

	mu       sync.Mutex
	users    map[string]*user
	sessions map[*memorySession]bool
}

type user struct {
	on     bool
	hashes []string
	flap   time.Duration // see Memory.Flap; zero once it began
	absent time.Time     // not known everywhere until then
}

// login is one attempt.
func (u *user) login(password string, now time.Time) bool {
	if u == nil || !u.on || !slices.Contains(u.hashes, hash(password)) || now.Before(u.absent) {
		return false
	}
	if u.flap > 0 {
		u.absent, u.flap = now.Add(u.flap), 0
	}
	return true
}

// NewMemory makes a server without users.
func NewMemory() *Memory {
	return &Memory{Clock: &doubles.Clock{}, users: map[string]*user{}, sessions: map[*memorySession]bool{}}
}

type memorySession struct {
	m    *Memory
	user string
	gone bool
}

// Open implements Backend.
func (m *Memory) Open(context.Context) (Session, error) { return m.open(""), nil }

// Admin implements Backend.
func (m *Memory) Admin(context.Context) (Session, error) { return m.open("\x00admin"), nil }

func (m *Memory) open(user string) *memorySession {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := &memorySession{m: m, user: user}
	m.sessions[s] = true
	return s
}

// Close implements Session.
func (s *memorySession) Close() error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	delete(s.m.sessions, s)
	return nil
}

var errGone = errors.New("the connection was ended")

// Do implements Session.
func (s *memorySession) Do(_ context.Context, args ...string) (any, error) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	name := strings.ToUpper(args[0])
	switch {
	case s.gone:
		return nil, errGone
	case name == "AUTH" && len(args) == 3:
		if !s.m.users[args[1]].login(args[2], s.m.Clock.Now()) {
			return nil, refuse("WRONGPASS invalid username-password pair or user is disabled.")
		}
		s.user = args[1]
		return "OK", nil
	case s.user == "":
		return nil, refuse("NOAUTH Authentication required.")
	case name == "PING":
		return "PONG", nil
	case name == "ACL" && len(args) > 1:
		return s.acl(strings.ToUpper(args[1]), args[2:])
	case name == "CLIENT" && len(args) == 4: // KILL USER name
		return s.m.end(args[3]), nil
	}
	return nil, refuse("ERR unknown command")
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// end closes a user's sessions.
func (m *Memory) end(name string) int64 {
	var n int64
	for s := range m.sessions {
		if s.user == name {
			s.gone = true
			n++
		}
	}
	return n
}

func (s *memorySession) acl(sub string, args []string) (any, error) {
	switch sub {
	case "WHOAMI":
		return s.user, nil
	case "USERS":
		out := []any{}
		for name := range s.m.users {
			out = append(out, name)
		}
		return out, nil
	case "GETUSER":
		u := s.m.users[args[0]]
		if u == nil {
			return nil, nil
		}
		var hashes []any
		for _, h := range u.hashes {
			hashes = append(hashes, h)
		}
		return []any{"flags", []any{"on"}, "passwords", hashes}, nil
	case "DELUSER":
		if s.m.users[args[0]] == nil {
			return int64(0), nil
		}
		delete(s.m.users, args[0])
		s.m.end(args[0])
		return int64(1), nil
	case "SETUSER":
		return s.m.set(args[0], args[1:])
	}
	return nil, refuse("ERR unknown subcommand")
}

func (m *Memory) set(name string, rules []string) (any, error) {
	if m.users[name] == nil {
		m.users[name] = &user{flap: m.Flap}
	}
	u := m.users[name]
	for _, rule := range rules {
		switch {
		case rule == "on":
			u.on = true
		case rule == "off":
			u.on = false
		case rule == "resetpass":
			u.hashes = nil
		case strings.HasPrefix(rule, ">") && !slices.Contains(u.hashes, hash(rule[1:])):
			u.hashes = append(u.hashes, hash(rule[1:]))
		}
	}
	return "OK", nil
}
