package mysql

import (
	"context"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/openpragma/engine/internal/migration"
	"github.com/openpragma/engine/internal/sqlstore"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// mark is the comment of our table of migrations, by which we know our schemas.
const mark = "records of a game backend"

// migrateWait is how long another server may take to migrate the same schema.
const migrateWait = 60 * time.Second

// migrate brings the schema to the newest version.
func migrate(ctx context.Context, c *conn) error {
	all, err := migration.Load(migrationFiles)
	if err != nil {
		return err
	}
	return migrateTo(ctx, c, all)
}

// migrateTo applies what is missing, while no other server does. It refuses, and
// changes nothing in, a schema that is not ours, is newer, or was built
// differently. A schema that is up to date needs no rights to change it.
//
// Statements that change tables commit at once, so a step that was cut short runs
// again from its beginning: it must be written so that this does no harm (IF NOT
// EXISTS).
func migrateTo(ctx context.Context, c *conn, all []migration.Step) (err error) {
	missing, err := missingSteps(ctx, c, all)
	if err != nil || len(missing) == 0 {
		return err
	}
	unlock, err := lockSchema(ctx, c)
	if err != nil {
		return portError("migrate", sqlstore.Final, err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if missing, err = missingSteps(ctx, c, all); err != nil {
		return err
	}
	for _, m := range missing {
		if err := applyMigration(ctx, c, m); err != nil {
			return portError("migration "+m.Name, sqlstore.Final, err)
		}
	}
	return nil
}

// lockSchema keeps other servers from migrating. The lock ends with the
// connection at the latest.
func lockSchema(ctx context.Context, c *conn) (unlock func() error, err error) {
	const name = "CONCAT('migrate ', SHA1(DATABASE()))" // a name has 64 characters at most
	got := ""
	note := func(row []driver.Value) error {
		got = text(row[0])
		return nil
	}
	for end := time.Now().Add(migrateWait); time.Now().Before(end); {
		// Seconds at a time, since an answer has a time limit.
		if err := c.query(ctx, "SELECT GET_LOCK("+name+", 2)", note); err != nil {
			return nil, err
		}
		if got == "1" {
			return func() error { return c.query(context.WithoutCancel(ctx), "SELECT RELEASE_LOCK("+name+")", note) }, nil
		}
	}
	return nil, errors.New("another server has been migrating this schema for a minute")
}

// missingSteps returns what was not applied so far.
func missingSteps(ctx context.Context, c *conn, all []migration.Step) ([]migration.Step, error) {
	done, err := readSchema(ctx, c)
	if err != nil {
		return nil, err
	}
	return migration.Missing(all, done)
}

// readSchema returns the checksums of what was applied, in order.
func readSchema(ctx context.Context, c *conn) ([]string, error) {
	comment, tables := "", 0
	err := c.query(ctx, "SELECT table_name, table_comment FROM information_schema.tables WHERE table_schema = DATABASE()",
		func(row []driver.Value) error {
			tables++
			if text(row[0]) == "migration" {
				comment = text(row[1])
			}
			return nil
		})
	switch {
	case err != nil:
		return nil, portError("read the schema", sqlstore.Final, err)
	case tables == 0:
		return nil, nil
	case comment != mark:
		return nil, errors.New("the schema belongs to another program: use one of its own")
	}
	var sums []string
	gap := ""
	err = c.query(ctx, "SELECT number, checksum FROM migration ORDER BY number", func(row []driver.Value) error {
		if n, err := integer(row[0]); err != nil || n != int64(len(sums)+1) {
			gap = text(row[0])
		}
		sums = append(sums, text(row[1]))
		return nil
	})
	switch {
	case err != nil:
		return nil, portError("read the schema", sqlstore.Final, err)
	case gap != "":
		return nil, fmt.Errorf("the schema has migration %s but not the one before", gap)
	}
	return sums, nil
}

// applyMigration runs one migration and notes it.
func applyMigration(ctx context.Context, c *conn, m migration.Step) error {
	if _, err := c.exec(ctx, `CREATE TABLE IF NOT EXISTS migration (
		number   INT          NOT NULL PRIMARY KEY,
		name     VARCHAR(200) NOT NULL,
		checksum CHAR(64)     NOT NULL,
		applied  VARCHAR(40)  NOT NULL
	) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='`+mark+`'`); err != nil {
		return err
	}
	if strings.TrimSpace(m.SQL) != "" {
		if _, err := c.exec(ctx, m.SQL); err != nil {
			return err
		}
	}
	_, err := c.exec(ctx, "INSERT INTO migration (number, name, checksum, applied) VALUES (?, ?, ?, ?)",
		m.Number, m.Name, m.Checksum, time.Now().UTC().Format(time.RFC3339))
	return err
}
