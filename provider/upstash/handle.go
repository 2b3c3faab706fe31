package upstash

import (
	"regexp"
	"strings"

	"github.com/agenticverz/rotor/rotation"
)

// userForm is a label, or the name of a user that was made by hand.
var userForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$`)

// handle is DATABASE/USER with both strategies: each data base has a user default.
func (a *account) handle(user string) rotation.Handle {
	return rotation.Handle{ID: a.opts.Database + "/" + user}
}

// userOf gives the user of a handle of this data base.
func (a *account) userOf(step string, h rotation.Handle) (string, error) {
	user, here := strings.CutPrefix(h.ID, a.opts.Database+"/")
	switch {
	case !here:
		return "", bad("%s: the handle is of another data base, not of %s: %.200q", step, a.opts.Database, h.ID).
			WithHint("was database changed in rotor.yaml? put the old one back and finish the retirement")
	case !userForm.MatchString(user):
		return "", bad("%s: the handle names no user", step).WithHint("was it made by another provider? one of ours is DATABASE/USER")
	}
	return user, nil
}

// here: the value is of this data base, if its handle is known. It is not tried elsewhere:
// another data base refuses it, which proves nothing.
func (a *account) here(step string, h rotation.Handle) error {
	if h.IsZero() {
		return nil
	}
	_, err := a.userOf(step, h)
	return err
}
