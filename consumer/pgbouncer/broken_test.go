package pgbouncer_test

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/store"
)

// TestTornList: PgBouncer read a cut-off file, and nobody gets in, the admin least of
// all. The words say so; once the file is whole, SIGHUP brings it back, or the
// console over the unix socket, for PgBouncer's own operating system user.
func TestTornList(t *testing.T) {
	for _, way := range []string{"SIGHUP", "socket"} {
		t.Run(way, func(t *testing.T) {
			w := start(t, 1, map[string]string{"app": "old-0001"}, localserver.PgBouncerOptions{Socket: true})
			b := w.poolers[0]
			whole, err := os.ReadFile(b.AuthFile)
			if err != nil {
				t.Fatal(err)
			}
			overwrite(t, b.AuthFile, `"nobody" "tor`)
			if err := w.edit(store.Edit{Set: w.set("app", "new-0002")}); fault.KindOf(err) != fault.BadConfig {
				t.Errorf("the store: %v", err)
			}
			if err := b.Console(t.Context(), "RELOAD"); err != nil {
				t.Fatal(err) // it answers RELOAD nevertheless
			}
			if err := w.login(0, w.role("app"), "old-0001"); !refused(err) {
				t.Fatalf("PgBouncer is not as bad as it was: %v", err)
			}
			o, same := w.options(), change(w.set("app", "old-0001"), nil)
			c := w.open(o)
			for what, err := range map[string]error{"Preflight": c.Preflight(t.Context()), "Deploy": c.Deploy(t.Context(), "a", same)} {
				if fault.KindOf(err) != fault.Denied || !strings.Contains(fault.HintOf(err), "SIGHUP") {
					t.Errorf("%s: %s: %v; %s", what, fault.KindOf(err), err, fault.HintOf(err))
				}
			}
			overwrite(t, b.AuthFile, string(whole))
			if err := c.Deploy(t.Context(), "a", same); fault.KindOf(err) != fault.Denied {
				t.Errorf("repaired, but nobody told PgBouncer: %v", err)
			}
			if way == "SIGHUP" {
				o.Instances[0].PIDFile = b.PidFile
				if err := w.open(o).Deploy(t.Context(), "a", same); err != nil {
					t.Fatal(err)
				}
			} else {
				asOwner(t, b.AuthFile, func() {
					config, err := pgconn.ParseConfig("host=" + b.SocketDir + " port=" + strconv.Itoa(b.Port) + " user=pgbouncer dbname=pgbouncer")
					if err != nil {
						t.Error(err)
						return
					}
					conn, err := pgconn.ConnectConfig(context.Background(), config)
					if err != nil {
						t.Error(err)
						return
					}
					defer conn.Close(context.Background())
					if _, err := conn.Exec(context.Background(), "RELOAD").ReadAll(); err != nil {
						t.Error(err)
					}
				})
				if err := c.Deploy(t.Context(), "a", same); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.Preflight(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// overwrite keeps inode and owner, and gives the file a time of its own: PgBouncer
// does not read a file again whose inode, size and second are the same.
func overwrite(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0); err != nil {
		t.Fatal(err)
	}
}

// asOwner runs f on a thread that is the file's owner, and ends that thread.
func asOwner(t *testing.T, file string, f func()) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	uid := info.Sys().(*syscall.Stat_t).Uid
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked
		if os.Getuid() == 0 {
			if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, ^uintptr(0), uintptr(uid), ^uintptr(0)); errno != 0 {
				t.Error(errno)
				return
			}
		}
		f()
	}()
	<-done
}

// TestUnreadableList: PgBouncer cannot open the file any more and answers RELOAD.
func TestUnreadableList(t *testing.T) {
	w := start(t, 1, map[string]string{"app": "old-0001"}, localserver.PgBouncerOptions{Settings: map[string]string{"server_login_retry": "1"}})
	file := w.poolers[0].AuthFile
	w.db.Exec(t, "ALTER ROLE "+w.role("app")+" PASSWORD 'new-0002'")
	fresh := change(w.set("app", "new-0002"), w.set("app", "old-0001"))
	w.put(store.Edit{Set: fresh.Values})
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0); err != nil {
		t.Fatal(err)
	}
	c := w.open(w.options())
	if err := c.Deploy(t.Context(), "a", fresh); fault.KindOf(err) != fault.Rejected || !strings.Contains(fault.HintOf(err), "can PgBouncer's user read it") {
		t.Errorf("%s: %v", fault.KindOf(err), err)
	}
	if proof, err := c.Confirm(t.Context(), "a", fresh); err != nil || proof != consumer.NotYet {
		t.Errorf("%s, %v", proof, err)
	}
	if err := os.Chmod(file, info.Mode()); err != nil {
		t.Fatal(err)
	}
	if err := c.Deploy(t.Context(), "a", fresh); err != nil {
		t.Error(err)
	}
}
