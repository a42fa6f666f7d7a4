//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/internal/dbtest"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/mysql"
	"github.com/openpragma/engine/pragma/store/postgres"
	"github.com/openpragma/engine/pragma/store/sqlite"
	"github.com/openpragma/engine/pragma/store/transfer"
)

// database is one in which the game is kept for a while.
type database struct {
	name   string
	config string // a databaseConfig
	store.Inspector
	open store.Opener
}

func liteDatabase(path string) database {
	o := sqlite.Options{Path: path}
	return database{"SQLite", fmt.Sprintf("{driver: SQLITE, hostPortSchema: %q}", path), o, o.Open}
}

func mariaDatabase(t *testing.T) database {
	s := dbtest.NewMariaDB(t)
	c := mysql.Config{HostPortSchema: s.Addr() + "/" + s.Schema(t), Username: dbtest.User, Password: conf.Secret(dbtest.Password)}
	return database{"MariaDB", fmt.Sprintf("{driver: MYSQLDB, hostPortSchema: %q, username: %q, password: %q}",
		c.HostPortSchema, c.Username, dbtest.Password), c, c.Open}
}

func postgresDatabase(t *testing.T) database {
	s := dbtest.NewPostgres(t)
	c := postgres.Config{HostPortSchema: s.Addr() + "/" + s.Schema(t), Username: dbtest.User, Password: conf.Secret(dbtest.Password)}
	return database{"PostgreSQL", fmt.Sprintf("{driver: POSTGRES, hostPortSchema: %q, username: %q, password: %q}",
		c.HostPortSchema, c.Username, dbtest.Password), c, c.Open}
}

// exportTo writes an export of the database and returns its lines by record.
func (d database) exportTo(t *testing.T, path string) map[string]string {
	t.Helper()
	db, err := d.OpenReadOnly(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := transfer.Export(t.Context(), db, f, nil); err != nil {
		t.Fatalf("export from %s: %v", d.name, err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		key, _, isRecord := strings.Cut(line, `,"rev":`)
		if isRecord {
			lines[key] = line
		}
	}
	return lines
}

func (d database) importFrom(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	db, err := d.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := transfer.Import(t.Context(), db, f, transfer.ImportOptions{}); err != nil {
		t.Fatalf("import into %s: %v", d.name, err)
	}
}

// move takes everything from one database to another and checks that both hold the
// same, to the byte.
func move(t *testing.T, from, to database) (records map[string]string) {
	t.Helper()
	dir := t.TempDir()
	records = from.exportTo(t, filepath.Join(dir, "before.jsonl"))
	to.importFrom(t, filepath.Join(dir, "before.jsonl"))
	moved := to.exportTo(t, filepath.Join(dir, "after.jsonl"))
	if len(moved) != len(records) || len(records) == 0 {
		t.Errorf("%s had %d records, %s has %d", from.name, len(records), to.name, len(moved))
	}
	for key, line := range records {
		if moved[key] != line {
			t.Errorf("%s is in %s\n%.500sand in %s\n%.500s", key, from.name, line, to.name, moved[key])
		}
	}
	return records
}

// onDatabase has the next life of the backend use a database.
func (s *stand) onDatabase(d database) {
	s.t.Helper()
	name := filepath.Join(s.dir, "skirmish.yml")
	text, err := os.ReadFile(name)
	if err != nil {
		s.t.Fatal(err)
	}
	var kept []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "  databaseConfig:") {
			kept = append(kept, line)
		}
		if line == "core:\n" {
			kept = append(kept, "  databaseConfig: "+d.config+"\n")
		}
	}
	if err := os.WriteFile(name, []byte(strings.Join(kept, "")), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// Players keep their accounts, tokens, parties and all else while the game moves
// from one database to the next, and play on.
func TestTheGameMovesBetweenDatabasesAndGoesOn(t *testing.T) {
	if pragmatest.DatabaseConfig(t) != "" {
		t.Skip("begins in SQLite, whatever the store of other tests")
	}
	t.Parallel()
	lite := filepath.Join(t.TempDir(), "back.db")
	maria, pg, back := mariaDatabase(t), postgresDatabase(t), liteDatabase(lite)
	e := startEvening(t, moment{name: "never"}, "")
	e.killAt <- struct{}{} // the first life ends without a last word
	if err := <-e.killed; err != nil {
		t.Fatal(err)
	}
	first := liteDatabase(filepath.Join(e.dir, "skirmish.db"))

	play := func() {
		t.Helper()
		for _, g := range e.groups {
			for _, b := range g.bots() {
				if err := b.player.WaitConnected(e.ctx); err != nil {
					t.Fatalf("%s does not come back: %v", b.name, err)
				}
			}
		}
		e.check(t, e.playMatch(t, func() {}))
		e.checkHome(t)
	}
	stop := func() {
		t.Helper()
		if err := e.awaitGameServers(e.ctx); err != nil {
			t.Error(err)
		}
		e.kill()
	}
	start := func(d database) {
		t.Helper()
		e.onDatabase(d)
		if err := e.start(e.ctx); err != nil {
			t.Fatal(err)
		}
	}

	play()
	stop()
	before := move(t, first, maria)
	start(maria)
	play()
	stop()
	move(t, maria, pg)
	start(pg)
	play()
	stop()
	last := move(t, pg, back)
	untouched := 0
	for key, line := range last {
		if old, there := before[key]; there && revision(old) == revision(line) {
			if untouched++; old != line {
				t.Errorf("%s was not touched, but is another one:\n%s%s", key, old, line)
			}
		}
	}
	if untouched == 0 {
		t.Error("no record was left untouched, so nothing was compared")
	}
	start(back)
	play()
	t.Logf("%d records moved at last, %d of them untouched since the first move of %d", len(last), untouched, len(before))
}

// revision returns what a line of an export says about the revision.
func revision(line string) string {
	_, rest, _ := strings.Cut(line, `,"rev":`)
	rev, _, _ := strings.Cut(rest, ",")
	return rev
}
