package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	mysqldriver "github.com/go-sql-driver/mysql"

	"github.com/openpragma/engine/internal/sqlstore"
)

// setup is executed on every connection. NO_BACKSLASH_ESCAPES and the like are
// switched off with the rest of sql_mode. The last part asks whether this is
// still a server that accepts writes: after a failover the same name may lead to
// another one, and an account with enough rights could write to a read-only one.
var setup = strings.Join([]string{
	"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
	"SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO'",
	fmt.Sprintf("SET SESSION innodb_lock_wait_timeout = %d", sqlstore.LockWaitSeconds),
	"SET SESSION time_zone = '+00:00'",
	"SET SESSION autocommit = 1",
	"SELECT @@global.read_only, @@global.innodb_read_only",
}, "; ")

// connector makes connections.
type connector struct {
	config        *mysqldriver.Config
	allowReadOnly bool
	silence       sqlstore.Silence
}

func newConnector(c Config) (*connector, error) {
	to, err := c.common().Target()
	if err != nil {
		return nil, err
	}
	cfg := mysqldriver.NewConfig()
	cfg.Net, cfg.Addr, cfg.DBName = "tcp", to.Addr(), to.Schema
	cfg.User, cfg.Passwd = c.Username, c.Password.Reveal()
	if cfg.TLS, err = sqlstore.TLS(c.TLS).Config(to.Host); err != nil {
		return nil, err
	}
	cfg.ClientFoundRows = true // rows that match, whether or not they change
	cfg.InterpolateParams = true
	cfg.MultiStatements = true
	cfg.Timeout = sqlstore.ConnectTime
	cfg.ReadTimeout, cfg.WriteTimeout = c.timeout(), c.timeout()
	cfg.Collation = "utf8mb4_general_ci" // known to every version
	// The probe has made sure of the server's limit; asking again would cost
	// every connection a round trip.
	cfg.MaxAllowedPacket = minPacket
	return &connector{config: cfg}, nil
}

// conn is one connection, used by one goroutine at a time. It stands directly on
// the SQL driver: database/sql would retry on its own, and hide what was sent.
type conn struct {
	raw interface {
		driver.Conn
		driver.ExecerContext
		driver.QueryerContext
		driver.SessionResetter
	}
	log  *lastLog
	args []driver.NamedValue // reused
}

var _ sqlstore.Conn = (*conn)(nil)

// open makes a connection that is ready for use, unless the server was silent a
// moment ago.
func (k *connector) open(ctx context.Context) (*conn, error) {
	return sqlstore.Open(ctx, &k.silence, k.ready)
}

func (k *connector) ready(ctx context.Context) (*conn, error) {
	c, err := k.dial(ctx)
	if err != nil {
		return nil, err
	}
	readOnly := false
	err = c.query(ctx, setup, func(row []driver.Value) error {
		for _, v := range row {
			readOnly = readOnly || text(v) != "0"
		}
		return nil
	})
	if err == nil && readOnly && !k.allowReadOnly {
		err = errors.New("the server is read-only")
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// dial makes a connection with the server's own settings.
func (k *connector) dial(ctx context.Context) (*conn, error) {
	cfg := k.config.Clone()
	log := new(lastLog)
	cfg.Logger = log
	made, err := mysqldriver.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	raw, err := made.Connect(ctx)
	if err != nil {
		return nil, log.explain(err)
	}
	c := &conn{log: log}
	var ok bool
	if c.raw, ok = raw.(interface {
		driver.Conn
		driver.ExecerContext
		driver.QueryerContext
		driver.SessionResetter
	}); !ok {
		raw.Close()
		return nil, errors.New("the SQL driver lacks a method")
	}
	return c, nil
}

// Close implements sqlstore.Conn.
func (c *conn) Close() { _ = c.raw.Close() }

// Alive implements sqlstore.Conn.
func (c *conn) Alive() bool { return c.raw.ResetSession(context.Background()) == nil }

// exec runs one or several statements and returns the rows that each matched.
func (c *conn) exec(ctx context.Context, query string, args ...driver.Value) ([]int64, error) {
	res, err := c.raw.ExecContext(ctx, query, c.bind(args))
	if err != nil {
		return nil, c.log.explain(err)
	}
	if all, ok := res.(mysqldriver.Result); ok {
		return all.AllRowsAffected(), nil
	}
	n, err := res.RowsAffected()
	return []int64{n}, err
}

// query calls each for every row of every result. The row and the bytes in it
// are only valid during the call.
func (c *conn) query(ctx context.Context, query string, each func(row []driver.Value) error, args ...driver.Value) error {
	rows, err := c.raw.QueryContext(ctx, query, c.bind(args))
	if err != nil {
		return c.log.explain(err)
	}
	if err := forEach(rows, each); err != nil {
		return c.log.explain(err)
	}
	return nil
}

func (c *conn) bind(args []driver.Value) []driver.NamedValue {
	c.args = c.args[:0]
	for i, a := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.args
}

// errStop ends a query early without an error.
var errStop = errors.New("stop")

func forEach(rows driver.Rows, each func(row []driver.Value) error) error {
	for {
		row := make([]driver.Value, len(rows.Columns()))
		for {
			err := rows.Next(row)
			if err == nil {
				err = each(row)
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if errors.Is(err, errStop) {
				return rows.Close()
			}
			if err != nil {
				return errors.Join(err, rows.Close())
			}
		}
		more, ok := rows.(driver.RowsNextResultSet)
		if !ok || !more.HasNextResultSet() {
			return rows.Close()
		}
		if err := more.NextResultSet(); errors.Is(err, io.EOF) {
			return rows.Close()
		} else if err != nil {
			return errors.Join(err, rows.Close())
		}
	}
}

// lastLog keeps the last line of the SQL driver, which knows why a connection
// is invalid and returns only that it is.
type lastLog struct {
	mu   sync.Mutex
	line string
}

// Print implements the driver's Logger.
func (l *lastLog) Print(v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line = strings.TrimSpace(fmt.Sprint(v...))
}

// explain adds the reason to an error of the connection.
func (l *lastLog) explain(err error) error {
	if !errors.Is(err, mysqldriver.ErrInvalidConn) && !errors.Is(err, driver.ErrBadConn) {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.line == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, l.line)
}

// text returns a value of a row as text.
func text(v driver.Value) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}
