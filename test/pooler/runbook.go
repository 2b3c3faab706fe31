package pooler

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"
)

// FollowRunbook does what the runbook says, in its favour where a person would be
// slow: new role, grants, a line more in the userlist, SIGHUP, publish, and at last
// DROP ROLE IF EXISTS. notice is what the server remarks on that one.
func (w *World) FollowRunbook(ctx context.Context, c *Clients) (old, fresh Login, notice string, err error) {
	if old, err = w.Stored(); err != nil {
		return old, fresh, "", err
	}
	fresh = Login{after, password()}
	steps := []struct {
		name string
		do   func() error
	}{
		{"CREATE ROLE, GRANT", func() error {
			return w.quietly(ctx, fmt.Sprintf("CREATE ROLE %s WITH LOGIN PASSWORD '%s'", after, fresh.Password),
				"GRANT ALL ON DATABASE "+database+" TO "+after, "GRANT ALL ON ALL TABLES IN SCHEMA public TO "+after)
		}},
		{"echo >> userlist.txt, SIGHUP", func() error {
			if err := appendLine(w.Bouncer.AuthFile, fmt.Sprintf("%q %q\n", fresh.User, fresh.Password)); err != nil {
				return err
			}
			return syscall.Kill(w.Bouncer.Pid(), syscall.SIGHUP)
		}},
		{"publish", func() error { return w.write(fresh) }},
		{"DROP ROLE IF EXISTS nova_old", func() (err error) {
			notice, err = w.notice(ctx, "DROP ROLE IF EXISTS nova_old")
			return err
		}},
	}
	for _, s := range steps {
		c.Phase(s.name)
		if err := s.do(); err != nil {
			return old, fresh, notice, fmt.Errorf("%s: %w", s.name, err)
		}
		if err := Pass(ctx, time.Second); err != nil {
			return old, fresh, notice, err
		}
	}
	return old, fresh, notice, nil
}

func appendLine(path, line string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err = f.WriteString(line); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// Pass lets time pass under load.
func Pass(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
