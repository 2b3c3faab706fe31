package app

import (
	"github.com/agenticverz/rotor/config"
	"github.com/agenticverz/rotor/fault"
)

// Reload reads rotor.yaml again. One with a mistake, or a changed one that
// nobody trusts yet, is refused and the present one stays. Rotations under way
// keep what they began with.
func (a *App) Reload() error {
	c, err := config.Load(a.Found.Path, Kinds())
	if err != nil {
		return err
	}
	if a.Found.Walked && !a.Trusts().Trusted(c.File, c.Hash) {
		return fault.Wrap(fault.BadConfig, "", &UntrustedError{File: c.File})
	}
	a.catalog.replace(c)
	a.config.Store(c)
	return nil
}
