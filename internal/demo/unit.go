package demo

import (
	"context"
	"io"
	"os"

	"github.com/agenticverz/rotor/internal/demo/service"
	"github.com/agenticverz/rotor/internal/demo/unit"
)

// Unit is `rotor demo unit ARGS...` and returns the exit code: `serve` is one
// instance of the service, `deploy SOCKET` and `confirm SOCKET` are what the
// demo's rotor.yaml has for its consumers; out is standard error.
func Unit(ctx context.Context, args []string, out io.Writer) int {
	if len(args) == 1 && args[0] == "serve" {
		return service.ExitCode(service.Run(ctx, os.Getenv, nil))
	}
	return unit.Command(ctx, args, os.Getenv, out)
}
