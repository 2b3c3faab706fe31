package postgres

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/secret"
)

var good = Options{Admin: "env:ADMIN", Database: "db", OwnerRole: "owner", Roles: []string{"a", "b"}}

func TestBadOptions(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"admin a value":    func(o *Options) { o.Admin = "postgres://u:p@h/db" },
		"no database":      func(o *Options) { o.Database = "" },
		"no owner":         func(o *Options) { o.OwnerRole = "" },
		"owner is a role":  func(o *Options) { o.OwnerRole = "a" },
		"one role":         func(o *Options) { o.Roles = []string{"a"} },
		"same roles":       func(o *Options) { o.Roles = []string{"a", "a"} },
		"role beside":      func(o *Options) { o.Role = "c" },
		"in-place roles":   func(o *Options) { o.Strategy = "in-place"; o.Role = "a" },
		"in-place no role": func(o *Options) { o.Strategy = "in-place"; o.Roles = nil },
		"overlap":          func(o *Options) { o.Strategy = "overlap" },
		"reserved":         func(o *Options) { o.Roles = []string{"pg_a", "b"} },
		"public":           func(o *Options) { o.OwnerRole = "public" },
		"long name":        func(o *Options) { o.Roles = []string{strings.Repeat("a", 64), "b"} },
		"nul":              func(o *Options) { o.Database = "a\x00b" },
		"short password":   func(o *Options) { o.Length = 21 },
		"long password":    func(o *Options) { o.Length = 129 },
		"limit":            func(o *Options) { o.ConnectionLimit = -1 },
		"rights":           func(o *Options) { o.Rights = "all" },
		"table missing":    func(o *Options) { o.Rights = "table" },
		"table beside":     func(o *Options) { o.Rights = "login"; o.VerifyTable = "t" },
		"table dots":       func(o *Options) { o.VerifyTable = "a.b.c" },
		"table half":       func(o *Options) { o.VerifyTable = "a." },
		"address":          func(o *Options) { o.Address = "localhost" },
		"address port":     func(o *Options) { o.Address = "localhost:99999" },
		"address socket":   func(o *Options) { o.VerifyAddress = "/var/run/postgresql:5432" },
		"address password": func(o *Options) { o.VerifyAddress = "u@h:5432" },
		"timeout":          func(o *Options) { o.StatementTimeout = "soon" },
		"timeout long":     func(o *Options) { o.StatementTimeout = "2m" },
	} {
		opts := good
		change(&opts)
		if _, err := New(opts, nil); err == nil || fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "" {
			t.Errorf("%s: %v, hint %q", name, err, fault.HintOf(err))
		}
	}
	if _, err := New(good, nil); err != nil {
		t.Errorf("good options: %v", err)
	}
}

func TestTypeBindsTheAdmin(t *testing.T) {
	opts := good
	var bound string
	bind := provider.BindFunc(func(ref string) (secret.Source, error) {
		bound = ref
		return secret.Fixed(secret.New("dsn")), nil
	})
	if _, err := Type().New(&opts, provider.Context{Bind: bind}); err != nil || bound != "env:ADMIN" {
		t.Errorf("bound %q, %v", bound, err)
	}
	if got := Type().Refs(&opts); got["admin"] != "env:ADMIN" {
		t.Errorf("Refs = %v", got)
	}
	opts.Admin = ""
	if _, err := Type().New(&opts, provider.Context{Bind: bind}); fault.KindOf(err) != fault.BadConfig || err == nil {
		t.Errorf("without admin: %v", err)
	}
}

// TestVerifierIsTheStandards: the vector of RFC 7677.
func TestVerifierIsTheStandards(t *testing.T) {
	salt, err := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	if err != nil {
		t.Fatal(err)
	}
	want := "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
	if got := scramVerifier("pencil", salt); got != want {
		t.Errorf("verifier %s, want %s", got, want)
	}
	if !verifierForm.MatchString(want) || verifierForm.MatchString(want+"\n") || verifierForm.MatchString("md5"+want) {
		t.Error("verifierForm is not exact")
	}
}

func TestLabels(t *testing.T) {
	for _, c := range [][3]string{
		{"", "i1-e1-db-1-1", "[rotor:i1-e1-db-1-1]"},
		{"[rotor:old]", "new", "[rotor:new]"},
		{"Nova", "new", "Nova [rotor:new]"},
		{"Nova [rotor:old]", "new", "Nova [rotor:new]"},
		{"[rotor:old] Nova", "new", "[rotor:old] Nova [rotor:new]"},
	} {
		if got := labelled(c[0], c[1]); got != c[2] {
			t.Errorf("labelled(%q, %q) = %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

// FuzzLiteral reads the literal back with PostgreSQL's rules.
func FuzzLiteral(f *testing.F) {
	for _, s := range []string{"", "'", `\`, `\'`, "a'b", "ä", `E'`, `x'; DROP ROLE y --`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		body, escapes := strings.CutPrefix(literal(text), "E")
		if len(body) < 2 || body[0] != '\'' || body[len(body)-1] != '\'' {
			t.Fatalf("literal(%q) = %q", text, literal(text))
		}
		var out strings.Builder
		body = body[1 : len(body)-1]
		for i := 0; i < len(body); i++ {
			if c := body[i]; c == '\'' || c == '\\' && escapes {
				if i++; i == len(body) || body[i] != c {
					t.Fatalf("literal(%q) = %q ends early", text, literal(text))
				}
			} else if c == '\\' {
				t.Fatalf("literal(%q) = %q depends on standard_conforming_strings", text, literal(text))
			}
			out.WriteByte(body[i])
		}
		if out.String() != text {
			t.Fatalf("literal(%q) reads back as %q", text, out.String())
		}
	})
}

// TestArray: what the server reads as text[] is what was meant.
func TestArray(t *testing.T) {
	if got := array([]string{"a", `b"c\d`}); got != `{"a","b\"c\\d"}` {
		t.Errorf("array = %s", got)
	}
}

func TestRedirectKeepsTLSVariants(t *testing.T) {
	cfg, err := pgconn.ParseConfig("postgres://admin:x@one.example:5432,two.example:5433/db?sslmode=prefer")
	if err != nil {
		t.Fatal(err)
	}
	redirect(cfg, "[::1]:6432")
	if cfg.Host != "::1" || cfg.Port != 6432 || cfg.TLSConfig == nil || len(cfg.Fallbacks) != 1 {
		t.Fatalf("host %s port %d, %d fallbacks", cfg.Host, cfg.Port, len(cfg.Fallbacks))
	}
	if f := cfg.Fallbacks[0]; f.Host != "::1" || f.Port != 6432 || f.TLSConfig != nil {
		t.Errorf("fallback %s:%d", f.Host, f.Port)
	}
	full, err := pgconn.ParseConfig("postgres://admin:x@one.example/db?sslmode=verify-full")
	if err != nil {
		t.Fatal(err)
	}
	redirect(full, "pooler.example:6432")
	if full.TLSConfig.ServerName != "pooler.example" || len(full.Fallbacks) != 0 {
		t.Errorf("server name %s", full.TLSConfig.ServerName)
	}
}
