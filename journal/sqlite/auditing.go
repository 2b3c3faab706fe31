package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"time"

	"github.com/agenticverz/rotor/audit"
)

const page = 500

// Audit implements journal.Journal. It reads by the page, so that a slow loop
// keeps no old version of the state alive; the loop may use the journal.
func (j *Journal) Audit(ctx context.Context, from int64) iter.Seq2[audit.Entry, error] {
	return func(yield func(audit.Entry, error) bool) {
		end, err := j.AuditHead(ctx)
		if err != nil {
			yield(audit.Entry{}, err)
			return
		}
		for from <= end.Seq {
			entries, err := j.auditPage(ctx, from)
			for _, e := range entries {
				if e.Seq > end.Seq || !yield(e, nil) {
					return
				}
				from = e.Seq + 1
			}
			if err != nil {
				yield(audit.Entry{}, err)
			}
			if err != nil || len(entries) < page {
				return
			}
		}
	}
}

func (j *Journal) auditPage(ctx context.Context, from int64) ([]audit.Entry, error) {
	var out []audit.Entry
	err := j.view(ctx, "read the audit", func(v view) error {
		var e audit.Entry
		var at int64
		into := []any{&e.Seq, &at, &e.Actor, &e.Action, &e.Credential, &e.Record, &e.Generation,
			&e.Part, &e.Outcome, &e.Note, &e.MAC}
		return v.rows("audit", into, func() error {
			e.At = time.UnixMicro(at).UTC()
			out = append(out, e)
			return nil
		}, from, page)
	})
	return out, err
}

// AuditHead implements journal.Journal.
func (j *Journal) AuditHead(ctx context.Context) (audit.Head, error) {
	var h audit.Head
	err := j.queries["head"].QueryRowContext(ctx).Scan(&h.Seq, &h.MAC)
	if errors.Is(err, sql.ErrNoRows) {
		return h, nil
	}
	return h, classify("read the audit's end", err)
}
