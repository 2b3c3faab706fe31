package postgres_test

import (
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/postgres"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// selfish is an account whose role changes its own password, and its present value.
func selfish(t *testing.T) (*account, provider.Issued) {
	t.Helper()
	a := newAccount(t, rotation.InPlace, false)
	word := secret.Random(24)
	a.Exec(t, "ALTER ROLE "+ident(a.opts.Role)+" PASSWORD '"+word.Reveal()+"'", "CREATE EXTENSION pg_stat_statements")
	a.opts.Admin, a.opts.Server = "self", "postgres://"+a.address()+"?sslmode=disable"
	return a, provider.Issued{Values: secret.Set{"password": word}}
}

func issueSelf(t *testing.T, p *postgres.Provider, old provider.Issued) (provider.Request, provider.Issued, error) {
	t.Helper()
	req := provider.Request{Label: "i1-e1-db-1-1", Current: old.Handle, Old: old.Values}
	var err error
	if req.Values, err = p.Make(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	v, err := p.Issue(t.Context(), req)
	return req, v, err
}

// TestARoleChangesItself: without any administrator, again and again.
func TestARoleChangesItself(t *testing.T) {
	t.Parallel()
	a, old := selfish(t)
	a.Exec(t, "CREATE ROLE "+ident(a.mark+"group"), "GRANT "+ident(a.mark+"group")+" TO "+ident(a.opts.Role),
		"ALTER ROLE "+ident(a.opts.Role)+" SET role TO "+ident(a.mark+"group"), "GRANT ALL ON SCHEMA public TO "+ident(a.mark+"group"),
		"GRANT ALL ON "+ident(a.mark+"orders")+", "+ident(a.mark+"orders_id_seq")+" TO "+ident(a.mark+"group"))
	p := a.open(t, "")
	if err := p.Preflight(t.Context(), provider.Request{Old: old.Values}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		req, v, err := issueSelf(t, p, old)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Verify(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		if again, err := p.Issue(t.Context(), req); err != nil || again.Handle != v.Handle || v.Handle.ID == "" {
			t.Errorf("Issue again, as after a lost answer: %v, %v", again.Handle, err)
		}
		if live, err := p.Probe(t.Context(), old); live != provider.Refused {
			t.Errorf("the old password is %s (%v)", live, err)
		}
		if h, err := p.Identify(t.Context(), v.Values); err != nil || h != v.Handle {
			t.Errorf("Identify: %v, %v", h, err)
		}
		a.mustNotKnow(t, v.Values["password"])
		old = v
	}
	if err := p.Revoke(t.Context(), old.Handle); fault.KindOf(err) != fault.NeedsPerson || err == nil || fault.HintOf(err) == "" {
		t.Errorf("Revoke: %v", err)
	}
	if u, err := p.Usage(t.Context(), old.Handle); u.Known || err != nil {
		t.Errorf("Usage: %+v, %v", u, err)
	}
	if found, err := p.Find(t.Context(), "i1"); len(found) > 0 || err != nil {
		t.Errorf("Find: %v, %v", found, err)
	}
}

// TestASelfIssueThatFails: neither password is thrown away before one is refused.
func TestASelfIssueThatFails(t *testing.T) {
	t.Parallel()
	a, old := selfish(t)
	p := a.open(t, "")
	stranger := provider.Issued{Values: secret.Set{"password": secret.New("somebody-elses")}}
	if _, _, err := issueSelf(t, p, stranger); fault.KindOf(err) != fault.NeedsPerson || err == nil {
		t.Errorf("with neither password: %v", err)
	}
	if _, _, err := issueSelf(t, p, provider.Issued{}); fault.KindOf(err) != fault.BadConfig || err == nil {
		t.Errorf("without the present password: %v", err)
	}
	way := newPipe(t, a.address())
	a.opts.Server = "postgres://" + way.Address() + "?sslmode=disable"
	p = a.open(t, "")
	mend := way.Break(providertest.Unsent)
	if _, _, err := issueSelf(t, p, old); fault.KindOf(err) != fault.Transient || err == nil {
		t.Errorf("nobody there: %v", err)
	}
	mend()
	mend = way.Break(providertest.Unanswered)
	req, _, err := issueSelf(t, p, old)
	if fault.KindOf(err) != fault.Unknown || err == nil {
		t.Errorf("a lost answer: kind %s, %v", fault.KindOf(err), err)
	}
	mend()
	v, err := p.Issue(t.Context(), req)
	if err != nil {
		t.Fatalf("after the lost answer: %v", err)
	}
	if err := p.Verify(t.Context(), v); err != nil {
		t.Error(err)
	}
}

func TestSelfOptions(t *testing.T) {
	t.Parallel()
	good := postgres.Options{Admin: "self", Server: "postgres://127.0.0.1:5432?sslmode=disable", Database: "db", Strategy: rotation.InPlace, Role: "app"}
	if _, err := postgres.New(good, nil); err != nil {
		t.Fatal(err)
	}
	if refs := postgres.Type().Refs(&good); len(refs) > 0 {
		t.Errorf("self is no reference: %v", refs)
	}
	if _, err := postgres.Type().New(&good, provider.Context{}); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*postgres.Options){
		"alternate":         func(o *postgres.Options) { o.Strategy, o.Role, o.OwnerRole, o.Roles = "", "", "o", []string{"a", "b"} },
		"no server":         func(o *postgres.Options) { o.Server = "" },
		"user":              func(o *postgres.Options) { o.Server = "postgres://app@127.0.0.1/db" },
		"password":          func(o *postgres.Options) { o.Server = "host=127.0.0.1 password=x" },
		"password as query": func(o *postgres.Options) { o.Server = "postgres://127.0.0.1/?password=x" },
		"nonsense":          func(o *postgres.Options) { o.Server = "postgres://127.0.0.1:port/" },
		"socket":            func(o *postgres.Options) { o.Server = "host=/run/postgresql" },
		"valid-for":         func(o *postgres.Options) { o.ValidFor = "90d" },
		"server beside":     func(o *postgres.Options) { o.Admin = "env:X" },
	} {
		opts := good
		change(&opts)
		if _, err := postgres.New(opts, nil); fault.KindOf(err) != fault.BadConfig || err == nil || fault.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestConnectionStringsWithOddPasswords: the admin's password has every reserved
// character, percent-encoded in a URL or quoted in keyword form; and IPv6 literals.
func TestConnectionStringsWithOddPasswords(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, false)
	odd := `p@ss/w:rd?#[]%&=+ '"\$x` + "ä"
	a.Exec(t, "CREATE ROLE "+ident(a.mark+"root")+" SUPERUSER LOGIN PASSWORD "+quoted(odd))
	u := url.URL{Scheme: "postgres", User: url.UserPassword(a.mark+"root", odd), Host: a.address(), Path: "/" + a.Name, RawQuery: "sslmode=disable"}
	host, port, _ := net.SplitHostPort(a.address())
	escape := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	keyword := "host=" + host + " port=" + port + " sslmode=disable dbname=" + a.Name + " user='" + escape.Replace(a.mark+"root") + "' password='" + escape.Replace(odd) + "'"
	for form, dsn := range map[string]string{"url": u.String(), "keyword": keyword} {
		p, err := postgres.New(a.opts, secret.Fixed(secret.New(dsn)))
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if _, err := p.Now(t.Context()); err != nil {
			t.Errorf("%s: %v", form, err)
		}
	}
}

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
