package escs

import (
	"context"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma/ext"
)

// BuildGameStart is what a game server is told, for tests.
func BuildGameStart(ctx context.Context, parties []gameinstance.MatchedParty, built ext.Value) (ext.Value, error) {
	return gameWatcher{}.BuildGameStart(ctx, parties, built)
}
