package main

import (
	"os"
	"testing"

	"github.com/openpragma/engine/internal/dbtest"
	"github.com/openpragma/engine/pragma/store"
)

func TestBenchStoreComparesADatabaseWithItsPlainDriver(t *testing.T) {
	t.Setenv(benchPassword, dbtest.Password)
	for name, server := range map[string]interface {
		Addr() string
		Schema(testing.TB) string
	}{"mysql": dbtest.NewMariaDB(t), "postgres": dbtest.NewPostgres(t)} {
		url := name + "://" + dbtest.User + "@" + server.Addr() + "/" + server.Schema(t)
		for range 2 { // it leaves nothing in the way of another run
			matchLines(t, output(t, "bench", "store", "-db", url, "-duration", "40ms", "-writers", "1,4"),
				name+`, 1 writer, 1 record each: COUNT commits/s, plain driver COUNT/s, ratio PERCENT`,
				name+`, 4 writers, 1 record each: COUNT commits/s, plain driver COUNT/s, ratio PERCENT`,
				name+`, 1 writer, 2 records each: COUNT commits/s, plain driver COUNT/s, ratio PERCENT`,
				name+`, 4 writers, 2 records each: COUNT commits/s, plain driver COUNT/s, ratio PERCENT`,
			)
		}
		target, err := parseTarget(url)
		if err != nil {
			t.Fatal(err)
		}
		db, err := target.open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for r, err := range db.List(t.Context(), store.Query{Kind: benchKind}) {
			t.Fatalf("%s: %s is left, %v", name, r.Key, err)
		}
	}
}

func TestBenchStoreRefusesWhatIsNoDatabase(t *testing.T) {
	for url, says := range map[string]string{
		"mysql://me:hidden@db/game": "put it into " + benchPassword,
		"sqlite://file":             "want mysql:// or postgres://",
		"db:3306/game":              "want mysql:// or postgres://",
		"postgres://me@db":          "names no schema",
		"postgres://db/game":        "username: is empty",
		"%":                         "is not a URL",
	} {
		err := failure(t, "bench", "store", "-db", url)
		if !contains(err, says) || contains(err, "hidden") {
			t.Errorf("bench store -db %s says %q, want %q", url, err, says)
		}
	}
	if os.Getenv(benchPassword) != "" {
		t.Errorf("%s is set", benchPassword)
	}
}
