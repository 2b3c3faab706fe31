package localserver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Seal seals the server: from now on everything but its status answers 503.
func (v *Vault) Seal(ctx context.Context) error {
	return v.call(ctx, http.MethodPut, "sys/seal", nil, nil)
}

// Unseal gives as many keys as it takes and waits until the server is active, which is
// later than "unsealed" (raft: a second or two). Unsealing twice does no harm.
func (v *Vault) Unseal(ctx context.Context) error {
	for _, key := range v.UnsealKeys[:v.Threshold] {
		in := map[string]string{"key": key}
		if err := v.call(ctx, http.MethodPut, "sys/unseal", in, nil); err != nil {
			return err
		}
	}
	return v.proc.waitReady(ctx, func(ctx context.Context) error {
		return v.call(ctx, http.MethodGet, "sys/health", nil, nil)
	})
}

// MountKV mounts a key-value store, version 1 or 2, and waits until it takes writes: a
// new version 2 mount refuses them for a moment ("upgrading from non-versioned").
func (v *Vault) MountKV(ctx context.Context, mount string, version int) error {
	in := map[string]any{"type": "kv", "options": map[string]string{"version": fmt.Sprint(version)}}
	if err := v.call(ctx, http.MethodPost, "sys/mounts/"+mount, in, nil); err != nil {
		return err
	}
	if version == 1 {
		return nil
	}
	return v.proc.waitReady(ctx, func(ctx context.Context) error {
		return v.call(ctx, http.MethodGet, mount+"/config", nil, nil)
	})
}

// Unmount removes a mount with everything in it.
func (v *Vault) Unmount(ctx context.Context, mount string) error {
	return v.call(ctx, http.MethodDelete, "sys/mounts/"+mount, nil, nil)
}

// EnableAudit turns on a file audit device. The path must be absolute; the file has one
// JSON line per request and per answer, with the secrets in it hashed.
func (v *Vault) EnableAudit(ctx context.Context, path string) error {
	in := map[string]any{"type": "file", "options": map[string]string{"file_path": path}}
	return v.call(ctx, http.MethodPut, "sys/audit/file", in, nil)
}

// plainClient takes no proxy from the environment and keeps no connection open, so no
// goroutine outlives a call.
var plainClient = &http.Client{
	Transport: &http.Transport{DisableKeepAlives: true},
	Timeout:   30 * time.Second,
}

// call makes one request below /v1/ as root. in and out are JSON, nil for none.
func (v *Vault) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, v.Addr+"/v1/"+path, body)
	if err != nil {
		return err
	}
	if v.RootToken != "" {
		req.Header.Set("X-Vault-Token", v.RootToken)
	}
	resp, err := plainClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: status %d: %s", method, path, resp.StatusCode, vaultErrors(answer))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// vaultErrors takes the messages out of an error answer; they contain no secret.
func vaultErrors(answer []byte) string {
	var in struct{ Errors []string }
	if json.Unmarshal(answer, &in) != nil || len(in.Errors) == 0 {
		return "(no message)"
	}
	return strings.Join(in.Errors, "; ")
}
