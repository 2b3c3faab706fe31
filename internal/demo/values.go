package demo

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/agenticverz/rotor/secret"
)

// values remembers every secret of the demo, so as to look for it at the end
// where it must not be.
type values struct {
	mu      sync.Mutex
	known   []string
	printed bytes.Buffer // what Rotor printed
}

// add remembers a value and gives it back.
func (v *values) add(value string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if value != "" && !slices.Contains(v.known, value) {
		v.known = append(v.known, value)
	}
	return value
}

func (v *values) heard(line string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.printed.WriteString(line + "\n")
}

// in counts the known values that stand in the text, in any of six encodings.
func (v *values) in(text []byte) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 0
	for _, value := range v.known {
		for _, form := range secret.Encodings(secret.New(value)) {
			if bytes.Contains(text, []byte(form)) {
				n++
				break
			}
		}
	}
	return n
}

// search looks through everything that Rotor's half left behind: its state, its
// output, the services' and the database's logs. The .env files are where values
// belong, and so is the admin's connection string.
func (d *demo) search() error {
	belongs := []string{".env", "caller.env", "admin-url", "rotor"}
	files, found := 0, d.values.in(d.values.printed.Bytes())
	look := func(path string) error {
		content, err := os.ReadFile(path)
		files++
		found += d.values.in(content)
		return err
	}
	err := filepath.WalkDir(d.dir, func(path string, e fs.DirEntry, err error) error {
		// the installation's key is no value of the demo's; it is read like the rest
		if err != nil || !e.Type().IsRegular() || slices.Contains(belongs, e.Name()) {
			return err
		}
		return look(path)
	})
	if err == nil && d.database != nil {
		err = look(d.database.LogPath())
	}
	if err != nil {
		return err
	}
	d.story.section("Where are the values?")
	d.story.fact("values that were in use", "%d", len(d.values.known))
	d.story.fact("searched, in six encodings", "%d files (state, audit, logs) and all that Rotor printed", files)
	d.story.fact("found outside .env", "%d", found)
	if found > 0 {
		d.breaks("%d values leaked", found)
	}
	return nil
}
