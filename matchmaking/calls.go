package matchmaking

import (
	"context"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// handle registers the calls of players (wire §7.4).
func (s *Service) handle(m *pragma.Mount) {
	pragma.HandlePlayer(m, "GetMatchmakingInfoV2", s.getInfo)
	pragma.HandlePlayer(m, "GetMatchmakingInfoV1", s.getInfo) // the older name
	pragma.HandlePlayer(m, "LeaveMatchmakingV2", s.leave)
	s.handleOperators(m)
}

// getInfo describes the queue that the caller waits in.
func (s *Service) getInfo(ctx context.Context, who *pragma.PlayerSession, _ *wire.Empty) (*wire.MatchmakingGetMatchmakingInfoV2Response, error) {
	where, err := s.slots.Read(ctx, who.PlayerID)
	if err != nil {
		return nil, err
	}
	c, ok := s.index.info(where.TicketID)
	if !ok {
		return nil, ErrInfoNotAvailable
	}
	return &wire.MatchmakingGetMatchmakingInfoV2Response{QueueInfo: []wire.QueueInfoV2{{
		MatchmakingQueueKey:  c.key.wire(),
		PartiesInQueue:       wire.Int32(c.parties),
		PlayersInQueue:       wire.Int32(c.players),
		MatchablesInQueue:    wire.Int32(c.matchables),
		GameInstancesInQueue: wire.Int32(c.games),
	}}}, nil
}

func (k QueueKey) wire() wire.MatchmakingQueueKey {
	return wire.MatchmakingQueueKey{ExtMatchmakingKey: k.Ext, GameServerVersion: k.GameServerVersion}
}

// leave takes the caller's whole party out of matchmaking. It is no error if the
// party is in none.
func (s *Service) leave(ctx context.Context, who *pragma.PlayerSession, _ *wire.Empty) (*wire.Empty, error) {
	return nil, s.Parties.LeaveMatchmaking(ctx, who.PlayerID)
}
