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
	"provider/neon/login.go":          "the password of a proving login",
	"provider/openai/use.go":          "compares with what the list shows of a key",
	"provider/postgres/self.go":       "the verifier in ALTER ROLE",
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
