package vaultkv

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/store"
)

// eraseBatch versions are destroyed by one request.
const eraseBatch = 100

// Erase implements store.Eraser: it destroys, which is final, where deleting
// would leave versions that can be undeleted.
func (s *Store) Erase(ctx context.Context, path string, upTo store.Revision) error {
	if err := checkPath(path); err != nil {
		return err
	}
	last, err := parseRevision(upTo)
	if err != nil {
		return err
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	versions, err := s.alive(ctx, path, last)
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(versions, eraseBatch) {
		text, err := json.Marshal(map[string][]int{"versions": batch})
		if err != nil {
			return fault.New(fault.BadConfig, "vaultkv: the versions have no JSON")
		}
		r := request{method: http.MethodPut, path: s.api("destroy", path), body: text}
		got, err := s.call(ctx, r)
		if err != nil {
			return err
		}
		if got.status/100 != 2 {
			return s.refused(ctx, r, got)
		}
	}
	return nil
}

// alive lists the versions up to last that are not destroyed, oldest first.
func (s *Store) alive(ctx context.Context, path string, last int) ([]int, error) {
	r := request{method: http.MethodGet, path: s.api("metadata", path)}
	got, err := s.call(ctx, r)
	if err != nil {
		return nil, err
	}
	var a struct {
		Errors []string `json:"errors"`
		Data   *struct {
			Current  int `json:"current_version"`
			Versions map[string]struct {
				Destroyed bool `json:"destroyed"`
			} `json:"versions"`
		} `json:"data"`
	}
	understood := json.Unmarshal(got.body, &a) == nil
	switch {
	case understood && got.status == http.StatusNotFound && len(a.Errors) == 0:
		return nil, nil // the whole path is gone
	case got.status != http.StatusOK:
		return nil, s.refused(ctx, r, got)
	case !understood || a.Data == nil:
		return nil, fault.New(fault.BadConfig, "vaultkv: %s: the answer is not of a KV version 2 engine", r)
	}
	if last >= a.Data.Current && a.Data.Current > 0 {
		return nil, fault.New(fault.NeedsPerson, "vaultkv: %s: version %d should be old, but the path is at %d", r, last, a.Data.Current).
			WithHint("the path was deleted and made again since; its old versions are gone already, and the present one is not touched")
	}
	var versions []int
	for name, v := range a.Data.Versions {
		if n, err := strconv.Atoi(name); err == nil && n <= last && !v.Destroyed {
			versions = append(versions, n)
		}
	}
	slices.Sort(versions)
	return versions, nil
}
