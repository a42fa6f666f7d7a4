package escs

import (
	"context"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// ResultsTransformer turns what a game says of a player into scores of the
// platform (escs §7).
type ResultsTransformer interface {
	// Transform returns the scores of one player, by their identifiers.
	Transform(ctx context.Context, r *TransformRequest) (map[string]float64, error)
}

// TransformRequest is for [ResultsTransformer].
type TransformRequest struct {
	// Ext is what the game server said of the player at the end, or when it removed
	// him.
	Ext      ext.Value
	PlayerID pragma.PlayerID
	SetID    string
	// LeftEarly says that he was removed before the end.
	LeftEarly bool
}
