package gameinstance

import (
	"context"

	"github.com/openpragma/engine/pragma/ext"
)

// MatchmakingPlugin says what matchmaking knows of instances that wait for more
// players (engine §5.3, slot GameInstanceService.gameInstanceMatchmakingPlugin).
// Embed [MatchmakingDefaults] to implement it.
//
// Hooks get a copy of the instance as it will be after the commit; what they
// change in it is lost. An error refuses what made the instance enter or change:
// entering with PartyService_FailedToEnterMatchmaking, everything else with
// [ErrFailedToUpdateMatchmakingGameInstance]. Only where nobody asked, after a
// time-out, the instance leaves matchmaking instead. All calls for the players
// of one commit share one deadline.
type MatchmakingPlugin interface {
	// BuildExtMatchmakingKey returns the data that decides the queue, together
	// with the instance's game server version. It is called when an instance
	// enters matchmaking, but not if the matchmaking plugin has named the queue.
	BuildExtMatchmakingKey(ctx context.Context, r *BuildExtMatchmakingKeyRequest) (ext.Value, error)
	// BuildExtMatchmakingGameInstance returns what matchmaking knows of the
	// instance. It is called when the instance enters, and again whenever its
	// data or players change while it waits.
	BuildExtMatchmakingGameInstance(ctx context.Context, r *BuildExtMatchmakingGameInstanceRequest) (ext.Value, error)
	// BuildExtMatchmakingGamePlayer returns what matchmaking knows of a player of
	// the instance, at the same times.
	BuildExtMatchmakingGamePlayer(ctx context.Context, r *BuildExtMatchmakingGamePlayerRequest) (ext.Value, error)

	mustEmbedMatchmakingDefaults()
}

// MatchmakingDefaults are the documented defaults of [MatchmakingPlugin]: empty
// messages. Every implementation embeds it.
type MatchmakingDefaults struct{}

var _ MatchmakingPlugin = MatchmakingDefaults{}

func (MatchmakingDefaults) mustEmbedMatchmakingDefaults() {}

// BuildExtMatchmakingKey returns the empty message.
func (MatchmakingDefaults) BuildExtMatchmakingKey(context.Context, *BuildExtMatchmakingKeyRequest) (ext.Value, error) {
	return ext.Value{}, nil
}

// BuildExtMatchmakingGameInstance returns the empty message.
func (MatchmakingDefaults) BuildExtMatchmakingGameInstance(context.Context, *BuildExtMatchmakingGameInstanceRequest) (ext.Value, error) {
	return ext.Value{}, nil
}

// BuildExtMatchmakingGamePlayer returns the empty message.
func (MatchmakingDefaults) BuildExtMatchmakingGamePlayer(context.Context, *BuildExtMatchmakingGamePlayerRequest) (ext.Value, error) {
	return ext.Value{}, nil
}

// BuildExtMatchmakingKeyRequest is for [MatchmakingPlugin.BuildExtMatchmakingKey].
type BuildExtMatchmakingKeyRequest struct{ GameInstance *Instance }

// BuildExtMatchmakingGameInstanceRequest is for
// [MatchmakingPlugin.BuildExtMatchmakingGameInstance].
type BuildExtMatchmakingGameInstanceRequest struct{ GameInstance *Instance }

// BuildExtMatchmakingGamePlayerRequest is for
// [MatchmakingPlugin.BuildExtMatchmakingGamePlayer].
type BuildExtMatchmakingGamePlayerRequest struct {
	GameInstance *Instance
	Player       *GamePlayer // his party is PartyID
}
