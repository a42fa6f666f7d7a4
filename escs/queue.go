package escs

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// queueForMatchmakingV1 brings the caller into the party of his set (escs E4). He
// may ask any number of times.
func (s *Service) queueForMatchmakingV1(ctx context.Context, who *pragma.PlayerSession, req *wire.ExternalMatchmakingQueueForMatchmakingV1Request) (*wire.ExternalMatchmakingQueueForMatchmakingV1Response, error) {
	id, err := s.choose(ctx, who, req.SetID)
	if err != nil {
		return nil, err
	}
	resp, err := s.queueAgain(ctx, who, id)
	if ReasonOf(err) == SetUnplayable {
		known, failed := s.meet(ctx, id)
		if failed != nil {
			return nil, failed
		}
		if known {
			resp, err = s.queueAgain(ctx, who, id)
		}
	}
	switch {
	case errors.Is(err, errWaitsElsewhere):
		err = cannotJoin(InOtherParty)
	case req.SetID == "" && ReasonOf(err) == SetFinished: // the next one may be on its way
		err = notFound(NoSet)
	}
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// queueAgain tries until the change does not run into others.
func (s *Service) queueAgain(ctx context.Context, who *pragma.PlayerSession, id string) (resp *wire.ExternalMatchmakingQueueForMatchmakingV1Response, err error) {
	err = again(ctx, func() (err error) {
		resp, err = s.queue(ctx, who, id)
		if errors.Is(err, errWaitsElsewhere) { // alone: it may be left
			if err := s.Parties.LeaveMatchmaking(ctx, who.PlayerID); err != nil && !errors.Is(err, party.ErrNotInParty) {
				return err
			}
			resp, err = s.queue(ctx, who, id)
		}
		return err
	})
	return resp, err
}

// choose returns the set that a player means: the one he names, or the newest one
// that is alive (escs F33). If none is, the newest of all tells why, unless it was
// played: that says nothing about the next, which may be on its way (F1).
func (s *Service) choose(ctx context.Context, who *pragma.PlayerSession, named string) (string, error) {
	if named != "" {
		if !isSetID(named) {
			return "", notFound(NoSet)
		}
		return named, nil
	}
	sets, err := s.setsOf(ctx, who)
	if err != nil {
		return "", err
	}
	now, err := s.m.Store().Now(ctx)
	if err != nil {
		return "", err
	}
	last := new(set)
	for _, p := range slices.Backward(sets) {
		st, err := s.readSet(ctx, p.SetID)
		switch {
		case errors.Is(err, entity.ErrNotFound):
		case err != nil:
			return "", err
		case st.alive(now):
			return p.SetID, nil
		case last.ID == "":
			last = st
		}
	}
	if last.ID == "" || last.State.played() && last.State != InMatch {
		return "", notFound(NoSet)
	}
	return last.ID, nil
}

// setsOf returns the sets that name a player, the newest last. Those of his account
// name him too if they came before he did.
func (s *Service) setsOf(ctx context.Context, who *pragma.PlayerSession) ([]playerSet, error) {
	var sets []playerSet
	for _, id := range []string{who.PlayerID.String(), who.SocialID.String()} {
		of, err := read[playerSets](ctx, s, playerKind, id)
		if errors.Is(err, entity.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		sets = append(sets, of.Sets...)
	}
	slices.SortStableFunc(sets, func(a, b playerSet) int { return a.ReceivedAt.Compare(b.ReceivedAt) })
	return sets, nil
}

// alive reports whether players may queue.
func (st *set) alive(now time.Time) bool { return st.State.open() && now.Before(st.EndTime) }

// errWaitsElsewhere is a player who waits for a game, alone, in an ordinary party.
var errWaitsElsewhere = errors.New("the player is in matchmaking")

// queue makes one try: the party, its member and the set change in one commit, so
// of any number of players who come at once one makes the party and the others join
// it (escs §9, F10).
func (s *Service) queue(ctx context.Context, who *pragma.PlayerSession, setID string) (*wire.ExternalMatchmakingQueueForMatchmakingV1Response, error) {
	var resp *wire.ExternalMatchmakingQueueForMatchmakingV1Response
	found := false
	err := s.sets.Update(ctx, setID, func(tx *entity.Tx, st *set) error {
		found = true
		if err := s.mayQueue(tx, st, who); err != nil {
			return err
		}
		if err := s.enterParty(tx, st, who); err != nil {
			return err
		}
		resp = &wire.ExternalMatchmakingQueueForMatchmakingV1Response{
			Status: wire.EscsQueued, SetID: st.ID, PartyID: wire.UUID(st.PartyID), IsLeader: st.LeaderID == who.PlayerID,
			Queued: wire.Int32(st.queued()), Required: wire.Int32(len(st.Players)),
			SetEndTimeUnix: wire.Int64(st.Start.SetEndTimeUnix),
		}
		return nil
	})
	if !found && errors.Is(err, entity.ErrNotFound) {
		return nil, notFound(NoSet)
	}
	return resp, refusedByParty(err)
}

// refusedByParty is how a refusal of the party reads for whoever queues.
func refusedByParty(err error) error {
	switch {
	case errors.Is(err, party.ErrFull):
		return cannotJoin(PartyFull)
	case errors.Is(err, party.ErrPlayerInMatchmaking):
		return cannotJoin(InOtherParty)
	case errors.Is(err, party.ErrPartyNotFound):
		return notFound(PartyGone)
	}
	return err
}

// mayQueue refuses whom the set, or where he is, keeps out.
func (s *Service) mayQueue(tx *entity.Tx, st *set, who *pragma.PlayerSession) error {
	where, err := s.slots.Edit(tx, who.PlayerID)
	if err != nil {
		return err
	}
	switch {
	case st.find(who.PlayerID) == nil && !st.awaits(who):
		return cannotJoin(NotParticipant)
	case st.State == Unplayable:
		return cannotJoin(SetUnplayable)
	case where.InGame():
		return cannotJoin(AlreadyInMatch)
	case st.State.played():
		return cannotJoin(SetFinished)
	case !st.alive(tx.Now()):
		return cannotJoin(SetExpired)
	}
	return nil
}

// enterParty sees that a player is in the party of the set.
func (s *Service) enterParty(tx *entity.Tx, st *set, who *pragma.PlayerSession) error {
	p, err := s.partyOf(tx, st)
	if err != nil {
		return err
	}
	if p != nil && p.Player(who.PlayerID) != nil {
		s.follow(tx, st, p)
		if st.State == Complete {
			tx.NotifyPlayers(s.complete.Of(st.complete()), who.PlayerID)
		}
		return nil
	}
	if err := s.mayLeaveOther(tx, who.PlayerID, st); err != nil {
		return err
	}
	add := party.PlayerToAdd{PlayerID: who.PlayerID, SocialID: who.SocialID, DisplayName: who.DisplayName}
	if p != nil {
		return s.Parties.AddPlayerIn(tx, st.PartyID, add)
	}
	st.PartyID = pragma.NewID[pragma.PartyID]()
	return s.Parties.CreateIn(tx, &party.PartyToCreate{
		ID: st.PartyID, Creator: add,
		Attach: map[string]ext.Value{attachment: ext.Of(ExtMatchmakingParty{EscsMatchmakingInfo: &st.Start})},
	})
}

// partyOf returns the party of the set, nil if there is none. One that is gone
// without a word is forgotten (escs F17).
func (s *Service) partyOf(tx *entity.Tx, st *set) (*party.Party, error) {
	if st.PartyID.IsZero() {
		return nil, nil
	}
	p, err := s.Parties.In(tx, st.PartyID)
	if errors.Is(err, party.ErrPartyNotFound) {
		st.scatter(tx.Now())
		return nil, nil
	}
	return p, err
}

// mayLeaveOther refuses a player who would leave others behind in an ordinary
// party (escs E4). The party of another set he may leave.
func (s *Service) mayLeaveOther(tx *entity.Tx, id pragma.PlayerID, st *set) error {
	where, err := s.slots.Edit(tx, id)
	if err != nil || where.PartyID.IsZero() || where.PartyID == st.PartyID {
		return err
	}
	other, err := s.Parties.In(tx, where.PartyID)
	if errors.Is(err, party.ErrPartyNotFound) {
		return nil
	}
	switch {
	case err != nil:
		return err
	case SetOfParty(other) == nil && other.PlayerCount() > 1:
		return cannotJoin(InOtherParty)
	case !where.TicketID.IsZero() && other.PlayerCount() == 1:
		return errWaitsElsewhere
	case !where.TicketID.IsZero():
		return cannotJoin(InOtherParty)
	}
	return nil
}

// complete is what members of a complete party are told (escs E5).
func (st *set) complete() *wire.ExternalMatchmakingPartyIsCompleteV1Notification {
	return &wire.ExternalMatchmakingPartyIsCompleteV1Notification{
		SetID: st.ID, PartyID: wire.UUID(st.PartyID), LeaderPlayerID: wire.UUID(st.LeaderID),
	}
}

// connected tells a player who connects that the party of his set is complete
// (escs E5, F34).
func (s *Service) connected(ctx context.Context, who *pragma.PlayerSession) error {
	where, err := s.slots.Read(ctx, who.PlayerID)
	if err != nil || where.PartyID.IsZero() {
		return err
	}
	p, err := s.Parties.AttachedTo(ctx, where.PartyID, attachment)
	if errors.Is(err, party.ErrPartyNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	info, err := SetInfo(p)
	if err != nil || info == nil {
		return err
	}
	err = s.sets.Update(ctx, info.SetID, func(tx *entity.Tx, st *set) error {
		if st.State == Complete && st.PartyID == where.PartyID && st.find(who.PlayerID) != nil {
			tx.NotifyPlayers(s.complete.Of(st.complete()), who.PlayerID)
		}
		return nil
	})
	if errors.Is(err, entity.ErrNotFound) {
		return nil
	}
	return err
}
