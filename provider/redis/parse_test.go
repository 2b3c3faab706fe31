package redis

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/secret"
)

func TestMarks(t *testing.T) {
	hash, other := digest("one"), digest("two")
	at := time.Unix(1_750_000_000, 0)
	text := markOf(hash, at.Add(time.Millisecond)).String()
	m, ok := parseMark(text)
	if !ok || !isHash(text) || !m.at.Equal(at) || !m.of(hash) || m.of(other) || m.of("") {
		t.Errorf("%s: %+v, %v", text, m, ok)
	}
	if m.String() != text {
		t.Errorf("%s became %s", text, m)
	}
	for _, text := range []string{hash, "", text[:63], strings.ToUpper(text), "726f746f7202" + text[12:]} {
		if m, ok := parseMark(text); ok {
			t.Errorf("%s is a mark: %+v", text, m)
		}
	}
}

func FuzzMark(f *testing.F) {
	f.Add(markOf(digest("x"), time.Unix(1, 0)).String())
	f.Add(digest("x"))
	f.Fuzz(func(t *testing.T, text string) {
		if m, ok := parseMark(text); ok && m.String() != text {
			t.Errorf("%q became %q", text, m)
		}
	})
}

// TestWitness: which sessions are the dead password's, from the entries alone.
func TestWitness(t *testing.T) {
	a, b, c := digest("a"), digest("b"), digest("c")
	tb, tc := time.Unix(1000, 0), time.Unix(2000, 0)
	mb, mc := markOf(b, tb), markOf(c, tc)
	for name, x := range map[string]struct {
		hashes []string
		marks  []mark
		gone   string // what was removed just now
		id     string
		want   evidence
	}{
		"the old one":               {[]string{a, b}, []mark{mb}, a, a, evidence{before: tb, spent: []mark{mb}}},
		"the old one, broken off":   {[]string{b}, []mark{mb}, "", a, evidence{before: tb, spent: []mark{mb}}},
		"the old one, finished":     {[]string{b}, nil, "", a, evidence{finished: true}},
		"adopted, broken off":       {[]string{b}, []mark{mb}, "", slowID("u", a), evidence{before: tb, spent: []mark{mb}}},
		"the new one":               {[]string{a, b}, []mark{mb}, b, b, evidence{since: tb, spent: []mark{mb}}},
		"the new one, broken off":   {[]string{a}, []mark{mb}, "", b, evidence{since: tb, spent: []mark{mb}}},
		"the only one":              {[]string{a}, nil, a, a, evidence{nobody: true}},
		"the only one, again":       {nil, nil, "", a, evidence{nobody: true}},
		"never here":                {[]string{a, b}, []mark{mb}, "", c, evidence{finished: true}},
		"the middle of three":       {[]string{a, b, c}, []mark{mb, mc}, b, b, evidence{since: tb, spent: []mark{mb}}},
		"the first of three":        {[]string{a, b, c}, []mark{mb, mc}, a, a, evidence{}},
		"the second, two left over": {[]string{b, c}, []mark{mb, mc}, b, b, evidence{since: tb, before: tc, spent: []mark{mb, mc}}},
		"a stranger stays":          {[]string{a, b, c}, []mark{mb}, a, a, evidence{}},
	} {
		got := witness(user{hashes: x.hashes, marks: x.marks}, x.gone, x.id)
		if !reflect.DeepEqual(got, x.want) {
			t.Errorf("%s: %+v, want %+v", name, got, x.want)
		}
	}
}

func TestParseSessions(t *testing.T) {
	text := "id=3 addr=127.0.0.1:5 laddr=127.0.0.1:6 fd=8 name=w age=7 idle=2 flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 qbuf=0 cmd=get user=app redir=-1 resp=2\n" +
		"id=4 addr=[::1]:5 name= age=1 idle=9 flags=P sub=1 psub=0 multi=-1 user=app lib-name=x(y_v1) lib-ver=\n" +
		"id=5 addr=/s:0 age=x idle=9 flags=b multi=-1 user=app\n\nnonsense\nid=-1 user=app\nid=6 age=1 idle=9 flags=N multi=0 user=app\nid=7 idle=9 flags=S user=app"
	got := parseSessions(text)
	if len(got) != 5 {
		t.Fatalf("%+v", got)
	}
	want := session{id: "3", name: "w", address: "127.0.0.1:5", user: "app", flags: "N", age: 7, idle: 2}
	if got[0] != want {
		t.Errorf("%+v", got[0])
	}
	if got[0].replica() || !got[4].replica() {
		t.Errorf("%+v", got[4])
	}
}

