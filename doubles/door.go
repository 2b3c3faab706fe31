package doubles

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// Door is a double as somebody who tries Rotor sees it: an API below /Name, and what
// belongs into rotor.yaml for it.
type Door struct {
	Name  string // path prefix, of [a-z0-9-]
	API   http.Handler
	Env   []Variable // what the providers below refer to: keys of the double
	Tries []Try
	Words []string // what else to know; {base} becomes the address of the door
}

// Try is one credential of a rotor.yaml.
type Try struct {
	Name     string
	Provider string     // in one line, as rotor.yaml has it; {base} becomes the address
	Present  []Variable // the value in use now, as .env holds it
}

// Variable is a name and its text: of .env, with the field of the value that it
// holds, or of the environment.
type Variable struct {
	Name, Value string
	Field       string // "" = the provider's only secret field
}

func (d Door) at(address, text string) string {
	return strings.ReplaceAll(text, "{base}", address+"/"+d.Name)
}

// describe prints what install writes.
func (d Door) describe(out io.Writer, address string) {
	fmt.Fprintf(out, "%s:\n", d.Name)
	for _, v := range d.Env {
		fmt.Fprintf(out, "  export %s=%s\n", v.Name, v.Value)
	}
	for _, t := range d.Tries {
		fmt.Fprintf(out, "  %s: provider: %s\n", t.Name, d.at(address, t.Provider))
		for _, v := range t.Present {
			fmt.Fprintf(out, "    present %s: %s\n", v.Name, v.Value)
		}
	}
	for _, w := range d.Words {
		fmt.Fprintf(out, "  %s\n", d.at(address, w))
	}
}

// install writes rotor.yaml, the .env that it changes, and the environment that it
// refers to. What is there already is left alone, and is an error.
func install(dir, address string, doors []Door) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	config := "version: 1\ndefaults: {owner: Me, every: quarterly, grace: 10s}\nstores:\n  dotenv: {type: dotenv, path: .env}\ncredentials:\n"
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	// a state of its own: trying must not touch what Rotor rotates otherwise
	present, environment := "", "export ROTOR_STATE='"+filepath.Join(dir, "state")+"' ROTOR_CONFIG='"+filepath.Join(dir, "rotor.yaml")+"'\n"
	for _, d := range doors {
		for _, v := range d.Env {
			environment += "export " + v.Name + "='" + v.Value + "'\n"
		}
		for _, w := range d.Words {
			config += "  # " + d.at(address, w) + "\n"
		}
		for _, t := range d.Tries {
			config += t.config(d, address)
			for _, v := range t.Present {
				if v.Value != "" { // there may be none yet
					present += v.Name + "=" + v.Value + "\n"
				}
			}
		}
	}
	return errors.Join(write(dir, "rotor.yaml", config), write(dir, ".env", present), write(dir, "doubles.env", environment))
}

func (t Try) config(d Door, address string) string {
	text := "  " + t.Name + ":\n    provider: " + d.at(address, t.Provider) + "\n    targets:\n"
	for _, v := range t.Present {
		value := ""
		if v.Field != "" {
			value = `, value: "{{.` + v.Field + `}}"`
		}
		text += "      - {store: dotenv, key: " + v.Name + value + "}\n"
	}
	return text
}

func write(dir, name, text string) error {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
