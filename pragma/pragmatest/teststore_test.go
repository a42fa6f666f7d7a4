package pragmatest_test

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

// onDisk makes NewStore use a store that is not the one in memory.
func onDisk(t *testing.T) {
	t.Helper()
	if product := os.Getenv(pragmatest.StoreVariable); product == "" || product == "memory" {
		t.Setenv(pragmatest.StoreVariable, "sqlite")
	}
}

// What stands in front of the store is the same for all of them, and each driver
// has its own tests.
func TestStoresOfTestsKeepThePromisesOfThePort(t *testing.T) {
	t.Setenv(pragmatest.StoreVariable, "sqlite")
	storetest.Run(t, storetest.Harness{Open: func(t testing.TB) store.Opener { return pragmatest.NewStore(t) }})
}

func TestStoresOfTestsLiveInVirtualTime(t *testing.T) {
	onDisk(t)
	open := pragmatest.NewStore(t)
	synctest.Test(t, func(t *testing.T) {
		d, err := open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		begin := time.Now()
		key := store.Key{Kind: "egg", ID: "a"}
		put := func(rev int64, due time.Time) {
			t.Helper()
			if err := store.Commit(t.Context(), d, &store.Batch{Puts: []store.Put{{Key: key, Expect: rev, Due: due}}}); err != nil {
				t.Fatal(err)
			}
		}
		due := func() int {
			t.Helper()
			now, err := d.Now(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			recs, err := d.Due(t.Context(), key.Kind, now, 10)
			if err != nil {
				t.Fatal(err)
			}
			return len(recs)
		}
		put(0, begin.Add(90*time.Minute))
		for _, c := range []struct {
			at   time.Duration
			want int
		}{{0, 0}, {time.Minute, 0}, {89 * time.Minute, 0}, {90 * time.Minute, 1}, {91 * time.Minute, 1}} {
			time.Sleep(time.Until(begin.Add(c.at)))
			if got := due(); got != c.want {
				t.Errorf("%d records are due after %v, want %d", got, c.at, c.want)
			}
		}
		put(1, begin.Add(93*time.Minute))
		if got := due(); got != 0 {
			t.Errorf("%d records are due after the timer was set anew, want none", got)
		}
		time.Sleep(2 * time.Minute)
		if got := due(); got != 1 {
			t.Errorf("%d records are due at the new time, want 1", got)
		}
	})
}
