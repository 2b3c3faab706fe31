//go:build seededbugs

package seeded

import "os"

var on = os.Getenv("ROTOR_SEEDED_BUG")

// Bug says whether the named bug is switched on by ROTOR_SEEDED_BUG.
func Bug(name string) bool { return name == on }
