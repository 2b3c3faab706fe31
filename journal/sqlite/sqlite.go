// Package sqlite is the journal of one machine: a SQLite file in the state
// directory, shared by all processes of one user.
//
// What surprises: callers who write at the same time share one transaction and
// one fsync, and still fail or succeed each on its own; a caller who is alone
// waits for nobody. See group.go.
package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"modernc.org/sqlite"

	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/journal"
)

// Options say where the state is.
type Options struct {
	// Dir is the state directory; it and what is in it belong to one user and
	// nobody else can look inside. It is made if it is not there.
	Dir string
	// MAC keys the audit chain.
	MAC audit.MAC
	// Busy is how long to wait for another process that writes; default 10 s.
	Busy time.Duration
	// Readers is how many reads can run at once; default 4.
	Readers int
}

// Journal implements journal.Journal.
type Journal struct {
	dir     string
	mac     audit.MAC
	read    *sql.DB
	group   group
	queries map[string]*sql.Stmt
	ballast ballast
	bell    *bell

	closing sync.Once
	closed  error
}

var _ journal.Journal = (*Journal)(nil)

const fileName = "state.db"

// ofd makes SQLite's locks outlive a close of another descriptor of the file in
// this process (a backup, a checksum); POSIX locks silently do not.
var ofd = sync.OnceFunc(func() { _, _ = sqlite.OFDLocking(true) })

// Open opens the state, makes it if there is none, and brings its schema up to
// date. A schema of a later version of Rotor is journal.ErrDamaged.
func Open(ctx context.Context, o Options) (*Journal, error) {
	if o.MAC == nil {
		return nil, fault.New(fault.BadConfig, "state: no key for the audit")
	}
	if o.Busy <= 0 {
		o.Busy = 10 * time.Second
	}
	if o.Readers <= 0 {
		o.Readers = 4
	}
	dir, err := prepareDir(o.Dir)
	if err != nil {
		return nil, err
	}
	ofd()
	unlock, err := lockDir(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := prepareFile(filepath.Join(dir, fileName)); err != nil {
		return nil, err
	}
	j := &Journal{dir: dir, mac: o.MAC, ballast: ballast{path: filepath.Join(dir, "ballast")}}
	if err := j.open(ctx, o); err != nil {
		_ = j.Close()
		return nil, err
	}
	return j, nil
}

func (j *Journal) open(ctx context.Context, o Options) error {
	path := filepath.Join(j.dir, fileName)
	if err := migrate(ctx, dsn(path, o.Busy, true)); err != nil {
		return err
	}
	writer, err := connect(ctx, dsn(path, o.Busy, true))
	if err != nil {
		return classify("open the state", err)
	}
	j.group.init(j, writer)
	connector, err := sqlite.NewConnector(dsn(path, o.Busy, false))
	if err != nil {
		return classify("open the state", err)
	}
	j.read = sql.OpenDB(connector)
	j.read.SetMaxOpenConns(o.Readers)
	j.read.SetMaxIdleConns(o.Readers)
	if err := j.group.identify(ctx); err != nil {
		return err
	}
	if err := j.prepareReads(ctx); err != nil {
		return err
	}
	if j.bell, err = newBell(filepath.Join(j.dir, "wake")); err != nil {
		return err
	}
	_ = j.ballast.restore() // a full disk is no reason not to open: see Ballast
	return nil
}

// dsn: busy_timeout stands first, so that the pragmas after it wait too.
func dsn(path string, busy time.Duration, write bool) string {
	pragma := []string{
		"busy_timeout(" + strconv.FormatInt(busy.Milliseconds(), 10) + ")",
		"journal_mode(WAL)",
		synchronous(),
		"foreign_keys(1)",
		"secure_delete(1)",
		"temp_store(MEMORY)",
		"trusted_schema(0)",
	}
	q := url.Values{"_dqs": {"0"}, "_defensive": {"1"}, "_error_rc": {"1"}}
	if write {
		q.Set("_txlock", "immediate")
	} else {
		pragma = append(pragma, "query_only(1)")
	}
	q["_pragma"] = pragma
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
}

// synchronous: FULL makes a commit wait for the disk. NORMAL would survive kill -9
// too, but not a power cut, and an intent that is lost is an effect without a
// trace.
func synchronous() string {
	if seeded.Bug("skip-fsync") {
		return "synchronous(OFF)"
	}
	return "synchronous(FULL)"
}

func connect(ctx context.Context, dsn string) (driver.Conn, error) {
	c, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return c.Connect(ctx)
}

// Changed implements journal.Journal. The first call begins to watch for other
// processes; Close ends it.
func (j *Journal) Changed() <-chan struct{} { return j.bell.listen() }

// Ballast implements journal.Reserve.
func (j *Journal) Ballast() error { return j.ballast.restore() }

// Close waits for writes under way and leaves nothing in the write-ahead log.
func (j *Journal) Close() error {
	j.closing.Do(func() {
		if j.bell != nil {
			j.bell.close()
		}
		for _, q := range j.queries {
			_ = q.Close()
		}
		if j.read != nil {
			_ = j.read.Close()
		}
		j.closed = j.group.close()
		if j.bell != nil {
			j.bell.drop()
		}
	})
	return j.closed
}
