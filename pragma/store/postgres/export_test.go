package postgres

import (
	"context"
	"io/fs"
	"net"

	"github.com/openpragma/engine/internal/migration"
	"github.com/openpragma/engine/internal/sqlstore"
)

// Migrate brings a schema to the version of the files.
func Migrate(ctx context.Context, c Config, files fs.FS) error {
	all, err := migration.Load(files)
	if err != nil {
		return err
	}
	k, err := newConnector(c)
	if err != nil {
		return err
	}
	conn, err := k.open(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return migrateTo(ctx, conn, all)
}

// Rows returns the number of rows that a statement touches on a connection of
// the store.
func Rows(ctx context.Context, c Config, query string) (int64, error) {
	k, err := newConnector(c)
	if err != nil {
		return 0, err
	}
	conn, err := k.open(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	return conn.run(ctx, query, nil)
}

// Judge is the probe without a server.
func Judge(s map[string]string) []Finding { return judgeSettings(s) }

// CommitError returns what Commit says about an error, met before or while the
// transaction committed.
func CommitError(committing bool, err error) error {
	p := beforeCommit
	if committing {
		p = duringCommit
	}
	return portError("commit", judge(p, err), err)
}

// Repeats reports whether the error has the batch tried again.
func Repeats(err error) bool {
	o := judge(duringCommit, err)
	return o == sqlstore.Again || o == sqlstore.Waited
}

// Quiet reports whether a connection has nothing to say.
func Quiet(c net.Conn) bool { return quiet(c) }
