package githubsecrets

import (
	"encoding/base64"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/nacl/box"

	"github.com/agenticverz/rotor/doubles"
)

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if doubles.Bearer(r) != d.Token {
		fail(w, http.StatusUnauthorized, "Bad credentials")
		return
	}
	if r.URL.Path == "/rate_limit" {
		doubles.WriteJSON(w, http.StatusOK, doubles.Object{"resources": doubles.Object{}, "rate": doubles.Object{"limit": 5000, "remaining": 4999, "reset": 0, "used": 1}})
		return
	}
	p, org, below := d.in(r.URL.Path)
	switch {
	case p == nil:
		fail(w, http.StatusNotFound, "Not Found")
	case d.opts.ReadOnly && r.Method != http.MethodGet:
		fail(w, http.StatusForbidden, "Resource not accessible by personal access token")
	case r.Method == http.MethodGet && below == "public-key":
		d.publicKey(w, p)
	case r.Method == http.MethodGet && below == "":
		list(w, r, p, org)
	case r.Method == http.MethodGet && org && strings.HasSuffix(below, "/repositories"):
		repositories(w, r, p, strings.ToUpper(strings.TrimSuffix(below, "/repositories")))
	case r.Method == http.MethodGet:
		one(w, p, org, strings.ToUpper(below))
	case r.Method == http.MethodPut:
		d.put(w, r, p, org, strings.ToUpper(below))
	case r.Method == http.MethodDelete:
		remove(w, p, strings.ToUpper(below))
	default:
		fail(w, http.StatusNotFound, "Not Found")
	}
}

func (d *Double) publicKey(w http.ResponseWriter, p *place) {
	doubles.WriteJSON(w, http.StatusOK, doubles.Object{"key_id": p.keyID, "key": base64.StdEncoding.EncodeToString(p.public[:])})
	if d.moves {
		p.change()
	}
}

func show(name string, s *Secret, org bool) doubles.Object {
	out := doubles.Object{"name": name, "created_at": s.Created.UTC().Truncate(time.Second), "updated_at": s.Updated.UTC().Truncate(time.Second)}
	if org {
		out["visibility"] = s.Visibility
	}
	return out
}

func list(w http.ResponseWriter, r *http.Request, p *place, org bool) {
	secrets := []doubles.Object{}
	for _, name := range slices.Sorted(maps.Keys(p.secrets)) {
		if len(secrets) < doubles.Number(r, "per_page", 30, 100) {
			secrets = append(secrets, show(name, p.secrets[name], org))
		}
	}
	doubles.WriteJSON(w, http.StatusOK, doubles.Object{"total_count": len(p.secrets), "secrets": secrets})
}

func one(w http.ResponseWriter, p *place, org bool, name string) {
	if s := p.secrets[name]; s != nil {
		doubles.WriteJSON(w, http.StatusOK, show(name, s, org))
		return
	}
	fail(w, http.StatusNotFound, "Not Found")
}

// repositories lists, by pages, who sees a secret that only some see.
func repositories(w http.ResponseWriter, r *http.Request, p *place, name string) {
	s := p.secrets[name]
	switch {
	case s == nil:
		fail(w, http.StatusNotFound, "Not Found")
		return
	case s.Visibility != "selected":
		fail(w, http.StatusConflict, "Visibility type is not set to selected")
		return
	}
	size := doubles.Number(r, "per_page", 30, 100)
	from := min((doubles.Number(r, "page", 1, 1<<20)-1)*size, len(s.Repositories))
	page := []doubles.Object{}
	for _, id := range s.Repositories[from:min(from+size, len(s.Repositories))] {
		page = append(page, doubles.Object{"id": id, "name": "repository-" + strconv.FormatInt(id, 10), "private": true})
	}
	doubles.WriteJSON(w, http.StatusOK, doubles.Object{"total_count": len(s.Repositories), "repositories": page})
}

// Largest secret in bytes.
const largest = 48 << 10

var secretName = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)

func (d *Double) put(w http.ResponseWriter, r *http.Request, p *place, org bool, name string) {
	var in struct {
		Sealed       string  `json:"encrypted_value"`
		KeyID        string  `json:"key_id"`
		Visibility   string  `json:"visibility"`
		Repositories []int64 `json:"selected_repository_ids"`
	}
	if !doubles.ReadJSON(r, &in) {
		fail(w, http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	sealed, err := base64.StdEncoding.DecodeString(in.Sealed)
	value, opens := box.OpenAnonymous(nil, sealed, p.public, p.private)
	switch {
	case !secretName.MatchString(name) || strings.HasPrefix(name, "GITHUB_"):
		fail(w, http.StatusUnprocessableEntity, "Secret names can only contain alphanumeric characters or underscores, must not start with a number or with GITHUB_.")
		return
	case in.KeyID != p.keyID:
		fail(w, http.StatusUnprocessableEntity, "The key_id does not match the public key of this repository.")
		return
	case err != nil || !opens:
		fail(w, http.StatusUnprocessableEntity, "The encrypted value cannot be decrypted.")
		return
	case len(value) > largest:
		fail(w, http.StatusUnprocessableEntity, "The secret is too large.")
		return
	case org && !slices.Contains([]string{"all", "private", "selected"}, in.Visibility):
		fail(w, http.StatusUnprocessableEntity, "visibility is missing")
		return
	}
	d.keep(w, p, name, Secret{Value: string(value), Visibility: in.Visibility, Repositories: in.Repositories})
}

func (d *Double) keep(w http.ResponseWriter, p *place, name string, s Secret) {
	now := d.Clock.Now().Add(-d.slow)
	old := p.secrets[name]
	s.Created, s.Updated = now, now
	if old != nil {
		s.Created = old.Created
	}
	p.secrets[name] = &s
	if old != nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	doubles.WriteJSON(w, http.StatusCreated, doubles.Object{})
}

func remove(w http.ResponseWriter, p *place, name string) {
	if p.secrets[name] == nil {
		fail(w, http.StatusNotFound, "Not Found")
		return
	}
	delete(p.secrets, name)
	w.WriteHeader(http.StatusNoContent)
}