// TestOlderThan: ages are whole seconds, rounded down; what is not certain is not older.
func TestOlderThan(t *testing.T) {
	now := time.Unix(1000, 900_000_000)
	for age, want := range map[int64]bool{99: false, 100: false, 101: true} {
		if (session{age: age}).olderThan(time.Unix(900, 0), now) != want {
			t.Errorf("age %d: %v", age, !want)
		}
	}
	if (session{age: 1 << 40}).olderThan(time.Time{}, now) {
		t.Error("older than nothing")
	}
}

func FuzzParseSessions(f *testing.F) {
	f.Add("id=3 addr=127.0.0.1:5 name=w age=7 idle=2 flags=N multi=-1 user=app\n")
	f.Add("id==\n=\nid=1 id=2\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range parseSessions(text) {
			if s.id == "" || strings.ContainsAny(s.id, " \n") {
				t.Errorf("%q gives %+v", text, s)
			}
		}
	})
}

// TestParseUser: answers of the versions.
func TestParseUser(t *testing.T) {
	h, m := digest("x"), markOf(digest("y"), time.Unix(5, 0))
	six := []any{"flags", []any{"on", "allkeys"}, "passwords", []any{h}, "commands", "+@all", "keys", []any{"*"}}
	seven := []any{"flags", []any{"on", "sanitize-payload"}, "passwords", []any{h, m.String()}, "commands", "+@all", "keys", "~*", "channels", "", "selectors", []any{[]any{"commands", "+get"}}}
	for marks, answer := range []any{six, seven} {
		u, ok := parseUser("app", answer)
		if !ok || !u.exists || !u.on || u.nopass || !u.has(h) || len(u.hashes) != 1 || len(u.marks) != marks {
			t.Errorf("%+v, %v", u, ok)
		}
	}
	if u, ok := parseUser("app", nil); !ok || u.exists || u.open() {
		t.Errorf("no user: %+v", u)
	}
	for _, answer := range []any{"text", []any{"flags"}, []any{"flags", []any{}}, []any{"flags", []any{}, "passwords", []any{"short"}}, []any{"flags", []any{}, "passwords", []any{int64(1)}}, int64(3)} {
		if u, ok := parseUser("app", answer); ok {
			t.Errorf("%v gives %+v", answer, u)
		}
	}
}

func TestParseRules(t *testing.T) {
	got := strings.Join(parseRules("on sanitize-payload #"+digest("x")+" ~a* resetchannels -@all +get (~q* resetchannels -@all +set)"), " ")
	if got != "~a* resetchannels -@all +get (~q* resetchannels -@all +set)" {
		t.Error(got)
	}
}

func TestUnguessable(t *testing.T) {
	for word, want := range map[string]bool{
		"": false, "summer-2019": false, "correct-horse-battery-staple-0A": true, "aaaaaaaaaaaaaaaaaaaaaaaaA1": false,
		"onlylowercaseletters1234": false, secret.Random(21).Reveal(): false,
	} {
		if unguessable(word) != want {
			t.Errorf("%d characters: %v", len(word), !want)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	for _, seed := range []string{"redis://u:p@h:1/0", "rediss://:p@[::1]", "unix:///a/b", "redis://h:1?x#y", "://", "redis://a:b/c@h"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d, ok := parseURL(secret.New(text)); ok && (d.address == "" || d.network == "") {
			t.Errorf("%q gives a way to nowhere", text)
		}
	})
}

func TestParseRefusal(t *testing.T) {
	entry := []any{"count", int64(3), "reason", "auth", "context", "toplevel", "object", "AUTH", "username", "app", "age-seconds", "12.5", "client-info", "id=1 addr=10.0.0.7:1 name=w user=default"}
	r, ok := parseRefusal(entry)
	if !ok || r.user != "app" || r.count != 3 || r.age != 12 || r.client.name != "w" {
		t.Errorf("%+v, %v", r, ok)
	}
	for _, entry := range []any{nil, "x", []any{"reason", "command"}, []any{"reason"}, []any{int64(1), int64(2)}} {
		if _, ok := parseRefusal(entry); ok {
			t.Errorf("%v", entry)
		}
	}
}
