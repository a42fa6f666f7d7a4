package escs

import (
	"context"
	"errors"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// refresh gives the party of a set, which is about to enter matchmaking, what the
// platform has said of the set last. The leader of one whose time is over gets
// PartyService_FailedToEnterMatchmaking with the reason.
func (s *Service) refresh(ctx context.Context, p *party.Party, setID string) error {
	st, err := s.readSet(ctx, setID)
	if errors.Is(err, entity.ErrNotFound) {
		return cannotEnter(notFound(NoSet))
	}
	if err != nil {
		return err
	}
	now, err := s.m.Store().Now(ctx)
	if err != nil {
		return err
	}
	switch {
	case st.PartyID != p.ID():
		return cannotEnter(notFound(PartyGone))
	case st.State.played():
		return cannotEnter(cannotJoin(SetFinished))
	case !st.alive(now):
		return cannotEnter(cannotJoin(SetExpired))
	}
	if set := SetOfParty(p); set == nil || !set.equal(&st.Start) {
		p.Attach(attachment, ext.Of(ExtMatchmakingParty{EscsMatchmakingInfo: &st.Start}))
	}
	return nil
}

func cannotEnter(why error) error {
	return party.ErrFailedToEnterMatchmaking.With("%v", why).Wrap(why)
}

// maxEntering is how many parties wait to be taken into matchmaking. One for which
// there is no room is left to its leader.
const maxEntering = 1024

// enterSoon has the party of a leader taken into matchmaking after the commit
// (escs F13).
func (s *Service) enterSoon(tx *entity.Tx, leader pragma.PlayerID) {
	if !s.cfg.Load().AutoEnterMatchmaking || leader.IsZero() {
		return
	}
	tx.After(func(ctx context.Context) {
		select {
		case s.entering <- leader:
		default:
			s.m.Log().WarnContext(ctx, "too many parties enter matchmaking at once; one is left to its leader", "leader", leader)
		}
	})
}

// enterAll takes parties into matchmaking, beginning with those that were complete
// when the last server stopped.
func (s *Service) enterAll(ctx context.Context) {
	s.enterLeft(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case leader := <-s.entering:
			s.enter(ctx, leader)
		}
	}
}

func (s *Service) enterLeft(ctx context.Context) {
	if !s.cfg.Load().AutoEnterMatchmaking {
		return
	}
	for item, err := range s.sets.List(ctx, "", "") {
		switch {
		case err != nil && item.ID == "":
			s.m.Log().WarnContext(ctx, "cannot look for complete parties", "err", err)
		case err == nil && item.State.State == Complete && !item.State.StartFailed:
			s.enter(ctx, item.State.LeaderID)
		}
	}
}

// enter takes one party into matchmaking. Who is not ready, or has left, is asked
// nothing: the next change of the party tries again.
func (s *Service) enter(ctx context.Context, leader pragma.PlayerID) {
	err := s.Parties.EnterMatchmaking(ctx, leader)
	switch {
	case err == nil, ctx.Err() != nil:
	case errors.Is(err, party.ErrPlayersNotReady), errors.Is(err, party.ErrNotInParty),
		errors.Is(err, party.ErrPlayerNotLeader), errors.Is(err, party.ErrPlayerInMatchmaking):
	default:
		s.m.Log().WarnContext(ctx, "cannot take a complete party into matchmaking", "leader", leader, "err", err)
	}
}
