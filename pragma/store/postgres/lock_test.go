package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/openpragma/engine/pragma/store"
)

// locked begins a transaction of somebody else that holds the records, and
// returns what ends it.
func locked(t *testing.T, db *pgx.Conn, ids ...string) pgx.Tx {
	t.Helper()
	tx, err := db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	for _, id := range ids {
		if _, err := tx.Exec(t.Context(), "UPDATE record SET body = 'touched' WHERE kind = 'thing' AND id = $1", []byte(id)); err != nil {
			t.Fatal(err)
		}
	}
	return tx
}

// things opens a database with records of revision 1.
func things(t *testing.T, writers int, ids ...string) (store.Driver, *pgx.Conn) {
	t.Helper()
	s := servers.Postgres(t)
	schema := s.Schema(t)
	c := config(s.Addr(), schema)
	c.WriteConnections = writers
	d := open(t, c)
	for _, id := range ids {
		if err := write(t, d, id, 0); err != nil {
			t.Fatal(err)
		}
	}
	return d, s.DB(t, schema)
}

func puts(expect int64, ids ...string) *store.Batch {
	b := &store.Batch{Token: store.NewToken()}
	for _, id := range ids {
		b.Puts = append(b.Puts, store.Put{Key: thing(id), Expect: expect, Body: []byte("new")})
	}
	return b
}

func TestALockThatIsNotGivenUpLeavesNoHalfOfABatch(t *testing.T) {
	t.Parallel()
	d, db := things(t, 4, "a", "b", "c", "d")
	tx := locked(t, db, "b")
	create := puts(1, "a1", "b", "d")
	create.Puts[0].Expect = 0
	var wg sync.WaitGroup
	for _, b := range []*store.Batch{puts(1, "a", "b", "c"), puts(1, "b"), create} {
		wg.Go(func() {
			if err := d.Commit(t.Context(), b); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("Commit() of %d records = %v, want %v", len(b.Puts), err, store.ErrUnavailable)
			}
		})
	}
	wg.Wait()
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]int64{"a": 1, "a1": 0, "b": 1, "c": 1, "d": 1} {
		if got := revision(t, d, id); got != want {
			t.Errorf("revision of %s = %d, want %d", id, got, want)
		}
	}
	if err := d.Commit(t.Context(), puts(1, "a", "b")); err != nil {
		t.Errorf("Commit() after the lock = %v", err)
	}
}

// An insert waits too, for somebody who inserted the same key and may take it
// back; by then the batch has written its first half.
func TestAnInsertThatWaitsInVainLeavesNoHalfOfABatch(t *testing.T) {
	t.Parallel()
	d, db := things(t, 1, "a")
	tx := locked(t, db)
	if _, err := tx.Exec(t.Context(), "INSERT INTO record VALUES ('thing', 'b', 1, '', NULL, '')"); err != nil {
		t.Fatal(err)
	}
	b := puts(0, "a1", "b", "c")
	b.Puts = append(b.Puts, store.Put{Key: thing("a"), Expect: 1})
	if err := d.Commit(t.Context(), b); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Commit() = %v, want %v", err, store.ErrUnavailable)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]int64{"a": 1, "a1": 0, "b": 0, "c": 0} {
		if got := revision(t, d, id); got != want {
			t.Errorf("revision of %s = %d, want %d", id, got, want)
		}
	}
}

func TestALockedRecordHoldsUpOnlyTheBatchesThatNeedIt(t *testing.T) {
	t.Parallel()
	ids := []string{"locked"}
	for i := range 11 {
		ids = append(ids, fmt.Sprint(i))
	}
	d, db := things(t, 1, ids...)
	tx := locked(t, db, "locked")
	var wg sync.WaitGroup
	for i, id := range ids[1:] {
		wg.Go(func() {
			batch, want := puts(1, id), error(nil)
			if i%3 == 0 {
				batch, want = puts(1, "locked", id), store.ErrUnavailable
			}
			if err := d.Commit(t.Context(), batch); !errors.Is(err, want) {
				t.Errorf("Commit() of %d records = %v, want %v", len(batch.Puts), err, want)
			}
		})
	}
	wg.Wait()
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, id := range ids[1:] {
		want := int64(2)
		if i%3 == 0 {
			want = 1
		}
		if got := revision(t, d, id); got != want {
			t.Errorf("revision of %s = %d, want %d", id, got, want)
		}
	}
}

