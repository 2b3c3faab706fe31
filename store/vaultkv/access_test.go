package vaultkv_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/store"
	"github.com/agenticverz/rotor/store/storetest"
	"github.com/agenticverz/rotor/store/vaultkv"
)

func TestMarkNeedsNoRight(t *testing.T) {
	v := testserver.Vault(t)
	policy := `path "` + v.Mount + `/data/*" { capabilities = ["create", "read", "patch"] }`
	s := open(t, vaultkv.Options{Mount: v.Mount, Address: v.Addr}, tokenFor(t, v.Vault, policy, nil))
	for _, prev := range []store.Revision{"0", "1"} {
		if _, err := s.Put(t.Context(), "app", set("A", "1"), prev, store.Mark{Credential: "c"}); err != nil {
			t.Error(err)
		}
	}
	err := s.Preflight(t.Context(), "app")
	if fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "destroy/app") || !strings.Contains(fault.HintOf(err), "capabilities") {
		t.Errorf("Preflight without the rights to erase: %v; %s", err, fault.HintOf(err))
	}
	if err := s.Erase(t.Context(), "app", "1"); fault.KindOf(err) != fault.Denied {
		t.Errorf("Erase: %v", err)
	}
}

func TestLeastPrivilege(t *testing.T) {
	v := testserver.Vault(t)
	s := open(t, vaultkv.Options{Mount: v.Mount, Address: v.Addr}, tokenFor(t, v.Vault, vaultkv.Policy(v.Mount, "app"), nil))
	if err := s.Preflight(t.Context(), "app"); err != nil {
		t.Fatal(err)
	}
	put(t, s, "app", set("A", "2"), put(t, s, "app", set("A", "1"), "0"))
	if err := s.Erase(t.Context(), "app", "1"); err != nil {
		t.Error(err)
	}
	for name, try := range map[string]func() error{
		"read":      func() error { _, _, err := s.Get(t.Context(), "app2"); return err },
		"write":     func() error { _, err := s.Put(t.Context(), "app2", set("A", "1"), "0", store.Mark{}); return err },
		"below":     func() error { _, _, err := s.Get(t.Context(), "app/sub"); return err },
		"preflight": func() error { return s.Preflight(t.Context(), "app2") },
		"erase":     func() error { return s.Erase(t.Context(), "app2", "1") },
	} {
		err := try()
		if fault.KindOf(err) != fault.Denied || !strings.Contains(fault.HintOf(err), "policies") {
			t.Errorf("%s elsewhere: %s: %v; %s", name, fault.KindOf(err), err, fault.HintOf(err))
		}
	}
}

func TestDeadToken(t *testing.T) {
	v := testserver.Vault(t)
	s := func(token string) *vaultkv.Store {
		return open(t, vaultkv.Options{Mount: v.Mount, Address: v.Addr}, token)
	}
	policy := vaultkv.Policy(v.Mount, "*")
	revoked := tokenFor(t, v.Vault, policy, nil)
	must(t, v.Vault, "POST", "auth/token/revoke", map[string]string{"token": revoked})
	for name, c := range map[string]struct{ token, hint string }{
		"revoked":                  {revoked, "log in again"},
		"invented":                 {"hvs.invented", "log in again"},
		"short":                    {tokenFor(t, v.Vault, policy, map[string]any{"ttl": "20s"}), "renew"},
		"counted":                  {tokenFor(t, v.Vault, policy, map[string]any{"num_uses": 50}), "number of uses"},
		"unable to look at itself": {tokenFor(t, v.Vault, policy, map[string]any{"no_default_policy": true}), "policy default"},
	} {
		err := s(c.token).Preflight(t.Context(), "app")
		if fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error()+fault.HintOf(err), c.hint) {
			t.Errorf("%s: %s: %v; %s", name, fault.KindOf(err), err, fault.HintOf(err))
		}
		if leak := storetest.NoLeak(err, c.token); leak != nil {
			t.Errorf("%s: %v", name, leak)
		}
	}
	_, _, err := s(revoked).Get(t.Context(), "app")
	if fault.KindOf(err) != fault.Denied || !strings.Contains(fault.HintOf(err), "log in again") {
		t.Errorf("Get: %v; %s", err, fault.HintOf(err))
	}
	_, err = s(revoked).Put(t.Context(), "app", set("A", "1"), "0", store.Mark{})
	if fault.KindOf(err) != fault.Denied {
		t.Errorf("Put: %v", err)
	}
}

func TestMountsThatAreNone(t *testing.T) {
	v := testserver.Vault(t)
	one := v.Mount + "v1"
	if err := v.MountKV(t.Context(), one, 1); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Unmount(context.Background(), one) })
	for mount, says := range map[string]string{one: "KV version 1", "sys": "type system", v.Mount + "/sub": "not a mount", "nosuch": ""} {
		s := open(t, vaultkv.Options{Mount: mount, Address: v.Addr}, v.RootToken)
		_, _, err := s.Get(t.Context(), "app")
		if k := fault.KindOf(err); k != fault.BadConfig && (says != "" || k != fault.Denied) || !strings.Contains(err.Error(), says) || fault.HintOf(err) == "" {
			t.Errorf("Get in %s: %s: %v; %s", mount, k, err, fault.HintOf(err))
		}
		if _, err := s.Put(t.Context(), "app", set("A", "1"), "0", store.Mark{}); err == nil {
			t.Errorf("Put in %s succeeded", mount)
		}
	}
	if status, _ := root(t, v.Vault, "GET", one+"/data/app", nil); status != http.StatusNotFound {
		t.Error("something was written into the version 1 mount")
	}
}

func TestNamespaceOfCommunityEdition(t *testing.T) {
	v := testserver.Vault(t)
	put(t, rootStore(t, v), "app", set("A", "root's"), "0")
	s := open(t, vaultkv.Options{Mount: v.Mount, Address: v.Addr, Namespace: "team1"}, v.RootToken)
	_, _, err := s.Get(t.Context(), "app")
	if fault.KindOf(err) != fault.BadConfig || !strings.Contains(err.Error(), "team1") || !strings.Contains(fault.HintOf(err), "namespace") {
		t.Errorf("%v; %s", err, fault.HintOf(err))
	}
}

func TestAmbientToken(t *testing.T) {
	v := testserver.Vault(t)
	home := t.TempDir()
	for _, name := range []string{"BAO_TOKEN", "VAULT_TOKEN", "BAO_TOKEN_PATH", "VAULT_TOKEN_PATH", "BAO_ADDR", "VAULT_ADDR"} {
		t.Setenv(name, "")
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HOME", home)
	t.Setenv("VAULT_ADDR", v.Addr)
	s, err := vaultkv.New(vaultkv.Options{Mount: v.Mount}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Preflight(t.Context(), "app"); fault.KindOf(err) != fault.Denied || !strings.Contains(fault.HintOf(err), "vault login") {
		t.Errorf("without any token: %v; %s", err, fault.HintOf(err))
	}
	if err := os.WriteFile(filepath.Join(home, ".vault-token"), []byte(v.RootToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Preflight(t.Context(), "app"); err != nil {
		t.Errorf("with ~/.vault-token: %v", err)
	}
	t.Setenv("VAULT_TOKEN", "hvs.wrong")
	if err := s.Preflight(t.Context(), "app"); fault.KindOf(err) != fault.Denied {
		t.Errorf("VAULT_TOKEN goes before the file: %v", err)
	}
	t.Setenv("BAO_TOKEN", v.RootToken)
	if err := s.Preflight(t.Context(), "app"); err != nil {
		t.Errorf("BAO_TOKEN goes before VAULT_TOKEN: %v", err)
	}
}
