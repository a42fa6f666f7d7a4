package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/openpragma/engine/pragma/store"
)

// Backup writes a copy of the database, as it is at one moment, into a new file. A server may have the database open, in this process or another one,
// and goes on committing: the copy has every commit that was answered before
// Backup was called, and all or nothing of each later one. It is a database that
// Open opens.
//
// The file to must not exist. It appears when the copy is complete, checked and
// synced; until then the copy is in a file beside it whose name ends in .part,
// which a Backup that fails removes. While it runs, the log of the database
// cannot be moved into the file and grows with every commit.
func (o Options) Backup(ctx context.Context, to string) error {
	if err := store.ContextError(ctx); err != nil {
		return err
	}
	if err := backup(ctx, o.Path, to); err != nil {
		return fmt.Errorf("back up database %q to %q: %w", o.Path, to, err)
	}
	return nil
}

func backup(ctx context.Context, path, to string) (err error) {
	path, err = resolvePath(path)
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); err != nil {
		return err
	}
	if _, err := os.Lstat(to); err == nil {
		return errors.New("the file of the copy exists already")
	}
	part := to + ".part"
	// For its owner only, like the database. SQLite writes into an empty file.
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(part))
		}
	}()
	if err := copyInto(ctx, path, part); err != nil {
		return err
	}
	if err := checkCopy(part); err != nil {
		return err
	}
	if err := syncFile(part); err != nil {
		return err
	}
	if err := os.Rename(part, to); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(to))
}

// copyInto has SQLite write what one reading transaction sees.
func copyInto(ctx context.Context, path, part string) (err error) {
	c, err := openConn(path, false)
	if err != nil {
		return portError("connect", beforeCommit, err)
	}
	defer func() { err = errors.Join(err, c.close()) }()
	ours, err := isOurs(c)
	if err != nil {
		return portError("read the schema", beforeCommit, err)
	}
	if !ours {
		return errors.New("the file is a database of another program")
	}
	_, err = c.raw.(driver.ExecerContext).ExecContext(ctx, "VACUUM INTO ?", named([]driver.Value{part}))
	if ended := store.ContextError(ctx); err != nil && ended != nil {
		return ended
	}
	if err != nil {
		return portError("copy", beforeCommit, err)
	}
	return nil
}

// checkCopy reads the whole copy once.
func checkCopy(part string) (err error) {
	c, err := openConn(part, true)
	if err != nil {
		return portError("open the copy", beforeCommit, err)
	}
	defer func() { err = errors.Join(err, c.close()) }()
	problem := ""
	err = c.query("PRAGMA quick_check(1)", func(row []driver.Value) error {
		problem, _ = row[0].(string)
		return nil
	})
	switch {
	case err != nil:
		return portError("check the copy", beforeCommit, err)
	case problem != "ok":
		return fmt.Errorf("the copy is damaged, and so may be the database: %s", problem)
	}
	return nil
}

func syncFile(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// syncDirectory makes a new name durable, where a directory can be synced.
func syncDirectory(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	_ = d.Sync() // not all systems know it
	return d.Close()
}
