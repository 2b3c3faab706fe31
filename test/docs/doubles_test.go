package docs

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/agenticverz/rotor/doubles"
	"github.com/agenticverz/rotor/doubles/all"
)

// workspace is an id that the double makes up.
var workspace = regexp.MustCompile(`wrkspc_[a-z0-9]+`)

var exported = regexp.MustCompile(`(?s)([A-Z_]+)='([^']*)'`)

// doubles is what `rotor-doubles -into` makes, in the folder itself. The variables of
// doubles.env are set already: each block is a shell of its own.
func (s *session) doubles() {
	s.t.Helper()
	doors, err := all.Doors()
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	ready, write := io.Pipe()
	go func() { ended <- doubles.Serve(ctx, "127.0.0.1:0", s.dir, write, doors...) }()
	s.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Error(err)
		}
	})
	if _, err := ready.Read(make([]byte, 1)); err != nil { // it says where it listens when all is written
		s.t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, ready) }() // ends with the pipe
	text, err := os.ReadFile(filepath.Join(s.dir, "doubles.env"))
	if err != nil {
		s.t.Fatal(err)
	}
	config, err := os.ReadFile(filepath.Join(s.dir, "rotor.yaml"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.changes = [][2]string{{"wrkspc_1", workspace.FindString(string(config))}}
	for _, v := range exported.FindAllStringSubmatch(string(text), -1) {
		s.env = append(s.env, v[1]+"="+v[2])
	}
	if !strings.Contains(string(text), "OPENAI_ADMIN_KEY") {
		s.t.Errorf("doubles.env: %s", text)
	}
}
