package mysql

import (
	"bytes"
	"context"
	"database/sql/driver"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/openpragma/engine/internal/sqlstore"
	"github.com/openpragma/engine/pragma/store"
)

const columns = "SELECT kind, id, rev, token, due, body FROM record FORCE INDEX (PRIMARY) WHERE kind = ?"

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
	err := d.readers.Use(ctx, "get", func(ctx context.Context, c *conn) error {
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
	query, args := columns+" AND id > ?", []driver.Value{[]byte(q.Kind), []byte(q.After)}
	if q.Prefix != "" {
		query += " AND id >= ? AND id < ?"
		args = append(args, []byte(q.Prefix), sqlstore.PrefixEnd(q.Prefix))
	}
	query += " ORDER BY id LIMIT ?"
	args = append(args, int64(size))
	p := new(sqlstore.Page)
	err := c.query(ctx, query, func(row []driver.Value) error {
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
	const query = "SELECT kind, id, rev, token, due, body FROM record FORCE INDEX (record_due)" +
		" WHERE kind = ? AND due <= ? ORDER BY due, id LIMIT ?"
	var recs []store.Record
	err := d.readers.Use(ctx, "due", func(ctx context.Context, c *conn) error {
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
