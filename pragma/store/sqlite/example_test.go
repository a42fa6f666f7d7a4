package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

func ExampleFile() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	open := sqlite.File(filepath.Join(dir, "game.db")) // what Server.Store takes
	k := store.Key{Kind: "party", ID: "p1"}
	for expect := range int64(2) { // the second time it is there already
		d, err := open(ctx)
		if err != nil {
			fmt.Println(err)
			return
		}
		err = store.Commit(ctx, d, &store.Batch{Puts: []store.Put{{Key: k, Expect: expect, Body: []byte("hello")}}})
		recs, _ := d.Get(ctx, k)
		fmt.Println(err, recs[0].Rev, string(recs[0].Body), d.Close())
	}

	// Output:
	// <nil> 1 hello <nil>
	// <nil> 2 hello <nil>
}
