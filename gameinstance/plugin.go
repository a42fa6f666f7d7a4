package gameinstance

import (
	"context"
	"errors"

	"github.com/openpragma/engine/pragma/ext"
)

// Plugin decides what game instances do (engine §5.3, slot
// GameInstanceService.gameInstancePlugin). Embed [Defaults] to implement it.
//
// Every hook gets a working copy of the instance. What it changes is committed,
// and players are told, if it returns without an error; an error, a panic or a
// hook that takes too long (pluginTimeoutMillis) changes nothing. An error of a
// Handle hook refuses the request and reaches who made it. Hooks for one
// instance never overlap, hooks for different ones do. A hook may run again for
// the same request, so it must have no effects besides its working copy. Each
// comment ends with what [Defaults] do.
type Plugin interface {
	// HandleBackendCreateByMatchmakingRequest is called for an instance that
	// matchmaking makes; its players are already in it. An error puts their
	// parties back into the queue. Default: a game server is asked for.
	HandleBackendCreateByMatchmakingRequest(ctx context.Context, r *BackendCreateByMatchmakingRequest) error
	// HandleBackendCreateRequest is called for an instance that the studio's
	// code or a game server makes. The hook adds the players. A game server that
	// makes an instance is linked to it afterwards, unless it does not want to be;
	// then the request for another one has no effect. Default: the players are
	// added, and a game server is asked for.
	HandleBackendCreateRequest(ctx context.Context, r *BackendCreateRequest) error
	// HandlePlayerCreateRequest is called when a player wants an instance. The
	// hook adds him, or not. Default: [ErrCreateFailed].
	HandlePlayerCreateRequest(ctx context.Context, r *PlayerCreateRequest) error

	// HandlePlayerJoinRequest is called when a player wants to join. The hook
	// adds him, or not. Default: [ErrPlayerJoinFailed].
	HandlePlayerJoinRequest(ctx context.Context, r *PlayerJoinRequest) error
	// HandleBackendAddPlayersRequest is called when the studio's code or
	// matchmaking adds players. The hook adds them. Default: they are added.
	HandleBackendAddPlayersRequest(ctx context.Context, r *BackendAddPlayersRequest) error
	// HandlePlayerLeaveRequest is called when a player wants to leave. The hook
	// removes him, or not. Default: [ErrLeaveFailed].
	HandlePlayerLeaveRequest(ctx context.Context, r *PlayerLeaveRequest) error
	// HandleBackendRemovePlayersRequest is called when the studio's code or a
	// game server removes players. The hook removes them. Default: they are
	// removed and told the empty message; [PlayerToRemove.Ext] is for the hook.
	HandleBackendRemovePlayersRequest(ctx context.Context, r *BackendRemovePlayersRequest) error

	// HandlePlayerUpdateRequest applies a player's request to change something.
	// Default: nothing changes.
	HandlePlayerUpdateRequest(ctx context.Context, r *PlayerUpdateRequest) error
	// HandleBackendUpdateRequest applies a request of the game server or of the
	// studio's code to change something. Default: nothing changes.
	HandleBackendUpdateRequest(ctx context.Context, r *BackendUpdateRequest) error

	// OnEndGame is called when the game server, or the studio's code, reports the
	// end. The game is over if the hook calls [Instance.End]; later versions of the
	// documented product call the same hook handleBackendEndRequest. Default: the
	// game ends, and all players are told the empty message.
	OnEndGame(ctx context.Context, r *EndGameRequest) error
	// PrepareUnknownInstanceForEndGameRequest is called before OnEndGame for an
	// instance the backend does not know, if it accepts such
	// (processEndGameForUnknownInstance). Its data store is empty. Default: nothing.
	PrepareUnknownInstanceForEndGameRequest(ctx context.Context, r *EndGameRequest) error

	// BuildExtGameStart returns what the game server is told at the start. It is
	// called once for each server that links. Default of the three BuildExt hooks:
	// the empty message; an error refuses what they are built for.
	BuildExtGameStart(ctx context.Context, r *BuildExtGameStartRequest) (ext.Value, error)
	// BuildExtGameServerPlayer returns what the game server is told of a player.
	// All calls for one commit share one deadline; that holds for
	// BuildExtAddedToGame too.
	BuildExtGameServerPlayer(ctx context.Context, r *BuildExtGameServerPlayerRequest) (ext.Value, error)
	// BuildExtAddedToGame returns what a player is told when he is added.
	BuildExtAddedToGame(ctx context.Context, r *BuildExtAddedToGameRequest) (ext.Value, error)

	// OnGameServerAllocationFailed is called when no server can be had, or none
	// linked in time. The instance is without server then and may ask for
	// another one. For this and the four hooks below, an error is logged and the
	// default is done instead; an instance that a hook of yours does nothing to
	// goes on. Default: the players are told that the game cannot start, and it
	// ends.
	OnGameServerAllocationFailed(ctx context.Context, r *GameServerAllocationFailedRequest) error
	// OnGameServerFailedToConnectInitialPlayers is called when a server linked
	// but did not connect the players in time. It is unlinked then. Default: the
	// instance is terminated.
	OnGameServerFailedToConnectInitialPlayers(ctx context.Context, r *GameServerFailedToConnectInitialPlayersRequest) error
	// OnGameServerFailedToConnectMorePlayers is called when a server did not
	// connect players in time that were added later. It is called once for each.
	// Default: they are removed, and told that the game is over for them.
	OnGameServerFailedToConnectMorePlayers(ctx context.Context, r *GameServerFailedToConnectMorePlayersRequest) error
	// OnGameServerDisconnected is called when a server gives no sign of life. It
	// is unlinked then. Default: the instance is terminated.
	OnGameServerDisconnected(ctx context.Context, r *GameServerDisconnectedRequest) error
	// OnGameInstanceExpired is called when nobody has used the instance for long.
	// One that the hook keeps has its time once more. Default: the instance is
	// terminated.
	OnGameInstanceExpired(ctx context.Context, r *GameInstanceExpiredRequest) error
	// HandleGameServerUnlinkRequest is called when a server gives the instance
	// back. The instance is already without it, and may ask for another one. An
	// error refuses: the server stays linked. Default: nothing more.
	HandleGameServerUnlinkRequest(ctx context.Context, r *GameServerUnlinkRequest) error

	mustEmbedDefaults()
}

