package matchmaking

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// handleOperators registers the calls of operators (wire §16.6).
func (s *Service) handleOperators(m *pragma.Mount) {
	pragma.HandleOperator(m, "ListQueuesOperatorV1", s.listQueuesOperatorV1)
	pragma.HandleOperator(m, "ListTicketsOperatorV1", s.listTicketsOperatorV1)
	pragma.HandleOperator(m, "GetTicketOperatorV1", s.getTicketOperatorV1)
	pragma.HandleOperator(m, "RemoveTicketOperatorV1", s.removeTicketOperatorV1)
	s.handleDumps(m)
}

// passStats is what a queue's loop lets operators know, guarded by index.mu.
type passStats struct {
	name     string
	lastPass time.Duration
}

// named notes the name of a queue.
func (q *queue) named(name string) string {
	q.index.mu.Lock()
	defer q.index.mu.Unlock()
	q.name = name
	return name
}

// passed notes how long a pass took.
func (q *queue) passed(took time.Duration) {
	q.index.mu.Lock()
	defer q.index.mu.Unlock()
	q.lastPass = took
}

// queueState is a queue at one moment.
type queueState struct {
	counts
	passStats
	oldest time.Time
}

// state counts a queue, without its oldest ticket; mu is held.
func (q *queue) state() queueState {
	st := queueState{counts: q.counts(), passStats: q.passStats}
	if len(q.games) > 0 {
		st.oldest = q.games[0].game.EnteredAt
	}
	return st
}

// states returns all queues, those in which somebody has waited longest first.
func (x *index) states() []queueState {
	x.mu.Lock()
	byQueue := make(map[*queue]*queueState, len(x.queues))
	for _, q := range x.queues {
		st := q.state()
		byQueue[q] = &st
	}
	for _, e := range x.tickets {
		if st := byQueue[e.queue]; st.oldest.IsZero() || e.party.EnteredAt.Before(st.oldest) {
			st.oldest = e.party.EnteredAt
		}
	}
	x.mu.Unlock()
	all := make([]queueState, 0, len(byQueue))
	for _, st := range byQueue {
		if !st.oldest.IsZero() { // otherwise it is about to go
			all = append(all, *st)
		}
	}
	slices.SortFunc(all, func(a, b queueState) int { return a.oldest.Compare(b.oldest) })
	return all
}

// maxQueues is how many queues one answer has; there is no page to ask for.
const maxQueues = 500

// listQueuesOperatorV1 shows the queues as this node knows them.
func (s *Service) listQueuesOperatorV1(context.Context, *pragma.OperatorSession, *wire.Empty) (*wire.MatchmakingListQueuesOperatorV1Response, error) {
	states := s.index.states()
	resp := &wire.MatchmakingListQueuesOperatorV1Response{Count: wire.Int64(len(states))}
	for _, st := range states[:min(len(states), maxQueues)] {
		resp.Queues = append(resp.Queues, wire.OperatorQueueInfo{
			QueueID: st.key.Digest(), QueueName: st.name, MatchmakingQueueKey: st.key.wire(),
			PartiesInQueue: wire.Int32(st.parties), PlayersInQueue: wire.Int32(st.players),
			MatchablesInQueue: wire.Int32(st.matchables), GameInstancesInQueue: wire.Int32(st.games),
			OldestEnteredTimestampMillis: wire.Int64(st.oldest.UnixMilli()),
			LastPassMillis:               wire.Int64(st.lastPass.Milliseconds()),
		})
	}
	return resp, nil
}

// listTicketsOperatorV1 reads all tickets from the store and keeps no more than
// the page.
func (s *Service) listTicketsOperatorV1(ctx context.Context, _ *pragma.OperatorSession, req *wire.MatchmakingListTicketsOperatorV1Request) (*wire.MatchmakingListTicketsOperatorV1Response, error) {
	start, end, err := req.Of(math.MaxInt)
	if err != nil {
		return nil, pragma.ErrMalformed.With("%v", err)
	}
	resp := &wire.MatchmakingListTicketsOperatorV1Response{}
	n := 0
	for item, err := range s.tickets.List(ctx, "", "") {
		var id pragma.TicketID
		if err == nil {
			id, err = pragma.ParseID[pragma.TicketID](item.ID)
		}
		switch {
		case err != nil && item.ID == "":
			return nil, err
		case err != nil:
			s.m.Log().ErrorContext(ctx, "cannot read a ticket", "ticket", item.ID, "err", err)
		case item.State.matches(&req.Filter):
			if n++; start < n && n <= end {
				resp.Tickets = append(resp.Tickets, item.State.operator(id))
			}
		}
	}
	resp.Count = wire.Int64(n)
	return resp, nil
}

