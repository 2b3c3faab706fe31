package rotation

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// Clone and its siblings return a copy that shares no memory with the original
// and that looks as if it had been written to disk and read again: times in
// UTC without a monotonic reading, no empty slices, valid UTF-8.

// Clone of an event keeps Sealed and Destroy, which no journal gives back.
func (e Event) Clone() Event {
	e.At = e.At.Clone()
	e.Part, e.Note, e.Actor = valid(e.Part), valid(e.Note), valid(e.Actor)
	e.Wake = e.Wake.clone()
	e.Facts = e.Facts.clone()
	e.Generations = some(e.Generations)
	for i, g := range e.Generations {
		e.Generations[i] = g.Clone()
	}
	e.Sealed, e.Destroy = cloneSealed(e.Sealed), cloneSealed(e.Destroy)
	if e.Spawn != nil {
		r := e.Spawn.Clone()
		e.Spawn = &r
	}
	return e
}

// Clone of a record.
func (r Record) Clone() Record {
	r.Reason, r.Actor = valid(r.Reason), valid(r.Actor)
	r.Created = r.Created.Clone()
	r.Wake = r.Wake.clone()
	r.Erase = some(r.Erase)
	r.Units = some(r.Units)
	if a := r.Adoption; a != nil {
		r.Adoption = &Adoption{Steps: some(a.Steps), Notes: some(a.Notes), Undo: some(a.Undo)}
	}
	return r
}

// Clone of a generation.
func (g Generation) Clone() Generation {
	g.Created, g.Ended, g.NotAfter = plain(g.Created), plain(g.Ended), plain(g.NotAfter)
	g.Proof = valid(g.Proof)
	return g
}

// Clone of a credential.
func (c Credential) Clone() Credential {
	c.Rotated = plain(c.Rotated)
	c.Generations = some(c.Generations)
	for i, g := range c.Generations {
		c.Generations[i] = g.Clone()
	}
	c.Open = some(c.Open)
	for i, r := range c.Open {
		c.Open[i] = r.Clone()
	}
	return c
}

// Clone of an instant.
func (i Instant) Clone() Instant {
	i.Wall = plain(i.Wall)
	return i
}

func (w *Wait) clone() *Wait {
	if w == nil {
		return nil
	}
	c := *w
	c.Since = c.Since.Clone()
	c.Witness = plain(c.Witness)
	c.Reason = valid(c.Reason)
	return &c
}

func (f *Facts) clone() *Facts {
	if f == nil {
		return nil
	}
	c := *f
	c.NotAfter = plain(f.NotAfter)
	if f.Started != nil {
		begun := f.Started.Clone()
		c.Started = &begun
	}
	c.Paths, c.Units = some(f.Paths), some(f.Units)
	c.Proof = valid(f.Proof)
	c.Present = some(f.Present)
	c.InUse = some(f.InUse)
	for i, who := range c.InUse {
		c.InUse[i] = valid(who)
	}
	c.Samples = maps.Clone(f.Samples)
	if len(c.Samples) == 0 {
		c.Samples = nil
	}
	for i, id := range c.Present {
		c.Present[i] = valid(id)
	}
	for name, raw := range c.Samples {
		if len(raw) == 0 {
			raw = json.RawMessage("null")
		}
		c.Samples[name] = slices.Clone(raw)
	}
	return &c
}

func cloneSealed(in []Sealed) []Sealed {
	out := some(in)
	for i := range out {
		out[i].Blob = slices.Clone(out[i].Blob)
	}
	return out
}

// some copies; nothing at all is nil.
func some[T any](in []T) []T {
	if len(in) == 0 {
		return nil
	}
	return slices.Clone(in)
}

func plain(t time.Time) time.Time { return t.Round(0).UTC() }

func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
