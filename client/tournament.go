package client

import (
	"context"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// QueuedForSet says how far the party of a tournament set is (escs E4).
type QueuedForSet struct {
	SetID    string
	PartyID  pragma.PartyID
	IsLeader bool      // who takes the party into matchmaking
	Queued   int       // players who are there, of
	Required int       // those who have to come
	Ends     time.Time // when the set is over, whoever has come; whole seconds
}

// TournamentPartyComplete says that everybody has come who plays a set (escs E5):
// now all get ready, and the leader enters matchmaking. It may come more than once,
// after each break too.
type TournamentPartyComplete struct {
	SetID    string
	PartyID  pragma.PartyID
	LeaderID pragma.PlayerID
}

func (TournamentPartyComplete) event() {}

// QueueForSet brings the player into the party of a set that a tournament platform
// has started (escs E4). An empty setID means the newest one that names him.
//
// The platform tells game and backend at the same time, so the backend may not know
// the set yet: the error is then escs.ErrPartyNotFound. Ask again after 1, 2, 4 …
// seconds, for half a minute (escs F1). Asking again does no harm.
func (p *Player) QueueForSet(ctx context.Context, setID string) (*QueuedForSet, error) {
	req := &wire.ExternalMatchmakingQueueForMatchmakingV1Request{SetID: setID}
	resp, err := invoke[wire.ExternalMatchmakingQueueForMatchmakingV1Response](ctx, p.game, "ExternalMatchmakingRpc.QueueForMatchmakingV1", req, nil)
	if err != nil {
		return nil, err
	}
	return &QueuedForSet{
		SetID: resp.SetID, PartyID: pragma.PartyID(resp.PartyID), IsLeader: resp.IsLeader,
		Queued: int(resp.Queued), Required: int(resp.Required), Ends: time.Unix(int64(resp.SetEndTimeUnix), 0),
	}, nil
}

func (p *Player) tournamentNotified(f *wire.Frame) (known bool, err error) {
	if f.Type != "ExternalMatchmakingRpc.PartyIsCompleteForMatchmakingV1Notification" {
		return false, nil
	}
	return true, takeEvent(p, f, func(n *wire.ExternalMatchmakingPartyIsCompleteV1Notification) Event {
		return TournamentPartyComplete{SetID: n.SetID, PartyID: pragma.PartyID(n.PartyID), LeaderID: pragma.PlayerID(n.LeaderPlayerID)}
	})
}
