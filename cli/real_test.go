//go:build linux

package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/agenticverz/rotor/internal/testserver"
)

// TestRealServers takes a database password through Vault and a .env: two roles
// taking turns, the admin's own login read from Vault, every value for real.
func TestRealServers(t *testing.T) {
	v, db := testserver.Vault(t), testserver.Postgres(t)
	a, b, owner := db.Role("a"), db.Role("b"), db.Role("owner")
	first := "first-password-0123456789"
	db.Exec(t, "CREATE ROLE "+owner+" NOLOGIN", "GRANT ALL ON SCHEMA public TO "+owner,
		"CREATE ROLE "+a+" LOGIN PASSWORD '"+first+"' IN ROLE "+owner, "ALTER ROLE "+a+" SET role TO "+owner)
	p := newPlace(t, fmt.Sprintf(`version: 1
defaults: {owner: Platform, every: quarterly, grace: 0s}
stores:
  vault: {type: vaultkv, mount: %[1]s, address: "%[2]s", token: "env:TEST_VAULT_TOKEN"}
  dotenv: {type: dotenv, path: .env}
credentials:
  token:
    provider: {type: generated}
    targets: [{store: vault, path: app, key: TOKEN}]
  database:
    provider: {type: postgres, admin: "vault:pg#url", database: %[3]s, owner-role: %[4]s, roles: [%[5]s, %[6]s]}
    targets:
      - {store: vault, path: database, key: USER, value: "{{.username}}"}
      - {store: vault, path: database, key: PASSWORD, value: "{{.password}}"}
      - {store: dotenv, key: DATABASE_URL, value: "postgresql://{{.username | userinfo}}:{{.password | userinfo}}@localhost/x"}
`, v.Mount, v.Addr, db.Name, owner, a, b), "DATABASE_URL=postgresql://"+a+":"+first+"@localhost/x\n")
	p.env = append(p.env, "TEST_VAULT_TOKEN="+v.RootToken)
	put(t, v, "pg", map[string]string{"url": db.URL("", "")})
	put(t, v, "database", map[string]string{"USER": a, "PASSWORD": first})
	put(t, v, "app", map[string]string{"OTHER": "kept"})

	r := p.want(0, "rotate", "token")
	if !strings.Contains(r.err, "generation 1 is in use") {
		t.Error(r.err)
	}
	var logins []*url.URL
	for range 3 {
		p.want(0, "rotate", "database")
		u, err := url.Parse(p.variable("DATABASE_URL"))
		if err != nil {
			t.Fatal("not a URL")
		}
		logins = append(logins, u)
		if err := login(t, db, u); err != nil {
			t.Errorf("the new login does not work: %v", err)
		}
	}
	if logins[0].User.Username() != b || logins[1].User.Username() != a || logins[2].User.Username() != b {
		t.Error("the roles do not take turns")
	}
	if login(t, db, logins[0]) == nil || login(t, db, logins[1]) == nil {
		t.Error("an old login works")
	}
	st := p.want(0, "status", "database", "-o", "json")
	if strings.Count(st.out, `"proof": "dead, proven"`) != 3 {
		t.Errorf("not every old one is proven dead:\n%s", st.out)
	}
	p.want(0, "audit", "verify")
}

func login(t *testing.T, db *testserver.Database, u *url.URL) error {
	t.Helper()
	password, _ := u.User.Password()
	conn, err := pgx.Connect(t.Context(), db.URL(u.User.Username(), password))
	if err == nil {
		_ = conn.Close(t.Context())
	}
	return err
}

// put writes a path of the mount as root.
func put(t *testing.T, v *testserver.VaultMount, path string, data map[string]string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"data": data})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.Addr+"/v1/"+v.Mount+"/data/"+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Vault-Token", v.RootToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("put %s: status %d", path, resp.StatusCode)
	}
}
