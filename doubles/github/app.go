package github

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

// asApp lets in who presents a JWT that the App's key signed.
func (d *Double) asApp(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if words, status := d.refuses(doubles.Bearer(r)); status != 0 {
			fail(w, status, words)
			return
		}
		if r.PathValue("installation") != fmt.Sprint(d.Installation) {
			fail(w, http.StatusNotFound, "Not Found")
			return
		}
		h(w, r)
	}
}

// refuses says what is wrong with a JWT, in GitHub's words.
func (d *Double) refuses(token string) (string, int) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "A JSON web token could not be decoded", http.StatusUnauthorized
	}
	var head struct{ Alg string }
	var claims struct {
		Issuer  any      `json:"iss"`
		Issued  *float64 `json:"iat"`
		Expires *float64 `json:"exp"`
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !decode(parts[0], &head) || !decode(parts[1], &claims) || head.Alg != "RS256" {
		return "A JSON web token could not be decoded", http.StatusUnauthorized
	}
	if fmt.Sprint(claims.Issuer) != fmt.Sprint(d.AppID) {
		return "Integration not found", http.StatusNotFound
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(d.app, crypto.SHA256, sum[:], signature) != nil {
		return "A JSON web token could not be decoded", http.StatusUnauthorized
	}
	now := float64(d.Clock.Now().Unix())
	switch {
	case claims.Issued == nil || *claims.Issued > now:
		return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued", http.StatusUnauthorized
	case claims.Expires == nil || *claims.Expires <= now:
		return "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires", http.StatusUnauthorized
	case *claims.Expires > now+600:
		return "'Expiration time' claim ('exp') is too far in the future", http.StatusUnauthorized
	}
	return "", 0
}

func decode(part string, into any) bool {
	text, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(text, into) == nil
}

func (d *Double) installation(w http.ResponseWriter, _ *http.Request) {
	o := doubles.Object{"id": d.Installation, "app_id": d.AppID, "repository_selection": "all", "permissions": Granted,
		"account": doubles.Object{"login": "double", "id": 1}, "suspended_at": nil}
	if d.suspended {
		o["suspended_at"] = d.Clock.Now().UTC().Format(time.RFC3339)
	}
	doubles.WriteJSON(w, http.StatusOK, o)
}

// issue makes a token of the installation, with less than all of its rights if asked.
func (d *Double) issue(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Repositories []string
		Permissions  map[string]string
	}
	switch {
	case d.suspended:
		fail(w, http.StatusForbidden, "This installation has been suspended")
		return
	case !doubles.ReadJSON(r, &in):
		fail(w, http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	a := about{installation: d.Installation, repositories: d.repos, permissions: Granted}
	if in.Repositories != nil {
		a.selected, a.repositories = true, nil
	}
	for _, name := range in.Repositories {
		repo := d.repository("double/" + name)
		if repo == nil {
			fail(w, http.StatusUnprocessableEntity, "There is at least one repository that does not exist or is not accessible to the parent installation.")
			return
		}
		a.repositories = append(a.repositories, repo)
	}
	if in.Permissions != nil {
		a.permissions = map[string]string{"metadata": "read"}
	}
	for what, level := range in.Permissions {
		if granted := Granted[what]; granted != level && (granted != "write" || level != "read") {
			fail(w, http.StatusUnprocessableEntity, "The permissions requested are not granted to this installation.")
			return
		}
		a.permissions[what] = level
	}
	answer := doubles.Object{"token": d.installationToken(a), "permissions": a.permissions, "repository_selection": selection(a),
		"expires_at": d.Clock.Now().Add(time.Hour).UTC().Format(time.RFC3339)}
	if a.selected {
		answer["repositories"] = repositoriesJSON(a.repositories)
	}
	doubles.WriteJSON(w, http.StatusCreated, answer)
}

func selection(a about) string {
	if a.selected {
		return "selected"
	}
	return "all"
}

func (d *Double) asInstallation(h func(http.ResponseWriter, *http.Request, *doubles.Key, about)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		k, a := d.login(w, r)
		switch {
		case k == nil:
		case a.installation == 0:
			fail(w, http.StatusForbidden, "You must authenticate with an installation access token in order to list repositories for an installation.")
		default:
			h(w, r, k, a)
		}
	}
}

func (d *Double) repositories(w http.ResponseWriter, r *http.Request, _ *doubles.Key, a about) {
	page := a.repositories[:min(len(a.repositories), doubles.Number(r, "per_page", 30, 100))]
	doubles.WriteJSON(w, http.StatusOK, doubles.Object{"total_count": len(a.repositories), "repository_selection": selection(a),
		"repositories": repositoriesJSON(page)})
}

func (d *Double) endToken(w http.ResponseWriter, _ *http.Request, k *doubles.Key, _ about) {
	d.tokens.End(k.ID)
	w.WriteHeader(http.StatusNoContent)
}

func (d *Double) repository(name string) *repository {
	for _, r := range d.repos {
		if r.name == name {
			return r
		}
	}
	return nil
}
