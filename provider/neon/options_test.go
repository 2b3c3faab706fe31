package neon_test

import (
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/neon"
	"github.com/agenticverz/rotor/secret"
)

func good() neon.Options {
	return neon.Options{APIKey: "env:NEON_API_KEY", Project: "quiet-haze-12345678", Branch: "br-cold-sun-12345678", Role: "app",
		Database: "db", Host: "ep-still-dew-12345678.eu-central-1.aws.neon.tech"}
}

func TestOptions(t *testing.T) {
	for name, change := range map[string]func(*neon.Options){
		"no project":             func(o *neon.Options) { o.Project = "" },
		"path as project":        func(o *neon.Options) { o.Project = "../x" },
		"name as branch":         func(o *neon.Options) { o.Branch = "main" },
		"no role":                func(o *neon.Options) { o.Role = "" },
		"no database":            func(o *neon.Options) { o.Database = "" },
		"no host":                func(o *neon.Options) { o.Host = "" },
		"url as host":            func(o *neon.Options) { o.Host = "postgres://x" },
		"quote in host":          func(o *neon.Options) { o.Host = "a' sslmode=disable" },
		"port of host":           func(o *neon.Options) { o.Host = "ep-x.neon.tech:99999" },
		"pooler":                 func(o *neon.Options) { o.Host = "ep-still-dew-12345678-pooler.eu-central-1.aws.neon.tech" },
		"key itself":             func(o *neon.Options) { o.APIKey = "the-key-itself" },
		"children":               func(o *neon.Options) { o.ChildBranches = "drop" },
		"stale":                  func(o *neon.Options) { o.StaleAfter = "7d" },
		"hook without delete":    func(o *neon.Options) { o.AfterDelete = []string{"/bin/true"} },
		"relative hook":          func(o *neon.Options) { o.ChildBranches, o.AfterDelete = "delete", []string{"hook"} },
		"plain http beyond here": func(o *neon.Options) { o.BaseURL = "http://console.example.com" },
	} {
		o := good()
		change(&o)
		_, err := neon.New(o, secret.Fixed(secret.New("k")))
		if err == nil || fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "" {
			t.Errorf("%s: %v, hint %q", name, err, fault.HintOf(err))
		}
	}
	o := good()
	o.ChildBranches, o.AfterDelete, o.StaleAfter = "delete", []string{"/opt/hook", "x"}, "24h"
	if _, err := neon.New(o, secret.Fixed(secret.New("k"))); err != nil {
		t.Error(err)
	}
}

// TestTrustIsAskedFor: what a strange rotor.yaml would send where, and run.
func TestTrustIsAskedFor(t *testing.T) {
	typ := neon.Type()
	o := good()
	o.ChildBranches, o.AfterDelete = "delete", []string{"/opt/hook"}
	if typ.Refs(&o)["api-key"] != "env:NEON_API_KEY" || typ.Destination(&o) != "https://console.neon.tech/api/v2" || typ.Commands(&o)["after-delete"][0] != "/opt/hook" {
		t.Error("something is not shown")
	}
	o.BaseURL = "https://elsewhere.example.com"
	if typ.Destination(&o) != o.BaseURL {
		t.Error("another base-url is not shown")
	}
	bind := provider.BindFunc(func(string) (secret.Source, error) { return secret.Fixed(secret.New("k")), nil })
	if _, err := typ.New(&o, provider.Context{Bind: bind}); err != nil {
		t.Error(err)
	}
	o.APIKey = ""
	if _, err := typ.New(&o, provider.Context{Bind: bind}); fault.KindOf(err) != fault.BadConfig || err == nil {
		t.Errorf("without api-key: %v", err)
	}
}

// TestRefusalsAreTakenApart: only 28P01 is the password's fault.
func TestRefusalsAreTakenApart(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]fault.Kind{
		"28P01": fault.Rejected, "28000": fault.Unknown, "3D000": fault.BadConfig, "42501": fault.Denied,
		"53300": fault.Transient, "57P03": fault.Transient, "08006": fault.Transient, "XX000": fault.Unknown, "": fault.Unknown, "x'; --": fault.Unknown,
	} {
		o := good()
		o.Host, o.ChildBranches = refuser(t, code), "ignore"
		p, err := neon.New(o, secret.Fixed(secret.New("k")))
		if err != nil {
			t.Fatal(err)
		}
		v := value("some-password-0123")
		if err := p.Verify(t.Context(), v); err == nil || fault.KindOf(err) != want {
			t.Errorf("%s: %s, want %s: %v", code, fault.KindOf(err), want, err)
		}
		live, _ := p.Probe(t.Context(), v)
		if dead := live == provider.Refused; dead != (code == "28P01") {
			t.Errorf("%s: %s", code, live)
		}
	}
}

// TestALoginWithoutAPassword proves nothing: any would do.
func TestALoginWithoutAPassword(t *testing.T) {
	t.Parallel()
	o := good()
	o.Host = answering(t, &pgproto3.AuthenticationOk{}, &pgproto3.ReadyForQuery{TxStatus: 'I'})
	p, err := neon.New(o, secret.Fixed(secret.New("k")))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Verify(t.Context(), value("x")); fault.KindOf(err) != fault.BadConfig || err == nil {
		t.Errorf("%v", err)
	}
}

func refuser(t *testing.T, code string) string {
	return answering(t, &pgproto3.ErrorResponse{Severity: "FATAL", Code: code, Message: "some-password-0123"})
}

// answering is a server that answers every start with the same.
func answering(t *testing.T, answers ...pgproto3.BackendMessage) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			b := pgproto3.NewBackend(conn, conn)
			if _, err := b.ReceiveStartupMessage(); err == nil {
				for _, a := range answers {
					b.Send(a)
				}
				_ = b.Flush()
			}
			conn.Close()
		}
	}()
	return l.Addr().String()
}
