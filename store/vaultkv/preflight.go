package vaultkv

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
)

// shortest is the life a token must have left for a rotation to begin.
const shortest = time.Minute

// Preflight implements store.Preflighter: the server is unsealed, the token will
// live for a while, and its policies allow to read, write and destroy at path.
func (s *Store) Preflight(ctx context.Context, path string) error {
	if err := checkPath(path); err != nil {
		return err
	}
	if _, err := s.health(ctx); err != nil {
		return err
	}
	if err := s.tokenLives(ctx); err != nil {
		return err
	}
	now, err := s.read(ctx, path, 0)
	if err != nil {
		return err
	}
	return s.mayWrite(ctx, path, now)
}

func (s *Store) tokenLives(ctx context.Context) error {
	t, err := s.lookup(ctx)
	switch {
	case err != nil:
		return err
	case !t.alive:
		return fault.New(fault.Denied, "vaultkv: the token is refused").WithHint("%s", t.hint())
	case t.expires && t.ttl < shortest:
		return fault.New(fault.Denied, "vaultkv: the token expires in %v", t.ttl).WithHint("renew it or log in again before rotating: vault token renew")
	case t.uses > 0:
		return fault.New(fault.Denied, "vaultkv: the token has a limited number of uses").WithHint("a rotation needs some tens of requests: create a token without -use-limit")
	}
	return nil
}

// mayWrite asks the server what the policies allow, which touches no secret.
func (s *Store) mayWrite(ctx context.Context, path string, now content) error {
	data, metadata, destroy := s.api("data", path), s.api("metadata", path), s.api("destroy", path)
	granted, err := s.capabilities(ctx, data, metadata, destroy)
	if err != nil {
		return err
	}
	var missing []string
	need := func(path, what string, enough ...string) {
		words, _ := granted[path].([]any)
		if !slices.ContainsFunc(words, func(g any) bool {
			word, _ := g.(string)
			return word == "root" || slices.Contains(enough, word)
		}) {
			missing = append(missing, what+" on "+path)
		}
	}
	exists := now.version > 0
	if !exists { // a path may have metadata and no version yet
		got, err := s.call(ctx, request{method: http.MethodGet, path: metadata})
		exists = err == nil && got.status == http.StatusOK
	}
	switch {
	case !exists:
		need(data, "create", "create")
	case now.data == nil: // there is nothing to patch
		need(data, "update", "update")
	default:
		need(data, "patch (or update)", "patch", "update")
	}
	need(metadata, "read", "read")
	need(destroy, "update", "update")
	if len(missing) > 0 {
		return fault.New(fault.Denied, "vaultkv: the token's policies lack %s", strings.Join(missing, ", ")).
			WithHint("give the token this policy:\n%s", Policy(s.mount, path))
	}
	return nil
}

// capabilities are what the token may do at each path.
func (s *Store) capabilities(ctx context.Context, paths ...string) (map[string]any, error) {
	text, err := json.Marshal(map[string][]string{"paths": paths})
	if err != nil {
		return nil, fault.New(fault.BadConfig, "vaultkv: the path has no JSON")
	}
	r := request{method: http.MethodPost, path: "sys/capabilities-self", body: text, question: true}
	got, err := s.call(ctx, r)
	if err != nil {
		return nil, err
	}
	if got.status != http.StatusOK {
		return nil, s.refused(ctx, r, got)
	}
	var a struct {
		Data map[string]any `json:"data"`
	}
	if json.Unmarshal(got.body, &a) != nil {
		return nil, fault.New(fault.BadConfig, "vaultkv: %s: the answer is none of Vault's", r)
	}
	return a.Data, nil
}

// health is the part of sys/health that matters.
type health struct {
	Initialized *bool `json:"initialized"`
	Sealed      bool  `json:"sealed"`
	Enterprise  *bool `json:"enterprise"` // OpenBao has no such field
	Time        int64 `json:"server_time_utc"`
}

// health asks without token; every state of the server is an answer.
func (s *Store) health(ctx context.Context) (health, error) {
	ok := []string{"200"}
	r := request{method: http.MethodGet, path: "sys/health", anonymous: true, query: url.Values{
		"sealedcode": ok, "uninitcode": ok, "standbycode": ok, "performancestandbycode": ok, "drsecondarycode": ok, "removedcode": ok,
	}}
	got, err := s.call(ctx, r)
	if err != nil {
		return health{}, err
	}
	var h health
	switch {
	case got.status != http.StatusOK:
		return h, s.refused(ctx, r, got)
	case json.Unmarshal(got.body, &h) != nil || h.Initialized == nil:
		return h, fault.New(fault.BadConfig, "vaultkv: %s: the answer is none of Vault's", r).WithHint("is address right?")
	case !*h.Initialized:
		return h, fault.New(fault.NeedsPerson, "vaultkv: the server is not initialised").WithHint("vault operator init")
	case h.Sealed:
		return h, fault.New(fault.Transient, "vaultkv: Vault is sealed").WithHint("a key holder runs: vault operator unseal")
	}
	return h, nil
}

// Now implements store.Clock, in whole seconds.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	h, err := s.health(ctx)
	if err != nil {
		return time.Time{}, err
	}
	if h.Time <= 0 {
		return time.Time{}, fault.New(fault.BadConfig, "vaultkv: the server does not tell the time")
	}
	return time.Unix(h.Time, 0), nil
}

// ready makes sure, once, that the namespace is obeyed and that the mount is KV
// version 2: on version 1 our paths would be created as they are, without any
// check-and-set.
func (s *Store) ready(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.checked {
		return nil
	}
	if s.namespace != "" {
		h, err := s.health(ctx)
		if err != nil {
			return err
		}
		if h.Enterprise != nil && !*h.Enterprise {
			return fault.New(fault.BadConfig, "vaultkv: this server has no namespaces and would ignore %q", s.namespace).
				WithHint("leave namespace out (and unset VAULT_NAMESPACE): Vault's community edition reads the root namespace whatever is asked")
		}
	}
	if err := s.versionTwo(ctx); err != nil {
		return err
	}
	s.checked = true
	return nil
}

func (s *Store) versionTwo(ctx context.Context) error {
	r := request{method: http.MethodGet, path: "sys/internal/ui/mounts/" + s.mount}
	got, err := s.call(ctx, r)
	if err != nil {
		return err
	}
	if got.status != http.StatusOK {
		return s.refused(ctx, r, got)
	}
	var a struct {
		Data struct {
			Type    string            `json:"type"`
			Path    string            `json:"path"`
			Options map[string]string `json:"options"`
		} `json:"data"`
	}
	switch {
	case json.Unmarshal(got.body, &a) != nil || a.Data.Type == "":
		return fault.New(fault.BadConfig, "vaultkv: %s: the answer is none of Vault's", r).WithHint("is address right?")
	case strings.Trim(a.Data.Path, "/") != s.mount:
		return fault.New(fault.BadConfig, "vaultkv: %s is not a mount", s.mount).WithHint("the mount is %q; the rest belongs to the targets' paths", strings.Trim(a.Data.Path, "/"))
	case a.Data.Type != "kv" && a.Data.Type != "generic":
		return fault.New(fault.BadConfig, "vaultkv: %s is a mount of type %s", s.mount, a.Data.Type).WithHint("vault secrets list shows the mounts of type kv")
	case a.Data.Options["version"] != "2":
		return fault.New(fault.BadConfig, "vaultkv: %s is KV version 1, which has no check-and-set and no history", s.mount).
			WithHint("two writers would lose each other's secrets; upgrade it: vault kv enable-versioning %s", s.mount)
	}
	return nil
}
