package vaultkv

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/store"
)

// mark writes into the path's custom metadata what the next version will hold.
// It goes before the data (but for a path's first version), so that a version of
// ours is not unannounced; being advice, it may also announce a version that then
// is somebody else's. A token that may not write metadata is no error. An error
// proves that the data was not touched.
func (s *Store) mark(ctx context.Context, path string, version int, m store.Mark) error {
	if m.Credential == "" {
		return nil
	}
	text, err := json.Marshal(map[string]any{"custom_metadata": map[string]string{
		"rotor-credential": limit(m.Credential),
		"rotor-generation": strconv.Itoa(m.Generation),
		"rotor-revision":   strconv.Itoa(version + 1),
		"rotor-audit":      limit(m.AuditHead),
	}})
	if err != nil {
		return fault.New(fault.BadConfig, "vaultkv: the mark has no JSON")
	}
	r := request{method: http.MethodPatch, path: s.api("metadata", path), body: text, patch: true}
	got, err := s.call(ctx, r)
	switch {
	case err != nil:
		kind := fault.KindOf(err)
		if kind == fault.Unknown {
			kind = fault.Transient // the mark may be there, the data is not
		}
		return fault.Wrap(kind, "vaultkv: mark", err)
	case got.says("Vault is sealed"), got.status == http.StatusTooManyRequests:
		return s.refused(ctx, r, got)
	}
	return nil
}

// limit keeps to the 512 bytes that custom metadata takes.
func limit(s string) string { return s[:min(len(s), 512)] }
