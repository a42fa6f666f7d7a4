package escs

import (
	"context"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// BuildGameStart is what a game server is told, for tests.
func BuildGameStart(ctx context.Context, parties []gameinstance.MatchedParty, built ext.Value) (ext.Value, error) {
	return gameWatcher{}.BuildGameStart(ctx, parties, built)
}

// QueueFor is QueueForMatchmakingV1, for tests with many callers.
func (s *Service) QueueFor(ctx context.Context, player pragma.PlayerID, set string) (party pragma.PartyID, leader bool, err error) {
	who := &pragma.PlayerSession{PlayerID: player, DisplayName: pragma.DisplayName{DisplayName: "somebody"}}
	resp, err := s.queueForMatchmakingV1(ctx, who, &wire.ExternalMatchmakingQueueForMatchmakingV1Request{SetID: set})
	if err != nil {
		return party, false, err
	}
	return pragma.PartyID(resp.PartyID), resp.IsLeader, nil
}

// TakeStart is SetStartV1, for tests with many callers.
func (s *Service) TakeStart(ctx context.Context, payload any) error {
	in := new(wire.EscsSetStart)
	text, err := wire.Marshal(payload)
	if err == nil {
		err = wire.Unmarshal(text, in)
	}
	if err != nil {
		return err
	}
	return s.setStart(ctx, in)
}

// StateOf is a set in a few words, with its party and its leader.
func (s *Service) StateOf(ctx context.Context, id string) (state State, queued int, party pragma.PartyID, leader pragma.PlayerID, err error) {
	st, err := s.readSet(ctx, id)
	if err != nil {
		return "", 0, party, leader, err
	}
	return st.State, st.queued(), st.PartyID, st.LeaderID, nil
}
