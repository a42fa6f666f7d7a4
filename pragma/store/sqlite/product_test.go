package sqlite_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

// decode reads a databaseConfig without its driver.
func decode(t *testing.T, text string) (store.Database, error) {
	t.Helper()
	tree, err := conf.Memory(conf.Source{Name: "test.yml", Text: "core: " + text}).Load()
	if err != nil {
		t.Fatal(err)
	}
	section, err := tree.Section("core")
	if err != nil {
		t.Fatal(err)
	}
	db := sqlite.Product().New()
	return db, section.Decode(db)
}

func TestProductDecodesTheDocumentedShape(t *testing.T) {
	t.Chdir(t.TempDir())
	db, err := decode(t, "{hostPortSchema: game.db, readConnections: 2, queue: 8}")
	if err != nil {
		t.Fatal(err)
	}
	place := db.Place()
	if _, err := os.Stat("game.db"); err == nil {
		t.Error("a file was made before Open")
	}
	d, err := db.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := write(t, d, "one", 10); err != nil {
		t.Error(err)
	}
	if after := db.Place(); after != place || !strings.HasPrefix(place, "SQLITE "+string(filepath.Separator)) {
		t.Errorf("Place() = %q before and %q after Open", place, after)
	}
}

func TestPlaceIsTheSameForEveryNameOfAFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Symlink(dir, filepath.Join(dir, "link")); err != nil {
		t.Skip(err)
	}
	places := make(map[string]bool)
	for _, path := range []string{"game.db", "./x/../game.db", filepath.Join(dir, "game.db"), filepath.Join("link", "game.db")} {
		db, err := decode(t, "{hostPortSchema: '"+path+"'}")
		if err != nil {
			t.Fatal(err)
		}
		places[db.Place()] = true
	}
	if len(places) != 1 {
		t.Errorf("one file has the places %v", places)
	}
	for _, path := range []string{"other.db", "missing/game.db"} {
		if db, _ := decode(t, "{hostPortSchema: "+path+"}"); places[db.Place()] {
			t.Errorf("%s has the place of game.db", path)
		}
	}
}

func TestProductRefusesWhatAFileDoesNotHave(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no path":       {"{queue: 1}", "core.hostPortSchema: is empty, want the path"},
		"a user":        {"{hostPortSchema: a, username: robin}", "core.username: a database file has none: remove it, or set it to null"},
		"a password":    {"{hostPortSchema: a, password: classified}", "core.password: a database file has none"},
		"readers":       {"{hostPortSchema: a, readConnections: -1}", "core.readConnections: is -1"},
		"a queue":       {"{hostPortSchema: a, queue: 99999999}", "core.queue: is 99999999"},
		"encryption":    {"{hostPortSchema: a, tls: {}}", "core.tls: unknown key"},
		"an empty path": {"{hostPortSchema: ''}", "core.hostPortSchema: is empty"},
	} {
		_, err := decode(t, c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "classified") {
			t.Errorf("%s: Decode() = %v, want %q", name, err, c.want)
		}
	}
}
