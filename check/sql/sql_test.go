package sql

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/check/checktest"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/secret"
)

func TestMain(m *testing.M) { testserver.Main(m) }

func number(f float64) *float64 { return &f }

// reader is a role that may look at one table.
func reader(t testing.TB, db *testserver.Database) (dsn, password secret.Value) {
	t.Helper()
	role, word := db.Role("reader"), secret.Random(32).Reveal()
	db.Exec(t, "CREATE TABLE jobs (id serial, state text)", fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", role, word),
		"GRANT SELECT ON jobs TO "+role)
	return secret.New(db.URL(role, word)), secret.New(word)
}

// TestExam uses one database for all trials.
func TestExam(t *testing.T) {
	db := testserver.Postgres(t)
	dsn, password := reader(t, db)
	for name, limits := range map[string]Options{
		"over baseline": {MaxOverBaseline: number(2)}, "max": {Max: number(3)}, "expect": {Expect: number(1)},
	} {
		t.Run(name, func(t *testing.T) {
			checktest.Run(t, func(t testing.TB) checktest.World {
				db.Exec(t, "DELETE FROM jobs", "INSERT INTO jobs (state) VALUES ('failed')")
				source := secret.Fixed(dsn)
				o := limits
				o.Query = "SELECT count(*) FROM jobs WHERE state = 'failed'"
				return checktest.World{
					Open: func() (check.Check, error) {
						return New(o, func(ctx context.Context) (secret.Value, error) { return source(ctx) })
					},
					Ill: func() error {
						db.Exec(t, "INSERT INTO jobs (state) SELECT 'failed' FROM generate_series(1, 50)")
						return nil
					},
					Blind: func() error { source = secret.Fixed(secret.New("postgres://x@127.0.0.1:1/x")); return nil },
					Witness: func() string {
						conn, err := pgx.Connect(t.Context(), db.URL("", ""))
						if err != nil {
							t.Fatal(err)
						}
						defer conn.Close(context.Background())
						var got string
						if err := conn.QueryRow(t.Context(), "SELECT (SELECT last_value FROM jobs_id_seq) || ' ' || (SELECT count(*) FROM jobs)").Scan(&got); err != nil {
							t.Fatal(err)
						}
						return got
					},
					Secrets: []secret.Value{dsn, password},
				}
			})
		})
	}
}

func measure(t *testing.T, dsn secret.Value, query string) (check.Sample, error) {
	t.Helper()
	c, err := New(Options{Query: query, Max: number(0), Timeout: 5 * time.Second}, secret.Fixed(dsn))
	if err != nil {
		t.Fatal(err)
	}
	return c.Measure(t.Context(), check.Window{})
}

func TestWhatIsANumber(t *testing.T) {
	t.Parallel()
	dsn := secret.New(testserver.Postgres(t).URL("", ""))
	for query, want := range map[string]float64{
		"SELECT 7": 7, "SELECT -1.5::numeric": -1.5, "SELECT true": 1, "SELECT 1 > 2": 0, "SELECT 1e10::float8": 1e10, "SELECT 3::int2;": 3,
		"SELECT count(*) FROM pg_class WHERE false": 0, "WITH x AS (SELECT 5 AS n) SELECT n FROM x": 5, "VALUES (9)": 9, "SELECT 2::float4": 2,
	} {
		if s, err := measure(t, dsn, query); err != nil || !s.Known || s.Value != want || s.Detail == "" {
			t.Errorf("%s: %+v, %v", query, s, err)
		}
	}
	for _, query := range []string{
		"SELECT sum(n) FROM (SELECT 1 AS n WHERE false) x", "SELECT 1 WHERE false", "SELECT NULL::int", "SELECT 'NaN'::float8",
		"SELECT 'Infinity'::float8", "SELECT '-Infinity'::numeric", "SELECT 1 LIMIT 0", "SELECT NULL::bool",
	} {
		if s, err := measure(t, dsn, query); err != nil || s.Known || s.Detail == "" {
			t.Errorf("%s: %+v, %v", query, s, err)
		}
	}
}

