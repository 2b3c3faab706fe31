// Package docs tests the documents: commands in them are run and say what the
// page says, every rotor.yaml in them is valid, links lead somewhere, and the
// generated pages are fresh.
//
// Blocks of sh and console are run in order, all of one page in one folder. A
// comment right above a block changes that:
//
//	<!-- test: skip WHY -->        not run
//	<!-- test: file NAME -->       the block is that file's text
//	<!-- test: fresh -->           begin in an empty folder
//	<!-- test: world nova -->      begin in the system of world_test.go; or worlds legacy, doubles
//	<!-- test: checkout -->        run in a copy of the source tree
//	<!-- test: tree -->            run in the source tree itself; it must change nothing there
//	<!-- test: needs vault -->     with a real Vault and VAULT_ADDR, VAULT_TOKEN
//	<!-- test: needs sqlite3 -->   if that program is installed; or needs jq
//	<!-- test: unit -->            systemd-analyze verifies it, if that is installed
//	<!-- test: exit 5 -->          the exit code of an sh block
//	<!-- test: config nova -->     the rotor.yaml of that world
//	<!-- test: demo -->            lines that rotor demo --crash prints, in this order
//
// UPDATE=1 writes what console blocks print into the pages; read the difference.
package docs

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/agenticverz/rotor/internal/demo/service"
	"github.com/agenticverz/rotor/internal/demo/unit"
	"github.com/agenticverz/rotor/internal/testserver"
)

var root = filepath.Join("..", "..")

// TestMain lets this binary be what the world's rotor.yaml deploys: an instance
// of a service, and the program that restarts one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "unit" || os.Args[1] == "serve") {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		code := 0
		if os.Args[1] == "serve" {
			code = service.ExitCode(service.Run(ctx, os.Getenv, nil))
		} else {
			code = unit.Command(ctx, os.Args[2:], os.Getenv, os.Stderr)
		}
		stop()
		os.Exit(code)
	}
	testserver.Main(tidy{m})
}

type tidy struct{ m *testing.M }

func (t tidy) Run() int {
	code := t.m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	return code
}

var built struct {
	sync.Once
	dir string
	err error
}

// bin is a folder with a freshly built rotor.
func bin(t testing.TB) string {
	t.Helper()
	built.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "rotor-docs-"); built.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-o", filepath.Join(built.dir, "rotor"), "./cmd/rotor")
		cmd.Dir = root
		if text, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("go build: %w: %s", err, text)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.dir
}
