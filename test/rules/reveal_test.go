package rules

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// reveals lists the files in which a secret.Value may be turned into its text,
// and why. Everything else must hand the Value on. (secret itself and exams are
// not listed.)
var reveals = map[string]string{
	"app/key.go":                      "writes the key file, 0600, once",
	"cli/recover.go":                  "recover --out: the one way out for a person, audited",
	"check/http/http.go":              "a bearer or header of a probe",
	"check/prometheus/prometheus.go":  "the bearer of a query",
	"check/sql/sql.go":                "takes a DSN apart",
	"internal/apiclient/auth.go":      "a header, or a field of a body, of one request",
	"provider/grafana/use.go":         "the name that an old API key holds",
	"provider/keycloak/client.go":     "looks whether a secret is a reference to a vault",
	"provider/keycloak/keycloak.go":   "the form-encoding of a client's login; a form field of the administrator's",
	"provider/keycloak/login.go":      "a form field of one login",
	"provider/keycloak/user.go":       "draws a password",
	"provider/clerk/post.go":          "a client secret in the form of one request",
	"internal/sigv4/sigv4.go":         "the key of one signature",
	"provider/neon/login.go":          "the password of a proving login",
	"provider/anthropic/issue.go":     "checks a paste's form; compares with what the list shows of a key",
	"provider/github/github.go":       "the hash that a token is named by",
	"provider/github/jwt.go":          "signs with the App's private key",
	"provider/github/pat.go":          "checks a paste's form",
	"provider/github/ssh.go":          "a login with a deploy key; compares its public half",
	"provider/openai/use.go":          "compares with what the list shows of a key",
	"provider/postgres/self.go":       "the verifier in ALTER ROLE",
	"provider/r2/issue.go":            "the digest of a token that is the secret",
	"provider/r2/use.go":              "key ids, which are public",
	"provider/redis/door.go":          "AUTH of a connection; takes an address apart",
	"provider/redis/issue.go":         "the digest that Redis stores; requirepass, which takes plain text",
	"provider/redis/redis.go":         "user names, which are public; looks whether a candidate can be guessed",
	"provider/redis/revoke.go":        "compares a digest",
	"provider/redis/verify.go":        "the digest that Redis stores",
	"provider/upstash/overlap.go":     "user names, which are public; ACL SETUSER",
	"provider/upstash/use.go":         "AUTH of a connection",
	"consumer/pgbouncer/console.go":   "takes the console's DSN apart",
	"consumer/pgbouncer/login.go":     "the password of a proving login; compares a salt",
	"store/userlist/write.go":         "writes the line",
	"internal/compose/container.go":   "compares a container's environment in constant time",
	"internal/proc/environ.go":        "the environment of one child process",
	"provider/generated/generated.go": "checks its own format",
	"provider/generated/options.go":   "encodes fresh random bytes",
	"provider/manual/manual.go":       "checks a person's value against the pattern",
	"provider/postgres/admin.go":      "takes the management DSN apart",
	"provider/postgres/issue.go":      "the verifier in ALTER ROLE",
	"provider/postgres/postgres.go":   "user name and verifier of a candidate",
	"provider/postgres/verify.go":     "the password of a proving login",
	"store/dotenv/write.go":           "writes the line",
	"store/file/file.go":              "writes the file",
	"store/github/call.go":            "seals the value for GitHub's key",
	"store/vaultkv/call.go":           "the token of a request",
	"store/vaultkv/put.go":            "the body of a write",
}

func TestReveal(t *testing.T) {
	used := map[string]bool{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && skipped(d.Name()) {
			return fs.SkipDir
		}
		rel, _ := filepath.Rel(root, file)
		rel = filepath.ToSlash(rel)
		exempt := strings.HasPrefix(rel, "secret/") || strings.HasPrefix(rel, "test/") || strings.Contains(filepath.Dir(rel), "test")
		if !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") || exempt {
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), ".Reveal()") {
			return err
		}
		used[rel] = true
		if reveals[rel] == "" {
			t.Errorf("%s reveals a value and is not on the list", rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for file := range reveals {
		if !used[file] {
			t.Errorf("%s is on the list and reveals nothing", file)
		}
	}
}
