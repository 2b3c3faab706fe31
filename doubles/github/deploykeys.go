package github

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/agenticverz/rotor/doubles"
)

// inRepository lets in who may administer the repository. Who may not see it is told
// that there is none.
func (d *Double) inRepository(h func(http.ResponseWriter, *http.Request, *repository)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		k, a := d.login(w, r)
		if k == nil {
			return
		}
		repo := d.repository(strings.ToLower(r.PathValue("owner") + "/" + r.PathValue("name"))) // GitHub minds no case here
		rights := a.rights
		if a.permissions["administration"] == "write" {
			rights = Administer
		}
		switch {
		case repo == nil || rights == Nothing:
			fail(w, http.StatusNotFound, "Not Found")
		case repo.moved:
			w.Header().Set("Location", fmt.Sprintf("/repositories/%d/keys", repo.id))
			doubles.WriteJSON(w, http.StatusMovedPermanently, doubles.Object{"message": "Moved Permanently", "documentation_url": "https://docs.github.com/rest"})
		case rights != Administer:
			fail(w, http.StatusForbidden, "Resource not accessible by personal access token")
		default:
			h(w, r, repo)
		}
	}
}

// DeployKey adds a public key to a repository behind everybody's back, and gives its id.
func (d *Double) DeployKey(repo, title, public string, readOnly bool) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.add(d.repository(repo), title, bare(public), readOnly).id
}

// Disable switches a deploy key off without deleting it.
func (d *Double) Disable(id int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, k := range d.deploys {
		k.disabled = k.disabled || k.id == id
	}
}

// DeployKeys lists the ids of all deploy keys of a repository, by age.
func (d *Double) DeployKeys(repo string) []int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []int64
	for _, k := range d.of(d.repository(repo)) {
		out = append(out, k.id)
	}
	return out
}

// Forget deletes all deploy keys.
func (d *Double) Forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, k := range d.deploys {
		d.keys.End(k.ID)
	}
}

func (d *Double) add(repo *repository, title, public string, readOnly bool) *deployKey {
	for _, old := range d.deploys {
		if old.Value == public { // it was deleted, and is added again
			old.Value = ""
		}
	}
	id := d.id()
	k := &deployKey{id: id, repo: repo, readOnly: readOnly, Key: d.keys.Add(doubles.Key{ID: fmt.Sprint(id), Name: title, Value: public})}
	d.deploys = append(d.deploys, k)
	return k
}

func (d *Double) of(repo *repository) []*deployKey {
	var out []*deployKey
	for _, k := range d.deploys {
		if k.repo == repo && k.Listed() {
			out = append(out, k)
		}
	}
	return out
}

// bare is a public key without its comment; "" if it is none.
func bare(line string) string {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

func (d *Double) addKey(w http.ResponseWriter, r *http.Request, repo *repository) {
	var in struct {
		Title, Key string
		ReadOnly   bool `json:"read_only"`
	}
	if !doubles.ReadJSON(r, &in) {
		fail(w, http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	public := bare(in.Key)
	switch {
	case repo.noKeys:
		fail(w, http.StatusUnprocessableEntity, "Deploy keys are disabled for this repository")
		return
	case public == "":
		invalid(w, "PublicKey", "key", "key is invalid. You must supply a key in OpenSSH public key format")
		return
	}
	for _, k := range d.deploys {
		if k.Listed() && k.Value == public { // in any repository
			invalid(w, "PublicKey", "key", "key is already in use")
			return
		}
	}
	k := d.add(repo, in.Title, public, in.ReadOnly)
	w.Header().Set("Location", keyURL(k))
	doubles.WriteJSON(w, http.StatusCreated, keyJSON(k))
}

func (d *Double) listKeys(w http.ResponseWriter, r *http.Request, repo *repository) {
	all := d.of(repo)
	size, page := doubles.Number(r, "per_page", 30, 100), doubles.Number(r, "page", 1, 1_000_000)
	from := min((page-1)*size, len(all))
	to := min(from+size, len(all))
	if to < len(all) {
		w.Header().Set("Link", fmt.Sprintf(`<https://api.github.com/repositories/%d/keys?per_page=%d&page=%d>; rel="next"`, repo.id, size, page+1))
	}
	out := []doubles.Object{}
	for _, k := range all[from:to] {
		out = append(out, keyJSON(k))
	}
	doubles.WriteJSON(w, http.StatusOK, out)
}

func (d *Double) key(r *http.Request, repo *repository) *deployKey {
	for _, k := range d.of(repo) {
		if fmt.Sprint(k.id) == r.PathValue("key") {
			return k
		}
	}
	return nil
}

func (d *Double) showKey(w http.ResponseWriter, r *http.Request, repo *repository) {
	k := d.key(r, repo)
	if k == nil {
		fail(w, http.StatusNotFound, "Not Found")
		return
	}
	doubles.WriteJSON(w, http.StatusOK, keyJSON(k))
}

func (d *Double) deleteKey(w http.ResponseWriter, r *http.Request, repo *repository) {
	k := d.key(r, repo)
	if k == nil {
		fail(w, http.StatusNotFound, "Not Found")
		return
	}
	d.keys.End(k.ID)
	w.WriteHeader(http.StatusNoContent)
}

func keyURL(k *deployKey) string {
	return fmt.Sprintf("https://api.github.com/repos/%s/keys/%d", k.repo.name, k.id)
}

func keyJSON(k *deployKey) doubles.Object {
	o := doubles.Object{"id": k.id, "key": k.Value, "url": keyURL(k), "title": k.Name, "verified": true, "read_only": k.readOnly,
		"created_at": k.Born.UTC().Format(time.RFC3339), "added_by": "double-person", "last_used": nil, "enabled": !k.disabled}
	if !k.Used.IsZero() {
		o["last_used"] = k.Used.UTC().Format(time.RFC3339)
	}
	return o
}
