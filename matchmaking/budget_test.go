package matchmaking_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

// slowCommits is a store that takes a while to commit anything.
type slowCommits struct {
	store.Driver
	takes time.Duration
}

func (s slowCommits) Commit(ctx context.Context, b *store.Batch) error {
	time.Sleep(s.takes)
	return s.Driver.Commit(ctx, b)
}

// A pass that finds more matches than are committed at a time waits for places.
// That is the store's time and no reason to end the pass: the others would wait
// for the next one, as if they had come too late.
func TestThePassGoesOnHoweverLongTheStoreTakes(t *testing.T) {
	const waiting, commit = 1200, 2 * time.Second // more than twice as many matches as places
	mem := store.Memory()
	slow := func(ctx context.Context) (store.Driver, error) {
		d, err := mem(ctx)
		return slowCommits{d, commit}, err
	}
	// The first pass is the only one within the hour.
	config := "game: {serviceConfigs: {MatchmakingConfig: {passBudgetMillis: 100, matchmakingDelayMillis: 3600000}}}"
	db, err := mem(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range waiting {
		if err := store.Commit(t.Context(), db, lonely(i)); err != nil {
			t.Fatal(err)
		}
	}
	run(t, setup{plugin: duel{}, store: slow, config: config}, func(w *world) {
		time.Sleep(4 * commit)
		synctest.Wait()
		if left, _ := w.queue.Index(); left != 0 {
			t.Errorf("%d of %d still wait after the time of four commits", left, waiting)
		}
	})
}
