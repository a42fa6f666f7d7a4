package matchmaking_test

import (
	"testing"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/store"
)

func TestATicketThatItsPartyDoesNotHoldIsDropped(t *testing.T) {
	db := store.NewMemory()
	defer func() { _ = db.Close() }()
	run(t, setup{plugin: duel{}, store: keep(db)}, func(w *world) {
		robin := w.queued("a", "robin")[0]
		stray := lonely(1).Puts[2] // a ticket without a party
		stray.Body = append([]byte(`{"key":{"key":"a"},`), stray.Body[1:]...)
		if err := store.Commit(w.T.Context(), db, &store.Batch{Puts: []store.Put{stray}}); err != nil {
			w.T.Fatal(err)
		}
		w.Restart()
		robin.Connect()
		time.Sleep(time.Minute)
		ids := w.tickets()
		if len(ids) != 1 {
			w.T.Fatalf("%d tickets are left, want 1", len(ids))
		}
		if lost, err := pragma.ParseID[pragma.TicketID](stray.Key.ID); err != nil || ids[0] == lost {
			w.T.Errorf("the stray ticket is left, %v", err)
		}
		robin.info()
	})
}
