package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/agenticverz/rotor/internal/demo/balancer"
	"github.com/agenticverz/rotor/internal/demo/load"
	"github.com/agenticverz/rotor/internal/demo/unit"
)

const (
	drain = 700 * time.Millisecond // the balancer looks every 50 ms
	rate  = 100                    // requests a second
)

// pair is two instances of the service behind a balancer, and the client that
// calls them: the same twice, once for Rotor and once for the runbook.
type pair struct {
	dir       string
	env       string // the services' .env
	callerEnv string // the client's
	balancer  *balancer.Balancer
	names     []string
	instances map[string]*unit.Process
	caller    *unit.Reader
	load      *load.Load
}

// startPair expects the two .env files in dir and starts everything that reads
// them. program is what an instance runs.
func startPair(ctx context.Context, dir string, program []string) (_ *pair, err error) {
	p := &pair{
		dir: dir, env: filepath.Join(dir, ".env"), callerEnv: filepath.Join(dir, "caller.env"),
		names: []string{"one", "two"}, instances: map[string]*unit.Process{},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.stop())
		}
	}()
	if p.balancer, err = balancer.Start("127.0.0.1:0"); err != nil {
		return nil, err
	}
	addresses, err := freeAddresses(len(p.names))
	if err != nil {
		return nil, err
	}
	for i, name := range p.names {
		if err := p.add(ctx, name, addresses[i], program); err != nil {
			return nil, err
		}
	}
	p.caller = unit.NewReader(p.callerEnv, "MACHINE_SECRET_TOKEN")
	if err := p.caller.Deploy(ctx); err != nil {
		return nil, err
	}
	p.load = load.Start(load.Options{URL: p.balancer.URL() + "/work", Bearer: p.caller.Value, Rate: rate})
	return p, nil
}

func (p *pair) add(ctx context.Context, name, address string, program []string) error {
	base := "http://" + address
	one := unit.NewProcess(unit.Spec{
		Name: name, Argv: program, URL: base, EnvFile: p.env, Log: filepath.Join(p.dir, name+".log"),
		Env:   []string{"NAME=" + name, "LISTEN=" + address, fmt.Sprintf("DRAIN=%d", drain.Milliseconds())},
		Ready: func(ctx context.Context) error { return p.balancer.WaitHealthy(ctx, base) },
	})
	p.instances[name] = one
	if err := p.balancer.Add(base); err != nil {
		return err
	}
	return one.Deploy(ctx)
}

// units is what the supervisor's socket offers.
func (p *pair) units() map[string]unit.Unit {
	all := map[string]unit.Unit{"caller": p.caller}
	for name, one := range p.instances {
		all[name] = one
	}
	return all
}

// restartBoth is `docker compose restart`: all instances at the same time.
func (p *pair) restartBoth(ctx context.Context) error {
	errs := make([]error, len(p.names))
	var wait sync.WaitGroup
	for i, name := range p.names {
		wait.Add(1)
		go func() {
			defer wait.Done()
			errs[i] = p.instances[name].Restart(ctx)
		}()
	}
	wait.Wait()
	return errors.Join(errs...)
}

// holding counts the instances that run with what .env says now.
func (p *pair) holding(ctx context.Context) int {
	n := 0
	for _, one := range p.instances {
		if ok, err := one.Confirm(ctx); err == nil && ok {
			n++
		}
	}
	return n
}

// value reads one variable of the services' .env.
func (p *pair) value(name string) string {
	values, err := unit.ReadEnv(p.env)
	if err != nil {
		return ""
	}
	return values[name]
}

// lastWords is what stands behind the mark in an instance's log, the last time.
func (p *pair) lastWords(name, mark string) string {
	text, err := os.ReadFile(filepath.Join(p.dir, name+".log"))
	if err != nil {
		return ""
	}
	i := strings.LastIndex(string(text), mark)
	if i < 0 {
		return "nothing"
	}
	line, _, _ := strings.Cut(string(text[i+len(mark):]), "\n")
	return line
}

// stop ends the load first, so that the end of the rest is not counted.
func (p *pair) stop() error {
	if p.load != nil {
		p.load.Stop()
	}
	var wait sync.WaitGroup
	for _, one := range p.instances {
		wait.Add(1)
		go func() {
			defer wait.Done()
			one.Stop()
		}()
	}
	wait.Wait()
	if p.balancer != nil {
		return p.balancer.Stop()
	}
	return nil
}

// freeAddresses are ports of 127.0.0.1 that were free a moment ago, all different.
func freeAddresses(n int) ([]string, error) {
	var out []string
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		out = append(out, listener.Addr().String())
	}
	return out, nil
}

// writeEnv writes a .env file that nobody else may read.
func writeEnv(path string, lines ...string) error {
	text := ""
	for _, line := range lines {
		text += line + "\n"
	}
	return os.WriteFile(path, []byte(text), 0o600)
}
