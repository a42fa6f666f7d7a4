package sqlite

import (
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/openpragma/engine/internal/migration"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// applicationID marks our databases in the header of the file.
const applicationID = 0x50524147 // "PRAG"

// migrate brings the database to the newest schema. It refuses, and changes
// nothing in, a database that is not ours, is newer, or was built differently.
func migrate(c *conn, all []migration.Step) error {
	missing, err := missingFrom(c, all)
	if err != nil {
		return err
	}
	for _, m := range missing {
		if err := apply(c, m); err != nil {
			return fmt.Errorf("migration %s: %w", m.Name, err)
		}
	}
	return nil
}

// missingFrom returns the steps that a database of ours lacks.
func missingFrom(c *conn, all []migration.Step) ([]migration.Step, error) {
	ours, err := isOurs(c)
	if err != nil {
		return nil, err
	}
	if !ours {
		return nil, errors.New("the file is a database of another program")
	}
	done, err := appliedMigrations(c)
	if err != nil {
		return nil, err
	}
	return migration.Missing(all, done)
}

// isOurs reports whether the database is empty or carries our mark.
func isOurs(c *conn) (bool, error) {
	var id, tables int64
	if err := c.query("PRAGMA application_id", scanInt(&id)); err != nil {
		return false, err
	}
	if err := c.query("SELECT count(*) FROM sqlite_schema", scanInt(&tables)); err != nil {
		return false, err
	}
	return id == applicationID || id == 0 && tables == 0, nil
}

// appliedMigrations returns the checksums of what was applied, in order.
func appliedMigrations(c *conn) ([]string, error) {
	var exists int64
	err := c.query("SELECT count(*) FROM sqlite_schema WHERE name = 'migration'", scanInt(&exists))
	if err != nil || exists == 0 {
		return nil, err
	}
	var sums []string
	err = c.query("SELECT number, checksum FROM migration ORDER BY number", func(row []driver.Value) error {
		n, sum := row[0].(int64), row[1].(string)
		if n != int64(len(sums)+1) {
			return fmt.Errorf("the database has migration %d but not %d", n, len(sums)+1)
		}
		sums = append(sums, sum)
		return nil
	})
	return sums, err
}

// apply runs one migration and notes it, both or neither.
func apply(c *conn, m migration.Step) error {
	if err := c.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := errors.Join(
		c.exec("PRAGMA application_id = "+strconv.Itoa(applicationID)),
		c.exec(`CREATE TABLE IF NOT EXISTS migration (
			number   INTEGER PRIMARY KEY,
			name     TEXT NOT NULL,
			checksum TEXT NOT NULL,
			applied  TEXT NOT NULL
		) STRICT`),
		c.exec(m.SQL),
		c.exec("INSERT INTO migration (number, name, checksum, applied) VALUES (?, ?, ?, ?)",
			m.Number, m.Name, m.Checksum, time.Now().UTC().Format(time.RFC3339)),
	)
	if err != nil {
		return errors.Join(err, c.exec("ROLLBACK"))
	}
	return c.exec("COMMIT")
}

func scanInt(dst *int64) func([]driver.Value) error {
	return func(row []driver.Value) error {
		*dst, _ = row[0].(int64)
		return nil
	}
}
