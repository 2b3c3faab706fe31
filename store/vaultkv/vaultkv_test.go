package vaultkv_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
	"github.com/agenticverz/rotor/store/storetest"
	"github.com/agenticverz/rotor/store/vaultkv"
)

func examine(t *testing.T, v *testserver.VaultMount, address, token string) {
	storetest.Run(t, func(t testing.TB) storetest.Subject {
		path := "exam/" + strings.NewReplacer("/", "-", ",", "").Replace(t.Name()) + " é"
		var broken bool
		o := vaultkv.Options{Mount: v.Mount, Address: address}
		s, err := vaultkv.New(o, func(context.Context) (secret.Value, error) {
			if broken {
				return secret.New("hvs.not-a-token"), nil
			}
			return secret.New(token), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return storetest.Subject{Store: s, Path: path, Break: func() { broken = true },
			Old: func(ctx context.Context, r store.Revision) (secret.Set, error) {
				status, answer := root(t, v.Vault, "GET", v.Mount+"/data/"+strings.ReplaceAll(path, " ", "%20")+"?version="+string(r), nil)
				if status == http.StatusNotFound {
					return secret.Set{}, nil
				}
				outer, _ := answer["data"].(map[string]any)
				inner, _ := outer["data"].(map[string]any)
				old := secret.Set{}
				for k := range inner {
					old[k] = secret.New("there")
				}
				return old, nil
			}}
	})
}

func TestExam(t *testing.T) {
	v := testserver.Vault(t)
	t.Run("root", func(t *testing.T) { examine(t, v, v.Addr, v.RootToken) })
	t.Run("least privilege", func(t *testing.T) {
		examine(t, v, v.Addr, tokenFor(t, v.Vault, vaultkv.Policy(v.Mount, "exam/*"), nil))
	})
	t.Run("without patch", func(t *testing.T) { // every write is a replacement of the whole map
		policy := strings.ReplaceAll(vaultkv.Policy(v.Mount, "exam/*"), `"patch"`, `"update"`)
		examine(t, v, v.Addr, tokenFor(t, v.Vault, policy, nil))
	})
}

func TestNeighboursKeepTheirJSON(t *testing.T) {
	v := testserver.Vault(t)
	whole := strings.ReplaceAll(vaultkv.Policy(v.Mount, "app"), `"patch"`, `"update"`)
	for name, token := range map[string]string{"patch": v.RootToken, "whole map": tokenFor(t, v.Vault, whole, nil)} {
		t.Run(name, func(t *testing.T) {
			before := map[string]any{
				"number": json.Number("1234567.125"), "list": []any{"<a>", nil, true}, "map": map[string]any{"x": json.Number("1")},
				"text": " ü\u2028 ", "yes": true, "OLD": "old",
			}
			_, now := root(t, v.Vault, "GET", v.Mount+"/metadata/app", nil)
			if now["data"] != nil {
				must(t, v.Vault, "DELETE", v.Mount+"/metadata/app", nil)
			}
			must(t, v.Vault, "POST", v.Mount+"/data/app", map[string]any{"data": before})
			s := open(t, vaultkv.Options{Mount: v.Mount, Address: v.Addr}, token)
			was, revision := get(t, s, "app")
			for key, want := range map[string]string{"number": "1234567.125", "yes": "true", "text": " ü\u2028 "} {
				if was[key].Reveal() != want {
					t.Errorf("Get gives %s = %q", key, was[key].Reveal())
				}
			}
			revision = put(t, s, "app", store.Edit{Set: secret.Set{"NEW": secret.New("new")}, Delete: []string{"OLD"}}, revision)
			is, after := get(t, s, "app")
			was["NEW"] = secret.New("new")
			delete(was, "OLD")
			if !is.Equal(was) || after != revision {
				t.Errorf("afterwards %d keys at %s, want %d at %s; equal: %v", len(is), after, len(was), revision, is.Equal(was))
			}
		})
	}
}

func TestDeletedLatest(t *testing.T) {
	v := testserver.Vault(t)
	for name, end := range map[string]func(path string){
		"soft": func(path string) { must(t, v.Vault, "DELETE", v.Mount+"/data/"+path, nil) },
		"destroyed": func(path string) {
			must(t, v.Vault, "PUT", v.Mount+"/destroy/"+path, map[string][]int{"versions": {2}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := rootStore(t, v)
			put(t, s, name, set("A", "2"), put(t, s, name, set("A", "1", "B", "1"), "0"))
			end(name)
			got, revision := get(t, s, name)
			if len(got) != 0 || revision != "2" {
				t.Fatalf("%d keys at revision %s", len(got), revision)
			}
			if err := s.Preflight(t.Context(), name); err != nil {
				t.Error(err)
			}
			if _, err := s.Put(t.Context(), name, set("A", "x"), "0", store.Mark{}); !errors.Is(err, store.ErrConflict) {
				t.Errorf("Put as if it had never been: %v", err)
			}
			if next := put(t, s, name, set("A", "3"), revision); next != "3" {
				t.Errorf("revision %s", next)
			}
			if got, _ := get(t, s, name); len(got) != 1 || got["A"].Reveal() != "3" {
				t.Errorf("%d keys", len(got))
			}
		})
	}
}

func TestMark(t *testing.T) {
	v := testserver.Vault(t)
	s := open(t, vaultkv.Options{Mount: v.Mount, Address: v.Addr}, tokenFor(t, v.Vault, vaultkv.Policy(v.Mount, "app"), nil))
	custom := func() map[string]any {
		data, _ := must(t, v.Vault, "GET", v.Mount+"/metadata/app", nil)["data"].(map[string]any)
		found, _ := data["custom_metadata"].(map[string]any)
		return found
	}
	revision := store.Revision("0")
	for generation := 4; generation < 6; generation++ {
		var err error
		mark := store.Mark{Credential: "database", Generation: generation, AuditHead: "abc"}
		if revision, err = s.Put(t.Context(), "app", set("A", "1"), revision, mark); err != nil {
			t.Fatal(err)
		}
		got := custom()
		if got["rotor-credential"] != "database" || got["rotor-generation"] != strconv.Itoa(generation) ||
			got["rotor-revision"] != string(revision) || got["rotor-audit"] != "abc" {
			t.Errorf("generation %d at revision %s: %v", generation, revision, got)
		}
		must(t, v.Vault, "POST", v.Mount+"/metadata/app", map[string]any{"custom_metadata": map[string]string{"owner": "ops"}})
	}
	if _, err := s.Put(t.Context(), "app", set("A", "2"), revision, store.Mark{Credential: "x"}); err != nil || custom()["owner"] != "ops" {
		t.Errorf("somebody else's metadata: %v, %v", custom(), err)
	}
}

// Nothing beyond the one path, neither for us nor for whoever steals the token.
func TestEraseManyAndUndeletable(t *testing.T) {
	v := testserver.Vault(t)
	s := rootStore(t, v)
	must(t, v.Vault, "POST", v.Mount+"/metadata/app", map[string]any{"max_versions": 250})
	revision := store.Revision("0")
	for i := range 205 {
		revision = put(t, s, "app", set("A", strconv.Itoa(i)), revision)
	}
	must(t, v.Vault, "POST", v.Mount+"/delete/app", map[string][]int{"versions": {3, 204}})
	if err := s.Erase(t.Context(), "app", "203"); err != nil {
		t.Fatal(err)
	}
	data, _ := must(t, v.Vault, "GET", v.Mount+"/metadata/app", nil)["data"].(map[string]any)
	versions, _ := data["versions"].(map[string]any)
	if len(versions) != 205 {
		t.Fatalf("%d versions", len(versions))
	}
	for name, about := range versions {
		n, err := strconv.Atoi(name)
		if err != nil {
			t.Fatal(err)
		}
		if m, _ := about.(map[string]any); m["destroyed"] != (n <= 203) {
			t.Errorf("version %d: destroyed = %v", n, m["destroyed"])
		}
	}
}

func TestClock(t *testing.T) {
	v := testserver.Vault(t)
	now, err := open(t, vaultkv.Options{Mount: v.Mount, Address: v.Addr}, "unused").Now(t.Context())
	if off := time.Since(now).Abs(); err != nil || off > 5*time.Second {
		t.Errorf("off by %v, %v", off, err)
	}
}
