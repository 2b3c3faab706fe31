package rotation

import "time"

// After is the record as event e leaves it. The journal stores what After says,
// so that a record's head can always be told from its events.
//
// A Status is kept until an event sets another one; Wake lives only while the
// record is waiting; there is no way back from Undoing.
func (r Record) After(e Event) Record {
	if e.Status != "" {
		r.Status = e.Status
		r.Wake = nil
	}
	if r.Status == Waiting && e.Wake != nil {
		w := *e.Wake
		r.Wake = &w
	}
	if e.Type == Turn {
		r.Undoing = true
	}
	return r
}

// Born is the record as it is first stored: Running if nothing else is said.
func (r Record) Born() Record {
	if r.Status == "" {
		r.Status = Running
	}
	if r.Status != Waiting {
		r.Wake = nil
	}
	return r
}

// Ended is what the end of a record changes on its credential. Only rotations
// count; a roll-back adds one, a rotation that was done clears the count.
func (c Credential) Ended(r Record) Credential {
	if r.Kind != KindRotation || !r.Status.Over() {
		return c
	}
	c.LastStatus = r.Status
	switch r.Status {
	case RolledBack:
		c.RolledBack++
	case Done:
		c.RolledBack = 0
	}
	return c
}

// Set puts g among the generations, in order of their numbers, and notes when a
// generation became the current one. c's own slice is not changed.
func (c Credential) Set(g Generation, at Instant) Credential {
	old, known := c.Get(g.N)
	if g.Life == Current && !(known && old.Life == Current) {
		c.Rotated = plain(at.Wall)
	}
	out := make([]Generation, 0, len(c.Generations)+1)
	placed := false
	for _, o := range c.Generations {
		if !placed && o.N >= g.N {
			out = append(out, g)
			placed = true
		}
		if o.N != g.N {
			out = append(out, o)
		}
	}
	if !placed {
		out = append(out, g)
	}
	c.Generations = out
	return c
}

// Due says whether r can be advanced now, and if only time stands between, how
// much; left is 0 when r is due or when no time will make it so.
func (r Record) Due(now Instant) (due bool, left time.Duration) {
	switch {
	case r.Status == Running:
		return true, 0
	case r.Status != Waiting || r.Wake == nil:
		return false, 0
	case r.Wake.Ripe(now):
		return true, 0
	}
	return false, max(1, r.Wake.Left(now))
}
