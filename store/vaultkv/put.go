package vaultkv

import (
	"context"
	"encoding/json"
	"net/http"
	"unicode/utf8"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/store"
)

// Put implements store.Store.
func (s *Store) Put(ctx context.Context, path string, edit store.Edit, prev store.Revision, mark store.Mark) (store.Revision, error) {
	if err := checkPath(path); err != nil {
		return "", err
	}
	version, err := parseRevision(prev)
	if err != nil {
		return "", err
	}
	changes, err := encode(edit)
	if err != nil {
		return "", err
	}
	if err := s.ready(ctx); err != nil {
		return "", err
	}
	if len(changes) == 0 && version > 0 {
		return s.unchanged(ctx, path, version)
	}
	if version == 0 {
		// A mark before the first version would make the path exist, and writing the
		// version an update, for which the right to create is not enough.
		next, err := s.replace(ctx, path, changes, version)
		if err == nil {
			_ = s.mark(ctx, path, version, mark) // advice, and the data is there
		}
		return next, err
	}
	if err := s.mark(ctx, path, version, mark); err != nil {
		return "", err
	}
	next, done, err := s.patch(ctx, path, changes, version)
	if done || err != nil {
		return next, err
	}
	return s.replace(ctx, path, changes, version)
}

// encode gives each key its JSON; null deletes, in a merge patch and in replace.
func encode(edit store.Edit) (map[string]json.RawMessage, error) {
	changes := map[string]json.RawMessage{}
	for _, key := range edit.Delete {
		changes[key] = json.RawMessage("null")
	}
	for key, v := range edit.Set {
		text := v.Reveal()
		switch _, both := changes[key]; {
		case both:
			return nil, fault.New(fault.BadConfig, "vaultkv: key %q is to be set and deleted at once", key).WithHint("two targets of one path contradict each other")
		case key == "" || !utf8.ValidString(key):
			return nil, fault.New(fault.BadConfig, "vaultkv: key %q", key).WithHint("a target in Vault needs a key")
		case !utf8.ValidString(text):
			// JSON would silently replace the bytes
			return nil, fault.New(fault.Rejected, "vaultkv: the value of key %q is not UTF-8 text", key).WithHint("encode it, in base64 say, and decode it in the application")
		}
		raw, err := json.Marshal(text)
		if err != nil {
			return nil, fault.New(fault.Rejected, "vaultkv: the value of key %q has no JSON", key)
		}
		changes[key] = raw
	}
	return changes, nil
}

func conflict(r request) error {
	return fault.Wrap(fault.Transient, "vaultkv: "+r.String(), store.ErrConflict)
}

// unchanged is an edit without edits: it only compares.
func (s *Store) unchanged(ctx context.Context, path string, version int) (store.Revision, error) {
	now, err := s.read(ctx, path, 0)
	if err != nil {
		return "", err
	}
	if now.version != version {
		return "", conflict(request{method: http.MethodGet, path: s.api("data", path)})
	}
	return revision(version), nil
}

// body is what KV version 2 takes.
func body(data map[string]json.RawMessage, cas int) ([]byte, error) {
	return json.Marshal(map[string]any{"options": map[string]int{"cas": cas}, "data": data})
}

// patch sends the changes alone. done is false if patching is not to be had here
// and proven not to have happened: the path has no readable version, the token
// may not patch, or the server cannot.
func (s *Store) patch(ctx context.Context, path string, changes map[string]json.RawMessage, version int) (next store.Revision, done bool, err error) {
	text, err := body(changes, version)
	if err != nil {
		return "", true, fault.New(fault.Rejected, "vaultkv: the edit has no JSON")
	}
	r := request{method: http.MethodPatch, path: s.api("data", path), body: text, patch: true}
	got, err := s.call(ctx, r)
	if err != nil {
		return "", true, err
	}
	switch got.status {
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		return "", false, nil
	}
	next, err = s.written(ctx, r, got, version)
	return next, true, err
}

// replace writes the whole map: what is there at version, with the changes.
func (s *Store) replace(ctx context.Context, path string, changes map[string]json.RawMessage, version int) (store.Revision, error) {
	r := request{method: http.MethodPost, path: s.api("data", path)}
	data := map[string]json.RawMessage{}
	if version > 0 {
		now, err := s.read(ctx, path, 0)
		if err != nil {
			return "", err // without reading, the neighbours would be lost
		}
		if now.version != version {
			return "", conflict(r)
		}
		for key, raw := range now.data {
			data[key] = raw
		}
	}
	for key, raw := range changes {
		if string(raw) == "null" {
			delete(data, key)
		} else {
			data[key] = raw
		}
	}
	var err error
	if r.body, err = body(data, version); err != nil {
		return "", fault.New(fault.Rejected, "vaultkv: the content has no JSON")
	}
	got, err := s.call(ctx, r)
	if err != nil {
		return "", err
	}
	if got.status == http.StatusForbidden && version == 0 {
		// With the right to create alone, a path that meanwhile exists is a 403.
		if now, err := s.read(ctx, path, 0); err == nil && now.version > 0 {
			return "", conflict(r)
		}
	}
	return s.written(ctx, r, got, version)
}

// written reads the answer of a write.
func (s *Store) written(ctx context.Context, r request, got reply, version int) (store.Revision, error) {
	if got.status == http.StatusBadRequest && got.says("check-and-set parameter did not match") {
		return "", conflict(r)
	}
	if got.status != http.StatusOK {
		return "", s.refused(ctx, r, got)
	}
	var a answer
	if json.Unmarshal(got.body, &a) != nil || a.Data == nil || a.Data.Version <= version {
		return "", fault.New(fault.Unknown, "vaultkv: %s: status 200, but the answer names no version", r)
	}
	return revision(a.Data.Version), nil
}
