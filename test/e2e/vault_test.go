package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/store/vaultkv"
)

// vault is a mount of a real server, with a token that may do what Rotor needs
// and no more.
type vault struct {
	t testing.TB
	*localserver.Vault
	mount, token, auditLog string
}

// sharedAudit is the audit device of the server that tests share.
var sharedAudit struct {
	sync.Once
	path string
	err  error
}

func newVault(t testing.TB) *vault {
	t.Helper()
	m := testserver.Vault(t)
	sharedAudit.Do(func() {
		program(t, "rotor") // makes the directory
		sharedAudit.path = filepath.Join(programs.dir, "vault-audit.log")
		sharedAudit.err = m.EnableAudit(t.Context(), sharedAudit.path)
	})
	if sharedAudit.err != nil {
		t.Fatal(sharedAudit.err)
	}
	v := &vault{t: t, Vault: m.Vault, mount: m.Mount, auditLog: sharedAudit.path}
	v.token = v.newToken(nil)
	return v
}

// ownVault is one that the test may seal.
func ownVault(t testing.TB) *vault {
	t.Helper()
	v := &vault{t: t, Vault: testserver.SealableVault(t), mount: "secret", auditLog: filepath.Join(t.TempDir(), "audit.log")}
	if err := v.EnableAudit(t.Context(), v.auditLog); err != nil {
		t.Fatal(err)
	}
	v.token = v.newToken(nil)
	return v
}

// newToken has the least rights; more adds fields to the request.
func (v *vault) newToken(more map[string]any) string {
	v.t.Helper()
	policy := vaultkv.Policy(v.mount, "app-prod", "database", "caller") +
		fmt.Sprintf("path %q { capabilities = [\"read\"] }\n", v.mount+"/data/pg-admin")
	name := "rotor-" + v.mount
	v.must(http.MethodPut, "sys/policies/acl/"+name, map[string]string{"policy": policy}, nil)
	in := map[string]any{"policies": []string{name}}
	maps.Copy(in, more)
	var out struct {
		Auth struct {
			Token string `json:"client_token"`
		} `json:"auth"`
	}
	v.must(http.MethodPost, "auth/token/create", in, &out)
	return out.Auth.Token
}

func (v *vault) must(method, path string, in, out any) {
	v.t.Helper()
	if status, err := v.call(method, path, in, out); err != nil || status/100 != 2 {
		v.t.Fatalf("vault: %s %s: %d %v", method, path, status, err)
	}
}

// call is one request as root.
func (v *vault) call(method, path string, in, out any) (int, error) {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return 0, err
		}
	}
	req, err := http.NewRequestWithContext(context.Background(), method, v.Addr+"/v1/"+path, &body)
	if err != nil {
		return 0, err
	}
	req.Header.Set("X-Vault-Token", v.RootToken)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if out != nil && resp.StatusCode == http.StatusOK {
		err = json.NewDecoder(resp.Body).Decode(out)
	}
	return resp.StatusCode, err
}

// put replaces a path's content, as a person with the root token would.
func (v *vault) put(path string, content map[string]string) {
	v.t.Helper()
	v.must(http.MethodPost, v.mount+"/data/"+path, map[string]any{"data": content}, nil)
}

// get reads a path's newest content and its version; nothing there is version 0.
func (v *vault) get(path string) (map[string]string, int) {
	v.t.Helper()
	var out struct {
		Data struct {
			Data     map[string]string
			Metadata struct{ Version int }
		}
	}
	status, err := v.call(http.MethodGet, v.mount+"/data/"+path, nil, &out)
	if err != nil || status != http.StatusOK && status != http.StatusNotFound {
		v.t.Fatalf("vault: read %s: %d %v", path, status, err)
	}
	return out.Data.Data, out.Data.Metadata.Version
}

// live lists the versions of a path that still hold content.
func (v *vault) live(path string) []int {
	v.t.Helper()
	var out struct {
		Data struct {
			Current  int `json:"current_version"`
			Versions map[string]struct{ Destroyed bool }
		}
	}
	v.must(http.MethodGet, v.mount+"/metadata/"+path, nil, &out)
	var list []int
	for n := 1; n <= out.Data.Current; n++ {
		if one, ok := out.Data.Versions[strconv.Itoa(n)]; ok && !one.Destroyed {
			list = append(list, n)
		}
	}
	return list
}

// state is everything that a rotation which did nothing leaves untouched.
func (v *vault) state() string {
	v.t.Helper()
	text := ""
	for _, path := range []string{"app-prod", "database", "caller"} {
		content, version := v.get(path)
		text += fmt.Sprintln(path, version, content)
	}
	return text
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
