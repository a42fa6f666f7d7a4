package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"

	"modernc.org/sqlite"
)

// setup is executed on every connection. The threshold of checkpoints stays at
// SQLite's 1,000 pages: with 4,000 the log is overwritten in place less often,
// which made single commits slower by a third and grouped ones no faster.
var setup = [...]string{
	"PRAGMA busy_timeout = 5000",
	"PRAGMA synchronous = FULL",
	"PRAGMA journal_size_limit = 67108864",
	"PRAGMA cache_size = -16000",
	"PRAGMA trusted_schema = OFF",
}

// conn is one connection, used by one goroutine at a time. It stands directly
// on the SQL driver: database/sql would add locks, contexts and conversions to
// each of the statements of which a commit has several.
type conn struct {
	raw   driver.Conn
	stmts []*stmt
}

// openConn opens path; readOnly connections cannot write by mistake.
func openConn(path string, readOnly bool) (*conn, error) {
	name := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String()
	raw, err := new(sqlite.Driver).Open(name)
	if err != nil {
		return nil, err
	}
	c := &conn{raw: raw}
	for _, q := range setup {
		if err := c.exec(q); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	if readOnly {
		if err := c.exec("PRAGMA query_only = ON"); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	return c, nil
}

// close finalises the statements and closes the connection, which rolls back an
// open transaction.
func (c *conn) close() error {
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.raw.Close())
	}
	c.stmts = nil
	return errors.Join(append(errs, c.raw.Close())...)
}

// exec runs a query that is not worth preparing.
func (c *conn) exec(query string, args ...driver.Value) error {
	_, err := c.raw.(driver.ExecerContext).ExecContext(context.Background(), query, named(args))
	return err
}

// query runs a query that is not worth preparing and calls each for every row.
func (c *conn) query(query string, each func(row []driver.Value) error, args ...driver.Value) error {
	rows, err := c.raw.(driver.QueryerContext).QueryContext(context.Background(), query, named(args))
	if err != nil {
		return err
	}
	return forEach(rows, each)
}

// prepare makes a statement that lives as long as the connection.
func (c *conn) prepare(query string) (*stmt, error) {
	raw, err := c.raw.Prepare(query)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	s := &stmt{raw: raw}
	c.stmts = append(c.stmts, s)
	return s, nil
}

// prepareAll prepares several statements.
func (c *conn) prepareAll(queries map[**stmt]string) error {
	for dst, q := range queries {
		s, err := c.prepare(q)
		if err != nil {
			return err
		}
		*dst = s
	}
	return nil
}

// stmt is a prepared statement. It runs without a context: one statement takes
// microseconds, and a context would cost a goroutine each time.
type stmt struct {
	raw  driver.Stmt
	args []driver.NamedValue // reused
}

// exec returns the number of changed rows.
func (s *stmt) exec(args ...driver.Value) (int64, error) {
	res, err := s.raw.(driver.StmtExecContext).ExecContext(context.Background(), s.bind(args))
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// query calls each for every row; the row is only valid during the call, the
// bytes in it stay.
func (s *stmt) query(each func(row []driver.Value) error, args ...driver.Value) error {
	rows, err := s.raw.(driver.StmtQueryContext).QueryContext(context.Background(), s.bind(args))
	if err != nil {
		return err
	}
	return forEach(rows, each)
}

func (s *stmt) bind(args []driver.Value) []driver.NamedValue {
	s.args = s.args[:0]
	for i, a := range args {
		s.args = append(s.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return s.args
}

func named(args []driver.Value) []driver.NamedValue {
	return (&stmt{}).bind(args)
}

// errStop ends forEach early without an error.
var errStop = errors.New("stop")

func forEach(rows driver.Rows, each func(row []driver.Value) error) error {
	row := make([]driver.Value, len(rows.Columns()))
	for {
		err := rows.Next(row)
		if err == nil {
			err = each(row)
		}
		switch {
		case err == nil:
			continue
		case errors.Is(err, io.EOF), errors.Is(err, errStop):
			return rows.Close()
		default:
			return errors.Join(err, rows.Close())
		}
	}
}
