package pooler

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Look says what is wrong after a rotation that replaced old: the old login works
// somewhere, a session of it is left, one of the living login was ended, or the
// living login does not work.
func (w *World) Look(ctx context.Context, old Login) ([]string, error) {
	now, err := w.Stored()
	if err != nil {
		return nil, err
	}
	w.Known(now.Password)
	var bad []string
	wrong := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	if old == now {
		wrong("the .env file still has the old login")
	}
	if code, _ := w.Try(ctx, w.direct(old)); code != "28P01" && code != "28000" {
		wrong("the old login at the server: %q", code)
	}
	if code, text := w.Try(ctx, w.URL(old)); code == "" || code != "28P01" && !strings.Contains(text, "authentication failed") && !strings.Contains(text, "no such user") {
		wrong("the old login at PgBouncer: %q %q", code, text)
	}
	for _, url := range []string{w.direct(now), w.URL(now)} {
		if code, text := w.Try(ctx, url); code != "" {
			wrong("the living login: %s %s", code, text)
		}
	}
	for _, look := range []func(context.Context, Login, Login) ([]string, error){w.sessions, w.ended, w.userlist} {
		more, err := look(ctx, old, now)
		if err != nil {
			return nil, err
		}
		bad = append(bad, more...)
	}
	if behind := w.Behind(ctx); behind != "" {
		wrong("not with the living login: %s", behind)
	}
	return bad, nil
}

func (w *World) direct(l Login) string { return w.DB.DSN(database, l.User, l.Password) }

// Try logs in and does what the clients do, to no effect. "" is well; else an
// SQLSTATE, or "none", and what was said.
func (w *World) Try(ctx context.Context, url string) (code, text string) {
	conn, err := pgx.Connect(ctx, url)
	if err == nil {
		defer conn.Close(context.Background())
		err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, insert, "nobody"); err != nil {
				return err
			}
			return errUndo
		})
	}
	var refused *pgconn.PgError
	switch {
	case errors.Is(err, errUndo):
		return "", ""
	case errors.As(err, &refused):
		return refused.Code, refused.Message
	}
	return "none", reason(err)
}

var errUndo = errors.New("undo")

// sessions of a login that was closed, and logins that are open and should not be.
func (w *World) sessions(ctx context.Context, old, now Login) (bad []string, err error) {
	open, err := w.Ask(ctx, "SELECT rolname::text FROM pg_roles WHERE rolcanlogin AND rolname IN ($1, $2)", loginA, loginB)
	if err != nil {
		return nil, err
	}
	if len(open) != 1 || open[0] != now.User {
		bad = append(bad, fmt.Sprintf("open logins: %v; in use: %s", open, now.User))
	}
	if old.User == now.User {
		return bad, nil
	}
	left, err := w.Ask(ctx, "SELECT pid::text FROM pg_stat_activity WHERE usename = $1", old.User)
	if err != nil {
		return nil, err
	}
	for _, what := range []string{"CLIENTS", "SERVERS"} {
		rows, err := w.Bouncer.Show(ctx, what)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if row["user"] == old.User {
				left = append(left, "PgBouncer's "+strings.ToLower(what))
			}
		}
	}
	if len(left) > 0 {
		bad = append(bad, fmt.Sprintf("sessions of the old login: %v", left))
	}
	return bad, nil
}

// ended finds sessions that an administrator ended since the last look: those of the
// living login are nobody's to end.
func (w *World) ended(_ context.Context, old, now Login) (bad []string, err error) {
	text, err := w.newLog()
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(text) {
		if strings.Contains(line, "terminating connection") && !(old.User != now.User && strings.Contains(line, "user="+old.User+" ")) {
			bad = append(bad, "a session was ended: "+strings.TrimSpace(line))
		}
	}
	return bad, nil
}

// newLog is what the server wrote since it was last asked.
func (w *World) newLog() (string, error) {
	f, err := os.Open(w.DB.LogPath())
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err = f.Seek(w.offset, io.SeekStart); err != nil {
		return "", err
	}
	text, err := io.ReadAll(f)
	w.offset += int64(len(text))
	return string(text), err
}

// userlist holds the living login and PgBouncer's admin, and nobody else.
func (w *World) userlist(_ context.Context, _, now Login) ([]string, error) {
	text, err := os.ReadFile(w.Bouncer.AuthFile)
	if err != nil {
		return nil, err
	}
	var users []string
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) >= 2 {
			users = append(users, strings.Trim(fields[0], `"`))
		}
	}
	if len(users) != 2 || !strings.Contains(string(text), fmt.Sprintf("%q %q\n", now.User, now.Password)) {
		return []string{fmt.Sprintf("the userlist has %v", users)}, nil
	}
	return nil, nil
}

// notice runs a statement as superuser and gives what the server remarked.
func (w *World) notice(ctx context.Context, sql string) (said string, err error) {
	config, err := pgx.ParseConfig(w.DB.DSN(database, "", ""))
	if err != nil {
		return "", err
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { said = n.Severity + ": " + n.Message }
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return said, err
}

// Complaints is what stands in the servers' logs besides the ordinary, to
// understand a failure.
func (w *World) Complaints() string {
	var out strings.Builder
	for _, path := range []string{w.DB.LogPath(), w.Bouncer.LogPath()} {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		var lines []string
		for line := range strings.Lines(string(text)) {
			for _, word := range []string{"FATAL", "ERROR", "WARNING", "RELOAD", "PAUSE", "RESUME", "RECONNECT", "failed", "ALTER ROLE", "pause mode", "new connection to server", "server_login_retry"} {
				if strings.Contains(line, word) {
					lines = append(lines, line)
					break
				}
			}
		}
		const some = 25
		fmt.Fprintf(&out, "%s: %d lines\n%s", path, len(lines), strings.Join(lines[:min(some, len(lines))], ""))
		if rest := lines[min(some, len(lines)):]; len(rest) > 0 {
			fmt.Fprintf(&out, "...\n%s", strings.Join(rest[max(0, len(rest)-some):], ""))
		}
	}
	return out.String()
}
