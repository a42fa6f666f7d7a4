package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/openpragma/engine/internal/migration"
	"github.com/openpragma/engine/internal/sqlstore"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// mark is the comment of our table of migrations, by which we know our schemas.
const mark = "records of a game backend"

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
// All of it is one transaction: a step that fails leaves nothing behind.
func migrateTo(ctx context.Context, c *conn, all []migration.Step) error {
	missing, err := missingSteps(ctx, c, all)
	if err != nil || len(missing) == 0 {
		return err
	}
	if err := applyMissing(ctx, c, all); err != nil {
		if !c.raw.IsClosed() {
			_, _ = c.simple(context.WithoutCancel(ctx), "ROLLBACK")
		}
		return err
	}
	return nil
}

func applyMissing(ctx context.Context, c *conn, all []migration.Step) error {
	if err := lockSchema(ctx, c); err != nil {
		return portError("migrate", sqlstore.Final, err)
	}
	missing, err := missingSteps(ctx, c, all)
	if err != nil {
		return err
	}
	for _, m := range missing {
		if err := applyMigration(ctx, c, m); err != nil {
			return portError("migration "+m.Name, sqlstore.Final, err)
		}
	}
	if _, err := c.simple(ctx, "COMMIT"); err != nil {
		return portError("migrate", sqlstore.Final, err)
	}
	return nil
}

// migrateWait is how long another server may take to migrate the same schema.
const migrateWait = 60 * time.Second

// lockSchema begins the transaction of a migration and keeps other servers from
// migrating until it ends. It waits for them without a transaction of its own.
func lockSchema(ctx context.Context, c *conn) error {
	const lock = "SELECT pg_try_advisory_xact_lock(hashtext('pragma migrate'), hashtext(coalesce(current_schema(), '')))"
	for end := time.Now().Add(migrateWait); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		rows, err := c.simple(ctx, "BEGIN; "+lock)
		if err != nil {
			return err
		}
		if string(rows[0][0]) == "t" {
			return nil
		}
		if _, err := c.simple(ctx, "ROLLBACK"); err != nil {
			return err
		}
	}
	return errors.New("another server has been migrating this schema for a minute")
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
	rows, err := c.simple(ctx, "SELECT c.relname, obj_description(c.oid, 'pg_class') FROM pg_class c"+
		" WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')")
	if err != nil {
		return nil, portError("read the schema", sqlstore.Final, err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	ours := false
	for _, row := range rows {
		ours = ours || string(row[0]) == "migration" && string(row[1]) == mark
	}
	if !ours {
		return nil, errors.New("the schema belongs to another program: use one of its own")
	}
	rows, err = c.simple(ctx, "SELECT number, checksum FROM migration ORDER BY number")
	if err != nil {
		return nil, portError("read the schema", sqlstore.Final, err)
	}
	var sums []string
	for i, row := range rows {
		if string(row[0]) != strconv.Itoa(i+1) {
			return nil, fmt.Errorf("the schema has migration %s but not the one before", row[0])
		}
		sums = append(sums, string(row[1]))
	}
	return sums, nil
}

// applyMigration runs one migration and notes it.
func applyMigration(ctx context.Context, c *conn, m migration.Step) error {
	if m.Number == 1 {
		if _, err := c.simple(ctx, `CREATE TABLE migration (
			number   integer NOT NULL PRIMARY KEY,
			name     text    NOT NULL,
			checksum text    NOT NULL,
			applied  text    NOT NULL
		); COMMENT ON TABLE migration IS '`+mark+`'`); err != nil {
			return err
		}
	}
	if _, err := c.simple(ctx, m.SQL); err != nil {
		return err
	}
	_, err := c.run(ctx, "INSERT INTO migration (number, name, checksum, applied) VALUES ($1::bigint, $2, $3, $4)", nil,
		bigint(m.Number), []byte(m.Name), []byte(m.Checksum), []byte(time.Now().UTC().Format(time.RFC3339)))
	return err
}
