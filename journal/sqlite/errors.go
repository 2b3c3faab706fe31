package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal"
)

var errClosed = fault.New(fault.Transient, "state: closed")

const (
	hintFull    = "make room on the disk of the state directory; what is under way can still finish if the file \"ballast\" is there"
	hintDamaged = "stop every rotor process, keep a copy of the state directory, restore a backup of it; then compare what each target holds with: rotor plan, and rotor status"
	hintUnsure  = "the disk of the state directory fails; start rotor again on a good one: it reads what was really written"
)

// code is SQLite's extended result code, 0 if err is not SQLite's.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

func isFull(err error) bool {
	return code(err)&0xff == lib.SQLITE_FULL || code(err) == lib.SQLITE_IOERR_SHMSIZE
}

// isOnes says whether err is about one caller's rows, not about the file.
func isOnes(err error) bool {
	switch code(err) & 0xff {
	case lib.SQLITE_CONSTRAINT, lib.SQLITE_TOOBIG, lib.SQLITE_MISMATCH, lib.SQLITE_RANGE:
		return true
	}
	return code(err) == 0
}

// classify gives an error of anything but COMMIT its kind: nothing was applied.
func classify(what string, err error) error {
	var known *fault.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(fault.Transient, "state: "+what, err)
	case errors.Is(err, sql.ErrConnDone), err.Error() == "sql: database is closed", err.Error() == "sql: statement is closed":
		return errClosed
	case isFull(err):
		return fault.New(fault.Transient, "state: %s: the disk is full", what).WithHint(hintFull)
	}
	switch code(err) & 0xff {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return &fault.Error{Kind: fault.Transient, Op: "state: " + what, Err: err,
			Hint: "another process holds the state for long; look for one that hangs"}
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB, lib.SQLITE_FORMAT, lib.SQLITE_ERROR:
		// SQLITE_ERROR: our statements and our schema are constant and fit
		// each other, unless the schema was damaged
		return damaged(what, err.Error())
	case lib.SQLITE_READONLY, lib.SQLITE_PERM, lib.SQLITE_CANTOPEN, lib.SQLITE_AUTH:
		return &fault.Error{Kind: fault.Denied, Op: "state: " + what, Err: err,
			Hint: "the state directory and the files in it must be writable by this user"}
	case lib.SQLITE_INTERRUPT, lib.SQLITE_NOMEM:
		return fault.Wrap(fault.Transient, "state: "+what, err)
	case lib.SQLITE_IOERR:
		if code(err) == lib.SQLITE_IOERR_SHORT_READ || code(err) == lib.SQLITE_IOERR_CORRUPTFS {
			return damaged(what, err.Error())
		}
		return &fault.Error{Kind: fault.NeedsPerson, Op: "state: " + what, Err: err, Hint: hintUnsure}
	}
	return fault.Wrap(fault.Rejected, "state: "+what, err)
}

// classifyCommit: a full disk and a lock are proofs that nothing was applied.
// After any other failure the log may or may not hold the transaction; the
// second result says that this journal must not write again, because it would
// overwrite what a reopened one may find.
func classifyCommit(err error) (error, bool) {
	switch code(err) & 0xff {
	case lib.SQLITE_FULL, lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return classify("commit", err), false
	}
	return &fault.Error{Kind: fault.Unknown, Op: "state: commit", Err: err, Hint: hintUnsure}, true
}

func damaged(what, why string) error {
	return &fault.Error{Kind: fault.NeedsPerson, Op: "state: " + what, Hint: hintDamaged,
		Err: fmt.Errorf("%w: %s", journal.ErrDamaged, why)}
}
