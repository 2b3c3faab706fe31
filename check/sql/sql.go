// Package sql is the check that asks a PostgreSQL server for one number.
//
// What surprises: the sum of no rows is NULL, and that is no data, so it is unknown. And
// nothing that the server says about a query is repeated: its messages quote the data.
package sql

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// T is one query.
type T struct {
	o   Options
	dsn secret.Source
}

var _ check.Check = (*T)(nil)

// Measure implements check.Check: the query's number now, which is the window's end.
func (t *T) Measure(ctx context.Context, _ check.Window) (check.Sample, error) {
	ctx, cancel := context.WithTimeout(ctx, t.o.Timeout)
	defer cancel()
	conn, err := t.connect(ctx)
	if err != nil {
		return check.Sample{}, err
	}
	defer hangUp(conn)
	// a pooler that shares sessions keeps a transaction together
	begin := "BEGIN READ ONLY; SET LOCAL statement_timeout = " + strconv.FormatInt(max(t.o.Timeout.Milliseconds(), 1), 10)
	if _, err := conn.Exec(ctx, begin).ReadAll(); err != nil {
		return check.Sample{}, failed(err)
	}
	text, kind, err := one(ctx, conn, t.o.Query)
	if err != nil {
		return check.Sample{}, err
	}
	if _, err := conn.Exec(ctx, "ROLLBACK").ReadAll(); err != nil {
		return check.Sample{}, failed(err)
	}
	return sample(text, kind)
}

func hangUp(conn *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}

// connect reads the connection string anew: it may have been rotated.
func (t *T) connect(ctx context.Context) (*pgconn.PgConn, error) {
	dsn, err := t.dsn(ctx)
	switch {
	case err != nil && fault.KindOf(err) == fault.Unknown:
		return nil, fault.Wrap(fault.Transient, "sql check: read dsn", err)
	case err != nil:
		return nil, fault.Wrap(fault.KindOf(err), "sql check: read dsn", err)
	case dsn.IsZero():
		return nil, bad("dsn: the connection string is empty", "check what the option dsn refers to")
	}
	cfg, err := pgconn.ParseConfig(dsn.Reveal())
	if err != nil { // quotes the string
		return nil, bad("dsn: not a connection string", "write postgres://USER:PASSWORD@HOST:PORT/DATABASE, with special characters percent-encoded")
	}
	cfg.RuntimeParams["application_name"] = "rotor"
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, failed(err)
	}
	return conn, nil
}

// one runs the query and gives its one field as text; nil without a row or for NULL. The
// extended protocol takes one statement only, so nobody can end the transaction in it and
// begin another.
func one(ctx context.Context, conn *pgconn.PgConn, query string) (text []byte, kind uint32, err error) {
	result := conn.ExecParams(ctx, query, nil, nil, nil, nil)
	rows := 0
	for result.NextRow() {
		if rows++; rows == 1 && len(result.Values()) == 1 && result.Values()[0] != nil {
			text = append([]byte{}, result.Values()[0]...)
		}
		if rows > 1 { // there may be millions: hanging up is enough
			return nil, 0, bad("the query gives several rows", "aggregate them to one: sum, max, count, or LIMIT 1")
		}
	}
	columns := result.FieldDescriptions()
	if len(columns) == 1 {
		kind = columns[0].DataTypeOID
	}
	tag, err := result.Close()
	switch {
	case err != nil:
		return nil, 0, failed(err)
	case len(columns) != 1:
		return nil, 0, bad("the query gives %d columns (%s)", "write a SELECT of one number", len(columns), verb(tag.String()))
	}
	return text, kind, nil
}

// verb is the first word of a command's tag.
func verb(tag string) string {
	word, _, _ := strings.Cut(tag, " ")
	return word
}

// sample reads the number. What is no number is a mistake in the query, whatever the row
// holds; no row at all is only no data.
func sample(text []byte, kind uint32) (check.Sample, error) {
	switch kind {
	case pgtype.BoolOID, pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.Float4OID, pgtype.Float8OID, pgtype.NumericOID:
	default:
		return check.Sample{}, bad("the query gives no number", "cast it: count(*), x::float8, extract(epoch from x)")
	}
	if text == nil {
		return check.Sample{Detail: "no data: no row, or NULL"}, nil
	}
	s := check.Sample{Known: true, Detail: string(text)}
	switch s.Detail {
	case "t":
		s.Value, s.Detail = 1, "true"
		return s, nil
	case "f":
		s.Detail = "false"
		return s, nil
	}
	var err error
	s.Value, err = strconv.ParseFloat(s.Detail, 64)
	if math.IsNaN(s.Value) || math.IsInf(s.Value, 0) {
		return check.Sample{Detail: "not a number: no data to divide by"}, nil
	}
	if err != nil {
		return check.Sample{}, fault.New(fault.Unknown, "sql check: the server's number makes no sense")
	}
	s.Detail = fmt.Sprintf("%.6g", s.Value)
	return s, nil
}

