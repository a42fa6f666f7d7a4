package gameinstance_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

// edit changes members of a record behind everybody's back, and makes it due.
func edit(t *testing.T, db store.Driver, key store.Key, due time.Time, members map[string]any) {
	t.Helper()
	recs, err := db.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	body := make(map[string]jsontext.Value)
	if err := json.Unmarshal(recs[0].Body, &body); err != nil {
		t.Fatal(err)
	}
	for name, v := range members {
		if body[name], err = json.Marshal(v); err != nil {
			t.Fatal(err)
		}
	}
	put := store.Put{Key: key, Expect: recs[0].Rev, Due: due}
	if put.Body, err = json.Marshal(body); err != nil {
		t.Fatal(err)
	}
	if err := store.Commit(t.Context(), db, &store.Batch{Puts: []store.Put{put}}); err != nil {
		t.Fatal(err)
	}
}

// A timer that nobody does anything about must not keep a node busy: the update
// would never end.
func TestATimerThatNothingIsDoneAboutIsLookedAtLater(t *testing.T) {
	past := time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC) // bubbles begin in 2000
	for _, row := range []struct {
		name    string
		members map[string]any
		over    bool
	}{
		{name: "of the end, in a game that is not over", members: map[string]any{"purgeAt": past}},
		{name: "of all times, after the end", members: map[string]any{"state": "ENDED", "purgeAt": time.Time{}, "staleBy": past, "aliveBy": past}, over: true},
	} {
		t.Run(row.name, func(t *testing.T) { untimely(t, row.members, row.over) })
	}
}

func untimely(t *testing.T, members map[string]any, over bool) {
	db := store.NewMemory()
	games := &gameinstance.Service{}
	build := func() *pragma.Server {
		return &pragma.Server{Game: []pragma.Service{games}, Store: func(context.Context) (store.Driver, error) { return db, nil }}
	}
	pragmatest.Run(t, build, func(w *pragmatest.World) {
		t := w.T
		id, err := games.Create(t.Context(), &gameinstance.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		key := store.Key{Kind: "instance", ID: id.String()}
		edit(t, db, key, time.Now(), members)
		time.Sleep(30 * time.Second)
		recs, err := db.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if due := recs[0].Due; !due.After(time.Now()) {
			t.Errorf("the record is due at %v, want a later time than %v", due, time.Now())
		}
		if rev := recs[0].Rev; rev > 6 {
			t.Errorf("the record was written %d times in half a minute", rev)
		}
		if over {
			time.Sleep(2 * time.Hour)
			equal(t, "records of instances", count(t, db, "instance"), 0)
			return
		}
		if !strings.Contains(w.Logs(), "nothing is to be done") {
			t.Error("nobody is told of a timer that nothing is done about")
		}
	})
}
