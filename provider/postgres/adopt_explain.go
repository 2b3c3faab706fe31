package postgres

import (
	"context"
	"fmt"
)

// inspect looks for what a person should know beforehand.
func (a *adopting) inspect(ctx context.Context, s *session, d *database) error {
	for _, find := range []struct {
		sql  string
		into *[]string
	}{
		{`SELECT oid::regprocedure::text FROM pg_proc WHERE prosecdef AND proowner = $1::oid AND oid >= 16384 ORDER BY 1`, &d.findings.definers},
		{`SELECT 'event trigger ' || quote_ident(evtname) FROM pg_event_trigger WHERE evtowner = $1::oid
			UNION ALL SELECT 'publication ' || quote_ident(pubname) FROM pg_publication p WHERE pubowner = $1::oid AND NOT (p.tableoid, oid) IN (SELECT class, oid FROM (` + movable + `) m)
			UNION ALL SELECT 'foreign data wrapper ' || quote_ident(fdwname) FROM pg_foreign_data_wrapper WHERE fdwowner = $1::oid
			UNION ALL SELECT 'extension ' || quote_ident(extname) FROM pg_extension WHERE extowner = $1::oid AND oid >= 16384
			UNION ALL SELECT 'subscription ' || quote_ident(subname) FROM pg_subscription WHERE subowner = $1::oid AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
			ORDER BY 1`, &d.findings.kept},
		{`SELECT 'policy ' || quote_ident(polname) || ' on ' || polrelid::regclass::text FROM pg_policy
			WHERE $1::oid <> 0 AND (pg_get_expr(polqual, polrelid) ~* '(current|session)_user' OR pg_get_expr(polwithcheck, polrelid) ~* '(current|session)_user')
			UNION ALL SELECT 'default of ' || adrelid::regclass::text FROM pg_attrdef WHERE pg_get_expr(adbin, adrelid) ~* '(current|session)_user' ORDER BY 1`, &d.findings.named},
	} {
		if err := a.list(ctx, s, find.sql, find.into); err != nil {
			return err
		}
	}
	if !a.old.super || !d.used {
		return nil
	}
	return a.list(ctx, s, `SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND relpersistence <> 't' AND c.oid >= 16384 AND relowner <> $1::oid AND relowner <> `+a.owner.number()+`::oid
		AND nspname !~ '^pg_' ORDER BY 1`, &d.findings.others)
}

func (a *adopting) list(ctx context.Context, s *session, sql string, into *[]string) error {
	rows, err := s.read(ctx, sql, a.old.oid)
	for _, row := range rows {
		*into = append(*into, row[0])
	}
	return err
}

// explain writes the notes.
func (a *adopting) explain() {
	note := func(format string, args ...any) { a.notes = append(a.notes, fmt.Sprintf(format, args...)) }
	old, owner := a.old.name, a.owner.name
	for _, d := range a.databases {
		f := d.findings
		in := "database " + ident(d.name)
		if f.objects > 0 {
			note("%s: %d objects pass from %s to %s, %d of them tables, which are locked for a moment each; no longer than %s is waited for a lock", in, f.objects, old, owner, f.tables, adoptionLock)
		}
		if len(f.definers) > 0 && a.old.super {
			note("%s: SECURITY DEFINER functions stay with %s, because they lend its powers: %s", in, old, some(f.definers))
		} else if len(f.definers) > 0 {
			note("%s: SECURITY DEFINER functions run as %s from now on: %s", in, owner, some(f.definers))
		}
		if len(f.kept) > 0 {
			note("%s: only a superuser may own these, so they stay: %s", in, some(f.kept))
		}
		if len(f.others) > 0 {
			note("%s: as a superuser %s may use these, %s may not unless it is granted: %s", in, old, owner, some(f.others))
		}
		if len(f.named) > 0 {
			note("%s: CURRENT_USER is %s from now on, and SESSION_USER the login: see %s", in, owner, some(f.named))
		}
		if f.mappings > 0 {
			note("%s: %d user mappings of %s for foreign servers can be copied only by a superuser: CREATE USER MAPPING FOR %s by hand", in, f.mappings, old, a.owner.sql())
		}
	}
	a.explainLogin(note)
}

func (a *adopting) explainLogin(note func(string, ...any)) {
	old, owner := a.old.name, a.owner.name
	note("rules of pg_hba.conf, and entries of a pooler, that name %s must also name %s and %s", old, a.slots[0].name, a.slots[1].name)
	if a.old.super {
		note("%s is a superuser, which the new logins are not: the application can no longer do what only a superuser may (extensions, COPY to files, other roles' objects)", old)
		note("%s goes on as itself until the first rotation, and what it creates until then is its own: adopt again if a rotation says so", old)
		note("%s is kept as break-glass and never closed by Rotor. After the first rotation give it a password of its own: as a credential with strategy: in-place, role: %s, break-glass: true", old, old)
	} else {
		note("sessions of %s that are open now go on creating objects of its own; let the application reconnect before the first rotation", old)
	}
	if a.old.replicates {
		note("%s may replicate; the new logins may not: move replication to a role of its own", old)
	}
	for _, of := range a.circular {
		note("%s is a member of %s, which is a member of %s: left as it is", old, of, owner)
	}
	for _, s := range a.old.settings {
		if secretive(s.name) {
			note("settings with a dot in their name are copied inside the server, because their values may be secret")
			break
		}
	}
	if a.join != "" {
		note("the admin %s becomes a member of %s, to hand objects over to it: REVOKE %s FROM %s afterwards if it should not reach them",
			a.join, owner, a.owner.sql(), ident(a.join))
	}
}
