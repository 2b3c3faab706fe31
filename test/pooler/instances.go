package pooler

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"github.com/agenticverz/rotor/internal/demo/balancer"
	"github.com/agenticverz/rotor/internal/demo/unit"
)

var names = []string{"one", "two"}

// drain in milliseconds: the balancer looks every 50.
const drain = 300

// startInstances puts two processes behind a balancer. They read the .env file
// when they start and never again; their supervisor is this process.
func (w *World) startInstances(ctx context.Context) (err error) {
	if w.balancer, err = balancer.Start("127.0.0.1:0"); err != nil {
		return err
	}
	units := map[string]unit.Unit{}
	for _, name := range names {
		address, err := freeAddress()
		if err != nil {
			return err
		}
		base := "http://" + address
		one := unit.NewProcess(unit.Spec{
			Name: name, Argv: []string{w.Rotor, "demo", "unit", "serve"}, URL: base, EnvFile: w.env, Log: filepath.Join(w.Dir, name+".log"),
			Env:   []string{"NAME=" + name, "LISTEN=" + address, fmt.Sprintf("DRAIN=%d", drain), fmt.Sprintf("LIFETIME=%d", w.Lifetime)},
			Ready: func(ctx context.Context) error { return w.balancer.WaitHealthy(ctx, base) },
		})
		w.instances[name], units[name] = one, one
		if err := w.balancer.Add(base); err != nil {
			return err
		}
		if err := one.Deploy(ctx); err != nil {
			return err
		}
	}
	w.units, err = unit.Serve(w.socket(), units)
	return err
}

func (w *World) socket() string { return filepath.Join(w.Dir, "units") }

// Behind lists the instances that do not run with what the .env file says.
func (w *World) Behind(ctx context.Context) string {
	var out []string
	for name, one := range w.instances {
		if ok, err := one.Confirm(ctx); err != nil || !ok {
			out = append(out, name)
		}
	}
	return strings.Join(out, ", ")
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
