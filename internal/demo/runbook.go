package demo

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/agenticverz/rotor/internal/demo/load"
)

// byHand is how fast the person is who tells the caller its new token after the
// restart. Real ones are slower.
const byHand = time.Second

// watch is how long we look after a change that may have broken something.
const watch = 3 * time.Second

// outcome is one column of the table at the end.
type outcome struct {
	load     load.Result
	oldToken string
	newLogin string // "" without a database
	oldLogin string
	sessions int // of the old login
}

// runbookAct does what the runbook says, to the letter where it can be done
// here, in its favour where it cannot.
func (d *demo) runbookAct(ctx context.Context) (*outcome, error) {
	d.story.section("The runbook's own commands, for comparison",
		"The same service, the same load, a copy of the database with one login as most systems have it.")
	p, old, err := d.runbookPair(ctx)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	if err := pause(ctx, time.Second); err != nil {
		return nil, err
	}
	out := &outcome{}
	if err := d.runbookToken(ctx, p, out); err != nil {
		return nil, err
	}
	if d.database != nil {
		if err := d.runbookLogin(ctx, p, old, out); err != nil {
			return nil, err
		}
	}
	out.load = p.load.Stop()
	return out, nil
}

func (d *demo) runbookPair(ctx context.Context) (*pair, login, error) {
	dir := filepath.Join(d.dir, "runbook")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, login{}, err
	}
	l := login{oldLogin, newPassword()}
	lines := []string{"MACHINE_SECRET_TOKEN=" + d.values.add(newToken())}
	if d.database != nil {
		if err := d.database.prepareRunbook(ctx, l); err != nil {
			return nil, l, err
		}
		lines = append(lines, "DATABASE_URL="+d.database.url(runbookDatabase, l))
		d.values.add(l.password)
	}
	if err := writeEnv(filepath.Join(dir, ".env"), lines...); err != nil {
		return nil, l, err
	}
	if err := writeEnv(filepath.Join(dir, "caller.env"), lines[0]); err != nil {
		return nil, l, err
	}
	p, err := startPair(ctx, dir, d.program)
	return p, l, err
}

// runbookToken: "Rotate via Vault Script", with .env as the store: write, restart,
// and tell the callers.
func (d *demo) runbookToken(ctx context.Context, p *pair, out *outcome) error {
	old, fresh := p.value("MACHINE_SECRET_TOKEN"), d.values.add(newToken())
	p.load.Phase("runbook: token")
	d.story.command(`sed -i "s/MACHINE_SECRET_TOKEN=.*/MACHINE_SECRET_TOKEN=$(openssl rand -hex 32)/" .env`)
	if err := replaceEnv(p.env, "MACHINE_SECRET_TOKEN", fresh); err != nil {
		return err
	}
	d.story.command("docker compose restart            # here: both instances at once, and they do take the new .env")
	if err := p.restartBoth(ctx); err != nil {
		return err
	}
	if err := pause(ctx, byHand); err != nil {
		return err
	}
	d.story.command("…                                 # one second later somebody tells the caller")
	if err := replaceEnv(p.callerEnv, "MACHINE_SECRET_TOKEN", fresh); err != nil {
		return err
	}
	if err := p.caller.Deploy(ctx); err != nil {
		return err
	}
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	out.oldToken = p.tryToken(ctx, old)
	d.told(p.load.Result(), "runbook: token")
	return nil
}

// runbookLogin: section 2, step by step.
func (d *demo) runbookLogin(ctx context.Context, p *pair, old login, out *outcome) error {
	fresh := login{newLogin, newPassword()}
	d.values.add(fresh.password)
	p.load.Phase("runbook: database login")
	d.story.command("psql")
	for _, sql := range []string{
		"CREATE ROLE nova_new WITH LOGIN PASSWORD '%s'",
		"GRANT ALL ON DATABASE " + runbookDatabase + " TO nova_new",
		"GRANT ALL ON ALL TABLES IN SCHEMA public TO nova_new",
	} {
		d.story.say("    %s;", strings.ReplaceAll(sql, "%s", "…"))
		if err := d.database.Exec(ctx, runbookDatabase, strings.ReplaceAll(sql, "%s", fresh.password)); err != nil {
			return err
		}
	}
	d.story.command("vi .env                           # DATABASE_URL")
	if err := replaceEnv(p.env, "DATABASE_URL", d.database.url(runbookDatabase, fresh)); err != nil {
		return err
	}
	d.story.command("docker compose restart            # without the runbook's --force-recreate, which restart does not know")
	if err := p.restartBoth(ctx); err != nil {
		return err
	}
	d.story.command(`psql -U nova_new -c "SELECT 1"    # its whole verification`)
	d.story.say("    %s", d.selectOne(ctx, d.database.url(runbookDatabase, fresh)))
	if err := pause(ctx, watch); err != nil {
		return err
	}
	d.story.command("psql")
	d.story.say("    DROP ROLE IF EXISTS nova_old;")
	notice, err := d.noticeOf(ctx, "DROP ROLE IF EXISTS nova_old")
	if err != nil {
		return err
	}
	d.story.say("    %s", notice)
	d.told(p.load.Result(), "runbook: database login")
	out.newLogin = d.database.try(ctx, d.database.url(runbookDatabase, fresh))
	out.oldLogin = d.database.try(ctx, d.database.url(runbookDatabase, old))
	out.sessions, err = d.database.sessions(ctx, old.user)
	return err
}

func (d *demo) selectOne(ctx context.Context, url string) string {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return refusal(err)
	}
	defer conn.Close(ctx)
	if err := conn.Ping(ctx); err != nil {
		return refusal(err)
	}
	return "1"
}

// noticeOf runs a statement as superuser and gives what the server remarked.
func (d *demo) noticeOf(ctx context.Context, sql string) (string, error) {
	config, err := pgx.ParseConfig(d.database.DSN(runbookDatabase, "", ""))
	if err != nil {
		return "", err
	}
	said := "(nothing)"
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { said = n.Severity + ": " + n.Message }
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return said, err
}

// replaceEnv is sed: it rewrites one line.
func replaceEnv(path, name, value string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := strings.Split(string(content), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, name+"=") {
			lines[i] = name + "=" + value
		}
	}
	return os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600)
}

// newToken is `openssl rand -hex 32`.
func newToken() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails (Go 1.24)
	return hex.EncodeToString(b)
}

// loginOf takes a connection string apart.
func loginOf(dsn string) login {
	u, err := url.Parse(dsn)
	if err != nil {
		return login{}
	}
	password, _ := u.User.Password()
	return login{u.User.Username(), password}
}

// pause lets the load run.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// told says what a phase did to the requests.
func (d *demo) told(r load.Result, name string) {
	for _, p := range r.Phases {
		if p.Name != name {
			continue
		}
		d.story.fact("requests meanwhile", "%d served, %d failed", p.OK, p.Failed)
		for _, c := range p.Causes() {
			d.story.fact("", "%d× %s", c.Count, c.Text)
		}
	}
}
