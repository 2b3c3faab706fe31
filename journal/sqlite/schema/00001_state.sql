-- +goose Up
-- What is queried is a column; the rest is JSON in "body". Every row that is
-- read back carries "sum", a checksum over its content (see rows.go); the audit
-- has its MAC instead.

-- +goose StatementBegin
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    sum   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TABLE credentials (
    name        TEXT PRIMARY KEY,
    fence       INTEGER NOT NULL,
    rotated     TEXT NOT NULL,     -- RFC 3339, "" = never
    last_status TEXT NOT NULL,
    rolled_back INTEGER NOT NULL,
    sum         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TABLE generations (
    credential TEXT NOT NULL REFERENCES credentials (name),
    n          INTEGER NOT NULL,
    life       TEXT NOT NULL,
    body       TEXT NOT NULL,
    sum        INTEGER NOT NULL,
    PRIMARY KEY (credential, n)
) STRICT, WITHOUT ROWID;
-- +goose StatementEnd

-- "no" is the order of creation. The wake columns serve the query of due
-- records: microseconds on either clock, rounded down.
-- +goose StatementBegin
CREATE TABLE records (
    no         INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    kind       TEXT NOT NULL CHECK (kind IN ('rotation', 'retirement')),
    credential TEXT NOT NULL REFERENCES credentials (name),
    status     TEXT NOT NULL,
    undoing    INTEGER NOT NULL,
    wake       TEXT NOT NULL,      -- JSON of the wait, "" = none
    wake_boot  TEXT,
    boot_until INTEGER,
    wall_until INTEGER,
    body       TEXT NOT NULL,      -- the record as it was born
    sum        INTEGER NOT NULL
) STRICT;
-- +goose StatementEnd
CREATE UNIQUE INDEX records_one_open_rotation ON records (credential)
    WHERE kind = 'rotation' AND status IN ('running', 'waiting', 'asking', 'needs-person');
CREATE INDEX records_open ON records (credential)
    WHERE status IN ('running', 'waiting', 'asking', 'needs-person');
CREATE INDEX records_running ON records (status) WHERE status = 'running';
CREATE INDEX records_by_boot ON records (wake_boot, boot_until) WHERE status = 'waiting';
CREATE INDEX records_by_wall ON records (wake_boot, wall_until) WHERE status = 'waiting';
CREATE INDEX records_of ON records (credential);

-- Events of all records stand in one table in the order in which they came, so
-- that one commit of many callers touches few pages.
-- +goose StatementBegin
CREATE TABLE events (
    no   INTEGER PRIMARY KEY,
    rec  INTEGER NOT NULL,         -- records.no; a foreign key would cost a fifth of an insert
    seq  INTEGER NOT NULL,
    body TEXT NOT NULL,
    sum  INTEGER NOT NULL
) STRICT;
-- +goose StatementEnd
CREATE UNIQUE INDEX events_of ON events (rec, seq);

-- +goose StatementBegin
CREATE TABLE sealed (
    credential TEXT NOT NULL REFERENCES credentials (name),
    generation INTEGER NOT NULL,
    slot       TEXT NOT NULL,
    blob       BLOB NOT NULL,
    sum        INTEGER NOT NULL,
    PRIMARY KEY (credential, generation, slot)
) STRICT, WITHOUT ROWID;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TABLE audit (
    seq        INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,   -- microseconds since 1970, UTC
    actor      TEXT NOT NULL,
    action     TEXT NOT NULL,
    credential TEXT NOT NULL,
    record     TEXT NOT NULL,
    generation INTEGER NOT NULL,
    part       TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    note       TEXT NOT NULL,
    mac        TEXT NOT NULL
) STRICT;
-- +goose StatementEnd
