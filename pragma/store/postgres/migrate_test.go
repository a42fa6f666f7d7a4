package postgres_test

import (
	"sync"
	"testing"
	"testing/fstest"

	"github.com/openpragma/engine/pragma/store/postgres"
)

func TestASchemaOfAnotherVersionIsRefused(t *testing.T) {
	s := servers.Postgres(t)
	for _, c := range []struct{ name, query, says string }{
		{"edited", "UPDATE migration SET checksum = 'other' WHERE number = 1", "0001_records.sql was changed after"},
		{"newer", "INSERT INTO migration SELECT max(number) + 1, 'future.sql', 'x', 'x' FROM migration", "use a newer program"},
		{"gap", "INSERT INTO migration VALUES (99, 'future.sql', 'x', 'x')", "migration 99 but not"},
		{"foreign", "COMMENT ON TABLE migration IS 'mine'", "another program"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := config(s.Addr(), s.Schema(t))
			open(t, config).Close()
			exec(t, config, c.query)
			refuses(t, config, c.says)
		})
	}
}

// exec changes a schema behind the driver's back.
func exec(t *testing.T, c postgres.Config, query string) {
	t.Helper()
	if _, err := postgres.Rows(t.Context(), c, query); err != nil {
		t.Fatal(err)
	}
}

func TestASchemaOfAnotherProgramIsLeftAlone(t *testing.T) {
	s := servers.Postgres(t)
	c := config(s.Addr(), s.Schema(t))
	exec(t, c, "CREATE TABLE record (mine TEXT)")
	refuses(t, c, "another program")
	exec(t, c, "INSERT INTO record (mine) VALUES ('still here')")
}

func TestSeveralServersMigrateOneSchemaAtOnce(t *testing.T) {
	s := servers.Postgres(t)
	c := config(s.Addr(), s.Schema(t))
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			d, err := c.Open(t.Context())
			if err != nil {
				t.Errorf("Open() = %v", err)
				return
			}
			if err := d.Close(); err != nil {
				t.Errorf("Close() = %v", err)
			}
		})
	}
	wg.Wait()
}

func TestAnUpToDateSchemaNeedsNoRightsToChangeIt(t *testing.T) {
	s := servers.Postgres(t)
	s.Exec(t, "CREATE ROLE reader LOGIN PASSWORD 'x'")
	t.Cleanup(func() { s.Exec(t, "DROP ROLE reader") }) // after its database
	schema := s.Schema(t)
	c := config(s.Addr(), schema)
	open(t, c).Close()
	exec(t, c, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO reader")
	c.Username, c.Password = "reader", "x"
	if err := write(t, open(t, c), "a", 0); err != nil {
		t.Errorf("Commit() = %v", err)
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
	s := servers.Postgres(t)
	schema := s.Schema(t)
	c := config(s.Addr(), schema)
	files := map[string]string{"0001_a.sql": "CREATE TABLE a (x INT);"}
	if err := postgres.Migrate(t.Context(), c, migrations(files)); err != nil {
		t.Fatal(err)
	}
	files["0002_b.sql"] = "CREATE TABLE b (x INT); INSERT INTO b VALUES (1); INSERT INTO a VALUES (1);"
	for range 2 {
		if err := postgres.Migrate(t.Context(), c, migrations(files)); err != nil {
			t.Fatal(err)
		}
	}
	var rows int
	if err := s.DB(t, schema).QueryRow(t.Context(), "SELECT (SELECT count(*) FROM a) + (SELECT count(*) FROM b)").Scan(&rows); err != nil || rows != 2 {
		t.Errorf("rows = %d, %v, want 2", rows, err)
	}
	files["0001_a.sql"] += " "
	if err := postgres.Migrate(t.Context(), c, migrations(files)); err == nil {
		t.Error("an edited migration is accepted")
	}
}

func TestAFailedMigrationLeavesNothing(t *testing.T) {
	s := servers.Postgres(t)
	c := config(s.Addr(), s.Schema(t))
	files := map[string]string{"0001_a.sql": "CREATE TABLE a (x INT);", "0002_b.sql": "CREATE TABLE b (x INT); NONSENSE;"}
	if err := postgres.Migrate(t.Context(), c, migrations(files)); err == nil {
		t.Fatal("a migration with an error succeeds")
	}
	files["0002_b.sql"] = "CREATE TABLE b (x INT);"
	if err := postgres.Migrate(t.Context(), c, migrations(files)); err != nil {
		t.Errorf("the corrected migration fails: %v", err)
	}
}

func TestMigrationsMustBeNumberedWithoutGaps(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"gap":       {"0001_a.sql": "", "0003_b.sql": ""},
		"no number": {"first.sql": ""},
		"twice":     {"0001_a.sql": "", "0001_b.sql": ""},
	} {
		if err := postgres.Migrate(t.Context(), postgres.Config{}, migrations(files)); err == nil {
			t.Errorf("%s: Migrate() = nil, want an error", name)
		}
	}
}
