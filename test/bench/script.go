package main

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/agenticverz/rotor/internal/localserver"
)

// runbookSteps is the runbook's rotate_secret.sh in its five listed steps, with
// the vault CLI: fetch, update, write back, verify, report.
const runbookSteps = `set -eu
vault kv get -mount=secret -format=json app-prod >"$WORK/current"
NEW=$(openssl rand -hex 32)
vault kv patch -mount=secret app-prod SCRIPT_TOKEN="$NEW" >"$WORK/answer"
test "$(vault kv get -mount=secret -field=SCRIPT_TOKEN app-prod)" = "$NEW"
echo rotated
`

const rotorYAML = `version: 1
stores:
  vault: {type: vaultkv, mount: secret, address: %q, token: "env:VAULT_TOKEN"}
credentials:
  machine-token:
    owner: Platform
    every: quarterly
    provider: {type: generated, bytes: 32, encoding: hex}
    targets: [{store: vault, path: app-prod, key: MACHINE_SECRET_TOKEN}]
    grace: 0s
    monitor: 0s
`

// runbookScript compares whole processes: one rotation of a token in Vault by
// rotor, and by the runbook's script.
func runbookScript(ctx context.Context, rotor string) ([]figure, error) {
	server, err := localserver.StartVault(ctx, localserver.VaultOptions{})
	var missing *localserver.MissingError
	if errors.As(err, &missing) {
		fmt.Printf("cli_vs_runbook_script: not measured: needs %s\n", missing.Program)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer server.Stop()
	work, err := os.MkdirTemp("", "rotor-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	if rotor, err = filepath.Abs(rotor); err != nil {
		return nil, err
	}
	env := append(os.Environ(), "VAULT_ADDR="+server.Addr, "VAULT_TOKEN="+server.RootToken, "WORK="+work,
		"ROTOR_STATE="+filepath.Join(work, "state"), "PATH="+localserver.CacheDir()+":"+os.Getenv("PATH"))
	config := filepath.Join(work, "rotor.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, rotorYAML, server.Addr), 0o600); err != nil {
		return nil, err
	}
	sh := func(script string) func(int) error {
		return func(int) error { return quiet(ctx, env, work, "sh", "-c", script) }
	}
	if err := sh("vault kv put -mount=secret app-prod MACHINE_SECRET_TOKEN=first SCRIPT_TOKEN=first OTHER=neighbour")(0); err != nil {
		return nil, err
	}
	ours := func(int) error {
		return quiet(ctx, env, work, rotor, "rotate", "machine-token", "--config", config, "--yes")
	}
	result, err := compare(ours, sh(runbookSteps))
	if err != nil {
		return nil, err
	}
	return []figure{
		atMost("cli_vs_runbook_script", result.ratio, "ratio", 0.25),
		{"cli_rotation_ms", result.ours * 1000, "ms", "shown", true},
	}, nil
}

func quiet(ctx context.Context, env []string, dir, program string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env, cmd.Dir = env, dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, out)
	}
	return nil
}

// binary looks at the program itself.
func binary(_ context.Context, rotor string) ([]figure, error) {
	about, err := os.Stat(rotor)
	if err != nil {
		return nil, err
	}
	info, err := buildinfo.ReadFile(rotor)
	if err != nil {
		return nil, err
	}
	static := 1.0
	if out, err := exec.Command("ldd", rotor).CombinedOutput(); err == nil && !strings.Contains(string(out), "not a dynamic") && !strings.Contains(string(out), "statically") {
		static = 0
	}
	return []figure{
		atMost("binary_size", float64(about.Size())/1e6, "MB", 40),
		{"binary_static", static, "yes=1", "1", static == 1},
		{"modules_linked", float64(len(info.Deps)), "modules", "shown", true},
	}, nil
}
