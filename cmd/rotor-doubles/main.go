// Command rotor-doubles serves doubles of vendors' APIs on one loopback port, so that
// Rotor can be tried without an account. It prints how to configure each, and its key,
// or writes a rotor.yaml that does.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/agenticverz/rotor/doubles"
	"github.com/agenticverz/rotor/doubles/all"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8425", "loopback address, host:port")
	into := flag.String("into", "", "write a rotor.yaml that tries them, with its .env, into this `folder`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	doors, err := all.Doors()
	if err == nil {
		err = doubles.Serve(ctx, *listen, *into, os.Stdout, doors...)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "rotor-doubles: error:", err)
		os.Exit(1)
	}
}