// Defaults are the documented defaults of [Plugin]. Every implementation embeds
// it; call its methods to extend a default instead of replacing it.
type Defaults struct{}

var _ Plugin = Defaults{}

func (Defaults) mustEmbedDefaults() {}

// HandleBackendCreateByMatchmakingRequest asks for a game server.
func (Defaults) HandleBackendCreateByMatchmakingRequest(_ context.Context, r *BackendCreateByMatchmakingRequest) error {
	r.GameInstance.AllocateGameServer(ext.Value{})
	return nil
}

// HandleBackendCreateRequest adds the players and asks for a game server.
func (Defaults) HandleBackendCreateRequest(_ context.Context, r *BackendCreateRequest) error {
	if err := r.GameInstance.addAll(r.PlayersToAdd); err != nil {
		return err
	}
	r.GameInstance.AllocateGameServer(ext.Value{})
	return nil
}

// HandlePlayerCreateRequest refuses with [ErrCreateFailed].
func (Defaults) HandlePlayerCreateRequest(context.Context, *PlayerCreateRequest) error {
	return ErrCreateFailed
}

// HandlePlayerJoinRequest refuses with [ErrPlayerJoinFailed].
func (Defaults) HandlePlayerJoinRequest(context.Context, *PlayerJoinRequest) error {
	return ErrPlayerJoinFailed
}

