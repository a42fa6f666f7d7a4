package sqlite_test

import (
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/openpragma/engine/pragma/store/sqlite"
)

// changedDatabase returns the path of a closed database, and changes it by a query
// behind the driver's back.
func changedDatabase(t *testing.T, query string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "old.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	db := rawDatabase(t, path)
	if _, err := db.Exec(query); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestADatabaseOfAnotherSchemaIsRefused(t *testing.T) {
	for _, c := range []struct{ name, query, says string }{
		{"edited", "UPDATE migration SET checksum = 'other' WHERE number = 1", "0001_records.sql was changed after"},
		{"newer", "INSERT INTO migration VALUES ((SELECT max(number) + 1 FROM migration), 'future.sql', 'x', 'x')", "use a newer program"},
		{"gap", "INSERT INTO migration VALUES (99, 'future.sql', 'x', 'x')", "migration 99 but not"},
		{"foreign", "PRAGMA application_id = 12345", "another program"},
	} {
		t.Run(c.name, func(t *testing.T) { refuses(t, changedDatabase(t, c.query), c.says) })
	}
}

func TestADatabaseOfAnotherProgramIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "foreign.db")
	db := rawDatabase(t, path)
	if _, err := db.Exec("CREATE TABLE record (mine TEXT)"); err != nil {
		t.Fatal(err)
	}
	refuses(t, path, "another program")
	var tables int
	if err := db.QueryRow("SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil || tables != 1 {
		t.Errorf("the foreign database has %d tables, %v, want 1", tables, err)
	}
}

func migrations(files map[string]string) fstest.MapFS {
	m := make(fstest.MapFS)
	for name, text := range files {
		m["migrations/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

func TestMigrationsRunOnceAndInOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "grow.db")
	files := map[string]string{"0001_a.sql": "CREATE TABLE a (x);"}
	if err := sqlite.Migrate(path, migrations(files)); err != nil {
		t.Fatal(err)
	}
	files["0002_b.sql"] = "CREATE TABLE b (x); INSERT INTO b VALUES (1); INSERT INTO a VALUES (1);"
	for range 2 {
		if err := sqlite.Migrate(path, migrations(files)); err != nil {
			t.Fatal(err)
		}
	}
	var rows int
	if err := rawDatabase(t, path).QueryRow("SELECT (SELECT count(*) FROM a) + (SELECT count(*) FROM b)").Scan(&rows); err != nil || rows != 2 {
		t.Errorf("rows = %d, %v, want 2", rows, err)
	}
}

func TestAFailedMigrationLeavesNoTrace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fail.db")
	files := map[string]string{"0001_a.sql": "CREATE TABLE a (x);", "0002_b.sql": "CREATE TABLE b (x); NONSENSE;"}
	if err := sqlite.Migrate(path, migrations(files)); err == nil {
		t.Fatal("a migration with an error succeeds")
	}
	files["0002_b.sql"] = "CREATE TABLE b (x);"
	if err := sqlite.Migrate(path, migrations(files)); err != nil {
		t.Errorf("the corrected migration fails: %v", err)
	}
}

func TestMigrationsMustBeNumberedWithoutGaps(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"gap":       {"0001_a.sql": "", "0003_b.sql": ""},
		"no number": {"first.sql": ""},
		"twice":     {"0001_a.sql": "", "0001_b.sql": ""},
	} {
		if err := sqlite.Migrate(filepath.Join(t.TempDir(), "x.db"), migrations(files)); err == nil {
			t.Errorf("%s: Migrate() = nil, want an error", name)
		}
	}
}
