package compose

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/proc"
	"github.com/agenticverz/rotor/secret"
)

const marker = "rotor-test-compose-marker"

// What docker 20.10 and compose 2.40 really print.
func TestFailureKinds(t *testing.T) {
	for stderr, want := range map[string]fault.Kind{
		"Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?":              fault.Transient,
		"Got permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: dial": fault.Denied,
		"permission denied while trying to connect to the docker API at unix:///var/run/docker.sock":                     fault.Denied,
		"unknown flag: --short\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]":                                             fault.BadConfig,
		"docker: 'compose' is not a docker command.\nSee 'docker --help'":                                                fault.BadConfig,
		"no such service: nope":                                                 fault.BadConfig,
		"no configuration file provided: not found":                             fault.BadConfig,
		"open /srv/compose.yaml: no such file or directory":                     fault.BadConfig,
		"yaml: line 2: did not find expected ',' or '}'":                        fault.BadConfig,
		"validating /x.yml: services.a additional properties 'foo' not allowed": fault.BadConfig,
		`error while interpolating services.backend.environment.URL: required variable DB_PASS is missing a value: need db`: fault.BadConfig,
		"Error response from daemon: No such container: 3fae":                                                               fault.Transient,
		"Error: No such container: nope":                                                                                    fault.Transient,
		"Error response from daemon: driver failed programming: Bind for 127.0.0.1:80 failed: port is already allocated":    fault.Unknown,
		"failed to read .env: line 3: unexpected character \"" + marker + "\" in variable name":                             fault.BadConfig,
		"something else with " + marker:                                                                                     fault.Unknown,
	} {
		err := failure("compose up", proc.Result{Code: 1, Stderr: stderr})
		if fault.KindOf(err) != want || fault.HintOf(err) == "" && want == fault.BadConfig {
			t.Errorf("%.60q: %v (%v), hint %q", stderr, err, fault.KindOf(err), fault.HintOf(err))
		}
		if strings.Contains(err.Error()+fault.HintOf(err), marker) {
			t.Errorf("%.60q is repeated", stderr)
		}
	}
	err := failure("x", proc.Result{Stderr: "required variable DB_PASS is missing a value: " + marker})
	if !strings.Contains(err.Error(), "DB_PASS") || strings.Contains(err.Error(), marker) {
		t.Error(err)
	}
	if !isGone(fault.Wrap(fault.Transient, "x", failure("x", proc.Result{Stderr: "No such container: a"}))) {
		t.Error("a container that is gone is not recognised")
	}
}

func TestVersions(t *testing.T) {
	for version, want := range map[string]bool{"1.29.2": false, "2.19.1": false, "2.20.0": true, "2.40.3": true, "2.40.3-desktop.1": true, "5.0": true, "": false, "x": false, "2": false} {
		if newEnough(version) != want {
			t.Errorf("%q: %v", version, !want)
		}
	}
}

