package cli

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// largestValue is far above any key.
const largestValue = 1 << 20

// readValue takes a value from where the person said it is.
func (w *worker) readValue(ctx context.Context, name string, args []string, f setFlags) (secret.Set, error) {
	cred, err := w.app.Credential(name)
	if err != nil {
		return nil, err
	}
	fields := cred.Provider.Traits().Fields
	switch {
	case f.env != "":
		text, ok := os.LookupEnv(f.env)
		if !ok {
			return nil, usage("--from-env %s: the variable is not set", f.env)
		}
		return parseValue(text, fields)
	case f.file != "":
		return valueOfFile(strings.TrimPrefix(f.file, "@"), fields)
	case len(args) == 2:
		text, err := readAll(w.in, "stdin")
		if err != nil {
			return nil, err
		}
		return parseValue(text, fields)
	case !w.mayAsk():
		return nil, usage("no value is given and nobody can be asked").
			WithHint("pipe it in: rotor set %s - ; or @FILE, or --from-env NAME", name)
	}
	return w.promptValues(ctx, name, w.app)
}

func valueOfFile(path string, fields []app.Field) (secret.Set, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(fault.BadConfig, "the value", err)
	}
	defer f.Close()
	text, err := readAll(f, path)
	if err != nil {
		return nil, err
	}
	return parseValue(text, fields)
}

func readAll(r io.Reader, what string) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, largestValue+1))
	if err != nil {
		return "", fault.Wrap(fault.BadConfig, "the value: read "+what, err)
	}
	if len(text) > largestValue {
		return "", usage("the value in %s is larger than 1 MB", what)
	}
	return string(text), nil
}

// parseValue reads one secret field as it is, several as a JSON object or as
// lines NAME=VALUE. Errors name fields, never texts.
func parseValue(text string, fields []app.Field) (secret.Set, error) {
	text = cutNewline(text)
	if text == "" {
		return nil, usage("the value is empty")
	}
	if len(fields) == 1 {
		return secret.Set{fields[0].Name: field(fields[0], text)}, nil
	}
	named := map[string]string{}
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		if json.Unmarshal([]byte(text), &named) != nil {
			return nil, usage("the value is not a JSON object of texts")
		}
	} else {
		for _, line := range strings.Split(text, "\n") {
			if name, v, ok := strings.Cut(strings.TrimSuffix(line, "\r"), "="); ok {
				named[strings.TrimSpace(name)] = v
			} else if strings.TrimSpace(line) != "" {
				return nil, usage("a line of the value is not NAME=VALUE").WithHint("its fields are %s", fieldNames(fields))
			}
		}
	}
	return pick(named, fields)
}

func pick(named map[string]string, fields []app.Field) (secret.Set, error) {
	out := secret.Set{}
	for _, f := range fields {
		text, ok := named[f.Name]
		if !ok || text == "" {
			return nil, usage("the value lacks the field %s", f.Name).WithHint("its fields are %s", fieldNames(fields))
		}
		out[f.Name] = field(f, text)
	}
	if len(named) > len(out) {
		return nil, usage("the value has fields that nobody asked for").WithHint("its fields are %s", fieldNames(fields))
	}
	return out, nil
}

func field(f app.Field, text string) secret.Value {
	if f.Secret {
		return secret.New(text)
	}
	return secret.Public(text)
}

func fieldNames(fields []app.Field) string {
	var names []string
	for _, f := range fields {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func cutNewline(text string) string {
	return strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
}

// promptValues asks for each field; secret ones are not shown.
func (s *shell) promptValues(ctx context.Context, name string, a *app.App) (secret.Set, error) {
	cred, err := a.Credential(name)
	if err != nil {
		return nil, err
	}
	out := secret.Set{}
	for _, f := range cred.Provider.Traits().Fields {
		ask, prompt := s.askHidden, "New "+f.Name+" of "+name+" (not shown): "
		if !f.Secret {
			ask, prompt = s.ask, f.Name+" of "+name+": "
		}
		text, err := ask(ctx, prompt)
		if err != nil {
			return nil, err
		}
		if text == "" {
			return nil, usage("the value is empty")
		}
		out[f.Name] = field(f, text)
	}
	return out, nil
}
