package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/agenticverz/rotor/rotation"
)

// Due implements journal.Journal. The columns find candidates to the
// microsecond; rotation.Record.Due decides. Its cost grows with what is due and
// with the number of boots that something still waits since, not with how much
// is waiting.
func (j *Journal) Due(ctx context.Context, now rotation.Instant) ([]rotation.Record, time.Duration, error) {
	d := search{now: now}
	err := j.view(ctx, "look for what is due", func(v view) error {
		d.view = v
		running := func(r rotation.Record) bool { return r.Status == rotation.Running }
		if err := d.take("running", running); err != nil {
			return err
		}
		boot := ""
		for first := true; ; first = false {
			// a boot id may be "" where there is none
			var next sql.NullString
			if first {
				next = sql.NullString{String: "", Valid: true}
			} else if err := v.row("boots", []any{&next}, boot); err != nil || !next.Valid {
				return err
			}
			boot = next.String
			if err := d.since(boot); err != nil {
				return err
			}
		}
	})
	slices.SortFunc(d.due, func(a, b head) int { return cmp.Compare(a.no, b.no) })
	return records(d.due), d.next, err
}

type search struct {
	view
	now  rotation.Instant
	due  []head
	next time.Duration
}

// since looks at what waits since one boot.
func (d *search) since(boot string) error {
	fits := func(r rotation.Record) bool {
		return r.Status == rotation.Waiting && r.Wake != nil && r.Wake.Since.BootID == boot
	}
	clock, at := "wall", d.now.Wall.UnixMicro()
	if boot == d.now.BootID {
		clock, at = "boot", micros(d.now.Boot)
	}
	if err := d.take("ripe "+clock, fits, boot, at); err != nil {
		return err
	}
	return d.take("next "+clock, fits, boot, at)
}

func (d *search) take(query string, fits func(rotation.Record) bool, args ...any) error {
	heads, err := d.heads(query, fits, args...)
	for _, h := range heads {
		due, left := h.rec.Due(d.now)
		if due {
			d.due = append(d.due, h)
		} else if left > 0 && (d.next == 0 || left < d.next) {
			d.next = left
		}
	}
	return err
}
