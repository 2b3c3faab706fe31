package vaultkv

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/agenticverz/rotor/fault"
)

// statusError is the whole of what is told of an answer.
type statusError int

func (e statusError) Error() string { return "status " + strconv.Itoa(int(e)) }

func retryAfter(h http.Header) time.Duration {
	if seconds, err := strconv.Atoi(h.Get("Retry-After")); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	return 0
}

const (
	hintDead    = "the token has expired or was revoked: log in again and put the new token where token: points"
	hintLimited = "the token lives but its policies do not allow this; a preflight (rotor plan) prints a policy that is enough"
	hintUnclear = "the token has expired, or it lacks the policy default with which a token may look at itself"
)

// denied tells a dead token from one that lacks a right: both are 403.
func (s *Store) denied(ctx context.Context, r request) error {
	hint := hintUnclear
	if token, err := s.lookup(ctx); err == nil {
		hint = token.hint()
	}
	return fault.New(fault.Denied, "vaultkv: %s: status 403", r).WithHint("%s", hint)
}

// token is what matters of lookup-self. Its answer also holds the token itself,
// so nothing else of it is kept.
type token struct {
	alive, dead bool // neither: it may not look at itself
	ttl         time.Duration
	expires     bool
	uses        int
}

func (t token) hint() string {
	switch {
	case t.alive:
		return hintLimited
	case t.dead:
		return hintDead
	}
	return hintUnclear
}

func (s *Store) lookup(ctx context.Context) (token, error) {
	r := request{method: http.MethodGet, path: "auth/token/lookup-self"}
	got, err := s.call(ctx, r)
	if err != nil {
		return token{}, err
	}
	switch {
	case got.status == http.StatusForbidden:
		// Vault says which; OpenBao says only "permission denied".
		return token{dead: got.says("invalid token") || got.says("bad token")}, nil
	case got.status != http.StatusOK:
		return token{}, s.refused(ctx, r, got)
	}
	var answer struct {
		Data struct {
			TTL        int64   `json:"ttl"`
			ExpireTime *string `json:"expire_time"`
			Uses       int     `json:"num_uses"`
		} `json:"data"`
	}
	if json.Unmarshal(got.body, &answer) != nil {
		return token{}, fault.New(fault.BadConfig, "vaultkv: %s: the answer is none of Vault's", r)
	}
	return token{
		alive: true, ttl: time.Duration(answer.Data.TTL) * time.Second,
		expires: answer.Data.ExpireTime != nil, uses: answer.Data.Uses,
	}, nil
}
