package localserver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// startDaemon starts a private dockerd, which brings its own containerd. An orphaned one
// gets SIGTERM, not SIGKILL: only it can end its containers.
func (d *Docker) startDaemon(ctx context.Context) error {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		return &MissingError{"a Docker daemon", "none answers, and only root can start a private one"}
	}
	dockerd, ok := findProgram("dockerd", "/usr/sbin/dockerd")
	if !ok {
		return &MissingError{"a Docker daemon", "none answers, and there is no dockerd (Debian: docker.io)"}
	}
	args, err := d.daemonArgs()
	if err != nil {
		return err
	}
	proc, err := start(command{
		path: dockerd, args: args, env: cleanEnv(d.room.dir), dir: d.room.dir,
		logPath: d.room.path("dockerd.log"),
		stop:    syscall.SIGTERM, orphan: syscall.SIGTERM, grace: 30 * time.Second,
	})
	if err != nil {
		return err
	}
	d.proc = proc
	d.setHost("unix://" + d.room.path("docker.sock"))
	return proc.waitReady(ctx, func(ctx context.Context) error { return d.run(ctx, "version") })
}

// daemonArgs keeps the daemon away from the machine's own Docker and network: files of
// its own (the empty configuration in place of /etc/docker/daemon.json, whose settings
// could contradict the flags), no firewall rules, no forwarding, no docker0 bridge.
// Networks of containers come from a random block of 10.0.0.0/8, so that daemons of
// tests that run at the same time do not collide; dockerd skips blocks that have a route.
func (d *Docker) daemonArgs() ([]string, error) {
	config, err := d.room.write("daemon.json", "{}")
	return []string{
		"--config-file=" + config,
		"--data-root=" + d.room.path("data"),
		"--exec-root=" + d.room.path("exec"),
		"--pidfile=" + d.room.path("docker.pid"),
		"--host=unix://" + d.room.path("docker.sock"),
		"--iptables=false", "--ip6tables=false", "--ip-forward=false", "--bridge=none",
		fmt.Sprintf("--default-address-pool=base=10.%d.0.0/16,size=24", 64+rand.IntN(190)),
	}, err
}

// stopDaemon removes containers and networks first: dockerd would leave the networks'
// bridges behind on the machine.
func (d *Docker) stopDaemon(ctx context.Context) error {
	var errs []error
	if d.proc.alive() == nil {
		ids, err := d.output(d.Command(ctx, "ps", "--all", "--quiet"))
		errs = append(errs, err)
		if containers := strings.Fields(ids); len(containers) > 0 {
			errs = append(errs, d.run(ctx, append([]string{"rm", "--force"}, containers...)...))
		}
		errs = append(errs, d.run(ctx, "network", "prune", "--force"))
	}
	errs = append(errs, d.proc.end())
	detachMounts(d.room.path("exec/netns/*"))
	return errors.Join(errs...)
}
