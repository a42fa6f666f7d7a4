package sqlite_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

// TestABatchThatIsWrittenInPartLeavesNoTrace has batches of one group fail in
// their last step, when they have written the others.
func TestABatchThatIsWrittenInPartLeavesNoTrace(t *testing.T) {
	db, err := sqlite.File(filepath.Join(t.TempDir(), "test.db"))(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	key := func(kind string, i int) store.Key { return store.Key{Kind: kind, ID: fmt.Sprint(i)} }
	put := func(k store.Key, expect int64) store.Put {
		return store.Put{Key: k, Expect: expect, Body: []byte(`{}`)}
	}
	const batches = 300
	results := make([]error, batches)
	var all sync.WaitGroup
	for i := range batches {
		all.Go(func() {
			b := &store.Batch{Puts: []store.Put{put(key("a", i), 0), put(key("b", i), 0)}}
			if i%3 == 0 {
				b.Puts = append(b.Puts, put(key("c", i), 7)) // there is none
			}
			if i%3 == 1 {
				b.Puts = append(b.Puts, put(key("c", i), 0))
			}
			results[i] = store.Commit(t.Context(), db, b)
		})
	}
	all.Wait()
	for i, err := range results {
		bad := i%3 == 0
		if errors.Is(err, store.ErrConflict) != bad || !bad && err != nil {
			t.Errorf("batch %d: %v, want a conflict: %v", i, err, bad)
		}
		recs, err := db.Get(t.Context(), key("a", i), key("b", i), key("c", i))
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(recs[0].Rev, recs[1].Rev, recs[2].Rev)
		if want := []string{"0 0 0", "1 1 1", "1 1 0"}[i%3]; got != want {
			t.Errorf("batch %d: revisions %s, want %s", i, got, want)
		}
	}
}
