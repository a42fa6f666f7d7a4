package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/openpragma/engine/internal/migration"
	"github.com/openpragma/engine/pragma/store"
)

var (
	_ store.Inspector = Options{}
	_ store.Inspector = (*config)(nil)
)

// OpenReadOnly implements store.Inspector: it opens a database beside a server
// that has it open, without the lock. The file must exist.
func (o Options) OpenReadOnly(ctx context.Context) (store.Driver, error) {
	if err := store.ContextError(ctx); err != nil {
		return nil, err
	}
	d, err := o.openReadOnly()
	if err != nil {
		return nil, fmt.Errorf("open database %q for reading: %w", o.Path, err)
	}
	return d, nil
}

// openReadOnly opens a database that another process may have open. It does not
// look into the file by itself: closing it would give up the locks that SQLite
// holds on it in this process.
func (o Options) openReadOnly() (*database, error) {
	path, err := resolvePath(o.Path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	missing, err := pending(path)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("the schema lacks %s: migrate it first", missing[0])
	}
	return &database{readers: newReaders(path, positive(o.Readers, DefaultReaders))}, nil
}

// Pending implements store.Inspector. All steps are pending if there is no file.
func (o Options) Pending(ctx context.Context) ([]string, error) {
	if err := store.ContextError(ctx); err != nil {
		return nil, err
	}
	path, err := resolvePath(o.Path)
	var names []string
	if err == nil {
		names, err = pending(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the schema of database %q: %w", o.Path, err)
	}
	return names, nil
}

func pending(path string) (names []string, err error) {
	missing, err := migration.Load(migrationFiles)
	if err != nil {
		return nil, err
	}
	_, err = os.Stat(path)
	switch {
	case err == nil:
		if missing, err = missingSteps(path, missing); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	for _, m := range missing {
		names = append(names, m.Name)
	}
	return names, nil
}

// missingSteps reads which steps a file lacks.
func missingSteps(path string, all []migration.Step) (_ []migration.Step, err error) {
	c, err := openConn(path, true)
	if err != nil {
		return nil, portError("connect", beforeCommit, err)
	}
	defer func() { err = errors.Join(err, c.close()) }()
	missing, err := missingFrom(c, all)
	if resultCode(err) != 0 {
		err = portError("read the schema", beforeCommit, err)
	}
	return missing, err
}

// Probe implements store.Inspector: it reads the whole file and returns what
// SQLite finds damaged in it.
func (o Options) Probe(ctx context.Context) (found []string, err error) {
	if err := store.ContextError(ctx); err != nil {
		return nil, err
	}
	path, err := resolvePath(o.Path)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err == nil {
		found, err = integrity(ctx, path)
	}
	if err != nil {
		return nil, fmt.Errorf("probe database %q: %w", o.Path, err)
	}
	return found, nil
}

// integrity returns what a check of the whole file reports.
func integrity(ctx context.Context, path string) (found []string, err error) {
	c, err := openConn(path, true)
	if err != nil {
		return nil, portError("connect", beforeCommit, err)
	}
	defer func() { err = errors.Join(err, c.close()) }()
	rows, err := c.raw.(driver.QueryerContext).QueryContext(ctx, "PRAGMA integrity_check(100)", nil)
	if err == nil {
		err = forEach(rows, func(row []driver.Value) error {
			if line, _ := row[0].(string); line != "ok" {
				found = append(found, "the file is damaged: "+line)
			}
			return nil
		})
	}
	if ended := store.ContextError(ctx); err != nil && ended != nil {
		return nil, ended
	}
	if err != nil {
		return nil, portError("check the file", beforeCommit, err)
	}
	return found, nil
}
