package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/openpragma/engine/internal/sqlstore"
)

// setup is executed on every connection. Records are only ever looked for by an
// index, in its order; a planner that has seen a small table must not think
// otherwise, and keeps its plan. The last part asks whether this is still a
// server that accepts writes: after a failover the same name may lead to another
// one.
var setup = strings.Join([]string{
	"SET default_transaction_isolation = 'read committed'",
	fmt.Sprintf("SET lock_timeout = '%ds'", sqlstore.LockWaitSeconds),
	"SET idle_in_transaction_session_timeout = '10s'", // a frozen client gives up its locks
	"SET enable_seqscan = off", "SET enable_bitmapscan = off", "SET enable_hashjoin = off", "SET enable_mergejoin = off",
	"SET jit = off",
	"SHOW transaction_read_only",
}, "; ")

var errReadOnly = errors.New("the server is read-only")

// connector makes connections.
type connector struct {
	config        *pgconn.Config
	timeout       time.Duration // of an answer
	allowReadOnly bool
	silence       sqlstore.Silence
}

func newConnector(c Config) (*connector, error) {
	to, err := c.common().Target()
	if err != nil {
		return nil, err
	}
	// The library makes a configuration only from a text and the environment.
	cfg, err := pgconn.ParseConfig("sslmode=disable")
	if err != nil {
		return nil, err
	}
	cfg.Host, cfg.Port, cfg.Database = to.Host, to.Port, to.Schema
	cfg.User, cfg.Password = c.Username, c.Password.Reveal()
	if cfg.TLSConfig, err = sqlstore.TLS(c.TLS).Config(to.Host); err != nil {
		return nil, err
	}
	cfg.Fallbacks, cfg.ValidateConnect, cfg.SSLNegotiation = nil, nil, ""
	cfg.RuntimeParams = map[string]string{"client_encoding": "UTF8", "application_name": "pragma"}
	cfg.ConnectTimeout = sqlstore.ConnectTime
	return &connector{config: cfg, timeout: c.timeout()}, nil
}

// conn is one connection, used by one goroutine at a time. It stands directly on
// the protocol, so that it is known what was sent when.
type conn struct {
	raw      *pgconn.PgConn
	net      *wire
	timeout  time.Duration
	prepared map[string]*pgconn.StatementDescription // by their text
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
	rows, err := c.simple(ctx, setup)
	if err == nil && !k.allowReadOnly && (len(rows) != 1 || string(rows[0][0]) != "off") {
		err = errReadOnly
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// dial makes a connection with the server's own settings.
func (k *connector) dial(ctx context.Context) (*conn, error) {
	cfg := k.config.Copy()
	w := new(wire)
	cfg.DialFunc = w.dial
	raw, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		w.close()
		return nil, err
	}
	return &conn{raw: raw, net: w, timeout: k.timeout, prepared: make(map[string]*pgconn.StatementDescription)}, nil
}

// wire is the network connection below a conn.
type wire struct {
	mu   sync.Mutex
	conn net.Conn
}

var errOneOnly = errors.New("a connection dials once")

// dial refuses a second connection, by which the library would ask the server to
// cancel a statement: nobody would wait for it, and our statements are short.
func (w *wire) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn != nil {
		return nil, errOneOnly
	}
	d := net.Dialer{KeepAlive: 15 * time.Second}
	c, err := d.DialContext(ctx, network, addr)
	if err == nil {
		w.conn = c
	}
	return c, err
}

func (w *wire) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn != nil {
		w.conn.Close()
	}
}

// Close implements sqlstore.Conn. It leaves nothing running.
func (c *conn) Close() {
	if !c.raw.IsClosed() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = c.raw.Close(ctx)
	}
	c.net.close()
	<-c.raw.CleanupDone()
}

// Alive implements sqlstore.Conn. A connection at rest has nothing to say: what
// can be read is the end, or the server's reason for it.
func (c *conn) Alive() bool { return !c.raw.IsClosed() && quiet(c.net.conn) }

// simple runs one or several statements without arguments, all in one
// transaction unless they say otherwise, and returns all rows as text.
func (c *conn) simple(ctx context.Context, query string) ([][][]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	results, err := c.raw.Exec(ctx, query).ReadAll()
	var rows [][][]byte
	for _, r := range results {
		rows = append(rows, r.Rows...)
	}
	return rows, err
}

// Formats of all arguments and results.
var binaryFormat = []int16{1}

// errStop ends a query early without an error.
var errStop = errors.New("stop")

// run executes a prepared statement, and prepares it before its first use. It
// calls each, if there is one, for every row; the bytes of the row are only valid
// during the call. It returns the number of rows that the statement touched.
func (c *conn) run(ctx context.Context, query string, each func(row [][]byte) error, args ...[]byte) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	s, err := c.prepare(ctx, query)
	if err != nil {
		return 0, err
	}
	r := c.raw.ExecStatement(ctx, s, args, binaryFormat, binaryFormat)
	for each != nil && err == nil && r.NextRow() {
		err = each(r.Values())
	}
	tag, failed := r.Close() // waits for the server to be ready again
	if failed != nil {
		return 0, failed
	}
	if errors.Is(err, errStop) {
		err = nil
	}
	return tag.RowsAffected(), err
}

// notSentError: preparing a statement failed, so that it was not executed.
type notSentError struct{ error }

func (e notSentError) Unwrap() error { return e.error }

func (c *conn) prepare(ctx context.Context, query string) (*pgconn.StatementDescription, error) {
	if s := c.prepared[query]; s != nil {
		return s, nil
	}
	s, err := c.raw.Prepare(ctx, fmt.Sprintf("s%d", len(c.prepared)), query, nil)
	if err != nil {
		return nil, notSentError{err}
	}
	c.prepared[query] = s
	return s, nil
}

// statement is one part of a pipeline.
type statement struct {
	query string
	args  [][]byte
	each  func(row [][]byte) error
}

// pipeline sends all statements at once and waits once. The first one that fails
// ends it; unless they say otherwise, all of them are one transaction.
func (c *conn) pipeline(ctx context.Context, all []statement) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	batch := new(pgconn.Batch)
	for i := range all {
		s, err := c.prepare(ctx, all[i].query)
		if err != nil {
			return err
		}
		batch.ExecStatement(s, all[i].args, binaryFormat, binaryFormat)
	}
	results := c.raw.ExecBatch(ctx, batch)
	var failed, first error
	for i := 0; results.NextResult(); i++ {
		r := results.ResultReader()
		for failed == nil && i < len(all) && all[i].each != nil && r.NextRow() {
			failed = all[i].each(r.Values())
		}
		if _, err := r.Close(); first == nil {
			first = err
		}
	}
	// After a connection has failed this says only that it is closed.
	if err := results.Close(); first == nil {
		first = err
	}
	if first != nil {
		return first
	}
	return failed
}

// The encodings of arguments and results.

func bigint(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func integer(v []byte) (int64, error) {
	if len(v) != 8 {
		return 0, fmt.Errorf("a number of %d bytes", len(v))
	}
	return int64(binary.BigEndian.Uint64(v)), nil
}

const byteaOID = 17

// byteaArray encodes an array of byte strings.
func byteaArray(values [][]byte) []byte {
	size := 20
	for _, v := range values {
		size += 4 + len(v)
	}
	b := make([]byte, 0, size)
	for _, n := range []int{1, 0, byteaOID, len(values), 1} { // dimensions, no NULLs, type, length, first index
		b = binary.BigEndian.AppendUint32(b, uint32(n))
	}
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
		b = append(b, v...)
	}
	return b
}