// matches reports whether a ticket is one of those an operator looks for.
func (t *ticket) matches(f *wire.TicketFilter) bool {
	switch {
	case !f.PartyID.IsZero() && f.PartyID != wire.UUID(t.PartyID),
		!f.GameInstanceID.IsZero() && (t.Game == nil || f.GameInstanceID != wire.UUID(t.Game.GameInstanceID)),
		!f.PlayerID.IsZero() && !slices.Contains(t.everybody(), f.PlayerID),
		f.QueueID != "" && !strings.EqualFold(f.QueueID, t.key().Digest()):
		return false
	}
	return true
}

// everybody is the players of the party or of the game.
func (t *ticket) everybody() []wire.UUID {
	var ids []wire.UUID
	for i := range t.Players {
		ids = append(ids, wire.UUID(t.Players[i].PlayerID))
	}
	if t.Game != nil {
		for i := range t.Game.Players {
			ids = append(ids, wire.UUID(t.Game.Players[i].PlayerID))
		}
	}
	return ids
}

// operator is the ticket as operators see it.
func (t *ticket) operator(id pragma.TicketID) wire.OperatorTicketInfo {
	info := wire.OperatorTicketInfo{
		TicketID: wire.UUID(id), QueueID: t.key().Digest(), Kind: wire.TicketKindParty, PartyID: wire.UUID(t.PartyID),
		PlayerIDs: t.everybody(), Ext: t.Ext, EnteredTimestampMillis: wire.Int64(t.EnteredAt.UnixMilli()),
	}
	if t.Game != nil {
		info.Kind, info.GameInstanceID = wire.TicketKindGameInstance, wire.UUID(t.Game.GameInstanceID)
	}
	return info
}

func (s *Service) getTicketOperatorV1(ctx context.Context, _ *pragma.OperatorSession, req *wire.MatchmakingTicketRequest) (*wire.MatchmakingGetTicketOperatorV1Response, error) {
	id := pragma.TicketID(req.TicketID)
	t, err := s.tickets.Read(ctx, id.String())
	if err != nil {
		return nil, unknownTicket(err)
	}
	info := t.operator(id)
	return &wire.MatchmakingGetTicketOperatorV1Response{Ticket: &info}, nil
}

// removeTicketOperatorV1 ends a ticket without a game. A party is told as if
// matchmaking had failed; a game leaves the queue, and its server is told.
func (s *Service) removeTicketOperatorV1(ctx context.Context, o *pragma.OperatorSession, req *wire.MatchmakingTicketRequest) (*wire.Empty, error) {
	id := pragma.TicketID(req.TicketID)
	if err := s.m.Audit(ctx, o, "remove ticket", slog.String("ticket", id.String())); err != nil {
		return nil, err
	}
	t, err := s.tickets.Read(ctx, id.String())
	switch {
	case err != nil:
	case t.Game != nil:
		err = s.removeGame(ctx, t.Game.GameInstanceID, id)
	default:
		err = s.tickets.Update(ctx, id.String(), func(tx *entity.Tx, t *ticket) error {
			return s.sendBack(tx, id, t, wire.MatchmakingFailureUnspecified)
		})
	}
	return nil, unknownTicket(err)
}

// removeGame takes a game out of matchmaking. If the game does not hold the
// ticket, the ticket goes alone.
func (s *Service) removeGame(ctx context.Context, game pragma.GameInstanceID, id pragma.TicketID) error {
	err := s.Games.ExpelFromMatchmaking(ctx, game, id)
	if errors.Is(err, gameinstance.ErrUnknownGameInstanceID) || errors.Is(err, gameinstance.ErrGameInstanceNotInMatchmaking) {
		return s.removeStrayGame(ctx, game, id)
	}
	return err
}

// unknownTicket is the documented reason for a ticket that is not there.
func unknownTicket(err error) error {
	if errors.Is(err, entity.ErrNotFound) {
		return ErrTicketNotFound
	}
	return err
}
