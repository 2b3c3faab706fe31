package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

// rotor runs this program as rotor, with an environment that changes no default.
func rotor(args ...string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	cmd := exec.Command(self, args...)
	cmd.Env = []string{asRotor + "=yes", "HOME=/nonexistent", "PATH=/nonexistent"}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("rotor %s: %w: %s", strings.Join(args, " "), err, out.String())
	}
	return out.String(), nil
}

const generated = "<!-- written by internal/gendocs; do not edit: make generate -->\n"

const cliHead = generated + `
# Command line

What ` + "`rotor help COMMAND`" + ` says, for every command. Data goes to standard output, everything
else to standard error. No flag and no argument takes a secret. The codes that commands end
with: [exit codes](exit-codes.md).

`

func cliPage() (string, error) {
	var b strings.Builder
	b.WriteString(cliHead)
	text, err := rotor("help")
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&b, "## rotor\n\n```text\n%s```\n", text)
	if err := describe(&b, nil, text); err != nil {
		return "", err
	}
	return b.String(), nil
}

// commandLine is an entry in a list of commands: two spaces, the name, what it is.
var commandLine = regexp.MustCompile(`^  ([a-z][a-z-]*) +[A-Z]`)

// commands reads the names out of a help text: they stand before the flags.
func commands(help string) []string {
	body, _, _ := strings.Cut(help, "\nFlags:\n")
	_, body, found := strings.Cut(body, "Usage: ")
	if !found {
		return nil
	}
	var out []string
	for _, line := range strings.Split(body, "\n") {
		if m := commandLine.FindStringSubmatch(line); m != nil {
			out = append(out, m[1])
		}
	}
	return out
}

func describe(b *strings.Builder, path []string, help string) error {
	for _, name := range commands(help) {
		full := append(append([]string{}, path...), name)
		text, err := rotor(append([]string{"help"}, full...)...)
		if err != nil {
			return err
		}
		own, _, _ := strings.Cut(text, "\nGlobal flags:\n")
		fmt.Fprintf(b, "\n## rotor %s\n\n```text\n%s\n```\n", strings.Join(full, " "), strings.TrimSpace(own))
		if err := describe(b, full, text); err != nil {
			return err
		}
	}
	return nil
}

var codeLine = regexp.MustCompile(`(?m)^  (\d+) +(.+)$`)

func exitCodesPage() (string, error) {
	text, err := rotor("help", "exit-codes")
	if err != nil {
		return "", err
	}
	lines := codeLine.FindAllStringSubmatch(text, -1)
	if len(lines) < 5 {
		return "", fmt.Errorf("rotor help exit-codes lists %d codes", len(lines))
	}
	var b strings.Builder
	b.WriteString(generated + "\n# Exit codes\n\nThe same for every command (`rotor help exit-codes`).\n\n| code | meaning |\n|---|---|\n")
	for _, l := range lines {
		fmt.Fprintf(&b, "| %s | %s |\n", l[1], cell(l[2]))
	}
	b.WriteString("\nIn scripts: 0 and 5 are success (5: a grace period or a person is waited for; `--detach` makes it 0), 7 wants a person now.\n")
	return b.String(), nil
}
