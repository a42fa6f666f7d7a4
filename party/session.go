package party

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/slot"
)

func (s *Service) initializePartyV1(ctx context.Context, who *pragma.PlayerSession, _ *wire.Empty) (*wire.MultiplayerInitializePartyV1Response, error) {
	return s.whole(ctx, who.PlayerID)
}

func (s *Service) syncPartyV1(ctx context.Context, who *pragma.PlayerSession, _ *wire.MultiplayerSyncPartyV1Request) (*wire.MultiplayerSyncPartyV1Response, error) {
	return s.whole(ctx, who.PlayerID)
}

// whole is the whole truth about where a player is. Asking for it keeps the
// party from expiring.
func (s *Service) whole(ctx context.Context, id pragma.PlayerID) (*wire.MultiplayerSyncPartyV1Response, error) {
	where, st, err := s.locate(ctx, id)
	if err != nil {
		return nil, err
	}
	resp := &wire.MultiplayerSyncPartyV1Response{IsInMatchmaking: !where.TicketID.IsZero()}
	for _, game := range where.GameInstanceIDs {
		resp.GameInstanceIDs = append(resp.GameInstanceIDs, wire.UUID(game))
	}
	if st != nil {
		cfg := s.cfg.Load()
		resp.IsInParty, resp.Party = true, s.viewOf(ctx, st, &cfg).of(id)
		if err := s.touch(ctx, st, &cfg); err != nil {
			return nil, err
		}
	}
	resp.ReceivedInvites, err = s.received(ctx, id)
	return resp, err
}

// locate returns a player's slot and party, which is nil if he has none. Both are
// of the same moment as far as his membership goes.
func (s *Service) locate(ctx context.Context, id pragma.PlayerID) (slot.Player, *state, error) {
	for try := 1; ; try++ {
		where, err := s.slots.Read(ctx, id)
		if err != nil || where.PartyID.IsZero() {
			return where, nil, err
		}
		st, err := s.parties.Read(ctx, where.PartyID.String())
		switch {
		case err == nil && st.find(id) != nil:
			return where, st, nil
		case err != nil && !errors.Is(err, entity.ErrNotFound):
			return where, nil, err
		case try == tries:
			return where, nil, pragma.ErrUnavailable.Wrap(fmt.Errorf("player %s keeps moving", id))
		}
	}
}

// touch notes that somebody looked at a party, now and then.
func (s *Service) touch(ctx context.Context, st *state, cfg *Config) error {
	if cfg.staleAfter() == 0 || time.Since(st.LastAccess) < cfg.touchInterval() {
		return nil
	}
	return s.update(ctx, st.ID, nil, func(c *change) error {
		c.st.LastAccess = c.tx.Now()
		return nil
	})
}

// connected shows a player who connects his party, in the order of the party's
// commits.
func (s *Service) connected(ctx context.Context, who *pragma.PlayerSession) error {
	err := s.inParty(ctx, who.PlayerID, pragma.PartyID{}, func(c *change, _ *PlayerInfo) error {
		c.tx.NotifyPlayers(s.details.Of(&wire.PartyDetailsV1Notification{Party: c.view().of(who.PlayerID)}), who.PlayerID)
		return nil
	})
	if errors.Is(err, ErrNotInParty) {
		return nil
	}
	return err
}

// sessionEnded applies the rule for players who are gone (engine §1.1): the party
// leaves matchmaking, and the player the party, unless he is in a game. It does
// nothing for a player who has come back with another session.
func (s *Service) sessionEnded(ctx context.Context, who *pragma.PlayerSession, _ pragma.EndReason) error {
	err := s.inParty(ctx, who.PlayerID, pragma.PartyID{}, func(c *change, _ *PlayerInfo) error {
		where, err := c.slots.Edit(c.tx, who.PlayerID)
		if err != nil {
			return err
		}
		live, err := c.m.Connected(c.tx.Context(), who.PlayerID)
		if err != nil {
			return err
		}
		if live || where.InGame() {
			return nil
		}
		if err := c.remove(who.PlayerID, Disconnected); err != nil {
			return err
		}
		c.notifyRemoved(who.PlayerID, Disconnected)
		_, err = c.finish(who.PlayerID)
		return err
	})
	if errors.Is(err, ErrNotInParty) {
		return nil
	}
	return err
}
