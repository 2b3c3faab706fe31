package unit

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// ReadEnv reads a .env file: NAME=value, NAME='value' or NAME="value" a line,
// comments, `export`. What would need a shell to understand is an error, for a
// guess would start a unit with a wrong value. Errors name lines, never texts.
func ReadEnv(path string) (map[string]string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, &UnreadError{err}
	}
	values, err := parseEnv(string(content))
	if err != nil {
		return nil, &UnreadError{fmt.Errorf("%s: %w", path, err)}
	}
	return values, nil
}

// UnreadError: the .env file could not be read, so nothing was changed.
type UnreadError struct{ err error }

func (e *UnreadError) Error() string { return e.err.Error() }
func (e *UnreadError) Unwrap() error { return e.err }

func parseEnv(content string) (map[string]string, error) {
	values := map[string]string{}
	for i, line := range strings.Split(content, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, text, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if name = strings.TrimSpace(name); !ok || !variable.MatchString(name) {
			return nil, fmt.Errorf("line %d is not NAME=value", i+1)
		}
		value, ok := unquote(strings.TrimSpace(text))
		if !ok {
			return nil, fmt.Errorf("line %d: %s has quotes or signs that only a shell understands", i+1, name)
		}
		values[name] = value
	}
	return values, nil
}

// unquote: between single quotes everything is text; elsewhere $, \ and ` are not.
func unquote(text string) (string, bool) {
	if text == "" || text[0] != '\'' && text[0] != '"' {
		text, _, _ = strings.Cut(text, " #")
		text = strings.TrimSpace(text)
		return text, !strings.ContainsAny(text, "'\"$\\`\x00")
	}
	quote := text[:1]
	inner, behind, ok := strings.Cut(text[1:], quote)
	behind = strings.TrimSpace(behind)
	if !ok || behind != "" && behind[0] != '#' || strings.Contains(inner, "\x00") {
		return "", false
	}
	return inner, quote == "'" || !strings.ContainsAny(inner, "$\\`")
}