func TestWhatIsNoQuery(t *testing.T) {
	t.Parallel()
	db := testserver.Postgres(t)
	dsn, _ := reader(t, db)
	super := secret.New(db.URL("", ""))
	db.Exec(t, "INSERT INTO jobs (state) VALUES ('canary-in-the-data')")
	for query, want := range map[string]fault.Kind{
		"SELECT 1, 2": fault.BadConfig, "SELECT generate_series(1, 3)": fault.BadConfig, "SELECT 'x'": fault.BadConfig, "SELECT now()": fault.BadConfig,
		"SELECT": fault.BadConfig, "SELECT 1; SELECT 2": fault.BadConfig, "COMMIT": fault.BadConfig, "nonsense": fault.BadConfig,
		"SELECT n FROM nowhere": fault.BadConfig, "SELECT state::int FROM jobs": fault.BadConfig, "SELECT 1/0": fault.BadConfig,
		"DELETE FROM jobs RETURNING 1": fault.BadConfig, "INSERT INTO jobs (state) VALUES ('x') RETURNING 1": fault.BadConfig, "SELECT nextval('jobs_id_seq')": fault.BadConfig,
		"CREATE TABLE t (n int)": fault.BadConfig, "COMMIT; DELETE FROM jobs": fault.BadConfig,
		"SET TRANSACTION READ WRITE": fault.BadConfig, "SELECT generate_series(1, 1000000000)": fault.BadConfig,
	} {
		s, err := measure(t, super, query)
		if err == nil || s.Known || fault.KindOf(err) != want || fault.HintOf(err) == "" {
			t.Errorf("%s: %+v, kind %s: %v", query, s, fault.KindOf(err), err)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", query, err)
		}
	}
	if s, err := measure(t, super, "SELECT count(*) FROM jobs"); err != nil || s.Value != 1 {
		t.Errorf("a query changed something: %+v, %v", s, err)
	}
	if _, err := measure(t, dsn, "SELECT count(*) FROM pg_authid"); fault.KindOf(err) != fault.Denied {
		t.Errorf("without the right: %v", err)
	}
}

func TestASlowQueryIsEndedByTheServer(t *testing.T) {
	t.Parallel()
	db := testserver.Postgres(t)
	c, err := New(Options{Query: "SELECT 1 FROM pg_sleep(60)", Max: number(1), Timeout: 300 * time.Millisecond}, secret.Fixed(secret.New(db.URL("", ""))))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if s, err := c.Measure(t.Context(), check.Window{}); err == nil || s.Known || fault.KindOf(err) != fault.Transient || time.Since(start) > 20*time.Second {
		t.Errorf("%+v, %v after %v", s, err, time.Since(start))
	}
	// the server does not go on with it
	every, deadline := time.NewTicker(50*time.Millisecond), time.After(20*time.Second)
	defer every.Stop()
	for {
		s, err := measure(t, secret.New(db.URL("", "")), "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid() AND datname = current_database()")
		if err == nil && s.Value == 0 {
			return
		}
		select {
		case <-every.C:
		case <-deadline:
			t.Fatalf("the query lives on: %+v, %v", s, err)
		}
	}
}

