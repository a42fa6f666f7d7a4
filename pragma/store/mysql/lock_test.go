package mysql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

// locked begins a transaction of somebody else that holds the records, and
// returns what ends it.
func locked(t *testing.T, db *sql.DB, ids ...string) *sql.Tx {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	for _, id := range ids {
		if _, err := tx.Exec("UPDATE record SET body = 'touched' WHERE kind = 'thing' AND id = ?", []byte(id)); err != nil {
			t.Fatal(err)
		}
	}
	return tx
}

// things opens a database with records of revision 1.
func things(t *testing.T, writers int, ids ...string) (store.Driver, *sql.DB) {
	t.Helper()
	s := servers.MariaDB(t)
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
	if err := tx.Rollback(); err != nil {
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
	if _, err := tx.Exec("INSERT INTO record VALUES ('thing', 'b', 1, '', NULL, '')"); err != nil {
		t.Fatal(err)
	}
	b := puts(0, "a1", "b", "c")
	b.Puts = append(b.Puts, store.Put{Key: thing("a"), Expect: 1})
	if err := d.Commit(t.Context(), b); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Commit() = %v, want %v", err, store.ErrUnavailable)
	}
	if err := tx.Rollback(); err != nil {
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
	if err := tx.Rollback(); err != nil {
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
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("Commit() = %v", err)
	}
}

func deadlocks(t *testing.T, db *sql.DB) (n int) {
	t.Helper()
	if err := db.QueryRow("SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'Innodb_deadlocks'").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// The other transaction has changed more, so that the server ends ours.
func TestADeadlockIsTriedAgain(t *testing.T) {
	d, db := things(t, 1, "a", "b", "c", "d", "e")
	before := deadlocks(t, db)
	tx := locked(t, db, "b", "c", "d", "e")
	done := make(chan error)
	go func() { done <- d.Commit(context.Background(), puts(1, "a", "b")) }()
	waiting(t, db)
	if _, err := tx.Exec("UPDATE record SET body = 'touched' WHERE kind = 'thing' AND id = 'a'"); err != nil {
		t.Fatalf("the other transaction lost: %v", err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("Commit() = %v", err)
	}
	if after := deadlocks(t, db); after == before {
		t.Error("there was no deadlock")
	}
	for _, id := range []string{"a", "b"} {
		if got := revision(t, d, id); got != 2 {
			t.Errorf("revision of %s = %d, want 2", id, got)
		}
	}
}

// waiting returns when some transaction waits for a lock. The server renews what
// it tells only if nobody has asked for a tenth of a second.
func waiting(t *testing.T, db *sql.DB) {
	t.Helper()
	for range 12 {
		var n int
		if err := db.QueryRow("SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'").Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			return
		}
		time.Sleep(150 * time.Millisecond)
	}
	t.Fatal("nobody waits for a lock")
}

// Two batches that each create what the other one demands to be missing: with
// rows alone nothing would be there to lock.
func TestRecordsThatMustNotExistAreGuarded(t *testing.T) {
	s := servers.MariaDB(t)
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
	s := servers.MariaDB(t)
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
