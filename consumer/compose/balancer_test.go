package compose

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// list asks the engine for the service's running containers, fast.
func (p *plant) list() map[string]string {
	socket := strings.TrimPrefix(p.docker.Host, "unix://")
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	filter := fmt.Sprintf(`{"label":["com.docker.compose.project=%s","com.docker.compose.service=backend"]}`, p.docker.Name)
	resp, err := c.Get("http://docker/containers/json?filters=" + url.QueryEscape(filter))
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	var list []struct {
		ID              string `json:"Id"`
		NetworkSettings struct {
			Networks map[string]struct{ IPAddress string }
		}
	}
	if json.NewDecoder(resp.Body).Decode(&list) != nil {
		return nil
	}
	out := map[string]string{}
	for _, c := range list {
		for _, n := range c.NetworkSettings.Networks {
			if n.IPAddress != "" {
				out[c.ID] = "http://" + n.IPAddress + ":8080"
			}
		}
	}
	return out
}

var prober = &http.Client{Timeout: 800 * time.Millisecond, Transport: &http.Transport{DisableKeepAlives: true}}

// balancer follows the containers' health and spreads requests; it never tries a
// request twice.
type balancer struct {
	healthy    atomic.Value // []string
	keys       sync.Map
	ok, failed atomic.Int64
	why        atomic.Value
	cancel     context.CancelFunc
	wg         sync.WaitGroup
}

func (b *balancer) saw(key string) bool { _, ok := b.keys.Load(key); return ok }

func (b *balancer) stop() { b.cancel(); b.wg.Wait() }

func balance(t *testing.T, p *plant) *balancer {
	if os.Getenv("DOCKER_HOST") == "" || !strings.HasPrefix(p.docker.Host, "unix://") {
		t.Skip("needs an engine on a unix socket")
	}
	ctx, cancel := context.WithCancel(context.Background())
	b := &balancer{cancel: cancel}
	t.Cleanup(b.stop)
	b.look(p)
	b.wg.Go(func() {
		for ctx.Err() == nil {
			b.look(p)
			time.Sleep(40 * time.Millisecond)
		}
	})
	for worker := range 3 {
		b.wg.Go(func() {
			for n := worker; ctx.Err() == nil; n++ {
				b.request(n)
				time.Sleep(4 * time.Millisecond)
			}
		})
	}
	return b
}

func (b *balancer) look(p *plant) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	up := []string{}
	for _, address := range p.list() {
		wg.Go(func() { // a container that went meanwhile must not hold up the others
			if _, err := getWith(prober, address+"/health"); err == nil {
				mu.Lock()
				defer mu.Unlock()
				up = append(up, address)
			}
		})
	}
	wg.Wait()
	slices.Sort(up)
	b.healthy.Store(up)
}

func (b *balancer) request(n int) {
	up := b.healthy.Load().([]string)
	if len(up) == 0 {
		b.failed.Add(1)
		b.why.Store("no healthy backend")
		return
	}
	key, err := get(up[n%len(up)] + "/key")
	if err != nil {
		b.failed.Add(1)
		b.why.Store(err.Error())
		return
	}
	b.keys.Store(key, true)
	b.ok.Add(1)
}