func TestALockGivenUpInTimeDelaysACommit(t *testing.T) {
	t.Parallel()
	d, db := things(t, 1, "a", "b")
	tx := locked(t, db, "b")
	done := make(chan error)
	go func() { done <- d.Commit(context.Background(), puts(1, "a", "b")) }()
	time.Sleep(2500 * time.Millisecond) // longer than one wait
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("Commit() = %v", err)
	}
}

// The server ends the transaction that finds the circle, after having waited for
// a second.
func TestADeadlockIsTriedAgain(t *testing.T) {
	t.Parallel()
	d, db := things(t, 1, "a", "b")
	if _, err := db.Exec(t.Context(), "SET deadlock_timeout = '10s'"); err != nil { // it is not the one to lose
		t.Fatal(err)
	}
	tx := locked(t, db, "b")
	done := make(chan error)
	go func() { done <- d.Commit(context.Background(), puts(1, "a", "b")) }()
	waiting(t, tx)
	if _, err := tx.Exec(t.Context(), "UPDATE record SET body = 'touched' WHERE kind = 'thing' AND id = 'a'"); err != nil {
		t.Fatalf("the other transaction lost: %v", err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("Commit() = %v", err)
	}
	// It is counted when the connection rests.
	for n, tries := 0, 0; n == 0; tries++ {
		if err := db.QueryRow(t.Context(), "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").Scan(&n); err != nil {
			t.Fatal(err)
		}
		if tries > 100 {
			t.Fatal("there was no deadlock")
		}
		time.Sleep(50 * time.Millisecond)
	}
	for _, id := range []string{"a", "b"} {
		if got := revision(t, d, id); got != 2 {
			t.Errorf("revision of %s = %d, want 2", id, got)
		}
	}
}

// waiting returns when some transaction of this database waits for a lock.
func waiting(t *testing.T, tx pgx.Tx) {
	t.Helper()
	for range 500 {
		var n int
		if err := tx.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity"+
			" WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("nobody waits for a lock")
}

// Two batches that each create what the other one demands to be missing: with
// rows alone nothing would be there to lock.
func TestRecordsThatMustNotExistAreGuarded(t *testing.T) {
	s := servers.Postgres(t)
	c := config(s.Addr(), s.Schema(t))
	one, two := open(t, c), open(t, c)
	for round := range 30 {
		a, b := thing(fmt.Sprintf("%d/a", round)), thing(fmt.Sprintf("%d/b", round))
		var wg sync.WaitGroup
		var first, second error
		wg.Go(func() {
			first = one.Commit(t.Context(), &store.Batch{Puts: []store.Put{{Key: a}}, Checks: []store.Check{{Key: b}}})
		})
		wg.Go(func() {
			second = two.Commit(t.Context(), &store.Batch{Puts: []store.Put{{Key: b}}, Checks: []store.Check{{Key: a}}})
		})
		wg.Wait()
		if (first == nil) == (second == nil) || !errors.Is(errors.Join(first, second), store.ErrConflict) {
			t.Errorf("round %d: Commit() = %v and %v, want one success and one conflict", round, first, second)
		}
	}
}

// Two servers share the counters; each groups the batches of its own writers.
func TestCountersOfTwoServersAreExact(t *testing.T) {
	s := servers.Postgres(t)
	c := config(s.Addr(), s.Schema(t))
	const writers, rounds, counters = 12, 15, 3
	var wg sync.WaitGroup
	for range 2 {
		d := open(t, c)
		for w := range writers {
			wg.Go(func() {
				for i := range rounds {
					if err := addOne(t.Context(), d, fmt.Sprint((w+i)%counters), fmt.Sprint(w%counters, "extra")); err != nil {
						t.Errorf("add one: %v", err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	d := open(t, c)
	sum := int64(0)
	for i := range counters {
		sum += revision(t, d, fmt.Sprint(i))
	}
	if want := int64(2 * writers * rounds); sum != want {
		t.Errorf("sum of the counters = %d, want %d", sum, want)
	}
}

// addOne brings two records to their next revisions, whatever they are.
func addOne(ctx context.Context, d store.Driver, ids ...string) error {
	for {
		recs, err := d.Get(ctx, thing(ids[0]), thing(ids[1]))
		if err != nil {
			return err
		}
		b := &store.Batch{}
		for _, r := range recs {
			b.Puts = append(b.Puts, store.Put{Key: r.Key, Expect: r.Rev})
		}
		if err := store.Commit(ctx, d, b); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}
