package testserver

import (
	"context"
	"testing"
	"time"

	"github.com/agenticverz/rotor/internal/localserver"
)

// VaultMount is a mount of the shared Vault, for one test.
type VaultMount struct {
	*localserver.Vault
	Mount string // a fresh KV v2 mount, removed after the test
}

// Vault makes a mount for the test. Do not seal this server: others use it.
func Vault(t testing.TB) *VaultMount {
	t.Helper()
	v := vault.get(t, func(ctx context.Context) (*localserver.Vault, error) {
		return localserver.StartVault(ctx, localserver.VaultOptions{})
	})
	mount := unique()
	if err := v.MountKV(t.Context(), mount, 2); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Unmount(context.Background(), mount); err != nil {
			t.Logf("cleaning up mount %s: %v", mount, err)
		}
	})
	return &VaultMount{Vault: v, Mount: mount}
}

var vault shared[*localserver.Vault]

// SealableVault starts a Vault for this test alone, stopped at its end: raft storage (so
// it has snapshots), three unseal keys of which two unseal it, unsealed, KV v2 at secret/.
func SealableVault(t testing.TB) *localserver.Vault {
	t.Helper()
	return own(t, func(ctx context.Context) (*localserver.Vault, error) {
		return localserver.StartVault(ctx, localserver.VaultOptions{Raft: true, Shares: 3, Threshold: 2})
	})
}

// Prometheus starts a server for this test alone, stopped at its end.
func Prometheus(t testing.TB, o localserver.PrometheusOptions) *localserver.Prometheus {
	t.Helper()
	return own(t, func(ctx context.Context) (*localserver.Prometheus, error) {
		return localserver.StartPrometheus(ctx, o)
	})
}

// Project is a compose project in the shared Docker daemon, for one test.
type Project struct {
	*localserver.Docker
	Name string // give it as `docker compose -p Name`; also good as a tag of images
}

// Docker names a project for the test; its containers and networks are removed at the end.
func Docker(t testing.TB) *Project {
	t.Helper()
	d := docker.get(t, func(ctx context.Context) (*localserver.Docker, error) {
		return localserver.StartDocker(ctx, localserver.DockerOptions{})
	})
	name := unique()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		down := d.Command(ctx, "compose", "-p", name, "down", "--volumes", "--timeout", "0")
		if out, err := down.CombinedOutput(); err != nil {
			t.Logf("cleaning up project %s: %v: %s", name, err, out)
		}
	})
	return &Project{Docker: d, Name: name}
}

var docker shared[*localserver.Docker]
