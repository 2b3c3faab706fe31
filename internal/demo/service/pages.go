package service

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// workTimeout ends an INSERT that hangs: the caller has long gone.
const workTimeout = 5 * time.Second

func (p *process) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", p.health)
	mux.HandleFunc("POST /work", p.work)
	mux.HandleFunc("GET /fingerprint", p.showFingerprints)
	return mux
}

func (p *process) health(w http.ResponseWriter, _ *http.Request) {
	if p.draining.Load() {
		http.Error(w, "draining", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok", p.name)
}

// work answers 200 only for a row that is committed. What went wrong stands in
// the first line of the answer, without any value.
func (p *process) work(w http.ResponseWriter, r *http.Request) {
	if !p.knows(r.Header.Get("Authorization")) {
		http.Error(w, "token refused", http.StatusUnauthorized)
		return
	}
	if err := p.insert(r.Context()); err != nil {
		http.Error(w, reason(err), http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(w, "done by", p.name)
}

// knows compares with every accepted token, each in constant time.
func (p *process) knows(header string) bool {
	given, ok := strings.CutPrefix(header, "Bearer ")
	found := 0
	for _, token := range p.tokens {
		found |= subtle.ConstantTimeCompare([]byte(given), []byte(token))
	}
	return ok && found == 1
}

func (p *process) insert(ctx context.Context) error {
	if p.pool == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, workTimeout)
	defer cancel()
	_, err := p.pool.Exec(ctx, "INSERT INTO work (instance) VALUES ($1)", p.name)
	return err
}

// reason is the database's own words for an error of its own: they name objects
// and roles, never passwords or rows.
func reason(err error) string {
	var e *pgconn.PgError
	switch {
	case errors.As(err, &e):
		return fmt.Sprintf("database: %s (%s)", e.Message, e.Code)
	case errors.Is(err, context.DeadlineExceeded):
		return "database: no answer in time"
	}
	return "database: connection lost"
}

// Answer is the page /fingerprint.
type Answer struct {
	Pid          int               `json:"pid"`
	Fingerprints map[string]string `json:"fingerprints"` // by variable
}

// showFingerprints tells whoever started this process, and so knows the key,
// which values it runs with; to others the answer is noise.
func (p *process) showFingerprints(w http.ResponseWriter, _ *http.Request) {
	if p.fingerprint == "" {
		http.Error(w, "no FINGERPRINT_KEY", http.StatusNotFound)
		return
	}
	answer := Answer{Pid: os.Getpid(), Fingerprints: map[string]string{}}
	for name, value := range p.watched {
		answer.Fingerprints[name] = Fingerprint(p.fingerprint, name, value)
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// Fingerprint is a keyed hash of a variable's value; two are equal if and only if
// key, name and value are.
func Fingerprint(key, name, value string) string {
	mac := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(mac, "%d:%s=%s", len(name), name, value)
	return hex.EncodeToString(mac.Sum(nil)[:16])
}
