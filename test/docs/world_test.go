package docs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/internal/demo/service"
	"github.com/agenticverz/rotor/internal/demo/unit"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/internal/testserver"
)

// world makes the system that the README's first commands are given in: a
// PostgreSQL, two instances of a service that log in to it, and what restarts
// them. The page's rotor.yaml is used as it stands, but for the addresses and
// the program that restarts.
func (s *session) world(name string) {
	s.t.Helper()
	s.begin()
	s.shown = "/srv/nova"
	password := rand.Text()
	switch name {
	case "legacy":
		s.legacy(password)
		return
	case "doubles":
		s.doubles()
		return
	}
	db := s.database(password)
	url := fmt.Sprintf("postgresql://nova_a:%s@127.0.0.1:%d/nova_aos", password, db.Port)
	s.write(".env", "POSTGRES_USER=nova_a\nPOSTGRES_PASSWORD="+password+"\nDATABASE_URL="+url+"\nMACHINE_SECRET_TOKEN="+rand.Text()+"\n")
	socket, health := s.units("backend", "worker")
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	s.env = append(s.env, "ROTOR_PG_ADMIN="+db.DSN("postgres", "", ""))
	s.changes = [][2]string{
		{"127.0.0.1:5432", fmt.Sprintf("127.0.0.1:%d", db.Port)}, {"http://127.0.0.1:8000", health},
		{"[/usr/local/bin/nova-unit, deploy]", fmt.Sprintf("[%s, unit, deploy, %s]", self, socket)},
		{"[/usr/local/bin/nova-unit, confirm]", fmt.Sprintf("[%s, unit, confirm, %s]", self, socket)},
	}
	s.configured("README.md", "nova")
}

// configured takes the page's rotor.yaml and trusts it.
func (s *session) configured(page, world string) {
	s.t.Helper()
	for _, b := range blocks(s.t, page) {
		if name, _ := b.order("config"); name == world {
			s.write("rotor.yaml", s.real(b.text))
		}
	}
	if out, err := s.bash("rotor config trust --yes"); err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
}

// legacy is a database whose application logs in as the owner of everything.
func (s *session) legacy(password string) {
	s.t.Helper()
	db := testserver.OwnPostgres(s.t, localserver.PostgresOptions{})
	err := errors.Join(
		db.Exec(s.t.Context(), "postgres", "CREATE ROLE nova LOGIN PASSWORD '"+password+"'", "CREATE DATABASE nova_aos OWNER nova"),
		db.Exec(s.t.Context(), "nova_aos", "SET ROLE nova", "CREATE TABLE orders (id serial PRIMARY KEY, item text)",
			"CREATE VIEW recent AS SELECT * FROM orders"))
	if err != nil {
		s.t.Fatal(err)
	}
	url := fmt.Sprintf("postgresql://nova:%s@127.0.0.1:%d/nova_aos", password, db.Port)
	s.write(".env", "POSTGRES_USER=nova\nPOSTGRES_PASSWORD="+password+"\nDATABASE_URL="+url+"\n")
	s.env = append(s.env, "ROTOR_PG_ADMIN="+db.DSN("postgres", "", ""))
	s.changes = [][2]string{{"127.0.0.1:5432", fmt.Sprintf("127.0.0.1:%d", db.Port)}}
	s.configured("docs/databases.md", "legacy")
}

func (s *session) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *session) database(password string) *localserver.Postgres {
	s.t.Helper()
	db := testserver.OwnPostgres(s.t, localserver.PostgresOptions{})
	err := errors.Join(
		db.Exec(s.t.Context(), "postgres", "CREATE DATABASE nova_aos"),
		db.Exec(s.t.Context(), "nova_aos", "CREATE ROLE nova_owner NOLOGIN",
			fmt.Sprintf("CREATE ROLE nova_a LOGIN PASSWORD '%s' IN ROLE nova_owner", password),
			"ALTER ROLE nova_a IN DATABASE nova_aos SET role TO 'nova_owner'",
			"GRANT ALL ON SCHEMA public TO nova_owner", "SET ROLE nova_owner", service.Schema))
	if err != nil {
		s.t.Fatal(err)
	}
	return db
}

// units starts the service's instances and their supervisor.
func (s *session) units(names ...string) (socket, health string) {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	all := map[string]unit.Unit{}
	for _, name := range names {
		address := freeAddress(s.t)
		one := unit.NewProcess(unit.Spec{Name: name, Argv: []string{self, "serve"}, URL: "http://" + address,
			EnvFile: filepath.Join(s.dir, ".env"), Log: filepath.Join(s.home, name+".log"),
			Env: []string{"NAME=" + name, "LISTEN=" + address, "DRAIN=0"}})
		if err := one.Deploy(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { one.Stop() })
		all[name] = one
		if health == "" {
			health = one.URL()
		}
	}
	socket = filepath.Join(s.home, "units")
	server, err := unit.Serve(socket, all)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = server.Stop() })
	return socket, health
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// checkout makes the folder a copy of the source tree, for pages about changing it.
func (s *session) checkout() {
	s.t.Helper()
	s.begin()
	s.dir = copyTree(s.t)
	// without paths in them, what one run compiled serves the next
	s.env = append(s.env, "GOBIN="+filepath.Join(s.home, "bin"), "GOFLAGS=-trimpath")
}

// copyTree copies everything but what is built or belongs to git.
func copyTree(t *testing.T) string {
	t.Helper()
	to := t.TempDir()
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if strings.HasPrefix(d.Name(), ".") && rel != "." || rel == "bin" || rel == "dist" {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if info, err := d.Info(); err == nil && info.Mode()&0o100 != 0 {
			mode = 0o755
		}
		return os.WriteFile(filepath.Join(to, rel), text, mode)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}
