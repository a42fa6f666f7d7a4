package postgres_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/internal/dbtest"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/postgres"
)

func names(found []postgres.Finding) []string {
	var all []string
	for _, f := range found {
		if f.Problem == "" || f.Fix == "" {
			return []string{f.Name + " says nothing"}
		}
		all = append(all, f.Name)
	}
	return all
}

func TestUnsafeServersAreFoundOut(t *testing.T) {
	safe := map[string]string{
		"server_version": "15.18 (Debian)", "server_version_num": "150018", "synchronous_commit": "on", "fsync": "on",
		"full_page_writes": "on", "transaction_read_only": "off", "recovery": "false", "pid": "7", "announced pid": "7",
		"default_transaction_isolation": "read committed", "lock_timeout": "2000",
	}
	for _, c := range []struct {
		name string
		set  map[string]string
		want []string
	}{
		{"as it is", nil, nil},
		{"14", map[string]string{"server_version_num": "140000"}, nil},
		{"18", map[string]string{"server_version_num": "180001"}, nil},
		{"13", map[string]string{"server_version_num": "130022"}, []string{"version"}},
		{"nonsense", map[string]string{"server_version_num": "latest"}, []string{"version"}},
		{"commits wait for the local log only", map[string]string{"synchronous_commit": "local"}, nil},
		{"commits wait for a standby", map[string]string{"synchronous_commit": "remote_apply"}, nil},
		{"commits do not wait", map[string]string{"synchronous_commit": "off"}, []string{"durability"}},
		{"no fsync", map[string]string{"fsync": "off"}, []string{"fsync"}},
		{"torn pages", map[string]string{"full_page_writes": "off"}, []string{"fullPageWrites"}},
		{"read-only", map[string]string{"transaction_read_only": "on"}, []string{"readOnly"}},
		{"standby", map[string]string{"transaction_read_only": "on", "recovery": "true"}, []string{"readOnly"}},
		{"pooler", map[string]string{"announced pid": "8"}, []string{"pooler"}},
		{"dropped settings", map[string]string{"default_transaction_isolation": "serializable", "lock_timeout": "0"}, []string{"isolation", "lockWait"}},
		{"nothing known", map[string]string{"server_version_num": "", "fsync": "", "full_page_writes": "", "transaction_read_only": ""},
			[]string{"version", "fsync", "fullPageWrites", "readOnly"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := maps.Clone(safe)
			maps.Copy(s, c.set)
			got := names(postgres.Judge(s))
			if diff := cmp.Diff(got, c.want); diff != "" {
				t.Errorf("findings are wrong (-got +want):\n%s", diff)
			}
			for _, name := range got {
				if !slices.Contains(postgres.FindingNames(), name) {
					t.Errorf("%s cannot be allowed", name)
				}
			}
		})
	}
}

func TestAnUnsafeServerIsRefusedWithEveryFinding(t *testing.T) {
	t.Parallel()
	s := dbtest.NewPostgres(t, "fsync=off", "full_page_writes=off", "synchronous_commit=off", "default_transaction_isolation=serializable")
	c := config(s.Addr(), s.Schema(t))
	all := []string{"durability", "fsync", "fullPageWrites"}
	var unsafe *postgres.UnsafeError
	if err := refuses(t, c, "set synchronous_commit = on", "set fsync = on"); !errors.As(err, &unsafe) {
		t.Fatalf("Open() = %v, want an UnsafeError", err)
	}
	if diff := cmp.Diff(names(unsafe.Findings), all); diff != "" {
		t.Errorf("findings are wrong (-got +want):\n%s", diff)
	}
	c.AllowUnsafe = all[1:]
	if err := refuses(t, c); !errors.As(err, &unsafe) || !slices.Equal(names(unsafe.Findings), all[:1]) {
		t.Errorf("Open() with some allowed = %v, want only %v", err, all[:1])
	}
	// What counts is the setting of our connections, not the server's.
	s.Exec(t, "ALTER ROLE "+dbtest.User+" SET synchronous_commit = 'local'")
	if err := write(t, open(t, c), "a", 0); err != nil {
		t.Errorf("Commit() on an accepted server = %v", err)
	}
}

func TestADatabaseThatBecomesReadOnlyRefusesCommits(t *testing.T) {
	s := servers.Postgres(t)
	schema := s.Schema(t)
	c := config(s.Addr(), schema)
	d := open(t, c)
	if err := write(t, d, "a", 0); err != nil {
		t.Fatal(err)
	}
	s.Exec(t, "ALTER DATABASE "+schema+" SET default_transaction_read_only = on",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+schema+"'")
	refusesCommits(t, d)
	refuses(t, c, "readOnly", "set default_transaction_read_only = off")
	s.Exec(t, "ALTER DATABASE "+schema+" RESET default_transaction_read_only")
	if err := write(t, d, "b", 0); err != nil {
		t.Errorf("Commit() on a database that accepts writes again = %v", err)
	}
}

// refusesCommits wants commits to be refused on old connections and on new ones.
func refusesCommits(t *testing.T, d store.Driver) {
	t.Helper()
	for range 2 {
		if err := write(t, d, "b", 0); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("Commit() = %v, want %v", err, store.ErrUnavailable)
		}
		two := &store.Batch{Puts: []store.Put{{Key: thing("a"), Expect: 1}, {Key: thing("c")}}}
		if err := store.Commit(t.Context(), d, two); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("Commit() of two = %v, want %v", err, store.ErrUnavailable)
		}
	}
}

func TestAStandbyIsRefusedUntilItIsThePrimary(t *testing.T) {
	t.Parallel()
	s := dbtest.NewPostgres(t)
	c := config(s.Addr(), s.Schema(t))
	d := open(t, c)
	if err := write(t, d, "a", 0); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	s.WriteData(t, "standby.signal", nil)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	refusesCommits(t, d)
	refuses(t, c, "readOnly", "standby", "connect to the primary")
	s.Exec(t, "SELECT pg_promote()")
	if err := write(t, d, "b", 0); err != nil {
		t.Errorf("Commit() on a primary again = %v", err)
	}
	for id, want := range map[string]int64{"a": 1, "b": 1, "c": 0} {
		if got := revision(t, d, id); got != want {
			t.Errorf("revision of %s = %d, want %d", id, got, want)
		}
	}
}

func TestRowsAreCountedByTheBytesOfTheirKeys(t *testing.T) {
	s := servers.Postgres(t)
	c := config(s.Addr(), s.Schema(t))
	d := open(t, c)
	if err := write(t, d, "a", 0); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int64{
		"UPDATE record SET rev = 1":                  1, // unchanged, but matched
		"UPDATE record SET rev = 1 WHERE rev = 2":    0,
		"UPDATE record SET rev = 1 WHERE id = 'a '":  0,
		"UPDATE record SET rev = 1 WHERE id = 'A'":   0,
		"DELETE FROM record WHERE kind = 'thing  '":  0,
		"SELECT 1 FROM record WHERE kind >= 'thing'": 1,
	} {
		if got, err := postgres.Rows(t.Context(), c, query); err != nil || got != want {
			t.Errorf("%s touches %d rows, %v, want %d", query, got, err, want)
		}
	}
}
