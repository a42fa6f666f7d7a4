package client

import (
	"context"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// GameCalls are a player's calls of games (wire §7.5, §16.1, §16.2). What games
// the player is in, and what he sees of them, is in [Player.State]. Errors are as
// for [Call].
type GameCalls struct{ p *Player }

// CreateGame says what a new game is like. The zero value is fine.
type CreateGame struct {
	Ext  ext.Value // for the plugin
	Zone string    // where the game server is to run; empty: the plugin decides
}

// Create asks the plugin for a game. The instance is nil if the plugin did not
// make the player one of its players.
func (c *GameCalls) Create(ctx context.Context, r CreateGame) (pragma.GameInstanceID, *GameInstance, error) {
	req := &wire.GameInstanceCreateV1Request{
		RequestExt:           r.Ext,
		GameClientVersion:    c.p.opts.ClientVersion,
		GameServerZone:       r.Zone,
		GameServerZoneToPing: c.p.zonePings(),
	}
	resp, err := invoke(ctx, c.p.game, "GameInstanceRpc.CreateV1", req, func(r *wire.GameInstanceCreateV1Response) {
		c.p.apply(func(k *cache) { k.gameAnswered(r.GameInstance) })
	})
	if err != nil {
		return pragma.GameInstanceID{}, nil, err
	}
	return pragma.GameInstanceID(resp.GameInstanceID), gameOrNil(resp.GameInstance), nil
}

// Join asks the plugin to let the player into a game. The instance is nil if the
// plugin did not.
func (c *GameCalls) Join(ctx context.Context, id pragma.GameInstanceID, request ext.Value) (*GameInstance, error) {
	req := &wire.GameInstanceJoinGameInstanceV1Request{
		GameInstanceID:    wire.UUID(id),
		RequestExt:        request,
		GameClientVersion: c.p.opts.ClientVersion,
	}
	resp, err := invoke(ctx, c.p.game, "GameInstanceRpc.JoinGameInstanceV1", req, func(r *wire.GameInstanceJoinGameInstanceV1Response) {
		c.p.apply(func(k *cache) { k.gameAnswered(r.GameInstance) })
	})
	if err != nil {
		return nil, err
	}
	return gameOrNil(resp.GameInstance), nil
}

func gameOrNil(w *wire.BroadcastGameInstance) *GameInstance {
	if w == nil {
		return nil
	}
	return gameOf(w)
}

// Leave asks the plugin to let the player go. A zero id means the one game he is
// in. [RemovedFromGame] follows if the plugin does.
func (c *GameCalls) Leave(ctx context.Context, id pragma.GameInstanceID, request ext.Value) error {
	req := &wire.GameInstanceLeaveV1Request{GameInstanceID: wire.UUID(id), RequestExt: request}
	return do(ctx, c.p.game, "GameInstanceRpc.LeaveV1", req, nil)
}

// Update asks the plugin to change a game. A zero id means the one game the
// player is in. [GameUpdated] follows if he can see the change.
func (c *GameCalls) Update(ctx context.Context, id pragma.GameInstanceID, request ext.Value) error {
	req := &wire.GameInstanceUpdateV1Request{GameInstanceID: wire.UUID(id), RequestExt: request}
	return do(ctx, c.p.game, "GameInstanceRpc.UpdateV1", req, nil)
}

// DeclineReconnect says that the player will not come back to a game.
func (c *GameCalls) DeclineReconnect(ctx context.Context, id pragma.GameInstanceID) error {
	req := &wire.GameInstanceDeclineReconnectV1Request{GameInstanceID: wire.UUID(id)}
	return do(ctx, c.p.game, "GameInstanceRpc.DeclineReconnectV1", req, nil)
}

// Host asks where a game runs. It is nil while no server is ready; then
// [HostReady] follows.
func (c *GameCalls) Host(ctx context.Context, id pragma.GameInstanceID) (*Host, error) {
	req := &wire.GameInstanceGetHostConnectionDetailsV1Request{GameInstanceID: wire.UUID(id)}
	var host *Host
	_, err := invoke(ctx, c.p.game, "GameInstanceRpc.GetHostConnectionDetailsV1", req, func(r *wire.GameInstanceGetHostConnectionDetailsV1Response) {
		c.p.apply(func(k *cache) { host = k.hostDetails(&r.HostConnectionDetails) })
	})
	if err != nil || host.GameInstanceID.IsZero() {
		return nil, err
	}
	return host, nil
}

// Sync asks for the whole truth about the games. It is done after log-in, after
// every break, and when an update is missing, without being asked.
func (c *GameCalls) Sync(ctx context.Context) ([]*GameInstance, error) {
	var games []*GameInstance
	_, err := invoke(ctx, c.p.game, "MultiplayerRpc.InitializeGameInstanceV1", nil, func(r *wire.MultiplayerInitializeGameInstanceV1Response) {
		c.p.apply(func(k *cache) {
			k.gamesInitialized(r)
			games = k.snapshot().Games
		})
	})
	if err != nil {
		return nil, err
	}
	return games, nil
}
