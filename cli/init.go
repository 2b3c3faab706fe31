package cli

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/agenticverz/rotor/config"
	"github.com/agenticverz/rotor/fault"
)

func (s *shell) initCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "init",
		Short: "Write a rotor.yaml for what is here",
		Long: `Looks for a .env and a compose file and writes a commented rotor.yaml beside them: the
variables that look like secrets become credentials that only a person's value
changes, until you say who issues them. Values are not read into it. A rotor.yaml
that exists is never overwritten.`,
		Example: "  rotor init",
		Args:    names(0, 0, "no arguments"),
		RunE:    func(*cobra.Command, []string) error { return s.init() },
	}
}

func (s *shell) init() error {
	dir, err := os.Getwd()
	if err != nil {
		return fault.Wrap(fault.BadConfig, "init", err)
	}
	path := filepath.Join(dir, config.FileName)
	if s.config != "" {
		path = s.config
	}
	text := scaffold(dir)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return usage("%s exists and is left as it is", path).WithHint("rotor config validate looks for mistakes in it")
	}
	if err != nil {
		return fault.Wrap(fault.Denied, "init", err)
	}
	_, err = f.WriteString(text)
	if err2 := f.Close(); err == nil {
		err = err2
	}
	if err != nil {
		return fault.Wrap(fault.Transient, "init", err)
	}
	s.tell("Wrote %s.\nNext: look through it, then rotor config trust, and rotor plan.\n", path)
	return nil
}

// scaffold is a rotor.yaml for what the folder holds.
func scaffold(dir string) string {
	var b strings.Builder
	b.WriteString(head)
	variables := secretNames(filepath.Join(dir, ".env"))
	services, file := composeServices(dir)
	b.WriteString("stores:\n  dotenv: {type: dotenv, path: .env}\n")
	b.WriteString("  # vault: {type: vaultkv, address: \"http://127.0.0.1:8200\", mount: secret, token: \"env:VAULT_TOKEN\"}\n\n")
	if len(services) > 0 {
		b.WriteString("# who presents the values\nconsumers:\n")
		fmt.Fprintf(&b, "  app: {type: compose, file: %s, services: [%s]}\n\n", file, strings.Join(services, ", "))
	}
	if len(variables) == 0 {
		b.WriteString("# credentials:\n")
		for _, line := range strings.Split(strings.TrimSuffix(example, "\n"), "\n") {
			b.WriteString("# " + line + "\n")
		}
		return b.String()
	}
	b.WriteString("credentials:\n")
	for _, name := range variables {
		fmt.Fprintf(&b, "  %s:\n    provider: {type: manual}   # rotor providers lists those that need no person\n", strings.ReplaceAll(strings.ToLower(name), "_", "-"))
		fmt.Fprintf(&b, "    targets: [{store: dotenv, key: %s}]\n", name)
		if len(services) > 0 {
			b.WriteString("    consumers: [app]\n")
		}
	}
	return b.String()
}

const head = `# yaml-language-server: $schema=rotor.schema.json
# (rotor config schema > rotor.schema.json)
version: 1

# what holds for every credential that says nothing else
defaults:
  owner: Platform      # who answers for it
  every: quarterly     # 90d, annually, a cron line, never
  grace: 24h           # how long an old value lives on

`

const example = `  api-token:
    provider: {type: generated, bytes: 32, encoding: hex}
    targets: [{store: dotenv, key: API_TOKEN}]
`

// Compiled here, not when the program starts: every command would pay for it.
const (
	assignmentForm = `^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=`
	secretForm     = `(?i)(SECRET|TOKEN|PASSWORD|PASSWD|API_?KEY|PRIVATE_KEY|ACCESS_KEY|_KEY$|_PASS$|DSN$|CREDENTIAL)`
)

// secretNames lists the variables of a .env file that look like secrets, by
// their names alone.
func secretNames(path string) []string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	assignment, secretWord := regexp.MustCompile(assignmentForm), regexp.MustCompile(secretForm)
	var out []string
	seen := map[string]bool{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		m := assignment.FindStringSubmatch(lines.Text())
		if m != nil && secretWord.MatchString(m[1]) && !seen[strings.ToLower(m[1])] {
			seen[strings.ToLower(m[1])] = true
			out = append(out, m[1])
		}
	}
	return out
}

// composeServices reads the names of services whose containers take the .env.
func composeServices(dir string) (services []string, file string) {
	for _, name := range []string{"compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"} {
		body, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		var model struct {
			Services yaml.MapSlice `yaml:"services"`
		}
		if yaml.Unmarshal(body, &model) != nil {
			return nil, ""
		}
		for _, item := range model.Services {
			if text, ok := item.Key.(string); ok {
				services = append(services, text)
			}
		}
		return services, name
	}
	return nil, ""
}