func TestDecodeModel(t *testing.T) {
	text := `{"name": "p", "services": {
		"plain": {"environment": {"A": "` + marker + `", "B": null}},
		"named": {"container_name": "x", "scale": 3},
		"host": {"network_mode": "host"},
		"ports": {"deploy": {"replicas": 2}, "ports": [{"published": "8000-8004"}, {"published": ""}, {"published": "9000-9002"}]},
		"fixed": {"ports": [{"published": "80"}]}}}`
	m, err := decodeModel([]byte(text), []string{"plain", "named", "host", "ports", "fixed"})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]Service{
		"plain": {Replicas: 1, Passed: []string{"B"}}, "named": {Replicas: 3, Capacity: 1}, "host": {Replicas: 1, Capacity: 1},
		"ports": {Replicas: 2, Capacity: 3}, "fixed": {Replicas: 1, Capacity: 1},
	} {
		if got := m.Services[name]; got.Replicas != want.Replicas || got.Capacity != want.Capacity || !slices.Equal(got.Passed, want.Passed) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if strings.Contains(fmt.Sprintf("%+v", m), marker) {
		t.Error("the model holds a value")
	}
	for _, text := range []string{"", `{"services": "` + marker + `"}`, `{"services": {"plain": "` + marker + `"}}`} {
		if _, err := decodeModel([]byte(text), []string{"plain"}); err == nil || strings.Contains(err.Error(), marker) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestUnsetVariables(t *testing.T) {
	stderr := `time="2026-11-23T02:36:44Z" level=warning msg="The \"TOK\" variable is not set. Defaulting to a blank string."
time="..." level=warning msg="The \"API_KEY\" variable is not set. Defaulting to a blank string."
The "TOK" variable is not set. Defaulting to a blank string.`
	if got := unsetVariables(stderr); !slices.Equal(got, []string{"API_KEY", "TOK"}) {
		t.Errorf("%q", got)
	}
}

// A container's environment is compared, not shown.
func TestContainersDoNotPrintTheirEnvironment(t *testing.T) {
	all, err := Decode([]byte(`[{"Id":"3fae","Args":["--token=` + marker + `"],"Config":{"Env":["API_KEY=` + marker + `"]}}]`))
	if err != nil || len(all) != 1 {
		t.Fatalf("%d, %v", len(all), err)
	}
	c := all[0]
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if all := fmt.Sprintf("%v %+v %#v %s", c, c, c, text); strings.Contains(all, marker) {
		t.Error("printed")
	}
	if !c.Mentions(secret.New(marker)) || c.Mentions(secret.New("another-text-of-16-bytes")) || c.Mentions(secret.New("--token=")) {
		t.Error("Mentions is wrong")
	}
}

func TestWatcher(t *testing.T) {
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	up := Container{ID: "a", Name: "a", Status: "running", StartedAt: "1"}
	with := func(c Container, change func(*Container)) Container { change(&c); return c }
	restarted := with(up, func(c *Container) { c.StartedAt = "2"; c.Restarts = 1 })
	w := watcher{stable: 3 * time.Second, since: map[string]run{}}
	for i, step := range []struct {
		after time.Duration
		c     Container
		done  bool
	}{
		{0, up, false}, {2 * time.Second, up, false}, {2500 * time.Millisecond, restarted, false}, {5 * time.Second, restarted, false},
		{5600 * time.Millisecond, restarted, true},
	} {
		waiting, err := w.look([]Container{step.c}, start.Add(step.after))
		if err != nil || (waiting == "") != step.done {
			t.Errorf("step %d: %q, %v", i, waiting, err)
		}
	}
	for name, tc := range map[string]struct {
		c    Container
		done bool
		kind fault.Kind
	}{
		"healthy":        {with(up, func(c *Container) { c.Health = "healthy" }), true, 0},
		"starting":       {with(up, func(c *Container) { c.Health = "starting" }), false, 0},
		"unhealthy":      {with(up, func(c *Container) { c.Health = "unhealthy" }), false, fault.Rejected},
		"exited":         {with(up, func(c *Container) { c.Status = "exited"; c.ExitCode = 3 }), false, fault.Rejected},
		"will come back": {with(up, func(c *Container) { c.Status = "restarting"; c.RestartAlone = true }), false, 0},
		"crash loop":     {with(up, func(c *Container) { c.Status = "restarting"; c.RestartAlone = true; c.Restarts = 3 }), false, fault.Rejected},
		"created":        {with(up, func(c *Container) { c.Status = "created" }), false, 0},
	} {
		waiting, err := watcher{stable: time.Second, since: map[string]run{}}.look([]Container{tc.c}, start)
		if fault.KindOf(err) != tc.kind || err == nil && (waiting == "") != tc.done {
			t.Errorf("%s: %q, %v", name, waiting, err)
		}
	}
}

// A log that breaks off is not a silent one, whichever container's it is.
func TestLogsEndWellOnlyIfAllDo(t *testing.T) {
	part := func(r io.Reader) func() (io.ReadCloser, error) {
		return func() (io.ReadCloser, error) { return io.NopCloser(r), nil }
	}
	good := &logs{open: []func() (io.ReadCloser, error){part(strings.NewReader("a\n")), part(strings.NewReader("")), part(iotest.OneByteReader(strings.NewReader("b\n")))}}
	if text, err := io.ReadAll(good); err != nil || string(text) != "a\nb\n" {
		t.Errorf("%q, %v", text, err)
	}
	bad := &logs{open: []func() (io.ReadCloser, error){part(iotest.ErrReader(io.ErrUnexpectedEOF)), part(strings.NewReader("b\n"))}}
	if _, err := io.ReadAll(bad); err == nil {
		t.Error("a broken log reads well")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`[{"Id":"a","State":{"Health":{"Status":"none"}},"Config":{"Env":["A","=","B=c=d"],"Labels":null}}]`))
	f.Add([]byte(`[null]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := Decode(text)
		for _, c := range all {
			if err != nil || c.Mentions(secret.New("short")) || c.State() == "" && c.Status != "" {
				t.Errorf("%+v, %v", c, err)
			}
		}
	})
}

func FuzzDecodeModel(f *testing.F) {
	f.Add([]byte(`{"name":"p","services":{"a":{"environment":{"A":null},"ports":[{"published":"1-2"}]}}}`))
	f.Add([]byte(`{"services":{"a":null}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := decodeModel(text, []string{"a"})
		if err == nil && m.Services["a"].Capacity < 0 {
			t.Error("negative capacity")
		}
	})
}
