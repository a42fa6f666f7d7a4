package postgres

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/openpragma/engine/internal/sqlstore"
	"github.com/openpragma/engine/pragma/store"
)

const (
	columns = "SELECT r.kind, r.id, r.rev, r.token, r.due, r.body FROM record r"
	getOne  = columns + " WHERE r.kind = $1 AND r.id = $2"
	getMany = "SELECT r.kind, r.id, r.rev, r.token, r.due, r.body FROM unnest($1::bytea[], $2::bytea[]) AS k (kind, id)" +
		" JOIN record r ON r.kind = k.kind AND r.id = k.id"
	list       = columns + " WHERE r.kind = $1 AND r.id > $2 ORDER BY r.id LIMIT $3"
	listPrefix = columns + " WHERE r.kind = $1 AND r.id > $2 AND r.id >= $4 AND r.id < $5 ORDER BY r.id LIMIT $3"
	due        = columns + " WHERE r.kind = $1 AND r.due <= $2 ORDER BY r.due, r.id LIMIT $3"
)

// Get implements store.Driver. It is one statement, and therefore one moment.
func (d *database) Get(ctx context.Context, keys ...store.Key) ([]store.Record, error) {
	if err := store.ValidateKeys(keys); err != nil {
		return nil, err
	}
	recs := make([]store.Record, len(keys))
	where := make(map[store.Key][]int, len(keys))
	var kinds, ids [][]byte // each key once
	for i, k := range keys {
		recs[i].Key = k
		if where[k] == nil {
			kinds, ids = append(kinds, []byte(k.Kind)), append(ids, []byte(k.ID))
		}
		where[k] = append(where[k], i)
	}
	err := d.readers.Use(ctx, "get", func(ctx context.Context, c *conn) (err error) {
		note := func(row [][]byte) error {
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
		}
		switch len(ids) {
		case 0:
		case 1:
			_, err = c.run(ctx, getOne, note, kinds[0], ids[0])
		default:
			_, err = c.run(ctx, getMany, note, byteaArray(kinds), byteaArray(ids))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return recs, nil
}

// List implements store.Driver.
func (d *database) List(ctx context.Context, q store.Query) iter.Seq2[store.Record, error] {
	return sqlstore.List(ctx, q, d.page)
}

// page reads at most size records of q.
func (d *database) page(ctx context.Context, q store.Query, size int) (p *sqlstore.Page, err error) {
	err = d.readers.Use(ctx, "list", func(ctx context.Context, c *conn) (err error) {
		p, err = readPage(ctx, c, q, size)
		return err
	})
	return p, err
}

func readPage(ctx context.Context, c *conn, q store.Query, size int) (*sqlstore.Page, error) {
	query, args := list, [][]byte{[]byte(q.Kind), []byte(q.After), bigint(int64(size))}
	if q.Prefix != "" {
		query, args = listPrefix, append(args, []byte(q.Prefix), sqlstore.PrefixEnd(q.Prefix))
	}
	p := new(sqlstore.Page)
	_, err := c.run(ctx, query, func(row [][]byte) error {
		r, err := scan(row)
		if err == nil && !p.Add(r) {
			err = errStop
		}
		return err
	}, args...)
	return p, err
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
	err := d.readers.Use(ctx, "due", func(ctx context.Context, c *conn) error {
		recs = nil
		_, err := c.run(ctx, due, func(row [][]byte) error {
			r, err := scan(row)
			recs = append(recs, r)
			return err
		}, []byte(kind), bigint(before.UnixMicro()), bigint(int64(limit)))
		return err
	})
	if err != nil {
		return nil, err
	}
	return recs, nil
}

// scan turns a row of kind, id, rev, token, due, body into a record of its own.
func scan(row [][]byte) (store.Record, error) {
	r := store.Record{Key: store.Key{Kind: string(row[0]), ID: string(row[1])}}
	var err error
	if r.Rev, err = integer(row[2]); err != nil {
		return store.Record{}, fmt.Errorf("revision of %s: %w", r.Key, err)
	}
	copy(r.Token[:], row[3])
	if row[4] != nil {
		micros, err := integer(row[4])
		if err != nil {
			return store.Record{}, fmt.Errorf("due of %s: %w", r.Key, err)
		}
		r.Due = time.UnixMicro(micros).UTC()
	}
	r.Body = bytes.Clone(row[5])
	return r, nil
}
