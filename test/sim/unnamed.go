package sim

import (
	"context"

	"github.com/agenticverz/rotor/fault"
	room "github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// full is how many values the account of class O-n holds: the stranger's, and two.
const full = 3

// lists is the class without names: nothing tells whose a value is, and one that is
// left behind leaves no room for the next.
type lists struct{ *provider }

// unnamed makes a value that bears no name, if there is room.
func (p *provider) unnamed(v *value) error {
	v.text, v.label = p.w.mint("minted"), ""
	if len(p.live) >= full {
		return fault.New(fault.Rejected, "issue: the account is full")
	}
	return nil
}

func (l lists) Identify(_ context.Context, s secret.Set) (rotation.Handle, error) {
	return l.identify(s)
}

// List has strangers, too: nothing tells whose a value is.
func (l lists) List(context.Context) ([]room.Found, error) {
	if err := l.w.look("list"); err != nil {
		return nil, err
	}
	var out []room.Found
	for _, v := range l.live {
		out = append(out, room.Found{Handle: rotation.Handle{ID: v.id}, Created: v.created})
	}
	return out, nil
}
