package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/mysql"
	"github.com/openpragma/engine/pragma/store/postgres"
)

// benchPassword is the variable with the password of the database, which a
// command line would show to everybody on the machine.
const benchPassword = "PRAGMA_BENCH_PASSWORD"

// benchKind is the kind of the records that are measured, and removed afterwards.
const benchKind = "bench"

// rawDriver does what a store does with the plain driver of its database: one
// connection for each writer, and nothing of ours between.
type rawDriver interface {
	// prepare makes the connections, and the records of all writers.
	prepare(ctx context.Context, writers int, ids []string) error
	// update sets one record to the next revision in a statement, or several in a
	// transaction.
	update(ctx context.Context, writer int, rev int64, ids ...string) error
	close() error
}

// benchTarget is a server's database.
type benchTarget struct {
	name string // mysql or postgres
	open store.Opener
	raw  rawDriver
}

// parseTarget reads mysql://user@host:3306/schema or postgres://user@host:5432/database.
func parseTarget(text string) (benchTarget, error) {
	u, err := url.Parse(text)
	if err != nil {
		return benchTarget{}, errors.New("-db is not a URL")
	}
	if _, secret := u.User.Password(); secret {
		return benchTarget{}, fmt.Errorf("-db holds a password: put it into %s", benchPassword)
	}
	place, user, password := u.Host+u.Path, u.User.Username(), os.Getenv(benchPassword)
	switch u.Scheme {
	case "mysql":
		c := mysql.Config{HostPortSchema: place, Username: user, Password: conf.Secret(password)}
		return benchTarget{u.Scheme, c.Open, &rawMySQL{host: u.Host, schema: u.Path, user: user, password: password}}, c.Validate()
	case "postgres":
		c := postgres.Config{HostPortSchema: place, Username: user, Password: conf.Secret(password)}
		return benchTarget{u.Scheme, c.Open, &rawPostgres{host: u.Host, database: u.Path, user: user, password: password}}, c.Validate()
	}
	return benchTarget{}, fmt.Errorf("-db begins with %q, want mysql:// or postgres://", u.Scheme)
}

// benchDatabase compares a store with the plain driver: batches of one record,
// and of two, which need a transaction. The two take turns, so that both meet the
// same other load.
func benchDatabase(ctx context.Context, text string, writers []int, d time.Duration, stdout io.Writer) (err error) {
	target, err := parseTarget(text)
	if err != nil {
		return err
	}
	db, err := target.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removeBench(context.WithoutCancel(ctx), db), db.Close()) }()
	defer func() { err = errors.Join(err, target.raw.close()) }()
	run := store.NewToken().String()[:8]
	most := 0
	for _, n := range writers {
		most = max(most, n)
	}
	ids := newCounters(run+"-raw", most)
	if err := target.raw.prepare(ctx, most, ids.all()); err != nil {
		return fmt.Errorf("plain driver: %w", err)
	}
	ours := newCounters(run+"-ours", most)
	for _, records := range []int{1, 2} {
		for _, n := range writers {
			const turns = 4
			var our, raw rate
			for range turns {
				r, err := ours.measure(ctx, n, records, d/turns, func(ctx context.Context, _ int, rev int64, ids ...string) error {
					var b store.Batch
					for _, id := range ids {
						b.Puts = append(b.Puts, store.Put{Key: store.Key{Kind: benchKind, ID: id}, Expect: rev, Body: make([]byte, bodyBytes)})
					}
					return store.Commit(ctx, db, &b)
				})
				if err != nil {
					return err
				}
				our.add(r)
				if r, err = ids.measure(ctx, n, records, d/turns, target.raw.update); err != nil {
					return fmt.Errorf("plain driver: %w", err)
				}
				raw.add(r)
			}
			fmt.Fprintf(stdout, "%s, %s, %s each: %s commits/s, plain driver %s/s, ratio %s\n", target.name, plural(n, "writer"),
				plural(records, "record"), our, raw, ratio(our.perSecond(), raw.perSecond()))
		}
	}
	return nil
}

// counters are records of several writers with the revisions that they have.
type counters struct {
	ids  [][]string // of each writer
	revs [][]int64
}

// countersEach is the number of records of a writer.
const countersEach = 32

func newCounters(name string, writers int) *counters {
	c := &counters{ids: make([][]string, writers), revs: make([][]int64, writers)}
	for w := range writers {
		c.revs[w] = make([]int64, countersEach)
		for i := range countersEach {
			c.ids[w] = append(c.ids[w], fmt.Sprintf("%s-%d-%d", name, w, i))
		}
	}
	return c
}

func (c *counters) all() (ids []string) {
	for _, own := range c.ids {
		ids = append(ids, own...)
	}
	return ids
}

// measure has writers update records of their own, so that nothing conflicts.
// Those of batches of one record are others than those of batches of two.
func (c *counters) measure(ctx context.Context, writers, records int, d time.Duration,
	update func(ctx context.Context, writer int, rev int64, ids ...string) error) (rate, error) {
	begin := time.Now()
	counts, err := each(writers, writers, func(w int) (n int, err error) {
		half := countersEach / 2
		for n == 0 || time.Since(begin) < d {
			i := (records-1)*half + n*records%half
			if err := update(ctx, w, c.revs[w][i], c.ids[w][i:i+records]...); err != nil {
				return n, err
			}
			c.revs[w][i]++
			n++
		}
		return n, nil
	})
	return rate{sum(counts), time.Since(begin)}, err
}

// removeBench deletes what was measured.
func removeBench(ctx context.Context, db store.Driver) error {
	var b store.Batch
	for r, err := range db.List(ctx, store.Query{Kind: benchKind}) {
		if err != nil {
			return fmt.Errorf("remove records: %w", err)
		}
		b.Deletes = append(b.Deletes, store.Check{Key: r.Key, Expect: r.Rev})
	}
	for len(b.Deletes) > 0 {
		part := store.Batch{Deletes: b.Deletes[:min(len(b.Deletes), store.MaxBatchKeys)]}
		if err := store.Commit(ctx, db, &part); err != nil {
			return fmt.Errorf("remove records: %w", err)
		}
		b.Deletes = b.Deletes[len(part.Deletes):]
	}
	return nil
}
