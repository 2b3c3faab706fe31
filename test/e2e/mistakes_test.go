package e2e

import (
	"context"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
)

// nothing remembers what a refused command must leave as it is: every role with
// its password, every path of the store with its version, every instance.
func (w *world) nothing() (happened func()) {
	w.t.Helper()
	roles, state, running := w.db.all(w.t), w.vault.state(), w.app.identity()
	return func() {
		w.t.Helper()
		if w.db.all(w.t) != roles {
			w.t.Error("roles were changed")
		}
		if w.vault.state() != state {
			w.t.Error("the store was changed")
		}
		if w.app.identity() != running {
			w.t.Error("instances were started again")
		}
	}
}

// works: after a mistake is mended the same command succeeds.
func (w *world) works() {
	w.t.Helper()
	w.rotor("rotate", "database", "--yes", "--wait").want(w.t, 0)
	w.settled()
}

func TestMistakesInTheStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plan{light: true, short: true, vault: ownVault(t)})

	happened := w.nothing()
	ctx := context.Background()
	if err := w.vault.Seal(ctx); err != nil {
		t.Fatal(err)
	}
	w.rotor("rotate", "database", "--yes").want(t, 1).says(t, "sealed", "rotor: hint:")
	if err := w.vault.Unseal(ctx); err != nil {
		t.Fatal(err)
	}
	happened()

	good := w.vault.token
	w.vault.token = w.vault.newToken(map[string]any{"ttl": "1s", "explicit_max_ttl": "1s"})
	w.watch.known(w.vault.token)
	eventually(t, "the token expires", func() bool {
		status, err := w.vault.call(http.MethodPost, "auth/token/lookup", map[string]string{"token": w.vault.token}, nil)
		return err == nil && status != http.StatusOK
	})
	w.rotor("rotate", "database", "--yes").want(t, 4).says(t, "token", "rotor: hint:")
	happened()
	w.vault.token = "hvs.this-is-no-token-of-that-server"
	w.rotor("rotate", "database", "--yes").want(t, 4).says(t, "token", "rotor: hint:")
	happened()
	w.vault.token = good
	w.works()

	// a hand's edit before the rotation
	content, _ := w.vault.get("database")
	by := map[string]string{}
	for key, value := range content {
		by[key] = value
	}
	by["POSTGRES_PASSWORD"] = "Rt7-typed-by-hand-0001"
	w.watch.known(by["POSTGRES_PASSWORD"])
	w.vault.put("database", by)
	happened = w.nothing()
	w.rotor("rotate", "database", "--yes").want(t, 1).says(t, "POSTGRES_PASSWORD", "by hand", "rotor: hint:")
	happened()
	w.vault.put("database", content)
	w.works()
	w.calm()
}

// TestTheStoreIsWrittenMeanwhile: a worker is stopped right before it writes, and
// somebody else writes the same path.
func TestTheStoreIsWrittenMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plan{light: true, short: true})
	meanwhile := func(edit func(content map[string]string)) *child {
		c := w.stops([]string{"ROTOR_TEST_STOP_AT=after append outcome:verify"}, "rotate", "database", "--yes", "--wait")
		eventually(t, "the worker stops", func() bool { return c.over() || stopped(c.cmd.Process.Pid) })
		content, _ := w.vault.get("database")
		edit(content)
		w.vault.put("database", content)
		if err := syscall.Kill(c.cmd.Process.Pid, syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		return c
	}
	meanwhile(func(content map[string]string) { content["NEIGHBOUR"] = "kept" }).wait().want(t, 0)
	w.settled()
	if content, _ := w.vault.get("database"); content["NEIGHBOUR"] != "kept" {
		t.Error("the neighbour's key is lost")
	}

	const typed = "Rt7-typed-by-hand-0002"
	w.watch.known(typed)
	compare := w.untouched()
	meanwhile(func(content map[string]string) { content["POSTGRES_PASSWORD"] = typed }).wait().want(t, 7).
		says(t, "POSTGRES_PASSWORD", "somebody else", "rotor: hint:")
	if content, _ := w.vault.get("database"); content["POSTGRES_PASSWORD"] != typed {
		t.Error("what somebody wrote was overwritten unasked")
	}
	w.rotor("rollback", "database").want(t, 0)
	_ = compare // the store holds what it held, the new login lives until its retirement has run
	if content, _ := w.vault.get("database"); content["POSTGRES_PASSWORD"] == typed {
		t.Error("the rollback did not restore the key")
	}
	for _, name := range w.plan.backends {
		if !w.app.well(name) {
			t.Errorf("%s is not healthy", name)
		}
	}
	w.calm()
}

func TestMistakesInTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plan{light: true, short: true})
	super := func(sql string) {
		t.Helper()
		if err := w.db.Postgres.Exec(context.Background(), w.db.Name, sql); err != nil {
			t.Fatal(err)
		}
	}
	super("ALTER ROLE " + w.db.admin + " NOCREATEROLE")
	happened := w.nothing()
	w.rotor("rotate", "database", "--yes").want(t, 4).says(t, "rotor: hint:")
	happened()
	super("ALTER ROLE " + w.db.admin + " CREATEROLE")

	// an object that belongs to a login itself would be lost to the other one
	super("CREATE TABLE stray (id int)")
	super("ALTER TABLE stray OWNER TO " + w.db.b)
	happened = w.nothing()
	e := w.rotor("rotate", "database", "--yes").want(t, 1)
	e.says(t, w.db.b, "rotor: hint:")
	happened()
	super("DROP TABLE stray")

	// the admin's password in the store is another one
	admin, _ := w.vault.get("pg-admin")
	w.vault.put("pg-admin", map[string]string{"url": w.db.URL(w.db.admin, "Rt7-not-the-password")})
	w.watch.known("Rt7-not-the-password")
	happened = w.nothing()
	w.rotor("rotate", "database", "--yes").want(t, 4).says(t, "rotor: hint:")
	happened()
	w.vault.put("pg-admin", admin)
	w.works()
	w.calm()
}

func TestMistakesInCompose(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plan{short: true})
	c := w.app.(*containers)
	good := string(readFile(t, c.file()))
	happened := w.nothing()

	if err := os.Rename(c.file(), c.file()+".away"); err != nil {
		t.Fatal(err)
	}
	w.rotor("rotate", "database", "--yes").want(t, 1).says(t, "the compose file is missing", "rotor: hint:")
	happened()

	for what, text := range map[string]string{
		"not set: PARTNERS_KEY": strings.ReplaceAll(good, "${PARTNER_KEY}", "${PARTNERS_KEY}"),
		"compose":               good[:len(good)/2] + "\n  : : [",
	} {
		if err := os.WriteFile(c.file(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		w.rotor("rotate", "database", "--yes").want(t, 1).says(t, what, "rotor: hint:")
		happened()
	}
	if err := os.WriteFile(c.file(), []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	w.works()
	w.calm()
}
