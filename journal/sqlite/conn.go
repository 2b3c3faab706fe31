package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
)

// conn is the writer's connection, used by one caller at a time. It goes around
// database/sql: for statements of a few microseconds that is a third of the
// cost.
type conn struct {
	raw      driver.Conn
	prepared [numQueries]driver.Stmt
	args     []driver.NamedValue
}

type query int

const (
	qBegin query = iota
	qCommit
	qRollback
	qDataVersion
	qTail
	qAudit
	qRecord
	qLastEvent
	qNextRecord
	qOpenRotation
	qOwner
	qLife
	qPutOwner
	qPutRecord
	qSetRecord
	qPutEvent
	qPutGeneration
	qPutSealed
	qDropSealed
	qEpoch
	qSetEpoch
	qNextOwner
	numQueries
)

var queries = [numQueries]string{
	qBegin:       `BEGIN IMMEDIATE`,
	qCommit:      `COMMIT`,
	qRollback:    `ROLLBACK`,
	qDataVersion: `PRAGMA data_version`,
	qTail:        `SELECT seq, mac FROM audit ORDER BY seq DESC LIMIT 1`,
	qAudit: `INSERT INTO audit (seq, at, actor, action, credential, record, generation, part, outcome, note, mac)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
	qRecord:     `SELECT ` + headColumns + ` FROM records WHERE id = ?`,
	qLastEvent:  `SELECT coalesce(max(seq), 0), count(*) FROM events WHERE rec = ?`,
	qNextRecord: `SELECT coalesce(max(no), 0) + 1 FROM records`,
	qOpenRotation: `SELECT id FROM records WHERE credential = ? AND kind = 'rotation'
		AND status IN ('running', 'waiting', 'asking', 'needs-person')`,
	qOwner: `SELECT ` + ownerColumns + ` FROM credentials WHERE name = ?`,
	qLife:  `SELECT life FROM generations WHERE credential = ? AND n = ?`,
	qPutOwner: `INSERT INTO credentials (` + ownerColumns + `) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET fence = excluded.fence, rotated = excluded.rotated,
		last_status = excluded.last_status, rolled_back = excluded.rolled_back, sum = excluded.sum`,
	qPutRecord: `INSERT INTO records (` + headColumns + `, wake_boot, boot_until, wall_until)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
	qSetRecord: `UPDATE records SET status = ?, undoing = ?, wake = ?, sum = ?,
		wake_boot = ?, boot_until = ?, wall_until = ? WHERE no = ?`,
	qPutEvent: `INSERT INTO events (rec, seq, body, sum) VALUES (?, ?, ?, ?)`,
	qPutGeneration: `INSERT INTO generations (credential, n, life, body, sum) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (credential, n) DO UPDATE SET life = excluded.life, body = excluded.body, sum = excluded.sum`,
	qPutSealed: `INSERT INTO sealed (credential, generation, slot, blob, sum) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (credential, generation, slot) DO UPDATE SET blob = excluded.blob, sum = excluded.sum`,
	qEpoch:      `SELECT value FROM meta WHERE name = 'epoch'`,
	qSetEpoch:   `UPDATE meta SET value = ?, sum = ? WHERE name = 'epoch'`,
	qNextOwner:  `SELECT name FROM credentials WHERE name > ? ORDER BY name LIMIT 1`,
	qDropSealed: `DELETE FROM sealed WHERE credential = ? AND generation = ? AND slot = ?`,
}

func (c *conn) statement(q query) (driver.Stmt, error) {
	if c.prepared[q] == nil {
		s, err := c.raw.Prepare(queries[q])
		if err != nil {
			return nil, err
		}
		c.prepared[q] = s
	}
	return c.prepared[q], nil
}

func (c *conn) named(args []driver.Value) []driver.NamedValue {
	c.args = c.args[:0]
	for i, a := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.args
}

func (c *conn) exec(q query, args ...driver.Value) error {
	s, err := c.statement(q)
	if err != nil {
		return err
	}
	_, err = s.(driver.StmtExecContext).ExecContext(context.Background(), c.named(args))
	return err
}

// one reads the first row, if there is one. into are *int64 and *string.
func (c *conn) one(q query, into []any, args ...driver.Value) (found bool, err error) {
	s, err := c.statement(q)
	if err != nil {
		return false, err
	}
	rows, err := s.(driver.StmtQueryContext).QueryContext(context.Background(), c.named(args))
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	row := make([]driver.Value, len(into))
	if err := rows.Next(row); errors.Is(err, io.EOF) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	for i, v := range row {
		var fits bool
		switch to := into[i].(type) {
		case *int64:
			*to, fits = v.(int64)
		case *string:
			*to, fits = v.(string)
		}
		if !fits {
			return false, damaged("read a row", "a column of another type")
		}
	}
	return true, nil
}

func (c *conn) close() error {
	for _, s := range c.prepared {
		if s != nil {
			_ = s.Close()
		}
	}
	return c.raw.Close()
}
