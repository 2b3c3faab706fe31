// Package vaultkv is the store of KV version 2 engines in HashiCorp Vault and
// OpenBao.
//
// What surprises: Rotor needs no right to replace a path. It patches single
// keys, with check-and-set, so its keys' neighbours are never in its hands; only
// where patching is not allowed, or the newest version was deleted, does it
// write the whole map, from what it has just read. A path whose newest version
// was deleted reads as empty, with that version as its revision.
package vaultkv

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

var (
	_ store.Store       = (*Store)(nil)
	_ store.Eraser      = (*Store)(nil)
	_ store.Preflighter = (*Store)(nil)
	_ store.Clock       = (*Store)(nil)
)

// Traits implements store.Store. Marks are written where the token may.
func (s *Store) Traits() store.Traits {
	return store.Traits{Name: "vaultkv", Readable: true, CAS: true, Marks: true, Versions: true}
}

// content is one version of a path. Values stay the JSON they are.
type content struct {
	version int // 0 = there has never been one
	data    map[string]json.RawMessage
}

// Get implements store.Store. A value that is no string is given as its JSON.
func (s *Store) Get(ctx context.Context, path string) (secret.Set, store.Revision, error) {
	now, err := s.read(ctx, path, 0)
	if err != nil {
		return nil, "", err
	}
	set := secret.Set{}
	for key, raw := range now.data {
		text := string(raw)
		if len(raw) > 0 && raw[0] == '"' {
			if err := json.Unmarshal(raw, &text); err != nil {
				return nil, "", fault.New(fault.BadConfig, "vaultkv: %s: a key does not hold JSON", s.api("data", path))
			}
		}
		set[key] = secret.New(text)
	}
	return set, revision(now.version), nil
}

func revision(version int) store.Revision { return store.Revision(strconv.Itoa(version)) }

func parseRevision(r store.Revision) (int, error) {
	n, err := strconv.Atoi(string(r))
	if err != nil || n < 0 {
		return 0, fault.New(fault.BadConfig, "vaultkv: that is no revision of this store").WithHint("revisions are the version numbers of KV version 2")
	}
	return n, nil
}

// api is the request path of one of the engine's own folders: data, metadata,
// destroy.
func (s *Store) api(folder, path string) string { return s.mount + "/" + folder + "/" + path }

// checkPath keeps a path from meaning something else on its way: the client
// would resolve dots and the server would drop empty parts.
func checkPath(path string) error {
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." || strings.TrimSpace(part) != part {
			return fault.New(fault.BadConfig, "vaultkv: path %q", path).WithHint("write the path below the mount, without slashes at its ends, dots or blanks")
		}
	}
	if !utf8.ValidString(path) || strings.ContainsFunc(path, unicode.IsControl) {
		return fault.New(fault.BadConfig, "vaultkv: path %q", path).WithHint("a path consists of visible characters")
	}
	return nil
}

// answer is the envelope of every answer we read.
type answer struct {
	Errors   []string `json:"errors"`
	Warnings []string `json:"warnings"`
	Data     *struct {
		Data     map[string]json.RawMessage `json:"data"`
		Version  int                        `json:"version"` // of a write
		Metadata struct {
			Version int `json:"version"`
		} `json:"metadata"`
	} `json:"data"`
}

// read gets one version, 0 being the newest.
func (s *Store) read(ctx context.Context, path string, version int) (content, error) {
	if err := checkPath(path); err != nil {
		return content{}, err
	}
	if err := s.ready(ctx); err != nil {
		return content{}, err
	}
	r := request{method: http.MethodGet, path: s.api("data", path)}
	if version > 0 {
		r.query = map[string][]string{"version": {strconv.Itoa(version)}}
	}
	got, err := s.call(ctx, r)
	if err != nil {
		return content{}, err
	}
	var a answer
	understood := json.Unmarshal(got.body, &a) == nil
	switch {
	case !understood:
	case got.status == http.StatusOK && a.Data != nil && a.Data.Metadata.Version > 0:
		return content{a.Data.Metadata.Version, a.Data.Data}, nil
	case got.status != http.StatusNotFound:
	case a.Data != nil && a.Data.Metadata.Version > 0: // deleted or destroyed
		return content{version: a.Data.Metadata.Version}, nil
	case a.Errors != nil && len(a.Errors) == 0 && len(a.Warnings) == 0:
		return content{}, nil
	}
	if understood && got.status == http.StatusOK {
		return content{}, fault.New(fault.BadConfig, "vaultkv: %s: the answer is not of a KV version 2 engine", r)
	}
	return content{}, s.refused(ctx, r, got)
}
