package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/config"
)

// ensureTrust asks a person at the terminal about a rotor.yaml that was met by
// walking upward; everybody else gets the error.
func (s *shell) ensureTrust(ctx context.Context, a *app.App) error {
	err := a.Trusted()
	if err == nil || !s.mayAsk() {
		return err
	}
	s.showSurface(a.Config())
	ok, err2 := s.confirm(ctx, "Do you trust it?")
	if err2 != nil {
		return err2
	}
	if !ok {
		return err
	}
	return a.Trust(ctx)
}

// showSurface shows every secret with its destination, and every command.
func (s *shell) showSurface(c *config.Config) {
	s.tell("%s would:\n", c.File)
	for _, e := range config.Surface(c) {
		s.tell("  %s\n", printable(e.String()))
	}
}

// printable keeps a hostile file from painting over what is decided about.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x200b && r <= 0x206f {
			return '\ufffd'
		}
		return r
	}, text)
}

// trust shows what the file would do, asks, and remembers; the audit has it
// first.
func (s *shell) trust(ctx context.Context, a *app.App, yes bool) error {
	if a.Trusts().Trusted(a.Config().File, a.Config().Hash) {
		s.tell("%s is trusted already.\n", a.Config().File)
		return nil
	}
	s.showSurface(a.Config())
	if !yes {
		if !s.mayAsk() {
			return usage("nobody can be asked").WithHint("look at the list above, then: rotor config trust --yes")
		}
		if ok, err := s.confirm(ctx, "Do you trust it?"); err != nil || !ok {
			return errors.Join(err, exitCode(exitFailed))
		}
	}
	if err := a.Trust(ctx); err != nil {
		return err
	}
	s.tell("%s is trusted until it changes.\nNext: rotor plan\n", a.Config().File)
	return nil
}
