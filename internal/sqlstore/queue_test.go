package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/openpragma/engine/internal/sqlstore"
	"github.com/openpragma/engine/pragma/store"
)

func key(id string) store.Key { return store.Key{Kind: "thing", ID: id} }

func put(id string, expect int64) store.Step {
	return store.Step{Op: store.OpPut, Key: key(id), Expect: expect}
}

func remove(id string, expect int64) store.Step {
	return store.Step{Op: store.OpDelete, Key: key(id), Expect: expect}
}

func check(id string, expect int64) store.Step {
	return store.Step{Op: store.OpCheck, Key: key(id), Expect: expect}
}

var limits = sqlstore.Limits{Jobs: 4, Steps: 6, Bytes: 1000}

func TestBatchesThatWaitShareAGroupWithinItsLimits(t *testing.T) {
	for _, c := range []struct {
		name  string
		steps []store.Step // of each batch
		want  []int        // sizes of the groups
	}{
		{"jobs", []store.Step{put("a", 0)}, []int{4, 4, 1}},
		{"steps", []store.Step{put("a", 0), put("b", 0), put("c", 0)}, []int{2, 2, 2, 2, 1}},
		{"bytes", []store.Step{{Op: store.OpPut, Key: key("a"), Body: make([]byte, 400)}}, []int{3, 3, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := sqlstore.NewQueue(20, limits)
				var callers, writer sync.WaitGroup
				for i := range 9 {
					callers.Go(func() {
						err := q.Commit(t.Context(), store.Token{byte(i)}, c.steps)
						if want := fmt.Sprint(i); err == nil || err.Error() != want {
							t.Errorf("Commit() = %v, want %s", err, want)
						}
					})
				}
				synctest.Wait()
				var sizes []int
				writer.Go(func() {
					q.Run(func(group []*sqlstore.Job, results []error) {
						sizes = append(sizes, len(group))
						for i, j := range group {
							results[i] = errors.New(fmt.Sprint(j.Token[0]))
						}
					})
				})
				callers.Wait()
				q.Close()
				writer.Wait()
				if !slices.Equal(sizes, c.want) {
					t.Errorf("groups have %d batches, want %d", sizes, c.want)
				}
			})
		})
	}
}

func TestABatchThatIsNotBegunIsGivenUpWithItsContextOrTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := sqlstore.NewQueue(1, limits)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 2 { // one waits for a writer, one for room
			wg.Go(func() {
				if err := q.Commit(ctx, store.Token{}, []store.Step{put("a", 0)}); !errors.Is(err, context.Canceled) {
					t.Errorf("Commit() = %v, want %v", err, context.Canceled)
				}
			})
		}
		synctest.Wait()
		cancel()
		wg.Wait()
		wg.Go(func() {
			if err := q.Commit(t.Context(), store.Token{}, []store.Step{put("a", 0)}); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("Commit() = %v, want %v", err, store.ErrUnavailable)
			}
		})
		synctest.Wait()
		q.Close()
		wg.Wait()
		q.Run(func(group []*sqlstore.Job, results []error) { t.Errorf("%d batches are written after all", len(group)) })
		if err := q.Commit(t.Context(), store.Token{}, nil); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("Commit() of nothing after Close = %v, want %v", err, store.ErrUnavailable)
		}
	})
}

// groupOf makes jobs as a queue hands them out.
func groupOf(t *testing.T, batches ...[]store.Step) (group []*sqlstore.Job) {
	t.Helper()
	for i, steps := range batches {
		group = append(group, &sqlstore.Job{Token: store.Token{byte(i + 1)}, Steps: steps})
	}
	return group
}

func TestABatchThatFailsInAGroupGetsItsOwnTry(t *testing.T) {
	bad := errors.New("bad")
	for _, c := range []struct {
		name    string
		outcome sqlstore.Outcome
		want    []bool // fails
		tries   int
	}{
		{"it is the reason", sqlstore.Final, []bool{false, true, false}, 4},
		{"outcome unknown", sqlstore.Unknown, []bool{true, true, true}, 1},
		{"no connection", sqlstore.Renewed, []bool{true, true, true}, 3},
		{"deadlocks", sqlstore.Again, []bool{false, true, false}, 12 + 1 + 12 + 1},
		{"a lock", sqlstore.Waited, []bool{false, true, true}, 1 + 1 + 2}, // the third needs the same record
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				group := groupOf(t, []store.Step{put("a", 0)}, []store.Step{put("b", 0)}, []store.Step{put("b", 1)})
				tries := 0
				results := make([]error, len(group))
				sqlstore.Group(group, results, func(group []*sqlstore.Job, _ []error) (sqlstore.Outcome, error) {
					tries++
					for _, j := range group {
						if j.Token == (store.Token{2}) {
							return c.outcome, bad
						}
					}
					return sqlstore.Final, nil
				}, func(o sqlstore.Outcome, err error) error {
					if o != c.outcome {
						t.Errorf("outcome is %d, want %d", o, c.outcome)
					}
					return err
				})
				for i, err := range results {
					if errors.Is(err, bad) != c.want[i] {
						t.Errorf("result %d is %v, want an error: %t", i, err, c.want[i])
					}
				}
				if tries != c.tries {
					t.Errorf("%d tries, want %d", tries, c.tries)
				}
			})
		})
	}
}
