package matchmaking

import (
	"context"
	"encoding/hex"
	"math"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// handleDumps registers the calls that look into a queue (ours).
func (s *Service) handleDumps(m *pragma.Mount) {
	pragma.HandleOperator(m, "ExplainTicketOperatorV1", s.explainTicketOperatorV1)
	pragma.HandleOperator(m, "DumpQueueOperatorV1", s.dumpQueueOperatorV1)
}

// maxDumpBytes is how much of exts a page has; one ticket may have more.
const maxDumpBytes = 1 << 20

// dumpQueueOperatorV1 reads tickets of a queue from the store, a page at a time.
// A ticket that is there all the while is on exactly one page.
func (s *Service) dumpQueueOperatorV1(ctx context.Context, _ *pragma.OperatorSession, req *wire.MatchmakingDumpQueueOperatorV1Request) (*wire.MatchmakingDumpQueueOperatorV1Response, error) {
	_, size, err := wire.Page{PageSize: req.PageSize}.Of(math.MaxInt)
	if err != nil {
		return nil, pragma.ErrMalformed.With("%v", err)
	}
	now, err := s.m.Store().Now(ctx)
	if err != nil {
		return nil, err
	}
	resp := &wire.MatchmakingDumpQueueOperatorV1Response{TakenTimestampMicros: wire.Int64(now.UnixMicro())}
	id, ok := parseQueueID(req.QueueID)
	if !ok {
		return nil, ErrQueueNotFound
	}
	key, found, err := s.dumpTickets(ctx, id, req.AfterTicketID, size, resp)
	if err != nil {
		return nil, err
	}
	if !found {
		if key, found = s.index.keyOf(id); !found && req.AfterTicketID.IsZero() {
			return nil, ErrQueueNotFound
		}
	}
	if found {
		resp.MatchmakingQueueKey, resp.QueueName = key.wire(), s.queueName(ctx, key)
		if resp.Rules, err = s.queueRules(ctx, key); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

func parseQueueID(text string) (id queueID, ok bool) {
	b, err := hex.DecodeString(text)
	return queueID(append(b, make([]byte, len(id))...)[:len(id)]), err == nil && len(b) == len(id)
}

// keyOf returns the key of a queue that this node has.
func (x *index) keyOf(id queueID) (QueueKey, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	q := x.queues[id]
	if q == nil {
		return QueueKey{}, false
	}
	return q.key, true
}

// dumpTickets adds the tickets of a page, and returns the key of their queue if
// there are any.
func (s *Service) dumpTickets(ctx context.Context, queue queueID, after wire.UUID, size int, resp *wire.MatchmakingDumpQueueOperatorV1Response) (key QueueKey, found bool, err error) {
	from := ""
	if !after.IsZero() {
		from = pragma.TicketID(after).String()
	}
	bytes := 0
	for item, err := range s.tickets.List(ctx, "", from) {
		var id pragma.TicketID
		if err == nil {
			id, err = pragma.ParseID[pragma.TicketID](item.ID)
		}
		switch {
		case err != nil && item.ID == "":
			return key, found, err
		case err != nil:
			s.m.Log().ErrorContext(ctx, "cannot read a ticket", "ticket", item.ID, "err", err)
			continue
		}
		t := item.State
		if k := t.key(); k.id() != queue {
			continue
		} else if !found {
			key, found = k, true
		}
		if n := len(resp.Tickets); n == size || n > 0 && bytes+t.bytes() > maxDumpBytes {
			resp.NextAfterTicketID = resp.Tickets[n-1].TicketID
			break
		}
		bytes += t.bytes()
		resp.Tickets = append(resp.Tickets, t.dump(id))
	}
	return key, found, nil
}

// bytes is how much the exts of a ticket are.
func (t *ticket) bytes() int {
	n := t.Ext.Len()
	for i := range t.Players {
		n += t.Players[i].Ext.Len()
	}
	if t.Game != nil {
		for i := range t.Game.Players {
			n += t.Game.Players[i].Ext.Len()
		}
	}
	return n
}

// dump is the ticket as a plugin sees it, without names and social ids.
func (t *ticket) dump(id pragma.TicketID) wire.OperatorPoolTicket {
	line := wire.OperatorPoolTicket{
		TicketID: wire.UUID(id), Kind: wire.TicketKindParty, PartyID: wire.UUID(t.PartyID),
		EnteredTimestampMicros: wire.Int64(t.EnteredAt.UnixMicro()), PreferredGameServerZones: t.PreferredGameServerZones,
		GameServerVersion: t.GameServerVersion, Ext: t.Ext,
	}
	for i := range t.Players {
		from := &t.Players[i]
		player := wire.OperatorPoolPlayer{PlayerID: wire.UUID(from.PlayerID), PartyID: line.PartyID, Ext: from.Ext}
		if len(from.GameServerZoneToPing) > 0 {
			player.GameServerZoneToPing = make(map[string]wire.Int32, len(from.GameServerZoneToPing))
			for zone, ms := range from.GameServerZoneToPing {
				player.GameServerZoneToPing[zone] = wire.Int32(ms)
			}
		}
		line.Players = append(line.Players, player)
	}
	if g := t.Game; g != nil {
		line.Kind, line.GameInstanceID = wire.TicketKindGameInstance, wire.UUID(g.GameInstanceID)
		line.GameServerVersion, line.GameServerZone = g.GameServerVersion, g.GameServerZone
		for _, p := range g.Players {
			line.Players = append(line.Players, wire.OperatorPoolPlayer{
				PlayerID: wire.UUID(p.PlayerID), PartyID: wire.UUID(p.PartyID), TeamNumber: wire.Int64(p.TeamNumber), Ext: p.Ext,
			})
		}
	}
	return line
}
