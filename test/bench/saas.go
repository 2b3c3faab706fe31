package main

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"sync"
	"time"

	"github.com/agenticverz/rotor/doubles/grafana"
	"github.com/agenticverz/rotor/doubles/openai"
	"github.com/agenticverz/rotor/provider"
	driver "github.com/agenticverz/rotor/provider/grafana"
	openaidriver "github.com/agenticverz/rotor/provider/openai"
	"github.com/agenticverz/rotor/secret"
)

const (
	inFlight = 32
	latency  = 50 * time.Millisecond
	eachSaas = 32 // rotations a caller: 1024 together
	runs     = 3
	noLimit  = 1e6 // requests a second
)

// saas compares rotations of keys at doubles of two vendors, with latency, with a bare
// loop that sends the very same requests: recorded from one rotation and sent again for
// other accounts. Waits for a vendor's front ends to agree are left out on both sides;
// they cost nothing but time.
func saas(ctx context.Context, _ string) ([]figure, error) {
	dir, err := os.MkdirTemp("", "rotor-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	b, err := newBench(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer b.journal.Close()
	vendors := []*vendor{openaiVendor(), grafanaVendor()}
	calls := 0
	for _, v := range vendors {
		defer v.server.Close()
		if err := v.record(ctx, b); err != nil {
			return nil, err
		}
		calls += len(v.script)
	}
	rotor := &fleet{b: b, vendors: vendors, all: map[string]provider.Provider{}}
	bare := &fleet{vendors: vendors}
	var ratios, ours []float64
	for range runs {
		begun := time.Now()
		err1 := rotor.run(ctx, rotor.rotate)
		between := time.Now()
		err2 := bare.run(ctx, bare.replay)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		a, f := between.Sub(begun).Seconds(), time.Since(between).Seconds()
		ratios, ours = append(ratios, a/f), append(ours, a)
	}
	return []figure{
		atMost("saas_vs_bare_loop", median(ratios), "ratio", 1.15),
		{"saas_rotations_per_second", inFlight * eachSaas / median(ours), "1/s", "shown", true},
		{"saas_calls_per_rotation", float64(calls) / float64(len(vendors)), "requests", "shown", true},
	}, nil
}

// vendor is a double behind a tape.
type vendor struct {
	name    string
	server  *httptest.Server
	tape    *tape
	admin   string
	account func(name string) (id string, old minted) // a new account with one key
	open    func(account string) (provider.Provider, error)
	script  []call // of one rotation
}

// minted is a key as its vendor answers with it.
type minted struct{ id, value string }

// prompt takes no time for front ends to agree.
type prompt struct{ *openaidriver.Provider }

func (p prompt) Traits() provider.Traits { return hasty(p.Provider.Traits()) }

type promptGrafana struct{ *driver.Provider }

func (p promptGrafana) Traits() provider.Traits { return hasty(p.Provider.Traits()) }

func hasty(t provider.Traits) provider.Traits {
	t.Settle, t.Steady = 0, 0
	return t
}

func openaiVendor() *vendor {
	d := openai.New(openai.Options{})
	d.Latency(latency)
	v := &vendor{name: "openai", tape: &tape{next: d}, admin: d.AdminKey}
	v.server = httptest.NewServer(v.tape)
	v.account = func(name string) (string, minted) {
		id := d.Account(name)
		k := d.Key(id, "old")
		return id, minted{k.ID, k.Value}
	}
	v.open = func(account string) (provider.Provider, error) {
		p, err := openaidriver.New(openaidriver.Options{AdminKey: "env:A", Project: d.Project, ServiceAccount: account,
			BaseURL: v.server.URL + "/v1", RequestsPerSecond: noLimit}, secret.Fixed(secret.New(d.AdminKey)))
		return prompt{p}, err
	}
	return v
}

func grafanaVendor() *vendor {
	d := grafana.New(grafana.Options{})
	d.Latency(latency)
	v := &vendor{name: "grafana", tape: &tape{next: d}, admin: d.AdminToken}
	v.server = httptest.NewServer(v.tape)
	v.account = func(name string) (string, minted) {
		id := d.Account(name, "Viewer")
		k := d.Token(id, "old-"+name)
		return fmt.Sprint(id), minted{k.ID, k.Value}
	}
	v.open = func(account string) (provider.Provider, error) {
		var id int64
		if _, err := fmt.Sscan(account, &id); err != nil {
			return nil, err
		}
		p, err := driver.New(driver.Options{AdminToken: "env:A", ServiceAccountID: id, BaseURL: v.server.URL, RequestsPerSecond: noLimit},
			secret.Fixed(secret.New(d.AdminToken)))
		return promptGrafana{p}, err
	}
	return v
}

// fleet is so many callers at once, each with an account of its own.
type fleet struct {
	b       *bench
	vendors []*vendor
	all     map[string]provider.Provider // Rotor's, by credential
	round   int
}

func (c *fleet) run(ctx context.Context, one func(context.Context, *vendor, string, string, minted) error) error {
	c.round++
	failures := make([]error, inFlight)
	var all sync.WaitGroup
	for i := range inFlight {
		v := c.vendors[i%len(c.vendors)]
		name := fmt.Sprintf("%s-%d-%d", v.name, c.round, i)
		account, old := v.account(fmt.Sprintf("%s-%v", name, c.b != nil))
		if c.b != nil {
			p, err := v.open(account)
			if err == nil {
				err = c.b.add(name, p, p.Traits().Fields[0].Name)
			}
			if err != nil {
				return err
			}
		}
		all.Go(func() { failures[i] = one(ctx, v, name, account, old) })
	}
	all.Wait()
	return errors.Join(failures...)
}

func (c *fleet) rotate(ctx context.Context, _ *vendor, name, _ string, _ minted) error {
	for range eachSaas {
		if err := c.b.rotate(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (c *fleet) replay(ctx context.Context, v *vendor, name, account string, old minted) error {
	for n := range eachSaas {
		fresh, err := v.send(ctx, account, fmt.Sprintf("%s-%d", name, n), old)
		if err != nil {
			return err
		}
		old = fresh
	}
	return nil
}