// failed gives an error its kind. Of the server's answer only the SQLSTATE is kept, and
// nothing of pgx's: a connection string that was taken apart wrongly shows up in it.
func failed(err error) error {
	const op = "sql check"
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return noContact(op, err)
	}
	is := func(kind fault.Kind, what, hint string) error {
		return fault.New(kind, "%s: %s (SQLSTATE %s)", op, what, e.Code).WithHint("%s", hint)
	}
	switch {
	case strings.HasPrefix(e.Code, "28"), e.Code == "08P01":
		return is(fault.Denied, "the server refuses the login", "check what the option dsn refers to")
	case e.Code == "3D000":
		return is(fault.BadConfig, "the database does not exist", "check what the option dsn refers to")
	case e.Code == "42501":
		return is(fault.Denied, "the role lacks a right", "GRANT SELECT to the role of dsn")
	case e.Code == "25006":
		return is(fault.BadConfig, "the query wants to change something", "a check only reads")
	case e.Code == "57014":
		return is(fault.Transient, "the query takes too long", "make it cheaper, or set a longer timeout")
	case strings.HasPrefix(e.Code, "42"), strings.HasPrefix(e.Code, "22"), strings.HasPrefix(e.Code, "0A"), strings.HasPrefix(e.Code, "25"):
		return is(fault.BadConfig, "the server refuses the query", "try it in psql, after BEGIN READ ONLY")
	}
	return is(fault.Transient, "the server cannot answer now", "its log says why")
}

func noContact(op string, err error) error {
	var cert *tls.CertificateVerificationError
	var dns *net.DNSError
	because := func(kind fault.Kind, text string) error {
		return &fault.Error{Kind: kind, Op: op, Err: errors.New(text)}
	}
	switch {
	case errors.Is(err, context.Canceled):
		return fault.Wrap(fault.Transient, op, context.Canceled)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), pgconn.Timeout(err):
		return fault.Wrap(fault.Transient, op, context.DeadlineExceeded)
	case errors.Is(err, syscall.ECONNREFUSED):
		return because(fault.Transient, "connection refused")
	case errors.As(err, &cert):
		return because(fault.BadConfig, "the server's certificate is not trusted")
	case errors.As(err, &dns):
		return because(fault.Transient, "the host name cannot be resolved")
	}
	return because(fault.Transient, "no contact")
}

// Judge implements check.Check. Limits that need a baseline are judged on now alone
// without one: as if it had been zero, or not at all for min-of-baseline.
func (t *T) Judge(base, now check.Sample) check.Result {
	if !now.Known || math.IsNaN(now.Value) || math.IsInf(now.Value, 0) {
		reason := now.Detail
		if reason == "" || now.Known {
			reason = "no data"
		}
		return check.Result{Verdict: check.Unknown, Reason: reason}
	}
	before, reason := 0.0, now.Detail
	if base.Known {
		before = base.Value
		reason += ", before the change " + base.Detail
	}
	for _, l := range []struct {
		limit *float64
		bad   func(float64) bool
		words string
	}{
		{t.o.Expect, func(l float64) bool { return now.Value != l }, "not %g"},
		{t.o.Max, func(l float64) bool { return now.Value > l }, "more than %g"},
		{t.o.Min, func(l float64) bool { return now.Value < l }, "less than %g"},
		{t.o.MaxOverBaseline, func(l float64) bool { return now.Value-before > l }, "more than %g over the baseline"},
		{t.o.MinOfBaseline, func(l float64) bool { return base.Known && now.Value < l*before }, "less than %g of the baseline"},
	} {
		if l.limit != nil && l.bad(*l.limit) {
			return check.Result{Verdict: check.Fail, Reason: reason + ": " + fmt.Sprintf(l.words, *l.limit)}
		}
	}
	return check.Result{Verdict: check.Pass, Reason: reason}
}
