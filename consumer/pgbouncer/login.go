package pgbouncer

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// connect is pgconn.ConnectConfig with a witness: once PgBouncer has spoken, no
// further address or way of encryption is tried, for each would be a failed login
// more in its log.
func connect(ctx context.Context, cfg *pgconn.Config, w *witness) (*pgconn.PgConn, error) {
	dial := cfg.DialFunc
	cfg.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if w.decided {
			return nil, errEnough
		}
		return dial(ctx, network, address)
	}
	cfg.BuildFrontend = w.frontend
	return pgconn.ConnectConfig(ctx, cfg)
}

// door is where the logins that prove are made: the admin's host and encryption, or
// address.
func (in *instance) door(ctx context.Context) (*pgconn.Config, error) {
	cfg, err := pgconn.ParseConfig("host=localhost port=6432 sslmode=prefer") // when there is no admin
	if in.admin != nil {
		cfg, err = in.config(ctx)
	}
	if err != nil {
		return nil, err
	}
	if in.Address != "" {
		host, port, err := splitAddress(in.Address)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(cfg.Host, "/") && in.admin != nil {
			// the admin's way is a socket, which knows nothing of encryption
			if cfg, err = pgconn.ParseConfig("host=localhost sslmode=prefer"); err != nil {
				return nil, err
			}
		}
		cfg.Host, cfg.Port = host, port
		for _, fb := range cfg.Fallbacks {
			fb.Host, fb.Port = host, port
		}
		if cfg.TLSConfig != nil && cfg.TLSConfig.ServerName != "" {
			cfg.TLSConfig.ServerName = host
		}
	}
	cfg.RuntimeParams = map[string]string{"application_name": appName}
	cfg.ConnectTimeout = 0
	return cfg, nil
}

// nowhere is a database that does not exist. PgBouncer (since 1.17) checks the
// password before it says so, by the same list, and no server is asked.
const nowhere = "rotor_proves_a_password"

// target is the database of a login; a bare one asks PgBouncer alone. While ours is paused a login to it would make
// PgBouncer open a server connection, close it at once because of the pause, take
// that for a failure of the server, and let everybody wait for server_login_retry
// after RESUME.
func (in *instance) target(bare bool) string {
	if bare {
		return nowhere
	}
	return in.databases[0]
}

// entry is one login: where to, and after which Authentication message it has told enough
// (-1: it goes on until PgBouncer is ready).
type entry struct {
	database string
	stopAt   int
}

// login tries one user.
func (in *instance) login(ctx context.Context, user string, value secret.Value, bare bool) (verdict, error) {
	return in.enter(ctx, user, value, entry{in.target(bare), -1})
}

func (in *instance) enter(ctx context.Context, user string, value secret.Value, e entry) (verdict, error) {
	within, cancel := context.WithTimeout(ctx, in.loginTimeout)
	defer cancel()
	conn, v, err := in.converse(within, user, value, e)
	hangUp(conn)
	return v, err
}

// converse leaves the connection open if PgBouncer says it is ready; else it is nil.
func (in *instance) converse(ctx context.Context, user string, value secret.Value, e entry) (*pgconn.PgConn, verdict, error) {
	cfg, err := in.door(ctx)
	if err != nil {
		return nil, unclear, err
	}
	cfg.User, cfg.Password, cfg.Database = user, value.Reveal(), e.database
	w, bare := newWitness(e.stopAt), e.database == nowhere
	conn, err := connect(ctx, cfg, w)
	absent := answerIn(err) != nil && holds(answerIn(err).Message, []string{"no such database"})
	switch v := classify(err); {
	case err == nil && !w.asked:
		return conn, noPassword, nil
	case err == nil:
		return conn, accepted, nil
	case bare && (w.accepted || absent && w.asked):
		return nil, taken, nil
	case bare && absent:
		return nil, untold, nil
	case v == refused && w.accepted:
		return nil, serverRefuse, nil
	case v != unclear:
		return nil, v, nil
	case w.accepted:
		return nil, taken, failure(in.op("login"), err)
	}
	return nil, unclear, failure(in.op("login"), err)
}

func hangUp(conn *pgconn.PgConn) {
	if conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}

