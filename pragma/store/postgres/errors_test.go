package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/postgres"
)

func TestErrorsOfTheServerMeanWhatTheySay(t *testing.T) {
	answer := func(severity, code string) error { return &pgconn.PgError{SeverityUnlocalized: severity, Code: code} }
	for _, c := range []struct {
		name           string
		err            error
		before, during error // what the port says
	}{
		{"disk full", answer("ERROR", "53100"), store.ErrFull, store.ErrFull},
		{"out of memory", answer("ERROR", "53200"), store.ErrUnavailable, store.ErrUnavailable},
		{"too many connections", answer("FATAL", "53300"), store.ErrUnavailable, store.ErrUnknown},
		{"read-only", answer("ERROR", "25006"), store.ErrUnavailable, store.ErrUnavailable},
		{"lock time-out", answer("ERROR", "55P03"), store.ErrUnavailable, store.ErrUnavailable},
		{"deadlock", answer("ERROR", "40P01"), store.ErrUnavailable, store.ErrUnavailable},
		{"serialization", answer("ERROR", "40001"), store.ErrUnavailable, store.ErrUnavailable},
		{"completion unknown", answer("ERROR", "40003"), store.ErrUnavailable, store.ErrUnknown},
		{"constraint", answer("ERROR", "23514"), store.ErrUnavailable, store.ErrUnavailable},
		{"table missing", answer("ERROR", "42P01"), store.ErrUnavailable, store.ErrUnavailable},
		{"cancelled", answer("ERROR", "57014"), store.ErrUnavailable, store.ErrUnknown},
		{"terminated", answer("FATAL", "57P01"), store.ErrUnavailable, store.ErrUnknown},
		{"crash of a neighbour", answer("FATAL", "57P02"), store.ErrUnavailable, store.ErrUnknown},
		{"I/O error", answer("ERROR", "58030"), store.ErrUnavailable, store.ErrUnknown},
		{"internal", answer("ERROR", "XX000"), store.ErrUnavailable, store.ErrUnknown},
		{"a class that is new", answer("ERROR", "ZZ123"), store.ErrUnavailable, store.ErrUnknown},
		{"fatal of a harmless class", answer("FATAL", "42501"), store.ErrUnavailable, store.ErrUnknown},
		{"not a SQLSTATE", answer("ERROR", "1"), store.ErrUnavailable, store.ErrUnknown},
		{"an older server's severity", &pgconn.PgError{Severity: "FATAL", Code: "23505"}, store.ErrUnavailable, store.ErrUnknown},
		{"connection", io.ErrUnexpectedEOF, store.ErrUnavailable, store.ErrUnknown},
		{"time limit", context.DeadlineExceeded, store.ErrUnavailable, store.ErrUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			for committing, want := range map[bool]error{false: c.before, true: c.during} {
				if got := postgres.CommitError(committing, fmt.Errorf("wrapped: %w", c.err)); !errors.Is(got, want) || !errors.Is(got, c.err) {
					t.Errorf("committing %t: error is %v, want %v", committing, got, want)
				}
			}
		})
	}
	for code, want := range map[string]bool{"40001": true, "40P01": true, "55P03": true, "23505": false, "53100": false, "57014": false} {
		if got := postgres.Repeats(answer("ERROR", code)); got != want {
			t.Errorf("%s is tried again: %t, want %t", code, got, want)
		}
	}
}

// raise has the server fail every write of a record of the kind "thing" with the
// SQLSTATE, as often as the sequence says.
func raise(t *testing.T, c postgres.Config, code string, times int) {
	t.Helper()
	exec(t, c, "CREATE SEQUENCE IF NOT EXISTS raised")
	exec(t, c, fmt.Sprintf(`CREATE OR REPLACE FUNCTION raise() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN IF nextval('raised') <= %d THEN RAISE EXCEPTION 'as the test wants' USING ERRCODE = '%s'; END IF; RETURN NEW; END $$`, times, code))
	exec(t, c, "CREATE OR REPLACE TRIGGER raise BEFORE INSERT OR UPDATE ON record FOR EACH ROW EXECUTE FUNCTION raise()")
	exec(t, c, "ALTER SEQUENCE raised RESTART")
}

func TestAnErrorInTheMiddleOfABatchLeavesNoHalfOfIt(t *testing.T) {
	s := servers.Postgres(t)
	c := config(s.Addr(), s.Schema(t))
	d := open(t, c)
	for _, id := range []string{"a", "b", "c", "d"} {
		if err := write(t, d, id, 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range []struct {
		code  string
		times int
		want  error
	}{
		{"53100", 1000, store.ErrFull},
		{"P0001", 1000, store.ErrUnavailable},
		{"40001", 1000, store.ErrUnavailable}, // for ever
		{"40001", 3, nil},
		{"40P01", 2, nil},
	} {
		raise(t, c, e.code, e.times)
		one, three := d.Commit(t.Context(), puts(1, "a")), error(nil)
		raise(t, c, e.code, e.times)
		three = d.Commit(t.Context(), puts(1, "b", "c", "d"))
		if !errors.Is(one, e.want) || !errors.Is(three, e.want) {
			t.Errorf("Commit() with %s %d times = %v and %v, want %v", e.code, e.times, one, three, e.want)
		}
		want := int64(1)
		if e.want == nil {
			want = 2
		}
		raise(t, c, e.code, 0)
		for _, id := range []string{"a", "b", "c", "d"} {
			if got := revision(t, d, id); got != want {
				t.Errorf("revision of %s after %s %d times = %d, want %d", id, e.code, e.times, got, want)
			}
			if want == 2 { // back to 1
				if err := d.Commit(t.Context(), &store.Batch{Deletes: []store.Check{{Key: thing(id), Expect: 2}}}); err != nil {
					t.Fatal(err)
				}
				if err := write(t, d, id, 0); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func TestAServerWithoutAFreeConnectionIsUnavailable(t *testing.T) {
	s := servers.Postgres(t)
	s.Exec(t, "CREATE ROLE few LOGIN PASSWORD 'not shown' CONNECTION LIMIT 2 IN ROLE pg_write_all_data, pg_read_all_data")
	t.Cleanup(func() { s.Exec(t, "DROP ROLE few") })
	c := config(s.Addr(), s.Schema(t))
	open(t, c).Close()
	c.Username, c.Password = "few", "not shown"
	c.WriteConnections = 1
	d := open(t, c)
	if err := write(t, d, "a", 0); err != nil { // the first connection
		t.Fatal(err)
	}
	if got := revision(t, d, "a"); got != 1 { // the second
		t.Errorf("revision = %d, want 1", got)
	}
	refuses(t, c, "store: unavailable", "53300", "no connection left")
	if err := write(t, d, "a", 1); err != nil {
		t.Errorf("Commit() on the connection there is = %v", err)
	}
}
