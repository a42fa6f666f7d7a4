package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/sqlite"
	"github.com/openpragma/engine/pragma/store/storetest"
)

func harness() storetest.Harness {
	return storetest.Harness{Open: func(t testing.TB) store.Opener {
		return sqlite.File(filepath.Join(t.TempDir(), "test.db"))
	}}
}

func TestSQLiteKeepsThePromisesOfThePort(t *testing.T) { storetest.Run(t, harness()) }

func TestSQLiteWorksWithoutRoomToWait(t *testing.T) {
	storetest.RunConcurrent(t, storetest.Harness{Open: func(t testing.TB) store.Opener {
		return sqlite.Options{Path: filepath.Join(t.TempDir(), "test.db"), Readers: 1, Queue: 1}.Open
	}})
}

func BenchmarkSQLite(b *testing.B) { storetest.Bench(b, harness()) }
