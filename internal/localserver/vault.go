package localserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// VaultOptions: the zero value is an in-memory Vault with one unseal key.
type VaultOptions struct {
	Dir       string // where it lives; "": a temporary directory, removed by Stop
	Binary    string // vault or bao; "": from the PATH, else from CacheDir
	Raft      bool   // raft storage on disk (has snapshots) in place of memory
	Shares    int    // unseal keys; 0: one
	Threshold int    // how many of them unseal it; 0: all
}

// Vault is a running, initialised and unsealed server (HashiCorp Vault or OpenBao) with a
// KV v2 mount at secret/, as in dev mode. It is not dev mode, though: that prints the root
// token and the unseal key to the log, and tests search the log for secrets.
type Vault struct {
	server
	Addr       string // http://127.0.0.1:port
	RootToken  string
	UnsealKeys []string // base64
	Threshold  int
}

// StartVault starts a server, initialises and unseals it. It returns when secret/ works.
func StartVault(ctx context.Context, o VaultOptions) (*Vault, error) {
	binary, err := vaultBinary(o.Binary)
	if err != nil {
		return nil, err
	}
	r, err := newRoom(o.Dir, "vault", false)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	v := &Vault{server: server{room: r}}
	err = onFreePort(func(port int) error {
		v.Addr = "http://127.0.0.1:" + strconv.Itoa(port)
		return v.run(ctx, binary, o.Raft)
	})
	if err == nil {
		err = v.initialise(ctx, max(o.Shares, 1), o.Threshold)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("vault: %w", err), v.Stop())
	}
	return v, nil
}

func vaultBinary(binary string) (string, error) {
	if binary != "" {
		if isProgram(binary) {
			return filepath.Abs(binary)
		}
		return "", &MissingError{"Vault", binary + " is not a program"}
	}
	if path, ok := findProgram("vault", "bao"); ok {
		return path, nil
	}
	if path := filepath.Join(CacheDir(), "vault"); isProgram(path) {
		return path, nil
	}
	return "", &MissingError{"Vault", "neither vault nor bao is on the PATH; test/servers.sh builds one"}
}

// run starts the server process and waits until it answers (it is sealed then).
func (v *Vault) run(ctx context.Context, binary string, raft bool) error {
	config, err := v.writeConfig(raft, filepath.Base(binary) == "bao")
	if err != nil {
		return err
	}
	proc, err := start(command{
		path: binary, args: []string{"server", "-config=" + config},
		env: cleanEnv(v.room.dir), dir: v.room.dir, logPath: v.room.path("vault.log"),
		stop: syscall.SIGTERM, orphan: syscall.SIGKILL,
	})
	if err != nil {
		return err
	}
	v.proc = proc
	return proc.waitReady(ctx, func(ctx context.Context) error {
		return v.call(ctx, http.MethodGet, "sys/init", nil, nil)
	})
}

// writeConfig writes the server's configuration. Memory is not locked (the data is not
// worth it, and it needs rights); OpenBao no longer knows that setting.
func (v *Vault) writeConfig(raft, openbao bool) (string, error) {
	storage := `storage "inmem" {}`
	cluster := ""
	if raft {
		data := v.room.path("raft")
		if _, err := v.room.mkdir("raft"); err != nil && !errors.Is(err, os.ErrExist) {
			return "", err
		}
		port, err := freePort()
		if err != nil {
			return "", err
		}
		// The multiplier makes a lone node its own leader in one second, not in six.
		storage = fmt.Sprintf("storage \"raft\" {\n  path = %q\n  node_id = \"n1\"\n  performance_multiplier = 1\n}", data)
		cluster = "127.0.0.1:" + strconv.Itoa(port)
	}
	text := fmt.Sprintf("%s\nlistener \"tcp\" {\n  address = %q\n  cluster_address = %q\n  tls_disable = true\n}\n"+
		"api_addr = %q\ncluster_addr = %q\n", storage, v.Addr[len("http://"):], cluster, v.Addr, "http://"+cluster)
	if !openbao {
		text += "disable_mlock = true\n"
	}
	return v.room.write("vault.hcl", text)
}

// initialise makes the keys and the root token, unseals, and mounts secret/.
func (v *Vault) initialise(ctx context.Context, shares, threshold int) error {
	if threshold == 0 {
		threshold = shares
	}
	var made struct {
		Keys  []string `json:"keys_base64"`
		Token string   `json:"root_token"`
	}
	in := map[string]int{"secret_shares": shares, "secret_threshold": threshold}
	if err := v.call(ctx, http.MethodPut, "sys/init", in, &made); err != nil {
		return err
	}
	v.UnsealKeys, v.RootToken, v.Threshold = made.Keys, made.Token, threshold
	if err := v.Unseal(ctx); err != nil {
		return err
	}
	return v.MountKV(ctx, "secret", 2)
}
