package app

import (
	"fmt"
	"strings"

	"github.com/agenticverz/rotor/config"
	"github.com/agenticverz/rotor/fault"
)

// Mistakes builds everything that credentials name, which connects to nothing, and
// lists what their rooms find wrong with the options: a *config.Errors, or nil.
func Mistakes(c *config.Config) error {
	k := newCatalog(c, func() error { return nil })
	found := &config.Errors{}
	for _, one := range c.Credentials {
		if _, err := k.build(one); err != nil {
			pos, what := place(one.Pos, err.Error())
			found.Problems = append(found.Problems, config.Problem{Pos: pos, What: what, Hint: fault.HintOf(err)})
		}
	}
	if len(found.Problems) == 0 {
		return nil
	}
	return found
}

// place takes a nearer place off a text that begins with it, as at puts it there.
func place(pos config.Pos, text string) (config.Pos, string) {
	rest, ok := strings.CutPrefix(text, pos.File+":")
	nearer := pos
	if n, _ := fmt.Sscanf(rest, "%d:%d:", &nearer.Line, &nearer.Col); !ok || n != 2 {
		return pos, text
	}
	return nearer, strings.TrimPrefix(text, nearer.String()+": ")
}
