package pragmatest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/internal/dbtest"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/mysql"
	"github.com/openpragma/engine/pragma/store/postgres"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

// StoreVariable is the environment variable that says on which store tests run:
// memory (which is the default), sqlite, mysql or postgres.
const StoreVariable = "PRAGMA_TEST_STORE"

// NewStore returns an opener of a new, empty store of the product that
// [StoreVariable] names. A database server is started by the first test of the
// binary that needs it, and each store is a schema of its own in it. Call it
// outside of a bubble, open it inside.
//
// The clock of the store is the one of package time, in a bubble too: the clock of
// a server would not move when virtual time passes. Several servers of one test
// may open the store, but for SQLite.
func NewStore(t testing.TB) store.Opener {
	t.Helper()
	switch product := os.Getenv(StoreVariable); product {
	case "", "memory":
		return store.Memory()
	case "sqlite":
		return forTests(sqlite.File(filepath.Join(t.TempDir(), "test.db")))
	case "mysql":
		addr, schema := mariaDB(t)
		c := mysql.Config{HostPortSchema: addr + "/" + schema, Username: dbtest.User, Password: conf.Secret(dbtest.Password)}
		return forTests(c.Open)
	case "postgres":
		addr, schema := postgreSQL(t)
		c := postgres.Config{
			HostPortSchema: addr + "/" + schema, Username: dbtest.User, Password: conf.Secret(dbtest.Password), AllowUnsafe: []string{"fsync"},
		}
		return forTests(c.Open)
	default:
		t.Fatalf("%s is %q, want memory, sqlite, mysql or postgres", StoreVariable, product)
		return nil
	}
}

// DatabaseConfig returns a databaseConfig, as a YAML flow map, of a new, empty
// database of the product that [StoreVariable] names, for programs under test that
// choose their store by configuration. It is empty for memory.
func DatabaseConfig(t testing.TB) string {
	t.Helper()
	product, place, user := "", "", ""
	switch os.Getenv(StoreVariable) {
	case "", "memory":
		return ""
	case "mysql":
		addr, schema := mariaDB(t)
		product, place = "MYSQLDB", addr+"/"+schema
	case "postgres":
		addr, schema := postgreSQL(t)
		product, place, user = "POSTGRES", addr+"/"+schema, ", allowUnsafe: [fsync]"
	default: // NewStore knows what is a mistake
		NewStore(t)
		product, place = "SQLITE", filepath.Join(t.TempDir(), "test.db")
	}
	if product != "SQLITE" {
		user += fmt.Sprintf(", username: %q, password: %q", dbtest.User, dbtest.Password)
	}
	return fmt.Sprintf("{driver: %s, hostPortSchema: %q%s}", product, place, user)
}

func mariaDB(t testing.TB) (addr, schema string) {
	t.Helper()
	s := dbtest.Process().MariaDB(t)
	return s.Addr(), s.Schema(t)
}

func postgreSQL(t testing.TB) (addr, schema string) {
	t.Helper()
	s := dbtest.Process().Postgres(t)
	return s.Addr(), s.Schema(t)
}

// forTests has the stores of an opener use the clock of package time, and ask for
// what is due no more often than needed.
func forTests(open store.Opener) store.Opener {
	known := &dues{}
	return func(ctx context.Context) (store.Driver, error) {
		d, err := open(ctx)
		if err != nil {
			return nil, fmt.Errorf("open the store of the test: %w", err)
		}
		return &clocked{dueDriver{Driver: d, dues: known}}, nil
	}
}

type clocked struct{ dueDriver }

// Now returns the time of the test.
func (c *clocked) Now(ctx context.Context) (time.Time, error) {
	if err := store.ContextError(ctx); err != nil || c.closed.Load() {
		return c.Driver.Now(ctx)
	}
	return store.TruncateDue(time.Now()), nil
}
