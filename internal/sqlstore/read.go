package sqlstore

import (
	"context"
	"iter"
	"sync/atomic"

	"github.com/openpragma/engine/pragma/store"
)

// Conn is a connection as a pool needs it.
type Conn interface {
	// Alive reports whether the connection may be used again, without asking the
	// server.
	Alive() bool
	Close()
}

// Readers is a pool of connections for reading. It makes them when they are
// first used.
type Readers[C Conn] struct {
	open   func(context.Context) (C, error)
	failed func(what string, err error) error
	broken func(error) bool
	slots  chan slot[C]
	closed chan struct{}
	done   atomic.Bool
}

type slot[C Conn] struct {
	conn C
	full bool
}

// NewReaders returns a pool of n connections. broken says after which errors a
// connection is not used again; failed turns an error into one of the port.
func NewReaders[C Conn](n int, open func(context.Context) (C, error), broken func(error) bool,
	failed func(what string, err error) error) *Readers[C] {
	p := &Readers[C]{open: open, broken: broken, failed: failed, slots: make(chan slot[C], n), closed: make(chan struct{})}
	for range n {
		p.slots <- slot[C]{}
	}
	return p
}

// Use runs fn with a connection of its own. If the connection fails under it, fn
// runs once more with a new one: it must only read, and begin anew.
func (p *Readers[C]) Use(ctx context.Context, what string, fn func(context.Context, C) error) error {
	if p.done.Load() {
		return Closed()
	}
	if err := store.ContextError(ctx); err != nil {
		return err
	}
	var s slot[C]
	select {
	case s = <-p.slots:
	case <-ctx.Done():
		return store.ContextError(ctx)
	case <-p.closed:
		return Closed()
	}
	if p.done.Load() {
		p.slots <- s
		return Closed()
	}
	err := p.read(ctx, &s, fn)
	p.slots <- s
	if err == nil {
		return nil
	}
	return p.ended(ctx, what, err)
}

// read leaves in s what may be used again.
func (p *Readers[C]) read(ctx context.Context, s *slot[C], fn func(context.Context, C) error) error {
	for retried := false; ; retried = true {
		if s.full && !s.conn.Alive() {
			s.end()
		}
		if !s.full {
			c, err := p.open(ctx)
			if err != nil {
				return err
			}
			*s = slot[C]{conn: c, full: true}
		}
		err := fn(ctx, s.conn)
		if err == nil || !p.broken(err) {
			return err
		}
		s.end()
		if retried || ctx.Err() != nil {
			return err
		}
	}
}

func (s *slot[C]) end() {
	if s.full {
		s.conn.Close()
		*s = slot[C]{}
	}
}

// Closed reports whether Close was called.
func (p *Readers[C]) Closed() bool { return p.done.Load() }

// Close waits for running reads and closes every connection. It is called once.
func (p *Readers[C]) Close() {
	p.done.Store(true)
	close(p.closed)
	for range cap(p.slots) {
		s := <-p.slots
		s.end()
	}
}

// Limits of one page of List: a page is read at once, so that no connection is
// held while the caller works on it. The first page is small, because a server
// sends all of it even if the bodies turn out to be large.
const (
	firstPageRecords = 32
	pageRecords      = 256
	pageBytes        = 4 << 20
)

// Page collects the records of one page.
type Page struct {
	Records []store.Record
	bytes   int
}

// Add appends a record and reports whether there is room for more.
func (p *Page) Add(r store.Record) bool {
	p.Records = append(p.Records, r)
	p.bytes += len(r.Body)
	return p.bytes < pageBytes
}

// List yields the records of a query as store.Driver.List promises. It reads
// them with page, which adds at most size records, those after q.After, until
// there is no room.
func List(ctx context.Context, q store.Query, page func(ctx context.Context, q store.Query, size int) (*Page, error)) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		if err := q.Validate(); err != nil {
			yield(store.Record{}, err)
			return
		}
		q, left, size := q, q.Limit, firstPageRecords // the sequence may be used again
		for {
			if q.Limit > 0 {
				size = min(size, left)
			}
			p, err := page(ctx, q, size)
			if err != nil {
				yield(store.Record{}, err)
				return
			}
			for _, r := range p.Records {
				if err := store.ContextError(ctx); err != nil {
					yield(store.Record{}, err)
					return
				}
				if !yield(r, nil) {
					return
				}
				q.After = r.ID
			}
			n := len(p.Records)
			left -= n
			more := n == size || p.bytes >= pageBytes
			if !more || q.Limit > 0 && left <= 0 {
				return
			}
			if size <= n {
				size = min(2*size, pageRecords)
			} else { // the bodies are large
				size = max(n, 1)
			}
		}
	}
}

// PrefixEnd returns the least bytes greater than all that begin with prefix. The
// last byte of valid UTF-8 can always be increased.
func PrefixEnd(prefix string) []byte {
	end := []byte(prefix)
	end[len(end)-1]++
	return end
}
