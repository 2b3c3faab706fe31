package pgbouncer

import (
	"context"
	"slices"
	"time"

	"github.com/agenticverz/rotor/secret"
)

const (
	// eager is the server_login_retry that ends a wait; it is also the mark by which
	// Release knows that a crash left it behind.
	eager = "0.1"
	// prompt is how long a query takes at most if PgBouncer has, or can open, a server
	// connection.
	prompt = time.Second
	// eagerFor bounds the time for which PgBouncer tries that often.
	eagerFor = 5 * time.Second
)

// everywhere makes sure, with auth_query, that PgBouncer takes the password and opens
// server connections with it. It keeps users by database there, so that each of ours
// needs a login.
func (a asking) everywhere(ctx context.Context, user string, value secret.Value) error {
	for _, db := range a.databases {
		got := a.query(ctx, user, value, db)
		if !got.served && (got.verdict == accepted || got.verdict == taken) && a.admin != nil {
			// It may have tried with the old keys before our login, and now waits.
			got = a.hasten(ctx, got, func(ctx context.Context) reply { return a.query(ctx, user, value, db) })
		}
		if got.verdict != accepted { // accepted, not served: a full pool is no failure
			return a.told(user, got.verdict, got.err, true)
		}
	}
	return nil
}

// reply is what a login and a query after it brought.
type reply struct {
	verdict
	served bool // the server answered the query
	err    error
}

func (in *instance) query(ctx context.Context, user string, value secret.Value, db string) reply {
	within, cancel := context.WithTimeout(ctx, min(eagerFor, in.loginTimeout))
	defer cancel()
	conn, v, err := in.converse(within, user, value, entry{db, -1})
	defer hangUp(conn)
	if v != accepted {
		return reply{v, false, err}
	}
	soon, cancel := context.WithTimeout(within, prompt)
	defer cancel()
	_, err = conn.Exec(soon, "SELECT 1").ReadAll()
	return reply{v, err == nil, nil}
}

// hasten makes PgBouncer try the server again at once, until it has a connection. got
// is what is known so far.
func (in *instance) hasten(ctx context.Context, got reply, query func(context.Context) reply) reply {
	s, err := in.open(ctx)
	if err != nil {
		return reply{err: err}
	}
	defer s.close()
	was, err := s.retry(ctx)
	if err == nil {
		err = s.command(ctx, "SET server_login_retry = '"+eager+"'")
	}
	if err != nil {
		return reply{err: err}
	}
	within, cancel := context.WithTimeout(ctx, eagerFor)
	defer cancel()
	for within.Err() == nil && !got.served {
		if now := query(within); within.Err() == nil || now.served {
			got = now
		}
	}
	undo, end := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer end()
	if was == eager {
		err = in.patient(undo, s)
	} else {
		err = s.command(undo, "SET server_login_retry = '"+was+"'")
	}
	if err != nil {
		return reply{err: err}
	}
	return got
}

// serve looks, after RESUME, whether those who waited are served. If they are not, a
// server login was cut off by the pause: one that was under way, or one for somebody
// who logged in meanwhile.
func (in *instance) serve(ctx context.Context, s *session) error {
	look := func(within time.Duration) reply {
		for until := time.Now().Add(within); ; {
			stuck, err := s.stuck(ctx, in.databases)
			if err != nil || !stuck || !waitUntil(ctx, 10*time.Millisecond, until) {
				return reply{accepted, err == nil && !stuck, err}
			}
		}
	}
	got := look(prompt / 4)
	if got.err == nil && !got.served {
		got = in.hasten(ctx, got, func(context.Context) reply { return look(prompt / 4) })
	}
	return got.err // stuck still: the server is down, and that is not our matter
}

// stuck says whether clients wait in a pool that has no server connection at all.
func (s *session) stuck(ctx context.Context, databases []string) (bool, error) {
	rows, err := s.show(ctx, "POOLS")
	return slices.ContainsFunc(rows, func(row map[string]string) bool {
		return slices.Contains(databases, row["database"]) && row["cl_waiting"] != "0" &&
			row["sv_active"]+row["sv_idle"]+row["sv_used"]+row["sv_tested"] == "0000"
	}), err
}

// patient undoes what hasten did in a process that ended in the middle of it:
// pgbouncer.ini knows the value.
func (in *instance) patient(ctx context.Context, s *session) error {
	now, err := s.retry(ctx)
	if err != nil || now != eager {
		return err
	}
	return s.command(ctx, "RELOAD")
}

func (s *session) retry(ctx context.Context) (string, error) {
	rows, err := s.show(ctx, "CONFIG")
	for _, row := range rows {
		if row["key"] == "server_login_retry" {
			return row["value"], err
		}
	}
	return "15", err
}
