package postgres_test

import (
	"os"
	"testing"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/internal/dbtest"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/postgres"
	"github.com/openpragma/engine/pragma/store/storetest"
)

var servers dbtest.Servers

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// config describes a database of a server, or the server behind a proxy.
func config(addr, schema string) postgres.Config {
	return postgres.Config{
		HostPortSchema: addr + "/" + schema,
		Username:       dbtest.User,
		Password:       conf.Secret(dbtest.Password),
	}
}

func harness() storetest.Harness {
	return storetest.Harness{Open: func(t testing.TB) store.Opener {
		s := servers.Postgres(t)
		return config(s.Addr(), s.Schema(t)).Open
	}}
}

func TestDatabaseKeepsThePromisesOfThePort(t *testing.T) { storetest.Run(t, harness()) }

func BenchmarkDatabase(b *testing.B) { storetest.Bench(b, harness()) }

// open opens a database that the test closes.
func open(t testing.TB, c postgres.Config) store.Driver {
	t.Helper()
	d, err := c.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func thing(id string) store.Key { return store.Key{Kind: "thing", ID: id} }

// write brings one record from revision expect to the next one.
func write(t testing.TB, d store.Driver, id string, expect int64) error {
	t.Helper()
	return store.Commit(t.Context(), d, &store.Batch{Puts: []store.Put{{Key: thing(id), Expect: expect, Body: []byte(id)}}})
}

func revision(t testing.TB, d store.Driver, id string) int64 {
	t.Helper()
	recs, err := d.Get(t.Context(), thing(id))
	if err != nil {
		t.Fatal(err)
	}
	return recs[0].Rev
}
