package localserver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// PrometheusOptions says what to scrape.
type PrometheusOptions struct {
	Dir            string              // where it lives; "": a temporary directory, removed by Stop
	Targets        map[string][]string // job: addresses (host:port, path /metrics)
	ScrapeInterval time.Duration       // 0: one second; whole milliseconds
}

// Prometheus is a running server.
type Prometheus struct {
	server
	URL string // http://127.0.0.1:port
}

// StartPrometheus returns when the server answers queries. The first samples are there
// about five seconds later, whatever the interval: only then does Prometheus take over
// its list of targets.
func StartPrometheus(ctx context.Context, o PrometheusOptions) (*Prometheus, error) {
	binary, ok := findProgram("prometheus")
	if !ok {
		return nil, &MissingError{"Prometheus", "no prometheus on the PATH (Debian: prometheus)"}
	}
	r, err := newRoom(o.Dir, "prometheus", true)
	if err != nil {
		return nil, fmt.Errorf("prometheus: %w", err)
	}
	p := &Prometheus{server: server{room: r}}
	if err = p.prepare(o); err == nil {
		err = onFreePort(func(port int) error { return p.run(ctx, binary, port) })
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prometheus: %w", err), p.Stop())
	}
	return p, nil
}

// prepare writes the configuration. Quoted Go strings are valid YAML for what can be in
// a job's name or an address.
func (p *Prometheus) prepare(o PrometheusOptions) error {
	every := o.ScrapeInterval
	if every == 0 {
		every = time.Second
	}
	var text strings.Builder
	fmt.Fprintf(&text, "global: {scrape_interval: %[1]dms, scrape_timeout: %[1]dms, evaluation_interval: %[1]dms}\n",
		every.Milliseconds())
	text.WriteString("scrape_configs:\n")
	for _, job := range slices.Sorted(maps.Keys(o.Targets)) {
		fmt.Fprintf(&text, "- job_name: %q\n  static_configs:\n  - targets:\n", job)
		for _, address := range o.Targets[job] {
			fmt.Fprintf(&text, "    - %q\n", address)
		}
	}
	if _, err := p.room.mkdir("data"); err != nil {
		return err
	}
	_, err := p.room.write("prometheus.yml", text.String())
	return err
}

func (p *Prometheus) run(ctx context.Context, binary string, port int) error {
	address := "127.0.0.1:" + strconv.Itoa(port)
	proc, err := start(command{
		path: binary,
		args: []string{
			"--config.file=" + p.room.path("prometheus.yml"),
			"--storage.tsdb.path=" + p.room.path("data"),
			"--web.listen-address=" + address,
		},
		env: cleanEnv(p.room.dir), dir: p.room.dir, logPath: p.room.path("prometheus.log"),
		runAs: p.room.runAs, stop: syscall.SIGTERM, orphan: syscall.SIGKILL,
	})
	if err != nil {
		return err
	}
	p.proc, p.URL = proc, "http://"+address
	return proc.waitReady(ctx, p.ready)
}

func (p *Prometheus) ready(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+"/-/ready", nil)
	if err != nil {
		return err
	}
	resp, err := plainClient.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET /-/ready: status %d", resp.StatusCode)
	}
	return nil
}
