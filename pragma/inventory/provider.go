package inventory

import (
	"context"

	"github.com/openpragma/engine/pragma"
)

// Provider keeps inventories. The service has one of its own; set
// [Service.Provider] to keep items elsewhere (engine §7.1, InventoryProvider).
// Its methods may be called by any number of goroutines.
type Provider interface {
	// Read returns everything a player owns. One who was never granted anything
	// owns nothing: that is no error.
	Read(ctx context.Context, r *ReadRequest) (*Contents, error)
	// Apply does all operations of a request, or returns an error and does none.
	Apply(ctx context.Context, r *ApplyRequest) (*Updates, error)
	// Delete takes everything away. Versions go on; they do not begin again.
	Delete(ctx context.Context, r *DeleteRequest) error
}

// ReadRequest is for [Provider.Read].
type ReadRequest struct {
	PlayerID pragma.PlayerID
}

// ApplyRequest is for [Provider.Apply].
type ApplyRequest struct {
	PlayerID   pragma.PlayerID
	Operations *Operations // not to be changed
	// Committed must be called with what changed as soon as it is certain, in the
	// order of the changes of a player. It tells the player's client. One that is
	// missed or comes out of order costs that client a read, no more.
	Committed func(ctx context.Context, u *Updates)
}

// DeleteRequest is for [Provider.Delete].
type DeleteRequest struct {
	PlayerID pragma.PlayerID
}
