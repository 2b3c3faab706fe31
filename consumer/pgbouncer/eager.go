package pgbouncer

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

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

// everywhere makes sure, with auth_query, that PgBouncer opens server connections with
// the new secret. It keeps users by database there, so a login to each is needed.
func (a asking) everywhere(ctx context.Context, user string, value secret.Value) error {
	for _, db := range a.databases {
		served, v, err := a.query(ctx, user, value, db)
		switch {
		case served:
			continue
		case v == accepted && a.admin != nil:
			// It tried with the old keys before our login, and waits for server_login_retry.
			if served, err = a.hasten(ctx, user, value, db); err != nil {
				return err
			}
			if !served { // a full pool, or a server that is down: other people's matter
				continue
			}
		case v != accepted:
			return a.told(user, v, err, true)
		}
	}
	return nil
}

// query logs in and asks the server something; served says whether it answered.
func (in *instance) query(ctx context.Context, user string, value secret.Value, db string) (served bool, v verdict, err error) {
	within, cancel := context.WithTimeout(ctx, in.loginTimeout)
	defer cancel()
	conn, v, err := in.converse(within, user, value, entry{db, -1})
	if conn == nil || v != accepted {
		hangUp(conn)
		return false, v, err
	}
	defer hangUp(conn)
	soon, cancel := context.WithTimeout(within, prompt)
	defer cancel()
	return answers(soon, conn), v, nil
}

func answers(ctx context.Context, conn *pgconn.PgConn) bool {
	_, err := conn.Exec(ctx, "SELECT 1").ReadAll()
	return err == nil
}

// hasten makes PgBouncer try the server again at once.
func (in *instance) hasten(ctx context.Context, user string, value secret.Value, db string) (served bool, err error) {
	s, err := in.open(ctx)
	if err != nil {
		return false, err
	}
	defer s.close()
	was, err := s.retry(ctx)
	if err != nil {
		return false, err
	}
	if err := s.command(ctx, "SET server_login_retry = "+eager); err != nil {
		return false, err
	}
	within, cancel := context.WithTimeout(ctx, eagerFor)
	defer cancel()
	for within.Err() == nil && !served {
		served, _, _ = in.query(within, user, value, db)
	}
	undo, end := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer end()
	if was == eager {
		return served, in.patient(undo, s)
	}
	return served, s.command(undo, "SET server_login_retry = "+was)
}

// patient undoes what hasten did in a process that ended in the middle of it:
// pgbouncer.ini knows the value.
func (in *instance) patient(ctx context.Context, s *session) error {
	if !in.authQuery {
		return nil
	}
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
