package pgbouncer

import (
	"context"
	"fmt"
	"slices"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/secret"
)

// Present implements consumer.Watcher: it lists the clients that are logged in as the
// users of old, and the server sessions that PgBouncer keeps for these users while no
// client uses them. Who logged in before an in-place change and who after it cannot be
// told apart.
//
// Those sessions are not closed from here: RECONNECT would also cut off server logins
// that are under way, those of living users too, count them as failed, and let
// everybody wait for server_login_retry (15 s; seen with 1.18). They end with the login.
func (t *T) Present(ctx context.Context, unit string, old consumer.Change) (consumer.Presence, error) {
	in, err := t.unit(unit)
	if err != nil {
		return consumer.Presence{}, err
	}
	if in.admin == nil {
		return consumer.Presence{Blind: true}, nil
	}
	s, err := in.open(ctx)
	if err != nil {
		return consumer.Presence{}, err
	}
	defer s.close()
	var p consumer.Presence
	if p.Who, err = s.clients(ctx, old.Values); err == nil {
		p.Idle, err = s.kept(ctx, old.Values)
	}
	return p, err
}

// clients lists who is logged in as one of users; Rotor's own console is not meant.
func (s *session) clients(ctx context.Context, users secret.Set) ([]string, error) {
	rows, err := s.show(ctx, "CLIENTS")
	if err != nil {
		return nil, err
	}
	var who []string
	for _, row := range rows {
		if _, theirs := users[row["user"]]; !theirs || row["database"] == console && row["application_name"] == appName {
			continue
		}
		text := fmt.Sprintf("%s:%s as %s on %s", row["addr"], row["port"], row["user"], row["database"])
		if name := row["application_name"]; name != "" {
			text += fmt.Sprintf(" (%s)", name)
		}
		who = append(who, printable(text))
	}
	slices.Sort(who)
	return who, nil
}

// kept lists the server sessions of users that no client is linked to, by the process
// ids of the server.
func (s *session) kept(ctx context.Context, users secret.Set) ([]string, error) {
	rows, err := s.show(ctx, "SERVERS")
	if err != nil {
		return nil, err
	}
	var pids []string
	for _, row := range rows {
		if _, theirs := users[row["user"]]; theirs && row["database"] != console && row["link"] == "" && row["remote_pid"] != "" {
			pids = append(pids, row["remote_pid"])
		}
	}
	return pids, nil
}
