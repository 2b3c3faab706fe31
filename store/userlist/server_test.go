package userlist_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
	"github.com/agenticverz/rotor/store/userlist"
)

// TestWhatPgBouncerReads: every user that is written can log in to the real server
// with exactly that password, and nobody else's changes. No PostgreSQL is needed:
// users of the console are users of the auth_file like all others.
func TestWhatPgBouncerReads(t *testing.T) {
	passwords := map[string]string{
		"plain": "letters0123", "quote": `say "hi"`, "only_quotes": `""""`, "last_quote": `x"`, "space user": " a  b ",
		"semicolon": `;no comment`, "hash": "#1", "back": `\n\"`, "utf8 ü": "häß ✓ 密码", "dollar": "$x$$", "long": strings.Repeat("0123456789", 99),
		"apostrophe's": "it's", "scramlike": "SCRAM-SHA-256", "md5like": "md5abc", `na"me`: "x", "max": strings.Repeat("m", 1024), "max quoted": strings.Repeat(`"`, 1023), "tab": "a\tb",
	}
	var names []string
	for user := range passwords {
		names = append(names, user)
	}
	b := testserver.PgBouncer(t, localserver.PgBouncerOptions{
		Server: "127.0.0.1:1", Settings: map[string]string{"stats_users": strings.Join(names, ",")},
		Users: map[string]string{"plain": "before", "stays": "as it was"},
	})
	s, err := userlist.New(userlist.Options{Path: b.AuthFile})
	if err != nil {
		t.Fatal(err)
	}
	e := store.Edit{Set: secret.Set{}}
	for user, password := range passwords {
		e.Set[user] = secret.New(password)
	}
	if err := edit(t, s, e); err != nil {
		t.Fatal(err)
	}
	if err := b.Console(t.Context(), "RELOAD"); err != nil {
		t.Fatal(err)
	}
	for user, password := range passwords {
		if err := login(t, b, user, password); err != nil {
			t.Errorf("user %q: %v", user, err)
		}
		if err := login(t, b, user, password+"x"); err == nil {
			t.Errorf("user %q logs in with another password", user)
		}
	}
	if err := edit(t, s, del("plain")); err != nil {
		t.Fatal(err)
	}
	if err := b.Console(t.Context(), "RELOAD"); err != nil {
		t.Fatal(err)
	}
	if err := login(t, b, "plain", passwords["plain"]); err == nil {
		t.Error("a deleted user logs in")
	}
	if err := login(t, b, "quote", passwords["quote"]); err != nil {
		t.Error(err)
	}
	if got, _, err := s.Get(t.Context(), ""); err != nil || got["stays"].Reveal() != "as it was" {
		t.Errorf("%v, %v", got.Names(), err)
	}
}

func login(t *testing.T, b *localserver.PgBouncer, user, password string) error {
	t.Helper()
	config, err := pgconn.ParseConfig(b.AdminDSN())
	if err != nil {
		t.Fatal(err)
	}
	config.User, config.Password = user, password
	conn, err := pgconn.ConnectConfig(t.Context(), config)
	if err == nil {
		return conn.Close(t.Context())
	}
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		t.Fatal(err)
	}
	return fmt.Errorf("%s", refused.Message)
}
