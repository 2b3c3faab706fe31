package postgres

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/agenticverz/rotor/fault"
)

// setting is one ALTER ROLE … SET.
type setting struct{ database, name, value string }

func (s *session) settings(ctx context.Context, oid string) ([]setting, error) {
	rows, err := s.read(ctx, `SELECT COALESCE(d.datname, ''), split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)
		FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) WITH ORDINALITY u (c, n)
		WHERE s.setrole = $1::oid ORDER BY 1, u.n`, oid)
	var out []setting
	for _, row := range rows {
		out = append(out, setting{row[0], row[1], row[2]})
	}
	return out, err
}

func (l login) setting(database, name string) (string, bool) {
	for _, s := range l.settings {
		if s.database == database && strings.EqualFold(s.name, name) {
			return s.value, true
		}
	}
	return "", false
}

// otherRole: the login already acts as somebody else.
func (a *adopting) otherRole() error {
	for _, s := range a.old.settings {
		if s.name == "role" && s.value != a.owner.name && s.value != "none" {
			return fault.New(fault.BadConfig, "%s: %s acts as the role %s already", a.op, a.old.name, s.value).
				WithHint("then that is what owns its objects: owner-role: %s", s.value)
		}
	}
	return nil
}

// copySettings gives the new logins what is set for the old one, but for its role.
func (a *adopting) copySettings(m *moves) {
	for _, slot := range a.slots {
		for _, s := range a.old.settings {
			have, ok := slot.setting(s.database, s.name)
			if s.name == "role" || ok && have == s.value || s.name == "search_path" && a.pinned(s.database) != nil {
				continue
			}
			undo := ""
			switch {
			case ok && secretive(s.name):
			case ok:
				undo = setTo(slot, setting{s.database, s.name, have})
			case slot.exists():
				undo = reset(slot, s.database, s.name)
			}
			if secretive(s.name) {
				m.add(a.copied(slot, s), undo)
			} else {
				m.add(setTo(slot, s), undo)
			}
		}
	}
}

// secretive: a setting that an application made up may hold a secret.
func secretive(name string) bool { return strings.Contains(name, ".") }

// copied lets the server copy a value that is nobody's business.
func (a *adopting) copied(to login, s setting) string {
	in, of := "", "0"
	if s.database != "" {
		in, of = " IN DATABASE "+ident(s.database), "(SELECT oid FROM pg_database WHERE datname = "+literal(s.database)+")"
	}
	return "DO " + literal("BEGIN EXECUTE (SELECT format("+literal("ALTER ROLE %I"+strings.ReplaceAll(in, "%", "%%")+" SET "+strings.ReplaceAll(variable(s.name), "%", "%%")+" TO %L")+
		", "+literal(to.name)+", substr(c, strpos(c, '=') + 1)) FROM pg_db_role_setting s, unnest(s.setconfig) c WHERE s.setdatabase = "+of+
		" AND s.setrole = (SELECT oid FROM pg_roles WHERE rolname = "+literal(a.old.name)+") AND split_part(c, '=', 1) = "+literal(s.name)+"); END")
}

func setTo(l login, s setting) string {
	return "ALTER ROLE " + l.sql() + inDatabase(s.database) + " SET " + variable(s.name) + " TO " + settingValue(s.name, s.value)
}

func reset(l login, database, name string) string {
	return "ALTER ROLE " + l.sql() + inDatabase(database) + " RESET " + variable(name)
}

func inDatabase(name string) string {
	if name == "" {
		return ""
	}
	return " IN DATABASE " + ident(name)
}

var plainName = regexp.MustCompile(`^[a-z]+(_[a-z0-9]+)+$|^role$`)

func variable(name string) string {
	parts := strings.Split(name, ".")
	for i, part := range parts {
		if !plainName.MatchString(part) {
			parts[i] = ident(part)
		}
	}
	return strings.Join(parts, ".")
}

// lists are the settings whose value is a list of names; the server keeps them quoted,
// and takes a single literal for a single name.
var lists = []string{"search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries",
	"shared_preload_libraries", "unix_socket_directories"}

func settingValue(name, value string) string {
	if !slices.Contains(lists, strings.ToLower(name)) {
		return literal(value)
	}
	names := splitNames(value)
	for i, n := range names {
		names[i] = literal(n)
	}
	if len(names) == 0 {
		return "''"
	}
	return strings.Join(names, ", ")
}

// splitNames takes a list of identifiers apart as the server does.
func splitNames(value string) []string {
	var out []string
	var word strings.Builder
	quoted, any := false, false
	end := func() {
		if text := word.String(); any || strings.TrimSpace(text) != "" {
			if !any {
				text = strings.TrimSpace(text)
			}
			out = append(out, text)
		}
		word.Reset()
		any = false
	}
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"' && quoted && i+1 < len(value) && value[i+1] == '"':
			word.WriteByte('"')
			i++
		case c == '"':
			quoted, any = !quoted, true
		case c == ',' && !quoted:
			end()
		case c == ' ' && !quoted && (any || word.Len() == 0):
		default:
			word.WriteByte(c)
		}
	}
	end()
	return out
}

// pin keeps "$user" of a search path meaning what it means to the old login: acting as
// the owner role, it would look for a schema of that name.
func (a *adopting) pin(d *database, schema bool) {
	path := a.path
	for _, of := range []string{"", d.name} {
		if value, ok := a.old.setting(of, "search_path"); ok {
			path = value
		}
	}
	names := splitNames(path)
	at := slices.Index(names, "$user")
	if !schema || at < 0 {
		return
	}
	names[at] = a.old.name
	for i, n := range names {
		names[i] = ident(n)
	}
	d.path = strings.Join(names, ", ")
}

// pinned is the database whose search path is set by pin.
func (a *adopting) pinned(name string) *database {
	for i, d := range a.databases {
		if d.name == name && d.path != "" {
			return &a.databases[i]
		}
	}
	return nil
}

// actAsOwner lets the logins act as the owner role in a database, from their next
// session on. A superuser goes on as itself: it needs no rights, and would lose its own.
func (a *adopting) actAsOwner(m *moves, d *database) {
	if !d.used {
		return
	}
	logins := a.slots[:]
	if !a.old.super {
		logins = append([]login{a.old}, logins...)
	}
	for _, l := range logins {
		want := []setting{{d.name, "role", a.owner.name}}
		if d.path != "" {
			want = append(want, setting{d.name, "search_path", d.path})
		}
		for _, s := range want {
			have, ok := l.setting(d.name, s.name)
			if ok && sameSetting(s.name, have, s.value) {
				continue
			}
			undo := ""
			if l.exists() {
				undo = reset(l, d.name, s.name)
			}
			if ok {
				undo = setTo(l, setting{d.name, s.name, have})
			}
			m.add(setTo(l, s), undo)
		}
	}
}

func sameSetting(name, have, want string) bool {
	return have == want || settingValue(name, have) == settingValue(name, want) && slices.Contains(lists, name)
}
