// Package githubsecrets is a double of GitHub's secrets for Actions and Dependabot: of
// repositories, their environments, and organisations. It opens the sealed boxes that
// it is sent, as GitHub does for a workflow, and shows nobody what was in them.
//
// What surprises: who may not see a place is told that it does not exist, in the same
// words; and each place has a key pair of its own, which may change at any moment.
package githubsecrets

import (
	"crypto/rand"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/nacl/box"

	"github.com/agenticverz/rotor/doubles"
)

// Options of a double. The zero value has no places; see Place.
type Options struct {
	Token string // "" = made up
	// ReadOnly: the token may look at secrets and not change them.
	ReadOnly bool
}

// Double is what one token sees of GitHub.
type Double struct {
	doubles.Faults
	Token string
	Clock *doubles.Clock

	opts   Options
	mu     sync.Mutex
	places map[string]*place // by path below the API's root
	moves  bool
	slow   time.Duration
}

// place holds the secrets of a repository, an environment or an organisation.
type place struct {
	keyID           string
	public, private *[32]byte
	secrets         map[string]*Secret
}

// Secret is one secret as GitHub keeps it.
type Secret struct {
	Value            string
	Created, Updated time.Time
	Visibility       string // of an organisation's
	Repositories     []int64
}

// New makes an account without places.
func New(o Options) *Double {
	d := &Double{Token: o.Token, Clock: &doubles.Clock{}, opts: o, places: map[string]*place{}}
	if d.Token == "" {
		d.Token = "double-token-" + doubles.Text(36)
	}
	d.Dates = d.Clock
	return d
}

// Place opens a place by its path below the API's root, without "/secrets":
// "/repos/acme/app/actions", "/repos/acme/app/environments/production",
// "/orgs/acme/actions", "/repos/acme/app/dependabot".
func (d *Double) Place(paths ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, path := range paths {
		p := &place{secrets: map[string]*Secret{}}
		p.change()
		d.places[path] = p
	}
}

// change gives the place another key pair. What was sealed for the old one does not
// open any more.
func (p *place) change() {
	p.public, p.private, _ = box.GenerateKey(rand.Reader) // never fails (Go 1.24)
	p.keyID = doubles.Text(18)
}

// Move lets the key pairs change after each look at one: between GET and PUT.
func (d *Double) Move(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.moves = on
}

// Forget lets a secret that was put keep its old date, as if something in between had
// answered in GitHub's place.
func (d *Double) Forget(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.slow = by
}

// Secrets shows what a place holds: what a workflow would see.
func (d *Double) Secrets(path string) map[string]Secret {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := map[string]Secret{}
	if p := d.places[path]; p != nil {
		for name, s := range p.secrets {
			out[name] = *s
		}
	}
	return out
}

// Set makes a secret by hand, as a person does in the settings.
func (d *Double) Set(path, name string, s Secret) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s.Created, s.Updated = d.Clock.Now(), d.Clock.Now()
	d.places[path].secrets[name] = &s
}

// ServeHTTP is the API, below /.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.Wrap(http.HandlerFunc(d.serve)).ServeHTTP(w, r)
}

// Limit answers the next requests as GitHub's secondary limit does.
func (d *Double) Limit(h http.Handler, times int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if times--; times < 0 {
			h.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Retry-After", "7")
		fail(w, http.StatusForbidden, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
	})
}

func fail(w http.ResponseWriter, status int, message string) {
	doubles.WriteJSON(w, status, doubles.Object{"message": message, "documentation_url": "https://docs.github.com/rest", "status": strconv.Itoa(status)})
}

// in finds the place and what is below its secrets: "", "public-key" or a name.
func (d *Double) in(path string) (p *place, org bool, below string) {
	for _, prefix := range slices.Sorted(maps.Keys(d.places)) {
		rest, ok := strings.CutPrefix(path, prefix+"/secrets")
		if ok && (rest == "" || rest[0] == '/') {
			return d.places[prefix], strings.HasPrefix(prefix, "/orgs/"), strings.TrimPrefix(rest, "/")
		}
	}
	return nil, false, ""
}

// Door is a repository for trying.
func Door() (doubles.Door, error) {
	d := New(Options{})
	d.Place("/repos/acme/app/actions", "/repos/acme/app/environments/production", "/repos/acme/app/dependabot")
	return doubles.Door{Name: "githubsecrets", API: d, Env: []doubles.Variable{{Name: "GITHUB_ACTIONS_TOKEN", Value: d.Token}}, Words: []string{
		"secrets of GitHub Actions: stores: {actions: {type: github, token: env:GITHUB_ACTIONS_TOKEN, base-url: {base}}}",
		"  targets: [{store: actions, path: acme/app, key: API_KEY}]",
	}}, nil
}
