package vaultkv_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/store"
	"github.com/agenticverz/rotor/store/vaultkv"
)

func TestSealed(t *testing.T) {
	v := testserver.SealableVault(t)
	s := open(t, vaultkv.Options{Mount: "secret", Address: v.Addr}, v.RootToken)
	revision := put(t, s, "app", set("A", "1"), "0")
	if err := v.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	fresh := open(t, vaultkv.Options{Mount: "secret", Address: v.Addr}, v.RootToken)
	for name, try := range map[string]func(*vaultkv.Store) error{
		"get": func(s *vaultkv.Store) error { _, _, err := s.Get(t.Context(), "app"); return err },
		"put": func(s *vaultkv.Store) error {
			_, err := s.Put(t.Context(), "app", set("A", "2"), revision, store.Mark{})
			return err
		},
		"marked": func(s *vaultkv.Store) error {
			_, err := s.Put(t.Context(), "app", set("A", "2"), revision, store.Mark{Credential: "c"})
			return err
		},
		"erase":     func(s *vaultkv.Store) error { return s.Erase(t.Context(), "app", revision) },
		"preflight": func(s *vaultkv.Store) error { return s.Preflight(t.Context(), "app") },
		"clock":     func(s *vaultkv.Store) error { _, err := s.Now(t.Context()); return err },
	} {
		for _, s := range []*vaultkv.Store{s, fresh} {
			err := try(s)
			if fault.KindOf(err) != fault.Transient || !strings.Contains(err.Error(), "Vault is sealed") || !strings.Contains(fault.HintOf(err), "vault operator unseal") {
				t.Errorf("%s: %s: %v; %s", name, fault.KindOf(err), err, fault.HintOf(err))
			}
		}
	}
	if err := v.Unseal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, now := get(t, s, "app"); got["A"].Reveal() != "1" || now != revision {
		t.Errorf("after unsealing: revision %s", now)
	}
}

func TestLostAnswer(t *testing.T) {
	v := testserver.Vault(t)
	for name, c := range map[string]struct {
		method string
		prev   store.Revision
	}{"patch": {"PATCH", "1"}, "create": {"POST", "0"}} {
		t.Run(name, func(t *testing.T) {
			if c.prev == "1" {
				put(t, rootStore(t, v), name, set("A", "1", "B", "1"), "0")
			}
			address := cutter(t, v.Vault, func(r *http.Request) bool { return r.Method == c.method && strings.Contains(r.URL.Path, "/data/") })
			s := open(t, vaultkv.Options{Mount: v.Mount, Address: address}, v.RootToken)
			_, err := s.Put(t.Context(), name, set("A", "new"), c.prev, store.Mark{})
			if fault.KindOf(err) != fault.Unknown || fault.HintOf(err) != "" {
				t.Fatalf("want unknown, got %s: %v", fault.KindOf(err), err)
			}
			got, revision := get(t, s, name)
			if before, _ := strconv.Atoi(string(c.prev)); got["A"].Reveal() != "new" || string(revision) != strconv.Itoa(before+1) {
				t.Errorf("written once, not more: revision %s", revision)
			}
		})
	}
}

func TestLostAnswerOfTheMarkIsHarmless(t *testing.T) {
	v := testserver.Vault(t)
	revision := put(t, rootStore(t, v), "app", set("A", "1"), "0")
	address := cutter(t, v.Vault, func(r *http.Request) bool { return r.Method == "PATCH" && strings.Contains(r.URL.Path, "/metadata/") })
	s := open(t, vaultkv.Options{Mount: v.Mount, Address: address}, v.RootToken)
	_, err := s.Put(t.Context(), "app", set("A", "2"), revision, store.Mark{Credential: "c"})
	if fault.KindOf(err) != fault.Transient {
		t.Errorf("want transient, got %s: %v", fault.KindOf(err), err)
	}
	if got, now := get(t, s, "app"); now != revision || got["A"].Reveal() != "1" {
		t.Error("the data was touched")
	}
}

func TestServerGone(t *testing.T) {
	v, err := localserver.StartVault(t.Context(), localserver.VaultOptions{})
	var missing *localserver.MissingError
	if errors.As(err, &missing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, vaultkv.Options{Mount: "secret", Address: v.Addr}, v.RootToken)
	revision := put(t, s, "app", set("A", "1"), "0")
	if err := v.Stop(); err != nil {
		t.Fatal(err)
	}
	// a connection that was open may have died with the request on it: unknown;
	// afterwards there is no connection, and nothing can have been sent.
	_, err = s.Put(t.Context(), "app", set("A", "2"), revision, store.Mark{})
	_, again := s.Put(t.Context(), "app", set("A", "2"), revision, store.Mark{})
	if err == nil || fault.KindOf(again) != fault.Transient {
		t.Errorf("%v; then %s: %v", err, fault.KindOf(again), again)
	}
}
