// The demo's consumer as a program of its own, for containers FROM scratch.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/agenticverz/rotor/internal/demo/service"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	err := service.Run(ctx, os.Getenv, os.Args[1:])
	if err != nil && len(os.Args) > 1 { // while serving it logs by itself
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(service.ExitCode(err))
}
