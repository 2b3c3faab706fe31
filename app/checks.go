package app

import (
	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/fault"
)

// check is built for each credential: building one does no I/O and it holds
// nothing open.
func (k *catalog) check(name string) (check.Check, error) {
	part, ok := k.config.Check(name)
	t, known := Checks().Get(part.Type)
	if !ok || !known {
		return nil, fault.New(fault.BadConfig, "there is no check %q", name)
	}
	c, err := t.New(part.Options, check.Context{Name: name, Dir: k.config.Dir, Bind: k.bind, Logs: k.logs})
	return c, at(part.Pos, err)
}

// logs finds the log of a consumer. It is called while a check is built, under
// the catalog's lock.
func (k *catalog) logs(name string) (check.Logs, error) {
	c, err := k.consumer(name)
	if err != nil {
		return nil, err
	}
	source, ok := c.(consumer.LogSource)
	if !ok {
		part, _ := k.config.Consumer(name)
		return nil, fault.New(fault.BadConfig, "consumer %s (%s) has no log that could be read", name, part.Type)
	}
	return source.Logs, nil
}
