package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/openpragma/engine/internal/dbtest"
	"github.com/openpragma/engine/pragma/store"
)

func TestADatabaseIsReadWithoutChangingIt(t *testing.T) {
	s := servers.Postgres(t)
	c := config(s.Addr(), s.Schema(t))
	names, err := c.Pending(t.Context())
	if err != nil || len(names) == 0 || names[0] != "0001_records.sql" {
		t.Errorf("Pending() of an empty schema = %v, %v, want all steps", names, err)
	}
	if _, err := c.OpenReadOnly(t.Context()); err == nil || !strings.Contains(err.Error(), "migrate it first") {
		t.Errorf("OpenReadOnly() of an empty schema = %v", err)
	}
	if err := write(t, open(t, c), "a", 0); err != nil {
		t.Fatal(err)
	}
	if names, err := c.Pending(t.Context()); err != nil || len(names) > 0 {
		t.Errorf("Pending() after Open = %v, %v, want none", names, err)
	}
	d, err := c.OpenReadOnly(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if rev := revision(t, d, "a"); rev != 1 {
		t.Errorf("revision = %d, want 1", rev)
	}
	if err := write(t, d, "b", 0); !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "reading only") {
		t.Errorf("Commit() = %v, want %v", err, store.ErrUnavailable)
	}
	if err := d.(store.Importer).Import(t.Context(), []store.Record{{Key: thing("b"), Rev: 1}}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Import() = %v, want %v", err, store.ErrUnavailable)
	}
	if err := errors.Join(d.Close(), d.Close()); err != nil {
		t.Errorf("Close() = %v", err)
	}
}

func TestProbeReportsFindingsWithoutOpening(t *testing.T) {
	s := dbtest.NewPostgres(t, "synchronous_commit=off")
	c := config(s.Addr(), s.Schema(t))
	found, err := c.Probe(t.Context())
	if err != nil || len(found) != 1 || !strings.HasPrefix(found[0], "durability: ") {
		t.Errorf("Probe() = %q, %v, want the durability", found, err)
	}
	c.AllowUnsafe = []string{"durability"}
	if found, err := c.Probe(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("Probe() = %q, %v after it was allowed", found, err)
	}
	c.HostPortSchema = "127.0.0.1:1/nobody"
	if _, err := c.Probe(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Probe() without a server = %v, want %v", err, store.ErrUnavailable)
	}
}