// presents asks, without logging in, whether PgBouncer holds this SCRAM secret: to
// whoever begins a login it sends the secret's salt, which no other secret has.
func (in *instance) presents(ctx context.Context, user string, value secret.Value, bare bool) (verdict, error) {
	cfg, err := in.door(ctx)
	if err != nil {
		return unclear, err
	}
	cfg.User, cfg.Password, cfg.Database = user, "rotor only looks at the salt", in.target(bare)
	ctx, cancel := context.WithTimeout(ctx, consoleTimeout)
	defer cancel()
	w := newWitness(authContinue)
	conn, err := connect(ctx, cfg, w)
	if err == nil {
		hangUp(conn)
		return noPassword, nil
	}
	switch {
	case w.challenge != "" && strings.HasPrefix(value.Reveal(), scramPrefix+w.saltOf()+"$"):
		return accepted, nil
	case w.challenge != "", classify(err) == refused, w.asked && answerIn(err) != nil:
		return refused, nil
	case bare && answerIn(err) != nil:
		return untold, nil
	}
	return unclear, failure(in.op("login"), err)
}

const scramPrefix = "SCRAM-SHA-256$"

// secretForm: a SCRAM secret lets nobody log in; so does an MD5 hash.
func secretForm(v secret.Value) (isScram, isHash bool) {
	text := v.Reveal()
	return strings.HasPrefix(text, scramPrefix) && strings.Count(text, "$") == 2,
		len(text) == 35 && strings.HasPrefix(text, "md5") && strings.Trim(text[3:], "0123456789abcdef") == ""
}

// presented is what users present to PgBouncer. With auth_query no file has them:
// the value's own fields tell.
func (in *instance) presented(c consumer.Change) secret.Set {
	name, value := c.Fields["username"], c.Fields["password"]
	if !in.authQuery || len(c.Values) > 0 || name.IsZero() || value.IsZero() {
		return c.Values
	}
	return secret.Set{name.Reveal(): value}
}

// try asks about one user by the best way there is. known is false if nothing can
// tell: an MD5 hash, or a paused database that PgBouncer itself would have to ask.
func (in *instance) try(ctx context.Context, user string, value secret.Value, bare bool) (v verdict, known bool, err error) {
	isScram, isHash := secretForm(value)
	switch {
	case isHash, value.IsZero(), bare && in.authQuery:
		return unclear, false, nil
	case isScram:
		v, err = in.presents(ctx, user, value, bare)
	default:
		v, err = in.login(ctx, user, value, bare)
	}
	if v == untold {
		return unclear, false, nil
	}
	return v, true, err
}

// words for people.
func (in *instance) op(what string) string {
	if in.Name == defaultUnit {
		return "pgbouncer: " + what
	}
	return "pgbouncer: " + in.Name + ": " + what
}

// told turns a verdict into what Deploy reports. reloaded says that something was
// done before.
func (in *instance) told(user string, v verdict, err error, reloaded bool) error {
	switch v {
	case accepted:
		return nil
	case refused:
		return fault.New(fault.Rejected, "%s refuses user %q with the new value", in.op("login"), printable(user)).
			WithHint("does auth_file of its pgbouncer.ini name the file that the acceptor's targets write, and can PgBouncer's user read it? Its log says what it made of the last reload")
	case serverRefuse:
		return fault.New(fault.Rejected, "%s: PgBouncer takes user %q with the new value, the server behind it does not", in.op("login"), printable(user)).
			WithHint("does PostgreSQL hold the same password, or exactly the same SCRAM secret? After a failed login PgBouncer waits for server_login_retry")
	case noPassword:
		return fault.New(fault.BadConfig, "%s: PgBouncer asks for no password", in.op("login")).
			WithHint("auth_type is trust or any, or its HBA file says so for Rotor's address: then no value is ever checked")
	case taken:
		err = fault.New(fault.Transient, "%s: PgBouncer takes user %q, but no server connection came", in.op("login"), printable(user)).
			WithHint("is PostgreSQL up? After a failed server login PgBouncer waits for server_login_retry")
	}
	if fault.KindOf(err) == fault.Transient && reloaded {
		return fault.Wrap(fault.Unknown, "", err)
	}
	return err
}
