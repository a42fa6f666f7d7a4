package mysql

import (
	"bytes"
	"context"
	"database/sql/driver"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

// Limits of one page of List: a page is read at once, so that no connection is
// held while the caller works on it. The first page is small, because a server
// sends all of it even if the bodies turn out to be large.
const (
	firstPageRecords = 32
	pageRecords      = 256
	pageBytes        = 4 << 20
)

const columns = "SELECT kind, id, rev, token, due, body FROM record FORCE INDEX (PRIMARY) WHERE kind = ?"

// readers is a pool of connections. A slot holds nil until it is first used,
// and again after a failure.
type readers struct {
	connector *connector
	slots     chan *conn
	closed    chan struct{}
	done      atomic.Bool
}

func newReaders(k *connector, n int) *readers {
	p := &readers{connector: k, slots: make(chan *conn, n), closed: make(chan struct{})}
	for range n {
		p.slots <- nil
	}
	return p
}

// use runs fn with a connection of its own. If the connection fails under it, fn
// runs once more with a new one: it must only read, and begin anew.
func (p *readers) use(ctx context.Context, what string, fn func(context.Context, *conn) error) error {
	if p.done.Load() {
		return errClosed()
	}
	if err := store.ContextError(ctx); err != nil {
		return err
	}
	var c *conn
	select {
	case c = <-p.slots:
	case <-ctx.Done():
		return store.ContextError(ctx)
	case <-p.closed:
		return errClosed()
	}
	if p.done.Load() {
		p.slots <- c
		return errClosed()
	}
	c, err := p.read(ctx, c, fn)
	p.slots <- c
	if err == nil {
		return nil
	}
	if ended := store.ContextError(ctx); ended != nil {
		return ended
	}
	return portError(what, final, err)
}

// read returns the connection that may be used again, or nil.
func (p *readers) read(ctx context.Context, c *conn, fn func(context.Context, *conn) error) (*conn, error) {
	for retried := false; ; retried = true {
		if c != nil && !c.alive() {
			c.close()
			c = nil
		}
		if c == nil {
			var err error
			if c, err = p.connector.open(ctx); err != nil {
				return nil, err
			}
		}
		err := fn(ctx, c)
		if !broken(err) {
			return c, err
		}
		c.close()
		c = nil
		if retried || ctx.Err() != nil {
			return nil, err
		}
	}
}

// close waits for running reads and closes every connection.
func (p *readers) close() {
	p.done.Store(true)
	close(p.closed)
	for range cap(p.slots) {
		if c := <-p.slots; c != nil {
			c.close()
		}
	}
}

// Get implements store.Driver. It is one statement, and therefore one moment.
func (d *database) Get(ctx context.Context, keys ...store.Key) ([]store.Record, error) {
	if err := store.ValidateKeys(keys); err != nil {
		return nil, err
	}
	recs := make([]store.Record, len(keys))
	where := make(map[store.Key][]int, len(keys))
	for i, k := range keys {
		recs[i].Key = k
		where[k] = append(where[k], i)
	}
	query, args := getQuery(keys)
	err := d.readers.use(ctx, "get", func(ctx context.Context, c *conn) error {
		if len(keys) == 0 {
			return nil
		}
		return c.query(ctx, query, func(row []driver.Value) error {
			r, err := scan(row)
			if err != nil {
				return err
			}
			for n, i := range where[r.Key] {
				recs[i] = r
				if n > 0 {
					recs[i].Body = bytes.Clone(r.Body)
				}
			}
			return nil
		}, args...)
	})
	if err != nil {
		return nil, err
	}
	return recs, nil
}

// getQuery selects the records of all keys, with one part for each kind.
func getQuery(keys []store.Key) (string, []driver.Value) {
	var query strings.Builder
	args := make([]driver.Value, 0, len(keys)+4)
	for i, kind := range byKind(keys) {
		if i > 0 {
			query.WriteString(" UNION ALL ")
		}
		query.WriteString(columns)
		args = append(args, []byte(kind.name))
		args = kind.in(&query, args)
	}
	return query.String(), args
}

// kindIDs are the ids of one kind.
type kindIDs struct {
	name string
	ids  []string
}

// byKind groups keys by kind, in the order in which the kinds appear.
func byKind(keys []store.Key) []kindIDs {
	var kinds []kindIDs
	at := make(map[string]int)
	for _, k := range keys {
		i, ok := at[k.Kind]
		if !ok {
			i = len(kinds)
			at[k.Kind] = i
			kinds = append(kinds, kindIDs{name: k.Kind})
		}
		kinds[i].ids = append(kinds[i].ids, k.ID)
	}
	return kinds
}

// in appends a condition on the ids to a query, and the ids to its arguments.
func (k kindIDs) in(query *strings.Builder, args []driver.Value) []driver.Value {
	query.WriteString(" AND id IN (?")
	query.WriteString(strings.Repeat(",?", len(k.ids)-1))
	query.WriteString(")")
	for _, id := range k.ids {
		args = append(args, []byte(id))
	}
	return args
}

// List implements store.Driver.
func (d *database) List(ctx context.Context, q store.Query) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		if err := q.Validate(); err != nil {
			yield(store.Record{}, err)
			return
		}
		left, size := q.Limit, firstPageRecords
		for {
			if q.Limit > 0 {
				size = min(size, left)
			}
			page, more, err := d.page(ctx, q, size)
			if err != nil {
				yield(store.Record{}, err)
				return
			}
			for _, r := range page {
				if err := store.ContextError(ctx); err != nil {
					yield(store.Record{}, err)
					return
				}
				if !yield(r, nil) {
					return
				}
				q.After = r.ID
			}
			left -= len(page)
			if !more || q.Limit > 0 && left <= 0 {
				return
			}
			if size <= len(page) {
				size = min(2*size, pageRecords)
			} else { // the bodies are large
				size = max(len(page), 1)
			}
		}
	}
}