// TestFailuresHaveNoSecret: whatever is wrong with the connection string.
func TestFailuresHaveNoSecret(t *testing.T) {
	t.Parallel()
	db := testserver.Postgres(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for name, tc := range map[string]struct {
		dsn  string
		want fault.Kind
	}{
		"slash":          {"postgres://127.0.0.1:1/canary-34x@127.0.0.1:1/db?sslmode=disable", fault.Transient},
		"at":             {"postgres://u:canary-34x@more@127.0.0.1:1/db", fault.Transient},
		"percent":        {"postgres://u:canary-34x%zz@127.0.0.1:1/db", fault.BadConfig},
		"only a word":    {"canary-34x", fault.BadConfig},
		"keyword":        {"host=127.0.0.1 port=1 user=u password=canary-34x sslmode=nonsense", fault.BadConfig},
		"empty":          {"", fault.BadConfig},
		"nobody there":   {"postgres://canary-34x:canary-34x@127.0.0.1:1/canary-34x", fault.Transient},
		"wrong password": {db.URL("postgres", "canary-34x"), fault.Denied},
		"no database":    {strings.Replace(db.URL("", ""), "/"+db.Name, "/canary-34x", 1), fault.BadConfig},
		"silent":         {"postgres://u:canary-34x@" + silent.Addr().String() + "/db?sslmode=disable", fault.Transient},
		"no TLS":         {strings.Replace(db.URL("", ""), "sslmode=disable", "sslmode=require", 1), fault.Transient},
	} {
		c, err := New(Options{Query: "SELECT 1", Max: number(1), Timeout: time.Second}, secret.Fixed(secret.New(tc.dsn)))
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.Measure(t.Context(), check.Window{})
		if err == nil || s.Known || fault.KindOf(err) != tc.want {
			t.Errorf("%s: %+v, kind %s: %v", name, s, fault.KindOf(err), err)
			continue
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if strings.Contains(fmt.Sprintf("%v %+v %s", e, e, fault.HintOf(e)), "canary-34x") || strings.Contains(e.Error(), db.Password) {
				t.Errorf("%s: the error has a piece of the connection string", name)
			}
		}
	}
	lost := fault.New(fault.Denied, "file: read")
	c, err := New(Options{Query: "SELECT 1", Max: number(1)}, func(context.Context) (secret.Value, error) { return secret.Value{}, lost })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Measure(t.Context(), check.Window{}); !errors.Is(err, lost) || fault.KindOf(err) != fault.Denied {
		t.Errorf("an unreadable reference: %v", err)
	}
}

func TestLimits(t *testing.T) {
	known := func(v float64) check.Sample { return check.Sample{Known: true, Value: v, Detail: fmt.Sprint(v)} }
	for name, tc := range map[string]struct {
		o         Options
		base, now check.Sample
		want      check.Verdict
	}{
		"as expected":      {Options{Expect: number(1)}, known(0), known(1), check.Pass},
		"not expected":     {Options{Expect: number(1)}, known(1), known(0), check.Fail},
		"at max":           {Options{Max: number(3)}, known(0), known(3), check.Pass},
		"over max":         {Options{Max: number(3)}, known(9), known(3.1), check.Fail},
		"under min":        {Options{Min: number(1)}, known(0), known(0.9), check.Fail},
		"no more":          {Options{MaxOverBaseline: number(0)}, known(4), known(4), check.Pass},
		"one more":         {Options{MaxOverBaseline: number(0)}, known(4), known(5), check.Fail},
		"without baseline": {Options{MaxOverBaseline: number(3)}, check.Sample{}, known(4), check.Fail},
		"half":             {Options{MinOfBaseline: number(0.5)}, known(100), known(50), check.Pass},
		"less than half":   {Options{MinOfBaseline: number(0.5)}, known(100), known(49), check.Fail},
		"half of unknown":  {Options{MinOfBaseline: number(0.5)}, check.Sample{}, known(-1), check.Pass},
		"both must hold":   {Options{Min: number(1), Max: number(2)}, known(1), known(3), check.Fail},
		"unknown":          {Options{Max: number(3)}, known(1), check.Sample{Detail: "no data"}, check.Unknown},
	} {
		o := tc.o
		o.Query = "SELECT 1"
		c, err := New(o, secret.Fixed(secret.Value{}))
		if err != nil {
			t.Fatal(err)
		}
		if r := c.Judge(tc.base, tc.now); r.Verdict != tc.want {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	good := Options{Query: "SELECT 1", Max: number(1)}
	for name, change := range map[string]func(*Options){
		"no query":         func(o *Options) { o.Query = " " },
		"zero byte":        func(o *Options) { o.Query = "SELECT 1\x00" },
		"no limit":         func(o *Options) { o.Max = nil },
		"min over max":     func(o *Options) { o.Min = number(2) },
		"negative share":   func(o *Options) { o.MinOfBaseline = number(-1) },
		"negative timeout": func(o *Options) { o.Timeout = -1 },
	} {
		o := good
		change(&o)
		if _, err := New(o, secret.Fixed(secret.Value{})); err == nil || fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	bind := check.BindFunc(func(string) (secret.Source, error) { return secret.Fixed(secret.Value{}), nil })
	if _, err := Type().New(&good, check.Context{Bind: bind}); fault.KindOf(err) != fault.BadConfig || err == nil {
		t.Errorf("without dsn: %v", err)
	}
	good.DSN = "env:X"
	if _, err := Type().New(&good, check.Context{Bind: bind}); err != nil || Type().Refs(&good)["dsn"] != "env:X" {
		t.Error(err)
	}
}

func FuzzSample(f *testing.F) {
	for _, seed := range []string{"1", "t", "f", "NaN", "-Infinity", "1e400", "", "x"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := sample(text, 701)
		if err != nil && s.Known || s.Known && (s.Value != s.Value || len(s.Detail) > 50) {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
	})
}
