package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/check/checktest"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

const leaked = "rotor-test-value-in-log-line"

// now is fixed: lines and windows are all relative to it.
var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func window() check.Window { return check.Window{From: now.Add(-5 * time.Minute), To: now} }

func line(ago time.Duration, text string) string {
	return now.Add(-ago).Format(time.RFC3339Nano) + " " + text + "\n"
}

func TestExamOfAFile(t *testing.T) {
	blind := map[string]func(path string) error{
		"missing":  os.Remove,
		"no times": func(path string) error { return os.WriteFile(path, []byte("401\n"), 0o600) },
		"a folder": func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"a pipe":   func(path string) error { return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)) },
	}
	for name, make := range blind {
		t.Run(name, func(t *testing.T) {
			checktest.Run(t, func(t testing.TB) checktest.World {
				path := filepath.Join(t.TempDir(), "app.log")
				write := func(n int) error {
					text := line(time.Hour, "GET / 401") + line(time.Minute, "GET / 200")
					for range n {
						text += line(30*time.Second, "GET / 401 "+leaked)
					}
					return os.WriteFile(path, []byte(text), 0o600)
				}
				if err := write(1); err != nil {
					t.Fatal(err)
				}
				return checktest.World{
					Open: func() (check.Check, error) {
						return New(Options{File: path, Match: `\b401\b`, MaxOverBaseline: 3}, "", nil)
					},
					Ill: func() error { return write(9) }, Blind: func() error { return make(path) }, Window: window,
					Secrets: []secret.Value{secret.New(leaked)},
				}
			})
		})
	}
}

func TestExamOfAConsumer(t *testing.T) {
	for name, blind := range map[string]check.Logs{
		"no log": func(context.Context, time.Time) (io.ReadCloser, error) {
			return nil, fault.New(fault.Transient, "no container")
		},
		"breaks off": func(context.Context, time.Time) (io.ReadCloser, error) {
			r := io.MultiReader(strings.NewReader(line(time.Minute, "fine")), iotest.ErrReader(errors.New("exit status 1")))
			return io.NopCloser(r), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			checktest.Run(t, func(t testing.TB) checktest.World {
				text, source := "", check.Logs(nil)
				good := check.Logs(func(context.Context, time.Time) (io.ReadCloser, error) {
					return io.NopCloser(strings.NewReader(text)), nil
				})
				source = good
				return checktest.World{
					Open: func() (check.Check, error) {
						return New(Options{Consumer: "app", Match: "28P01"}, "", func(ctx context.Context, since time.Time) (io.ReadCloser, error) {
							return source(ctx, since)
						})
					},
					Ill:    func() error { text = line(time.Minute, "28P01 "+leaked); return nil },
					Blind:  func() error { source = blind; return nil },
					Window: window, Secrets: []secret.Value{secret.New(leaked)},
				}
			})
		})
	}
}

func counted(t *testing.T, text string, w check.Window, o Options) check.Sample {
	t.Helper()
	o.Consumer, o.Match = "app", "ERR"
	c, err := New(o, "", func(context.Context, time.Time) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(text)), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Measure(t.Context(), w)
	if err != nil || !s.Known {
		t.Fatalf("%+v, %v", s, err)
	}
	return s
}

func TestOnlyTheWindowCounts(t *testing.T) {
	text := line(6*time.Minute, "ERR before") + line(5*time.Minute, "ERR at the beginning") + line(time.Minute, "fine") +
		"  ERR in a stack trace\n" + line(0, "ERR at the end, excluded") + "  ERR trace of it\n" + line(time.Second, "ERR without line end")
	text = strings.TrimSuffix(text, "\n")
	if s := counted(t, text, window(), Options{}); s.Value != 3 || s.Detail != "3 lines in 5m0s" {
		t.Errorf("%+v", s)
	}
}

func TestLongWindowsAreConverted(t *testing.T) {
	text := strings.Repeat(line(time.Minute, "ERR"), 12)
	long := check.Window{From: now.Add(-time.Hour), To: now}
	for per, want := range map[time.Duration]float64{5 * time.Minute: 1, time.Hour: 12, 2 * time.Hour: 12} {
		if s := counted(t, text, long, Options{Per: per}); s.Value != want {
			t.Errorf("per %s: %+v", per, s)
		}
	}
}

func TestLongLinesAreSkippedNotSplit(t *testing.T) {
	text := line(time.Minute, "ERR "+strings.Repeat("x", 3*lineLimit)+" ERR") + line(time.Minute, "ERR")
	if s := counted(t, text, window(), Options{}); s.Value != 2 {
		t.Errorf("%+v", s)
	}
}

