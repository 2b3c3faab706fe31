package pgbouncer

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// With a SCRAM secret, PgBouncer itself knows no password. It keeps the keys of
// whoever logged in last as the user and logs in to the server with these; after an
// in-place change they are the old ones until somebody logs in with the new
// password. Clients that stay connected never do, so Rotor does.
//
// A server login that fails in between is felt: PgBouncer does not try again for
// server_login_retry, and if it has no other server connection for the user, it
// disconnects clients that send a query meanwhile. Nothing here may cause one.

// standstill is how long a PAUSE of everything may take to be answered; it is in
// force before that.
const standstill = 200 * time.Millisecond

// password is the one that belongs to the user's secret, where the change says so.
func password(c consumer.Change, user string) secret.Value {
	if name := c.Fields["username"]; !name.IsZero() && !name.Equal(secret.Public(user)) {
		return secret.Value{}
	}
	return c.Fields["password"]
}

// givesKeys logs in as a user whose secret PgBouncer has, so that it can go on to the
// server with the new one. While the database stands still no server connection is
// opened by it.
func (a asking) givesKeys(ctx context.Context, user string, value secret.Value) error {
	db, err := a.passing(ctx)
	if err != nil || db == "" {
		return err
	}
	var v verdict
	ask := func() (err error) {
		v, err = a.enter(ctx, user, value, entry{database: db, stopAt: a.stopsAt()})
		return err
	}
	if a.paused && !a.greeted.has(pool{db, user}) {
		err = a.allStill(ctx, ask)
	} else {
		err = ask()
	}
	switch {
	case v == taken && a.paused:
		return nil
	case v == refused:
		return fault.New(fault.Rejected, "%s: PgBouncer has the new secret of user %q, and refuses the new password", a.op("login"), printable(user)).
			WithHint("is the secret in the auth_file made from this password? A target that writes the provider's verifier always is")
	}
	return a.told(user, v, err, true)
}

// stopsAt: while all stands still nothing comes after PgBouncer's yes.
func (a asking) stopsAt() int {
	if a.paused {
		return authFinal
	}
	return -1
}

// passing is the first database whose server connections use the keys of the client's
// user; "" if all have a forced user. Up to 1.18 PgBouncer takes the keys of whoever
// logs in there for those of the forced user.
func (in *instance) passing(ctx context.Context) (string, error) {
	if in.admin == nil {
		return in.databases[0], nil
	}
	s, err := in.open(ctx)
	if err != nil {
		if in.PIDFile != "" && fault.KindOf(err) == fault.Denied {
			return "", nil
		}
		return "", err
	}
	defer s.close()
	rows, err := s.show(ctx, "DATABASES")
	if err != nil {
		return "", err
	}
	forced := map[string]bool{}
	for _, row := range rows {
		forced[row["name"]] = row["force_user"] != ""
	}
	for _, db := range in.databases {
		if !forced[db] {
			return db, nil
		}
	}
	return "", nil
}

// pool is how PgBouncer groups server connections.
type pool struct{ database, user string }

// settled waits, not long, until PgBouncer opens no server connections: a PAUSE cuts
// off a login that is under way, and PgBouncer takes that for a failure. While clients
// wait it opens one after the other, so one look is not enough. The answer lists the
// server connections.
func (s *session) settled(ctx context.Context, ours func(database string) bool) ([]map[string]string, error) {
	until := time.Now().Add(prompt)
	for before, same := 0, 0; ; {
		rows, err := s.show(ctx, "SERVERS")
		if err != nil {
			return nil, err
		}
		open, fresh := 0, false
		for _, row := range rows {
			if ours(row["database"]) {
				open++
				fresh = fresh || row["state"] == "new"
			}
		}
		if same++; fresh || open != before {
			before, same = open, 0
		}
		if same == 3 || !waitUntil(ctx, 3*time.Millisecond, until) {
			return rows, nil
		}
	}
}

// pools notes, right before a pause, whose server connections there are: to these users
// PgBouncer can say "ready" without asking the server. Logins of others during the
// pause would make it open a server connection, which the pause cuts off.
func (in *instance) pools(ctx context.Context, s *session) error {
	rows, err := s.settled(ctx, func(db string) bool { return slices.Contains(in.databases, db) })
	for _, row := range rows {
		if row["close_needed"] == "0" && slices.Contains([]string{"active", "idle", "used", "tested"}, row["state"]) {
			in.greeted.add(pool{row["database"], row["user"]})
		}
	}
	return err
}

// allStill does f, a login's time, while all databases of this PgBouncer stand still:
// then, and only then, it opens no server connection for whoever logs in, whatever it
// knows. It need not wait for open transactions. Release ends what a crash leaves.
func (in *instance) allStill(ctx context.Context, f func() error) error {
	pausing, err := in.open(ctx)
	if err != nil {
		return err
	}
	defer pausing.close()
	resuming, err := in.open(ctx)
	if err != nil {
		return err
	}
	defer resuming.close()
	if _, err := pausing.settled(ctx, func(string) bool { return true }); err != nil {
		return err
	}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	answer := make(chan error, 1)
	go func() {
		_, err := pausing.conn.Exec(waiting, "PAUSE").ReadAll()
		answer <- err
	}()
	select {
	case err = <-answer:
		answer <- nil
	case <-time.After(standstill): // long transactions somewhere
	}
	if err == nil {
		err = f()
	} else {
		err = pausing.failed("PAUSE", err)
	}
	undo, end := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer end()
	left := resuming.goOn(undo)
	select { // the pause of our own database is in force, so it is answered now
	case <-answer:
	case <-time.After(standstill):
	}
	if left != nil {
		return fault.Wrap(fault.Unknown, "pgbouncer: everything was paused for a login and goes on no more", left)
	}
	return err
}

// goOn ends a pause of everything; it is fine if there is none.
func (s *session) goOn(ctx context.Context) error {
	if err := s.command(ctx, "RESUME"); err != nil && !strings.Contains(err.Error(), "is not paused") {
		return err
	}
	return nil
}

// greetings are the users to whom PgBouncer can say "ready" by itself during a hold; see
// pools. Several credentials may have one PgBouncer.
type greetings struct {
	mu sync.Mutex
	of map[pool]bool
}

func (g *greetings) add(p pool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.of[p] = true
}

func (g *greetings) has(p pool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.of[p]
}

func (g *greetings) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.of)
}
