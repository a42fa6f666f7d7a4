package pragma_test

import (
	"context"
	"errors"
	"testing"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/store"
)

// noting is a store that says when it is closed.
type noting struct {
	store.Driver
	closed bool
}

func (n *noting) Close() error {
	n.closed = true
	return n.Driver.Close()
}

func TestAStoreWithHalfAnImportIsNotServed(t *testing.T) {
	db := &noting{Driver: store.NewMemory()}
	mark := &store.Batch{Puts: []store.Put{{Key: store.ImportMark(), Body: []byte(`{}`)}}}
	if err := store.Commit(t.Context(), db, mark); err != nil {
		t.Fatal(err)
	}
	srv := &pragma.Server{
		Store: func(context.Context) (store.Driver, error) { return db, nil },
		Ready: func(pragma.Addresses) { t.Error("the server is ready") },
	}
	if err := srv.Run(t.Context()); !errors.Is(err, store.ErrUnfinished) {
		t.Errorf("Run() = %v, want %v", err, store.ErrUnfinished)
	}
	if !db.closed {
		t.Error("the store was left open")
	}
}