// HandleBackendAddPlayersRequest adds the players.
func (Defaults) HandleBackendAddPlayersRequest(_ context.Context, r *BackendAddPlayersRequest) error {
	return r.GameInstance.addAll(r.PlayersToAdd)
}

// HandlePlayerLeaveRequest refuses with [ErrLeaveFailed].
func (Defaults) HandlePlayerLeaveRequest(context.Context, *PlayerLeaveRequest) error {
	return ErrLeaveFailed
}

// HandleBackendRemovePlayersRequest removes the players, with nothing to tell them.
func (Defaults) HandleBackendRemovePlayersRequest(_ context.Context, r *BackendRemovePlayersRequest) error {
	var errs []error
	for _, p := range r.PlayersToRemove {
		errs = append(errs, r.GameInstance.RemovePlayer(p.PlayerID, ext.Value{}))
	}
	return errors.Join(errs...)
}

// HandlePlayerUpdateRequest does nothing.
func (Defaults) HandlePlayerUpdateRequest(context.Context, *PlayerUpdateRequest) error { return nil }

// HandleBackendUpdateRequest does nothing.
func (Defaults) HandleBackendUpdateRequest(context.Context, *BackendUpdateRequest) error { return nil }

// OnEndGame ends the instance, with nothing to tell the players.
func (Defaults) OnEndGame(_ context.Context, r *EndGameRequest) error {
	r.GameInstance.endForAll()
	return nil
}

// PrepareUnknownInstanceForEndGameRequest does nothing.
func (Defaults) PrepareUnknownInstanceForEndGameRequest(context.Context, *EndGameRequest) error {
	return nil
}

// BuildExtGameStart returns the empty message.
func (Defaults) BuildExtGameStart(context.Context, *BuildExtGameStartRequest) (ext.Value, error) {
	return ext.Value{}, nil
}

// BuildExtGameServerPlayer returns the empty message.
func (Defaults) BuildExtGameServerPlayer(context.Context, *BuildExtGameServerPlayerRequest) (ext.Value, error) {
	return ext.Value{}, nil
}

// BuildExtAddedToGame returns the empty message.
func (Defaults) BuildExtAddedToGame(context.Context, *BuildExtAddedToGameRequest) (ext.Value, error) {
	return ext.Value{}, nil
}

// OnGameServerAllocationFailed tells the players that the game cannot start, and
// ends the instance.
func (Defaults) OnGameServerAllocationFailed(_ context.Context, r *GameServerAllocationFailedRequest) error {
	r.GameInstance.startFailed = true
	r.GameInstance.endForAll()
	return nil
}

// OnGameServerFailedToConnectInitialPlayers terminates the instance.
func (Defaults) OnGameServerFailedToConnectInitialPlayers(_ context.Context, r *GameServerFailedToConnectInitialPlayersRequest) error {
	r.GameInstance.Terminate()
	return nil
}

// OnGameServerFailedToConnectMorePlayers removes the players and tells them that
// the game is over for them.
func (Defaults) OnGameServerFailedToConnectMorePlayers(_ context.Context, r *GameServerFailedToConnectMorePlayersRequest) error {
	for _, p := range r.MorePlayers {
		if err := r.GameInstance.remove(p.ID(), removal{terminated: true}); err != nil {
			return err
		}
	}
	return nil
}

// OnGameServerDisconnected terminates the instance.
func (Defaults) OnGameServerDisconnected(_ context.Context, r *GameServerDisconnectedRequest) error {
	r.GameInstance.Terminate()
	return nil
}

// OnGameInstanceExpired terminates the instance.
func (Defaults) OnGameInstanceExpired(_ context.Context, r *GameInstanceExpiredRequest) error {
	r.GameInstance.Terminate()
	return nil
}

// HandleGameServerUnlinkRequest does nothing.
func (Defaults) HandleGameServerUnlinkRequest(context.Context, *GameServerUnlinkRequest) error {
	return nil
}
