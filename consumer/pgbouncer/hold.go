package pgbouncer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/agenticverz/rotor/fault"
)

// undoTime is how long Hold takes at most to let everything go on when it gives up,
// also after its context has ended.
const undoTime = 15 * time.Second

// Hold implements consumer.Holder: it pauses the databases at every PgBouncer.
// Clients stay connected and their queries wait. If open transactions do not end
// within pause-timeout, everything goes on as before and the error is
// fault.Transient. Holding what is held is fine.
//
// With auth_query nothing is paused. The server connections that are open outlive the
// change and serve on; PAUSE would close them, and new ones need a login with the new
// password first, for which PgBouncer must ask the database, which it cannot do while
// that is paused.
func (t *T) Hold(ctx context.Context) error {
	if t.o.AuthQuery {
		return nil
	}
	for _, in := range t.instances {
		if in.admin == nil {
			return bad("%s: hold needs the admin console", in.Name).WithHint("add admin; a signal cannot pause one database")
		}
	}
	held, err := t.pause(ctx)
	if err == nil || len(held) == 0 {
		return err
	}
	undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	if left := release(undo, held); left != nil {
		return fault.Wrap(fault.Unknown, "pgbouncer: hold failed, and so did letting go; "+err.Error(), left)
	}
	return err
}

// pausing is one PAUSE that was sent.
type pausing struct {
	*session
	in     *instance
	db     string
	answer *pgconn.MultiResultReader
}

// pause sends all PAUSEs before it waits for the first, so that the time in which
// queries wait is that of the longest transaction, not the sum of all. held are the
// PgBouncers that were sent one.
func (t *T) pause(ctx context.Context) (held []*instance, err error) {
	var sent []*pausing
	defer func() {
		for _, p := range sent {
			p.close()
		}
	}()
	for _, in := range t.instances {
		for _, db := range in.databases {
			s, err := in.open(ctx)
			if err != nil {
				return nil, err
			}
			sent = append(sent, &pausing{session: s, in: in, db: db})
		}
	}
	within, cancel := context.WithTimeout(ctx, t.o.PauseTimeout)
	defer cancel()
	for _, p := range sent {
		if err := p.in.pools(within, p.session); err != nil {
			return held, err
		}
		if !slices.Contains(held, p.in) {
			held = append(held, p.in)
		}
		p.answer = p.conn.Exec(within, commandText("PAUSE", p.db))
	}
	for _, p := range sent {
		_, err := p.answer.ReadAll()
		switch {
		case err == nil:
		case ctx.Err() == nil && within.Err() != nil:
			return held, fault.New(fault.Transient, "%s: PAUSE %s: open transactions did not end within %s", p.op, p.db, t.o.PauseTimeout).
				WithHint("everything goes on as before; end long transactions, choose a quieter window or a longer pause-timeout. With pool_mode session PAUSE waits until clients leave")
		default:
			return held, failure(p.op+": PAUSE "+p.db, err)
		}
	}
	return held, nil
}

// Release implements consumer.Holder: whatever is paused goes on. It asks PgBouncer
// what is, so it works in a process that knows nothing; nil when nothing is. One
// PgBouncer that cannot be reached does not keep the others.
//
// PAUSE has closed all server connections, so those that serve from now on were
// opened after the change. A RECONNECT here would do harm: it makes PgBouncer forget
// the server's greeting, a client that logs in before RESUME makes it fetch a new
// one, the pause cuts that off, and all wait for server_login_retry.
func (t *T) Release(ctx context.Context) error { return release(ctx, t.instances) }

func release(ctx context.Context, instances []*instance) error {
	var first error
	var names []string
	for _, in := range instances {
		if in.admin == nil {
			continue // cannot be held
		}
		if err := in.resume(ctx); err != nil {
			names = append(names, in.Name)
			if first == nil {
				first = err
			}
		}
	}
	if len(names) > 1 {
		return fault.Wrap(fault.KindOf(first), "not released: "+strings.Join(names, ", "), first)
	}
	return first
}

func (in *instance) resume(ctx context.Context) error {
	s, err := in.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	in.greeted.forget()
	if err := in.patient(ctx, s); err != nil {
		return err
	}
	paused, err := s.paused(ctx, in.databases)
	if err != nil {
		return err
	}
	var all []error
	for _, db := range in.databases {
		if !paused[db] {
			continue
		}
		if err := s.command(ctx, "RESUME", db); err != nil && !strings.Contains(err.Error(), "is not paused") {
			all = append(all, err)
		}
	}
	if len(paused) > 0 {
		all = append(all, s.goOn(ctx)) // an earlier process may have ended in the middle of allStill
		all = append(all, in.serve(ctx, s))
	}
	if err := errors.Join(all...); err != nil {
		return fault.Wrap(fault.KindOf(err), "", err)
	}
	return nil
}
