package flows_test

import (
	"context"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// games is the plugin of the flows: the defaults, and custom games that players
// make, join, change and leave, if their requests say so.
type games struct{ gameinstance.Defaults }

type gameRequest struct {
	Custom bool   `json:"custom"`
	Score  int    `json:"score"`
	Reason string `json:"reason"`
}

type gamePhase struct {
	Phase string `json:"gamePhase"`
}

type points struct {
	Points int `json:"points"`
}

var phase = gameinstance.Key[gamePhase]{Name: "gamePhase", Sync: gameinstance.Public()}

// pointsOf is what only the player himself sees.
func pointsOf(id pragma.PlayerID) gameinstance.Key[points] {
	return gameinstance.Key[points]{Name: "playerPoints", Sync: gameinstance.Player(id)}
}

// HandlePlayerCreateRequest lets a player make a custom game, which he is in.
func (games) HandlePlayerCreateRequest(ctx context.Context, r *gameinstance.PlayerCreateRequest) error {
	request, err := ext.As[gameRequest](r.RequestExt)
	if err != nil || !request.Custom {
		return gameinstance.Defaults{}.HandlePlayerCreateRequest(ctx, r)
	}
	if err := phase.Create(r.GameInstance.Data(), gamePhase{"loading"}); err != nil {
		return err
	}
	return enter(r.GameInstance, r.RequestingPlayerID)
}

// HandlePlayerJoinRequest lets everybody into a custom game.
func (games) HandlePlayerJoinRequest(_ context.Context, r *gameinstance.PlayerJoinRequest) error {
	if _, custom := r.GameInstance.Data().Get(phase.Name); !custom {
		return gameinstance.ErrPlayerJoinFailed
	}
	return enter(r.GameInstance, r.RequestingPlayerID)
}

func enter(i *gameinstance.Instance, id pragma.PlayerID) error {
	p, err := i.AddPlayer(gameinstance.PlayerToAdd{PlayerID: id})
	if err != nil {
		return err
	}
	return pointsOf(id).Create(p.Data(), points{})
}

// HandlePlayerUpdateRequest adds to the player's points; the first to score begins
// the game.
func (games) HandlePlayerUpdateRequest(_ context.Context, r *gameinstance.PlayerUpdateRequest) error {
	request, err := ext.As[gameRequest](r.RequestExt)
	if err != nil {
		return err
	}
	err = pointsOf(r.RequestingPlayer.ID()).Update(r.RequestingPlayer.Data(), func(p *points) { p.Points += request.Score })
	if err != nil {
		return err
	}
	return phase.Set(r.GameInstance.Data(), gamePhase{"running"})
}

// HandlePlayerLeaveRequest lets players out of custom games.
func (games) HandlePlayerLeaveRequest(_ context.Context, r *gameinstance.PlayerLeaveRequest) error {
	if _, custom := r.GameInstance.Data().Get(phase.Name); !custom {
		return gameinstance.ErrLeaveFailed
	}
	return r.GameInstance.RemovePlayer(r.RequestingPlayer.ID(), r.RequestExt)
}

// HandleBackendRemovePlayersRequest tells players why they were removed.
func (games) HandleBackendRemovePlayersRequest(_ context.Context, r *gameinstance.BackendRemovePlayersRequest) error {
	for _, p := range r.PlayersToRemove {
		if err := r.GameInstance.RemovePlayer(p.PlayerID, r.RequestExt); err != nil {
			return err
		}
	}
	return nil
}
