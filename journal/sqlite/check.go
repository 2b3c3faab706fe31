package sqlite

import (
	"context"

	"github.com/agenticverz/rotor/rotation"
)

// Check reads the whole state: SQLite's own structures, every row's checksum,
// every record's events. What any single read would notice it notices all at
// once, and it alone notices a row that no index leads to any more. It takes
// seconds on a large state (a tenth of a second for each 1,000 events) and does
// not hinder writers. The audit's MACs are
// for audit.Verify.
func (j *Journal) Check(ctx context.Context) error {
	if err := j.checkStructure(ctx); err != nil {
		return err
	}
	if _, err := j.Installation(ctx); err != nil {
		return err
	}
	if _, err := j.Credentials(ctx); err != nil {
		return err
	}
	all, err := j.list(ctx, "history", func(rotation.Record) bool { return true }, -1)
	if err != nil {
		return err
	}
	for _, r := range all {
		if _, _, err := j.Load(ctx, r.ID); err != nil {
			return err
		}
	}
	return j.checkSealed(ctx)
}

func (j *Journal) checkStructure(ctx context.Context) error {
	return j.view(ctx, "check", func(v view) error {
		for _, pragma := range []string{`PRAGMA integrity_check(1)`, `PRAGMA foreign_key_check`,
			`SELECT 'an event without a record' FROM events WHERE rec NOT IN (SELECT no FROM records) LIMIT 1`} {
			rows, err := v.tx.QueryContext(ctx, pragma)
			if err != nil {
				return err
			}
			defer func() { _ = rows.Close() }()
			for rows.Next() {
				columns, err := rows.Columns()
				if err != nil {
					return err
				}
				text := "a row without its parent"
				if len(columns) == 1 {
					if err := rows.Scan(&text); err != nil {
						return err
					}
				}
				if text != "ok" {
					return damaged("check", text)
				}
			}
			if err := rows.Err(); err != nil {
				return err
			}
		}
		return nil
	})
}

func (j *Journal) checkSealed(ctx context.Context) error {
	return j.view(ctx, "check sealed values", func(v view) error {
		var credential, slot string
		var n, want int64
		var blob []byte
		return v.rows("all sealed", []any{&credential, &n, &slot, &blob, &want}, func() error {
			if sealedSum(credential, n, slot, blob) != want {
				return damaged("check sealed values", "checksum")
			}
			return nil
		})
	})
}
