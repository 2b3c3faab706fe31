// Command rotor rotates secrets. Everything it does is in package cli.
package main

import (
	"context"
	"os"

	"github.com/agenticverz/rotor/cli"
)

func main() {
	harden()
	ctx, stop := cli.Signals(context.Background())
	code := cli.Main(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
