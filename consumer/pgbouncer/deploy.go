package pgbouncer

import (
	"context"
	"time"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// signalPatience is how long after SIGHUP, which nobody answers, a login may still
// find the old list.
const signalPatience = 5 * time.Second

// Deploy implements consumer.Consumer: it makes PgBouncer read its auth_file and
// logs in through it as every user of the change. The keys of the change are user
// names. Users that have left must be refused.
func (t *T) Deploy(ctx context.Context, unit string, c consumer.Change) error {
	in, err := t.unit(unit)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fault.Wrap(fault.Transient, in.op("deploy"), err)
	}
	patience, done, err := in.reload(ctx)
	if err != nil {
		return err
	}
	asking := asking{instance: in, until: time.Now().Add(patience), reloaded: done}
	if asking.paused, err = in.paused(ctx); err != nil {
		return err
	}
	values := in.presented(c)
	for _, user := range values.Names() {
		if err := asking.passes(ctx, user, values[user], password(c, user)); err != nil {
			return err
		}
	}
	for user, value := range left(c) {
		if err := asking.lets(ctx, user, value); err != nil {
			return err
		}
	}
	return nil
}

// asking is one deployment's round of logins.
type asking struct {
	*instance
	until    time.Time // as long the old list may still be in force
	paused   bool
	reloaded bool // something was done before
}

// reload tells PgBouncer to read its files. done says whether that may have had an
// effect; patience, how long it may take.
func (in *instance) reload(ctx context.Context) (patience time.Duration, done bool, err error) {
	if in.authQuery {
		return 0, false, nil
	}
	if in.admin != nil {
		var s *session
		if s, err = in.open(ctx); err == nil {
			defer s.close()
			return 0, true, s.command(ctx, "RELOAD")
		}
	}
	if in.PIDFile == "" || ctx.Err() != nil {
		return 0, false, err
	}
	if err := in.pid().Send(); err != nil {
		return 0, false, fault.Wrap(fault.KindOf(err), in.op("pid-file"), err)
	}
	return signalPatience, true, nil
}

// passes: the user gets in with its new value and, where PgBouncer needs the password
// for that, on to the server.
func (a asking) passes(ctx context.Context, user string, value, password secret.Value) error {
	isScram, isHash := secretForm(value)
	if a.authQuery && !a.paused && !isScram && !isHash && !value.IsZero() {
		return a.everywhere(ctx, user, value)
	}
	if err := a.takes(ctx, user, value); err != nil || !isScram || password.IsZero() {
		return err
	}
	return a.givesKeys(ctx, user, password)
}

// takes proves that a user gets in with its new value.
func (a asking) takes(ctx context.Context, user string, value secret.Value) error {
	for wait := 20 * time.Millisecond; ; wait *= 2 {
		v, known, err := a.try(ctx, user, value, a.paused)
		if !known || v == taken && a.paused {
			return nil
		}
		if v != refused || !waitUntil(ctx, wait, a.until) {
			return a.told(user, v, err, a.reloaded)
		}
	}
}

// lets proves that a user does not get in any more; nobody is sent on to the server.
func (a asking) lets(ctx context.Context, user string, value secret.Value) error {
	for wait := 20 * time.Millisecond; ; wait *= 2 {
		v, known, err := a.try(ctx, user, value, a.paused || !a.authQuery)
		switch {
		case !known || v == refused:
			return nil
		case v == unclear:
			return a.told(user, v, err, a.reloaded)
		case !waitUntil(ctx, wait, a.until):
			return fault.New(fault.Rejected, "%s: PgBouncer still lets user %q in", a.op("login"), printable(user)).
				WithHint("is the user in another list: auth_query, or an auth_file that the acceptor's targets do not name?")
		}
	}
}

// left lists the users that the change removes, where the value they had is known.
func left(c consumer.Change) secret.Set {
	out := secret.Set{}
	for user, old := range c.Old {
		if _, stays := c.Values[user]; !stays && !old.IsZero() {
			out[user] = old
		}
	}
	return out
}

// paused says whether the database of the proving logins stands still.
func (in *instance) paused(ctx context.Context) (bool, error) {
	if in.admin == nil {
		return false, nil
	}
	s, err := in.open(ctx)
	if err != nil {
		if in.PIDFile != "" && fault.KindOf(err) == fault.Denied {
			return false, nil // nobody gets in, as long as the auth_file is broken
		}
		return false, err
	}
	defer s.close()
	paused, err := s.paused(ctx, in.databases[:1])
	return paused[in.databases[0]], err
}

// waitUntil waits, unless that would be past until.
func waitUntil(ctx context.Context, wait time.Duration, until time.Time) bool {
	if time.Now().Add(wait).After(until) {
		return false
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// Confirm implements consumer.Consumer: logins alone. Whatever cannot be asked (an
// MD5 hash, no user at all) leaves the answer open.
func (t *T) Confirm(ctx context.Context, unit string, c consumer.Change) (consumer.Proof, error) {
	in, err := t.unit(unit)
	if err != nil {
		return consumer.CannotTell, err
	}
	proof, values := consumer.Proven, in.presented(c)
	if len(values) == 0 {
		proof = consumer.CannotTell
	}
	paused, err := in.paused(ctx)
	if err != nil {
		return consumer.CannotTell, err
	}
	for _, user := range values.Names() {
		v, known, err := in.try(ctx, user, values[user], paused)
		switch {
		case !known:
			proof = consumer.CannotTell
		case v == refused || v == serverRefuse:
			return consumer.NotYet, nil
		case v == accepted || v == taken && paused:
		default:
			return consumer.CannotTell, in.told(user, v, err, false)
		}
	}
	for user, value := range left(c) {
		v, known, err := in.try(ctx, user, value, paused || !in.authQuery)
		switch {
		case !known || v == refused:
		case v == unclear:
			return consumer.CannotTell, in.told(user, v, err, false)
		default:
			return consumer.NotYet, nil
		}
	}
	return proof, nil
}
