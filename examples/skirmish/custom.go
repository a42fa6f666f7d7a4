package main

import (
	"context"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// A custom game is one that a player makes. Others join it by its id, before the
// game server runs or while it does, and its host says when it starts.

// customEntry is what makes a match a custom game.
var customEntry = gameinstance.Key[custom]{Name: "custom", Sync: gameinstance.Public()}

// seats is how many players a custom game has room for.
const seats = 4

// Refusals of custom games.
var (
	errNotOpen = &pragma.Error{
		Code: pragma.FailedPrecondition, Reason: "Skirmish_NotOpen", Title: true, Message: "only custom games with a free seat are open",
	}
	errNotHost = &pragma.Error{
		Code: pragma.PermissionDenied, Reason: "Skirmish_NotHost", Title: true, Message: "only the host of a custom game starts it",
	}
)

// HandlePlayerCreateRequest makes a custom game, with its host in it.
func (arena) HandlePlayerCreateRequest(_ context.Context, r *gameinstance.PlayerCreateRequest) error {
	if err := prepare(r.GameInstance.Data()); err != nil {
		return err
	}
	if err := customEntry.Create(r.GameInstance.Data(), custom{Host: r.RequestingPlayerID}); err != nil {
		return err
	}
	return sit(r.GameInstance, r.RequestingPlayerID)
}

// HandlePlayerJoinRequest lets a player into a custom game.
func (arena) HandlePlayerJoinRequest(_ context.Context, r *gameinstance.PlayerJoinRequest) error {
	if _, err := customEntry.Get(r.GameInstance.Data()); err != nil || r.GameInstance.PlayerCount() >= seats {
		return errNotOpen
	}
	return sit(r.GameInstance, r.RequestingPlayerID)
}

// sit adds a player to the smaller team.
func sit(game *gameinstance.Instance, id pragma.PlayerID) error {
	team, reds := red, 0
	for _, p := range game.Players() {
		if p.TeamNumber() == red {
			reds++
		}
	}
	if 2*reds > game.PlayerCount() {
		team = blue
	}
	_, err := game.AddPlayer(gameinstance.PlayerToAdd{PlayerID: id, TeamNumber: int64(team)})
	return err
}

// HandlePlayerUpdateRequest starts a custom game: it asks for a game server. Asking
// again has no effect.
func (arena) HandlePlayerUpdateRequest(_ context.Context, r *gameinstance.PlayerUpdateRequest) error {
	c, err := customEntry.Get(r.GameInstance.Data())
	if err != nil || c.Host != r.RequestingPlayer.ID() {
		return errNotHost
	}
	r.GameInstance.AllocateGameServer(ext.Value{})
	return nil
}

// HandleBackendRemovePlayersRequest removes players whom the game server does not
// want, and tells them why.
func (arena) HandleBackendRemovePlayersRequest(_ context.Context, r *gameinstance.BackendRemovePlayersRequest) error {
	for _, p := range r.PlayersToRemove {
		if err := r.GameInstance.RemovePlayer(p.PlayerID, p.Ext); err != nil {
			return err
		}
	}
	return nil
}