func TestRotatedFileIsReadToo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	for name, text := range map[string]string{path: line(time.Minute, "ERR"), path + ".1": line(2*time.Minute, "ERR") + line(9*time.Minute, "ERR")} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for mtime, want := range map[time.Time]float64{now: 2, now.Add(-time.Hour): 1} {
		if err := os.Chtimes(path+".1", mtime, mtime); err != nil {
			t.Fatal(err)
		}
		c, err := New(Options{File: filepath.Base(path), Match: "ERR"}, filepath.Dir(path), nil)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := c.Measure(t.Context(), window()); err != nil || s.Value != want {
			t.Errorf("FILE.1 of %s: %+v, %v", mtime, s, err)
		}
	}
}

func TestStamp(t *testing.T) {
	want := time.Date(2026, 11, 23, 11, 58, 3, 0, time.UTC)
	local := want.In(time.Local)
	for _, text := range []string{
		"2026-11-23T11:58:03Z x", "2026-11-23T11:58:03.000000000Z x", "2026-11-23 11:58:03,000 UTC x", "[2026-11-23T12:58:03+01:00] x",
		"2026-11-23 06:58:03.000-0500 x", "2026-11-23 11:58:03.000 UTC [77] FATAL: x", local.Format("2006/01/02 15:04:05") + " go's log",
		local.Format("2006-01-02 15:04:05") + " python", `10.0.0.1 - - [23/Nov/2026:11:58:03 +0000] "GET / HTTP/1.1" 401 0`,
		local.Format("Jan _2 15:04:05") + " host app[7]: x", "<34>" + local.Format("Jan _2 15:04:05") + " host x",
		`{"level":"error","time":"2026-11-23T11:58:03Z"}`, `{"ts":1795435083.0,"msg":"x"}`, `{"ts": 1795435083000}`,
		`{"@timestamp":"2026-11-23T11:58:03.000Z"}`, `{"timestamp":1795435083000000000}`,
	} {
		if got, ok := stamp([]byte(text), now); !ok || !got.Equal(want) {
			t.Errorf("%q: %s, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "x", "GET /2026-11-23T11:58:03Z", "2026-13-45T99:99:99Z", `{"msg":"no time"}`, "Foo 99 99:99:99 x"} {
		if got, ok := stamp([]byte(text), now); ok {
			t.Errorf("%q: %s", text, got)
		}
	}
	newYear := time.Date(2027, 1, 1, 0, 1, 0, 0, time.Local)
	if got, ok := stamp([]byte("Dec 31 23:59:00 host x"), newYear); !ok || got.Year() != 2026 {
		t.Errorf("over the year's end: %s", got)
	}
}

func TestNewRefuses(t *testing.T) {
	source := func(context.Context, time.Time) (io.ReadCloser, error) { return nil, nil }
	for name, tc := range map[string]struct {
		o Options
		s check.Logs
	}{
		"nothing":      {Options{Match: "x"}, nil},
		"both":         {Options{Consumer: "a", File: "/b", Match: "x"}, source},
		"no log":       {Options{Consumer: "a", Match: "x"}, nil},
		"no match":     {Options{Consumer: "a"}, source},
		"malformed":    {Options{Consumer: "a", Match: "("}, source},
		"every line":   {Options{Consumer: "a", Match: "(401)?"}, source},
		"negative":     {Options{Consumer: "a", Match: "x", MaxOverBaseline: -1}, source},
		"negative per": {Options{Consumer: "a", Match: "x", Per: -1}, source},
	} {
		if _, err := New(tc.o, "", tc.s); err == nil || fault.KindOf(err) != fault.BadConfig {
			t.Errorf("%s: %v", name, err)
		}
	}
	found := check.Context{Logs: func(name string) (check.Logs, error) { return source, nil }}
	if _, err := Type().New(&Options{Consumer: "app", Match: "x"}, found); err != nil {
		t.Error(err)
	}
	found.Logs = func(name string) (check.Logs, error) { return nil, fmt.Errorf("no consumer %s", name) }
	if _, err := Type().New(&Options{Consumer: "app", Match: "x"}, found); err == nil {
		t.Error("a consumer that is not there passes")
	}
}

func FuzzStamp(f *testing.F) {
	f.Add([]byte("2026-11-23T11:58:03,123456789123+01:00 x"))
	f.Add([]byte(`{"ts":9999999999999999999.5}`))
	f.Add([]byte("<1>Feb 29 00:00:00 x"))
	f.Fuzz(func(t *testing.T, line []byte) {
		if when, ok := stamp(line, now); ok && (when.Year() < 0 || when.Year() > 9999) {
			t.Errorf("%q: %s", line, when)
		}
	})
}
