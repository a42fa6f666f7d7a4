package store_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

func ExampleCommit() {
	ctx := context.Background()
	d := store.NewMemory()
	defer d.Close()

	party := store.Key{Kind: "party", ID: "p1"}
	slot := store.Key{Kind: "player", ID: "anna"}

	// Create the party and note it with the player: both or neither.
	err := store.Commit(ctx, d, &store.Batch{Puts: []store.Put{
		{Key: party, Body: []byte(`{"members":["anna"]}`)},
		{Key: slot, Body: []byte(`{"party":"p1"}`)},
	}})
	fmt.Println("create:", err)

	// A second party for the same player would expect an empty slot.
	err = store.Commit(ctx, d, &store.Batch{Puts: []store.Put{
		{Key: store.Key{Kind: "party", ID: "p2"}},
		{Key: slot},
	}})
	fmt.Println("create another:", errors.Is(err, store.ErrConflict))

	recs, err := d.Get(ctx, party, slot)
	for _, r := range recs {
		fmt.Println(r.Key, r.Rev, string(r.Body))
	}
	fmt.Println(err)

	// Output:
	// create: <nil>
	// create another: true
	// party/p1 1 {"members":["anna"]}
	// player/anna 1 {"party":"p1"}
	// <nil>
}

func ExampleDriver_due() {
	ctx := context.Background()
	d := store.NewMemory()
	defer d.Close()
	now, _ := d.Now(ctx)

	_ = store.Commit(ctx, d, &store.Batch{Puts: []store.Put{
		{Key: store.Key{Kind: "invite", ID: "later"}, Due: now.Add(time.Hour)},
		{Key: store.Key{Kind: "invite", ID: "expired"}, Due: now.Add(-time.Minute)},
		{Key: store.Key{Kind: "invite", ID: "for ever"}},
	}})
	recs, err := d.Due(ctx, "invite", now, 100)
	for _, r := range recs {
		fmt.Println(r.ID)
	}
	fmt.Println(err)

	// Output:
	// expired
	// <nil>
}

func ExampleQuery() {
	ctx := context.Background()
	d := store.NewMemory()
	defer d.Close()
	for _, id := range []string{"eu/1", "eu/2", "us/1"} {
		_ = store.Commit(ctx, d, &store.Batch{Puts: []store.Put{{Key: store.Key{Kind: "server", ID: id}}}})
	}
	for r, err := range d.List(ctx, store.Query{Kind: "server", Prefix: "eu/"}) {
		if err != nil {
			return
		}
		fmt.Println(r.ID)
	}

	// Output:
	// eu/1
	// eu/2
}
