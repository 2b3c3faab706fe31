package localserver

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestVault(t *testing.T) {
	for name, o := range map[string]VaultOptions{
		"memory": {}, "raft": {Raft: true, Shares: 3, Threshold: 2},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			v, err := StartVault(t.Context(), o)
			need(t, err)
			defer v.Stop()
			t.Logf("started in %v", time.Since(start))
			useVault(t, v)
			start = time.Now()
			stopped(t, v)
			t.Logf("stopped in %v", time.Since(start))
		})
	}
}

// useVault writes with check-and-set, seals, fails to read, unseals, reads; then looks
// for secrets where none may be.
func useVault(t *testing.T, v *Vault) {
	ctx := t.Context()
	audit := filepath.Join(t.TempDir(), "audit.log")
	if err := v.EnableAudit(ctx, audit); err != nil {
		t.Fatal(err)
	}
	in := map[string]any{"options": map[string]int{"cas": 0}, "data": map[string]string{"KEY": "value-1"}}
	if err := v.call(ctx, http.MethodPost, "secret/data/app", in, nil); err != nil {
		t.Fatal(err)
	}
	if err := v.call(ctx, http.MethodPost, "secret/data/app", in, nil); err == nil {
		t.Error("check-and-set did not refuse a second write")
	}
	if err := v.Seal(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := readKey(ctx, v); err == nil || !strings.Contains(err.Error(), "status 503: Vault is sealed") {
		t.Errorf("read while sealed: %v", err)
	}
	for range 2 { // unsealing twice does no harm
		if err := v.Unseal(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := readKey(ctx, v); err != nil || got != "value-1" {
		t.Errorf("read %q, %v", got, err)
	}
	log, err := os.ReadFile(audit)
	if err != nil || !strings.Contains(string(log), "secret/data/app") || strings.Contains(string(log), "value-1") {
		t.Errorf("audit file: %v\n%s", err, log)
	}
	for _, secret := range append(v.UnsealKeys, v.RootToken) {
		noArgument(t, v.Pid(), secret)
		if log, err := os.ReadFile(v.LogPath()); err != nil || strings.Contains(string(log), secret) {
			t.Errorf("the log has a secret (or %v)", err)
		}
	}
}

func readKey(ctx context.Context, v *Vault) (string, error) {
	var out struct {
		Data struct{ Data map[string]string }
	}
	err := v.call(ctx, http.MethodGet, "secret/data/app", nil, &out)
	return out.Data.Data["KEY"], err
}

func TestVaultMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("ROTOR_TEST_CACHE", t.TempDir())
	var missing *MissingError
	if _, err := StartVault(t.Context(), VaultOptions{}); !errors.As(err, &missing) {
		t.Errorf("got %v, want a *MissingError", err)
	}
	if _, err := StartVault(t.Context(), VaultOptions{Binary: "/no/such/vault"}); !errors.As(err, &missing) {
		t.Errorf("got %v, want a *MissingError", err)
	}
}
