package cli_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"

	"github.com/agenticverz/rotor/cli"
	"github.com/agenticverz/rotor/internal/testserver"
)

func TestMain(m *testing.M) {
	testscript.Main(testserver.Wrap(m), map[string]func(){
		"rotor": func() {
			ctx, stop := cli.Signals(context.Background())
			code := cli.Main(ctx, os.Args[1:])
			stop()
			os.Exit(code)
		},
	})
}

// TestScripts runs testdata/*.txtar against the real main. Scripts may say
//
//	code N rotor ...    run it and want this exit code
//	tamper SQL          change the state behind Rotor's back
//	normal FILE         replace times, ids and fingerprints, for comparing
//	mode OCTAL FILE     want these permissions
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		UpdateScripts: os.Getenv("UPDATE") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("ROTOR_STATE", filepath.Join(env.WorkDir, "state"))
			env.Setenv("TZ", "UTC")
			return os.Mkdir(filepath.Join(env.WorkDir, "home"), 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": code, "tamper": tamper, "normal": normal, "mode": mode,
		},
	})
}

func code(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if err != nil || neg || len(args) < 2 {
		ts.Fatalf("usage: code N PROGRAM ARGS...")
	}
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func tamper(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", filepath.Join(ts.Getenv("ROTOR_STATE"), "state.db"))
	ts.Check(err)
	defer db.Close()
	res, err := db.Exec(args[0])
	ts.Check(err)
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		ts.Fatalf("nothing was changed: %v", err)
	}
}

var changing = []struct {
	pattern *regexp.Regexp
	stand   string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "TIME"},
	{regexp.MustCompile(`\b([rx])-[0-9a-z]{14}\b`), "$1-ID"},
	{regexp.MustCompile(`"fingerprint": "[a-z2-7]{10}"`), `"fingerprint": "FINGERPRINT"`},
	{regexp.MustCompile(`"label": "rotor-[a-z0-9]{6}-`), `"label": "rotor-INSTAL-`},
	{regexp.MustCompile(`"actor": "[^"]*"`), `"actor": "ACTOR"`},
}

func normal(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	for _, c := range changing {
		text = c.pattern.ReplaceAllString(text, c.stand)
	}
	name := args[0]
	if name == "stdout" || name == "stderr" {
		name += ".normal"
	}
	ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
}

func mode(ts *testscript.TestScript, _ bool, args []string) {
	at, err := os.Lstat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := strconv.FormatUint(uint64(at.Mode().Perm()), 8); got != strings.TrimLeft(args[0], "0") {
		ts.Fatalf("%s has mode %s", args[1], got)
	}
}
