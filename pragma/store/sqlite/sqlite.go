package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/openpragma/engine/internal/migration"
	"github.com/openpragma/engine/internal/sqlstore"
	"github.com/openpragma/engine/pragma/store"
)

// Defaults of Options.
const (
	DefaultReaders = 4
	DefaultQueue   = 1024
)

// File returns an opener of the database at path, with default options.
func File(path string) store.Opener { return Options{Path: path}.Open }

// Options says how to open a database. Its Open method is a store.Opener:
//
//	srv := &pragma.Server{Store: sqlite.Options{Path: "skirmish.db", Readers: 8}.Open}
type Options struct {
	// Path of the database file. Required. A relative one is relative to the
	// working directory at the time of Open.
	Path string
	// Readers is the number of reads that run at once; more of them wait for
	// their turn. Below 1 means DefaultReaders.
	Readers int
	// Queue is the number of batches that wait for the writer; further callers
	// of Commit wait until there is room or their context ends. Below 1 means
	// DefaultQueue.
	Queue int
}

// Open opens the database, creating and migrating it if need be. It implements
// store.Opener.
func (o Options) Open(ctx context.Context) (store.Driver, error) {
	if err := store.ContextError(ctx); err != nil {
		return nil, err
	}
	d, err := o.open()
	if err != nil {
		return nil, fmt.Errorf("open database %q: %w", o.Path, err)
	}
	return d, nil
}

func (o Options) open() (_ *database, err error) {
	path, err := resolvePath(o.Path)
	if err != nil {
		return nil, err
	}
	l, err := acquireLock(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.release())
		}
	}()
	if err := checkHeader(path); err != nil {
		return nil, err
	}
	if err := prepareFile(path); err != nil {
		return nil, err
	}
	d := &database{
		lock:    l,
		readers: newReaders(path, positive(o.Readers, DefaultReaders)),
		queue:   sqlstore.NewQueue(positive(o.Queue, DefaultQueue), groupLimits),
		writer:  &writer{path: path},
	}
	if err := d.writer.connect(); err != nil {
		return nil, err
	}
	d.wg.Go(func() { d.queue.Run(d.writer.writeGroup) })
	return d, nil
}

// database implements store.Driver.
type database struct {
	lock    *lock // nil if it is only read
	readers *readers
	queue   *sqlstore.Queue // nil if it is only read
	writer  *writer         // nil if it is only read
	wg      sync.WaitGroup  // the writer

	closeOnce sync.Once
	closeErr  error
}

var _ store.Driver = (*database)(nil)

// Commit implements store.Driver.
func (d *database) Commit(ctx context.Context, b *store.Batch) error {
	if err := store.ContextError(ctx); err != nil {
		return err
	}
	steps, err := b.Steps()
	if err != nil {
		return err
	}
	return d.queue.Commit(ctx, b.Token, steps)
}

// Now implements store.Driver. The clock is the machine's.
func (d *database) Now(ctx context.Context) (time.Time, error) {
	if d.readers.isClosed() {
		return time.Time{}, sqlstore.Closed()
	}
	if err := store.ContextError(ctx); err != nil {
		return time.Time{}, err
	}
	return store.TruncateDue(time.Now()), nil
}

// Close implements store.Driver. It moves the log into the database file, so
// that a closed database is one file that can be copied.
func (d *database) Close() error {
	d.closeOnce.Do(func() {
		d.queue.Close()
		if d.writer == nil {
			d.closeErr = d.readers.close()
			return
		}
		d.wg.Wait()
		d.closeErr = errors.Join(d.readers.close(), d.writer.checkpoint(), d.writer.disconnect(), d.lock.release())
	})
	return d.closeErr
}

// resolvePath returns the one name of the file, so that two names of it meet at
// one lock.
func resolvePath(path string) (string, error) {
	if path == "" {
		return "", errors.New("path is empty")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return "", fmt.Errorf("directory of the database: %w", err)
	}
	abs = filepath.Join(dir, filepath.Base(abs))
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	if info, err := os.Stat(abs); err == nil && !info.Mode().IsRegular() {
		return "", errors.New("path is a directory or another thing that is not a file")
	}
	return abs, nil
}

// checkHeader makes sure that the file can be written and is missing, empty or
// a database. A new one is for its owner only, and so are the files beside it:
// it will hold what players would not want others to read.
func checkHeader(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	magic := []byte("SQLite format 3\x00")
	head := make([]byte, len(magic))
	n, err := io.ReadFull(f, head)
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case n < len(magic) || !bytes.Equal(head, magic):
		return errors.New("the file is not a database")
	}
	return nil
}

// prepareFile sets the journal mode and migrates.
func prepareFile(path string) (err error) {
	all, err := migration.Load(migrationFiles)
	if err != nil {
		return err
	}
	c, err := openConn(path, false)
	if err != nil {
		return portError("connect", beforeCommit, err)
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if err := migrate(c, all); err != nil {
		if resultCode(err) != 0 {
			return portError("migrate", beforeCommit, err)
		}
		return err
	}
	return useWAL(c)
}

func positive(n, def int) int {
	if n < 1 {
		return def
	}
	return n
}
