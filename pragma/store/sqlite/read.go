package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"iter"
	"sync/atomic"
	"time"

	"github.com/openpragma/engine/internal/sqlstore"
	"github.com/openpragma/engine/pragma/store"
)

// Limits of one page of List: a page is read at once, so that no connection is
// held while the caller works on it.
const (
	pageRecords = 256
	pageBytes   = 4 << 20
)

// reader is a connection with the reading statements.
type reader struct {
	conn   *conn
	begin  *stmt
	commit *stmt
	get    *stmt
	list   *stmt
	prefix *stmt
	due    *stmt
}

// readers is a pool of connections. A slot holds nil until it is first used,
// and again after a failure.
type readers struct {
	path   string
	slots  chan *reader
	closed chan struct{}
	done   atomic.Bool
}

func newReaders(path string, n int) *readers {
	p := &readers{path: path, slots: make(chan *reader, n), closed: make(chan struct{})}
	for range n {
		p.slots <- nil
	}
	return p
}

func (p *readers) isClosed() bool { return p.done.Load() }

// use runs fn with a reader of its own. A reader whose fn failed is thrown away,
// with whatever transaction it was in.
func (p *readers) use(ctx context.Context, what string, fn func(*reader) error) error {
	if p.isClosed() {
		return sqlstore.Closed()
	}
	if err := store.ContextError(ctx); err != nil {
		return err
	}
	var r *reader
	select {
	case r = <-p.slots:
	case <-ctx.Done():
		return store.ContextError(ctx)
	case <-p.closed:
		return sqlstore.Closed()
	}
	if p.isClosed() {
		p.slots <- r
		return sqlstore.Closed()
	}
	var err error
	if r == nil {
		r, err = openReader(p.path)
	}
	if err == nil {
		err = fn(r)
	}
	if err != nil {
		if r != nil {
			_ = r.conn.close()
		}
		p.slots <- nil
		return portError(what, beforeCommit, err)
	}
	p.slots <- r
	return nil
}

// close waits for running reads and closes every connection.
func (p *readers) close() error {
	p.done.Store(true)
	close(p.closed)
	var errs []error
	for range cap(p.slots) {
		if r := <-p.slots; r != nil {
			errs = append(errs, r.conn.close())
		}
	}
	return errors.Join(errs...)
}

func openReader(path string) (*reader, error) {
	c, err := openConn(path, true)
	if err != nil {
		return nil, err
	}
	r := &reader{conn: c}
	const columns = "SELECT id, rev, token, due, body FROM record WHERE kind = ?"
	err = c.prepareAll(map[**stmt]string{
		&r.begin:  "BEGIN",
		&r.commit: "COMMIT",
		&r.get:    columns + " AND id = ?",
		&r.list:   columns + " AND id > ? ORDER BY id LIMIT ?",
		&r.prefix: columns + " AND id > ? AND id >= ? AND id < ? ORDER BY id LIMIT ?",
		&r.due:    columns + " AND due <= ? ORDER BY due, id LIMIT ?",
	})
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return r, nil
}

// Get implements store.Driver.
func (d *database) Get(ctx context.Context, keys ...store.Key) ([]store.Record, error) {
	if err := store.ValidateKeys(keys); err != nil {
		return nil, err
	}
	recs := make([]store.Record, len(keys))
	err := d.readers.use(ctx, "get", func(r *reader) error {
		if len(keys) > 1 { // one moment for all of them
			if _, err := r.begin.exec(); err != nil {
				return err
			}
		}
		for i, k := range keys {
			recs[i].Key = k
			err := r.get.query(func(row []driver.Value) error {
				recs[i] = scan(k.Kind, row)
				return nil
			}, k.Kind, k.ID)
			if err != nil {
				return err
			}
		}
		if len(keys) > 1 {
			_, err := r.commit.exec()
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return recs, nil
}

// List implements store.Driver.
func (d *database) List(ctx context.Context, q store.Query) iter.Seq2[store.Record, error] {
	return listPages(ctx, q, func(q store.Query, limit int) (recs []store.Record, more bool, err error) {
		err = d.readers.use(ctx, "list", func(r *reader) (err error) {
			recs, more, err = r.page(q, limit)
			return err
		})
		return recs, more, err
	})
}

// listPages yields what page returns, one page after the other.
func listPages(ctx context.Context, q store.Query, page func(q store.Query, limit int) ([]store.Record, bool, error)) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		if err := q.Validate(); err != nil {
			yield(store.Record{}, err)
			return
		}
		q, left := q, q.Limit
		for {
			recs, more, err := page(q, left)
			if err != nil {
				yield(store.Record{}, err)
				return
			}
			for _, r := range recs {
				if err := store.ContextError(ctx); err != nil {
					yield(store.Record{}, err)
					return
				}
				if !yield(r, nil) {
					return
				}
				q.After = r.ID
			}
			left -= len(recs)
			if !more || q.Limit > 0 && left <= 0 {
				return
			}
		}
	}
}

// page reads some records of q, at most limit if that is positive, and reports
// whether there may be more.
func (r *reader) page(q store.Query, limit int) (recs []store.Record, more bool, err error) {
	n := pageRecords
	if limit > 0 {
		n = min(n, limit)
	}
	bytes := 0
	collect := func(row []driver.Value) error {
		r := scan(q.Kind, row)
		recs = append(recs, r)
		if bytes += len(r.Body); bytes >= pageBytes {
			return errStop
		}
		return nil
	}
	if q.Prefix == "" {
		err = r.list.query(collect, q.Kind, q.After, int64(n))
	} else {
		err = r.prefix.query(collect, q.Kind, q.After, q.Prefix, prefixEnd(q.Prefix), int64(n))
	}
	return recs, len(recs) == n || bytes >= pageBytes, err
}

// Due implements store.Driver.
func (d *database) Due(ctx context.Context, kind string, before time.Time, limit int) ([]store.Record, error) {
	if err := store.ValidateKind(kind); err != nil {
		return nil, err
	}
	if limit < 1 {
		limit = store.DefaultDueLimit
	}
	var recs []store.Record
	err := d.readers.use(ctx, "due", func(r *reader) error {
		return r.due.query(func(row []driver.Value) error {
			recs = append(recs, scan(kind, row))
			return nil
		}, kind, before.UnixMicro(), int64(limit))
	})
	return recs, err
}

// scan turns a row of id, rev, token, due, body into a record.
func scan(kind string, row []driver.Value) store.Record {
	r := store.Record{Key: store.Key{Kind: kind, ID: row[0].(string)}, Rev: row[1].(int64)}
	token, _ := row[2].([]byte)
	copy(r.Token[:], token)
	if due, ok := row[3].(int64); ok {
		r.Due = time.UnixMicro(due).UTC()
	}
	r.Body, _ = row[4].([]byte)
	return r
}

// prefixEnd returns the least string greater than all that begin with prefix.
// The last byte of valid UTF-8 can always be increased.
func prefixEnd(prefix string) string {
	last := len(prefix) - 1
	return prefix[:last] + string([]byte{prefix[last] + 1})
}
