package mysql

import (
	"context"
	"io/fs"

	"github.com/openpragma/engine/internal/migration"
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

// Counts runs statements on a connection of the store and returns the rows that
// each matched.
func Counts(ctx context.Context, c Config, query string) ([]int64, error) {
	k, err := newConnector(c)
	if err != nil {
		return nil, err
	}
	conn, err := k.open(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.exec(ctx, query)
}

// JudgeGlobals and JudgeSession are the probe without a server.
func JudgeGlobals(vars map[string]string) []Finding { return judgeGlobals(vars) }

func JudgeSession(vars map[string]string) []Finding { return judgeSession(vars) }
