package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

// bodyBytes is about the size of a small party.
const bodyBytes = 512

// benchStore measures durable commits of a database, by default the embedded one: one writer
// commits alone, many share transactions. What the disk can do by itself is a
// small write and fsync, one after the other.
func benchStore(ctx context.Context, args []string, stdout, _ io.Writer) error {
	fs := flags("bench store")
	duration := fs.Duration("duration", 5*time.Second, "how long each figure is measured")
	writers := numbers{1, 8, 32}
	fs.Var(&writers, "writers", "how many write at the same time, as a `list`")
	db := fs.String("db", "", "measure the database at `url` instead, such as postgres://user@host:5432/database or mysql://user@host/schema,"+
		" against its plain driver; the password is taken from "+benchPassword)
	if err := parse(fs, args, "", stdout); err != nil {
		return err
	}
	machine(stdout)
	if *db != "" {
		return benchDatabase(ctx, *db, writers, *duration, stdout)
	}
	return inTempDir(func(dir string) error {
		disk, err := syncs(ctx, dir, *duration)
		if err != nil {
			return err
		}
		for _, n := range writers {
			r, err := rawCommits(ctx, dir, n, *duration)
			if err != nil {
				return err
			}
			fmt.Fprintf(stdout, "store, %s: %s commits/s, bare fsync %s/s, ratio %s\n",
				plural(n, "writer"), r, disk, ratio(r.perSecond(), disk.perSecond()))
		}
		return nil
	})
}

// syncs has a block of a file reach the disk, again and again. As in a database's
// log, the file has its length already.
func syncs(ctx context.Context, dir string, d time.Duration) (r rate, err error) {
	const blocks = 1024
	f, err := os.Create(filepath.Join(dir, "fsync"))
	if err != nil {
		return rate{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	block := make([]byte, 4096)
	if _, err := f.Write(make([]byte, blocks*len(block))); err != nil {
		return rate{}, err
	}
	if err := f.Sync(); err != nil {
		return rate{}, err
	}
	begin := time.Now()
	for r.n == 0 || time.Since(begin) < d {
		if _, err := f.WriteAt(block, int64(r.n%blocks*len(block))); err != nil {
			return r, err
		}
		if err := errors.Join(f.Sync(), context.Cause(ctx)); err != nil {
			return r, err
		}
		r.n++
	}
	r.time = time.Since(begin)
	return r, nil
}

// rawCommits measures a new database in the directory.
func rawCommits(ctx context.Context, dir string, writers int, d time.Duration) (r rate, err error) {
	own, err := os.MkdirTemp(dir, "raw")
	if err != nil {
		return rate{}, err
	}
	db, err := sqlite.File(filepath.Join(own, "raw.db"))(ctx)
	if err != nil {
		return rate{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return commits(ctx, db, writers, d)
}

// commits has every writer replace records of its own, one in each commit, so
// that nothing conflicts.
func commits(ctx context.Context, db store.Driver, writers int, d time.Duration) (rate, error) {
	const records = 16 // of each writer
	body := make([]byte, bodyBytes)
	begin := time.Now()
	counts, err := each(writers, writers, func(w int) (n int, err error) {
		for n == 0 || time.Since(begin) < d {
			key := store.Key{Kind: "bench", ID: fmt.Sprintf("%d-%d", w, n%records)}
			b := store.Batch{Puts: []store.Put{{Key: key, Expect: int64(n / records), Body: body}}}
			if err := store.Commit(ctx, db, &b); err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	})
	return rate{sum(counts), time.Since(begin)}, err
}
