package escs

import (
	"context"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// ResultsTransformer turns what a game says of a player into scores of the
// platform (escs §7, EscsResultsTransformerPlugin). [TransformerOf] makes one of a
// function that takes a studio's own result message.
type ResultsTransformer interface {
	// Transform returns the scores of one player, by the identifiers of their score
	// types. It is called after the end of a game that was made for a set, for each
	// player of the set of whom the game says something, and with absentPlayers:
	// penalty for the others too. Calls for different players overlap. It may be
	// called again for the same player after a restart, so it must have no effects.
	//
	// A score that is NaN or infinite, or has no name, is left out. A player is left
	// out of whom that leaves nothing, or for whom Transform returns an error, panics
	// or takes longer than pluginTimeoutMillis; the others are sent all the same. If
	// nobody is left, nothing is sent, and the set is RESULTS_FAILED (escs F26).
	Transform(ctx context.Context, r *TransformRequest) (map[string]float64, error)
}

// TransformRequest is for [ResultsTransformer].
type TransformRequest struct {
	// Ext is what the game server said of the player at the end (ExtPlayerGameResult,
	// the older ExtPlayerMatchEnd), or, if it said nothing then, when it removed him
	// (ExtBackendRemovePlayer). It is empty for an absent player.
	Ext      ext.Value
	PlayerID pragma.PlayerID
	SetID    string
	// LeftEarly says that he was removed before the end.
	LeftEarly bool
	// Absent says that the game says nothing of him: he never came, or left without
	// a word of the server (escs F25). Only with absentPlayers: penalty.
	Absent bool
}

// TransformerOf makes a transformer of a function that takes a studio's own result
// message. Msg is a plain struct or a generated message; it is never nil, and has
// zero values for an absent player. A message that does not fit Msg leaves the
// player out, as an error does. Server data about a player who left early should
// have members of its own, or the same as results have.
func TransformerOf[Msg any](fn func(ctx context.Context, msg *Msg, r *TransformRequest) (map[string]float64, error)) ResultsTransformer {
	return typedTransformer[Msg](fn)
}

type typedTransformer[Msg any] func(ctx context.Context, msg *Msg, r *TransformRequest) (map[string]float64, error)

func (fn typedTransformer[Msg]) Transform(ctx context.Context, r *TransformRequest) (map[string]float64, error) {
	msg, err := ext.As[*Msg](r.Ext)
	if err != nil {
		return nil, err
	}
	return fn(ctx, msg, r)
}
