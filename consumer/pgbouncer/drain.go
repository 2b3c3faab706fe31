package pgbouncer

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/secret"
)

// Drain implements consumer.Drainer: it lists the clients that are logged in as the
// users of old. When there are none, the server connections that PgBouncer keeps
// open for these users are closed, so that the server sees them go. Who logged in
// before an in-place change and who after it cannot be told apart.
func (t *T) Drain(ctx context.Context, unit string, old consumer.Change) ([]string, error) {
	in, err := t.unit(unit)
	if err != nil {
		return nil, err
	}
	if in.admin == nil {
		return nil, bad("%s: clients are seen in the admin console alone", in.Name).WithHint("add admin")
	}
	users := old.Values
	if len(users) == 0 {
		users = old.Old
	}
	s, err := in.open(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	who, err := s.clients(ctx, users)
	if err != nil || len(who) > 0 {
		return who, err
	}
	return nil, s.letGo(ctx, users)
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

// letGo closes the server connections of users: RECONNECT marks all of a database,
// idle ones close at once, those in use when they are released, and new ones are
// opened; no query fails by it.
func (s *session) letGo(ctx context.Context, users secret.Set) error {
	rows, err := s.show(ctx, "SERVERS")
	if err != nil {
		return err
	}
	databases := map[string]bool{}
	for _, row := range rows {
		if _, theirs := users[row["user"]]; theirs && row["database"] != console {
			databases[row["database"]] = true
		}
	}
	for _, db := range slices.Sorted(maps.Keys(databases)) {
		if err := s.command(ctx, "RECONNECT", db); err != nil {
			return err
		}
	}
	return nil
}