// page reads at most size records of q and reports whether there may be more.
func (d *database) page(ctx context.Context, q store.Query, size int) (recs []store.Record, more bool, err error) {
	query, args := columns+" AND id > ?", []driver.Value{[]byte(q.Kind), []byte(q.After)}
	if q.Prefix != "" {
		query += " AND id >= ? AND id < ?"
		args = append(args, []byte(q.Prefix), prefixEnd(q.Prefix))
	}
	query += " ORDER BY id LIMIT ?"
	args = append(args, int64(size))
	sum := 0
	err = d.readers.use(ctx, "list", func(ctx context.Context, c *conn) error {
		recs, sum = nil, 0
		return c.query(ctx, query, func(row []driver.Value) error {
			r, err := scan(row)
			if err != nil {
				return err
			}
			recs = append(recs, r)
			if sum += len(r.Body); sum >= pageBytes {
				return errStop
			}
			return nil
		}, args...)
	})
	return recs, len(recs) == size || sum >= pageBytes, err
}

// Due implements store.Driver.
func (d *database) Due(ctx context.Context, kind string, before time.Time, limit int) ([]store.Record, error) {
	if err := store.ValidateKind(kind); err != nil {
		return nil, err
	}
	if limit < 1 {
		limit = store.DefaultDueLimit
	}
	const query = "SELECT kind, id, rev, token, due, body FROM record FORCE INDEX (record_due)" +
		" WHERE kind = ? AND due <= ? ORDER BY due, id LIMIT ?"
	var recs []store.Record
	err := d.readers.use(ctx, "due", func(ctx context.Context, c *conn) error {
		recs = nil
		return c.query(ctx, query, func(row []driver.Value) error {
			r, err := scan(row)
			recs = append(recs, r)
			return err
		}, []byte(kind), before.UnixMicro(), int64(limit))
	})
	if err != nil {
		return nil, err
	}
	return recs, nil
}

// scan turns a row of kind, id, rev, token, due, body into a record of its own.
func scan(row []driver.Value) (store.Record, error) {
	r := store.Record{Key: store.Key{Kind: text(row[0]), ID: text(row[1])}}
	var err error
	if r.Rev, err = integer(row[2]); err != nil {
		return store.Record{}, fmt.Errorf("revision of %s: %w", r.Key, err)
	}
	token, _ := row[3].([]byte)
	copy(r.Token[:], token)
	if row[4] != nil {
		micros, err := integer(row[4])
		if err != nil {
			return store.Record{}, fmt.Errorf("due of %s: %w", r.Key, err)
		}
		r.Due = time.UnixMicro(micros).UTC()
	}
	body, _ := row[5].([]byte)
	r.Body = bytes.Clone(body)
	return r, nil
}

// integer reads a number that the SQL driver may leave as text.
func integer(v driver.Value) (int64, error) {
	if n, ok := v.(int64); ok {
		return n, nil
	}
	return strconv.ParseInt(text(v), 10, 64)
}

// prefixEnd returns the least bytes greater than all that begin with prefix. The
// last byte of valid UTF-8 can always be increased.
func prefixEnd(prefix string) []byte {
	end := []byte(prefix)
	end[len(end)-1]++
	return end
}
