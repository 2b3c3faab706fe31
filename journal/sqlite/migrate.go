package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal"
)

//go:embed schema/*.sql
var schema embed.FS

// applicationID is "rotr": file(1) and we can tell our state from another
// program's database.
const applicationID = 0x726f7472

// migrate brings the schema up to date. Most of the time there is nothing to do,
// and that is found out by two short queries.
func migrate(ctx context.Context, dsn string) error {
	connector, err := sqlite.NewConnector(dsn)
	if err != nil {
		return classify("open the state", err)
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	have, err := version(ctx, db)
	if err != nil {
		return err
	}
	dir, err := fs.Sub(schema, "schema")
	if err != nil {
		return classify("schema", err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, dir, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return classify("schema", err)
	}
	sources := p.ListSources()
	switch newest := sources[len(sources)-1].Version; {
	case have == newest:
		return nil
	case have > newest:
		return damagedByFuture(have, newest)
	}
	if _, err := p.Up(ctx); err != nil {
		return classify("bring the schema up to date", err)
	}
	return nil
}

// version is that of the newest migration applied, 0 in a new file.
func version(ctx context.Context, db *sql.DB) (int64, error) {
	var id, tables int64
	if err := db.QueryRowContext(ctx, `PRAGMA application_id`).Scan(&id); err != nil {
		return 0, classify("open the state", err)
	}
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE type = 'table'`).Scan(&tables); err != nil {
		return 0, classify("open the state", err)
	}
	if id != applicationID {
		if tables > 0 {
			return 0, damaged("open the state", "the file is another program's database")
		}
		_, err := db.ExecContext(ctx, `PRAGMA application_id = 1919906930`)
		return 0, classify("make the state", err)
	}
	if tables == 0 {
		return 0, nil
	}
	var v sql.NullInt64
	err := db.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version WHERE is_applied`).Scan(&v)
	return v.Int64, classify("read the schema's version", err)
}

func damagedByFuture(have, newest int64) error {
	return &fault.Error{Kind: fault.NeedsPerson, Op: "state: open",
		Err:  fmt.Errorf("%w: schema %d is of a later version of rotor, this one knows %d", journal.ErrDamaged, have, newest),
		Hint: "upgrade rotor; the state itself is well"}
}
