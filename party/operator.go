package party

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// handleOperators registers the calls of operators (wire §16.6). Those that list
// read all parties from the store; they count as nobody's access.
func (s *Service) handleOperators(m *pragma.Mount) {
	pragma.HandleOperator(m, "ListPartiesOperatorV1", s.listPartiesOperatorV1)
	pragma.HandleOperator(m, "GetPartyOperatorV1", s.getPartyOperatorV1)
	pragma.HandleOperator(m, "KickPlayerOperatorV1", s.kickPlayerOperatorV1)
	pragma.HandleOperator(m, "ClosePartyOperatorV1", s.closePartyOperatorV1)
	pragma.HandleOperator(m, "CheckGameServerVersionsOperatorV1", s.checkVersionsOperatorV1)
}

// window collects the part of a long list that an operator asks for, without
// keeping the rest.
type window struct{ start, end, n int }

func newWindow(p wire.Page) (*window, error) {
	start, end, err := p.Of(math.MaxInt)
	if err != nil {
		return nil, pragma.ErrMalformed.With("%v", err)
	}
	return &window{start: start, end: end}, nil
}

// next counts one more entry and reports whether it belongs to the page.
func (w *window) next() bool {
	w.n++
	return w.start < w.n && w.n <= w.end
}

func (s *Service) listPartiesOperatorV1(ctx context.Context, _ *pragma.OperatorSession, req *wire.PartyListPartiesOperatorV1Request) (*wire.PartyListPartiesOperatorV1Response, error) {
	page, err := newWindow(req.Page)
	if err != nil {
		return nil, err
	}
	resp := &wire.PartyListPartiesOperatorV1Response{}
	prefix := ""
	if id := pragma.PartyID(req.Filter.PartyID); !id.IsZero() {
		prefix = id.String() // reads this party only
	}
	for item, err := range s.parties.List(ctx, prefix, "") {
		switch {
		case err != nil && item.ID == "":
			return nil, err
		case err != nil:
			s.m.Log().ErrorContext(ctx, "cannot read a party", "party", item.ID, "err", err)
		case item.State.matches(&req.Filter) && page.next():
			resp.Parties = append(resp.Parties, item.State.overview())
		}
	}
	resp.Count = wire.Int64(page.n)
	return resp, nil
}

// matches reports whether a party is one of those an operator looks for.
func (st *state) matches(f *wire.PartyFilter) bool {
	switch {
	case f.PlayerID != wire.UUID{} && st.find(pragma.PlayerID(f.PlayerID)) == nil,
		f.InviteCode != "" && cleanCode(f.InviteCode) != st.InviteCode,
		f.InMatchmaking != nil && *f.InMatchmaking != st.queued():
		return false
	}
	return true
}

func (s *Service) getPartyOperatorV1(ctx context.Context, _ *pragma.OperatorSession, req *wire.PartyGetPartyOperatorV1Request) (*wire.PartyGetPartyOperatorV1Response, error) {
	st, err := s.parties.Read(ctx, pragma.PartyID(req.PartyID).String())
	if errors.Is(err, entity.ErrNotFound) {
		return nil, ErrPartyNotFound
	}
	if err != nil {
		return nil, err
	}
	info, err := s.info(ctx, st)
	return &wire.PartyGetPartyOperatorV1Response{Party: info}, err
}

// kickPlayerOperatorV1 removes a member as a leader's kick does: he needs an
// invite to come back. Leaders can be kicked too.
func (s *Service) kickPlayerOperatorV1(ctx context.Context, o *pragma.OperatorSession, req *wire.PartyKickPlayerOperatorV1Request) (*wire.PartyGetPartyOperatorV1Response, error) {
	id, player := pragma.PartyID(req.PartyID), pragma.PlayerID(req.PlayerID)
	err := s.m.Audit(ctx, o, "kick player from party", slog.String("party", id.String()), slog.String("player", player.String()))
	if err != nil {
		return nil, err
	}
	var after *state // nil: the party is closed
	err = s.update(ctx, id, ErrPartyNotFound, func(c *change) error {
		if c.st.find(player) == nil {
			return ErrPlayerNotFound
		}
		c.st.ban(player)
		if err := c.remove(player, Kicked); err != nil {
			return err
		}
		c.notifyRemoved(player, Kicked)
		_, err := c.finish()
		after = nil
		if !c.closed {
			after = c.st.clone()
		}
		return err
	})
	if err != nil || after == nil {
		return &wire.PartyGetPartyOperatorV1Response{}, err
	}
	info, err := s.info(ctx, after)
	return &wire.PartyGetPartyOperatorV1Response{Party: info}, err
}

func (s *Service) closePartyOperatorV1(ctx context.Context, o *pragma.OperatorSession, req *wire.PartyClosePartyOperatorV1Request) (*wire.Empty, error) {
	id := pragma.PartyID(req.PartyID)
	if err := s.m.Audit(ctx, o, "close party", slog.String("party", id.String())); err != nil {
		return nil, err
	}
	return nil, s.Close(ctx, id)
}

// checkVersionsOperatorV1 is [Service.Stranded].
func (s *Service) checkVersionsOperatorV1(ctx context.Context, _ *pragma.OperatorSession, req *wire.PartyCheckGameServerVersionsOperatorV1Request) (*wire.PartyCheckGameServerVersionsOperatorV1Response, error) {
	page, err := newWindow(req.Page)
	if err != nil {
		return nil, err
	}
	versions := make(map[string]ServerVersion, len(req.GameServerVersionCompatibility))
	for key, v := range req.GameServerVersionCompatibility {
		versions[key] = ServerVersion(v)
	}
	resp := &wire.PartyCheckGameServerVersionsOperatorV1Response{}
	for found, err := range s.Stranded(ctx, versions) {
		if err != nil {
			return nil, err
		}
		resp.Checked++
		if found == nil || !page.next() {
			continue
		}
		resp.Parties = append(resp.Parties, wire.OperatorStrandedParty{
			Party:                 found.Party.overview(),
			NextGameServerVersion: found.NextGameServerVersion, NoCommonVersion: found.NoCommonVersion,
			LeavesMatchmaking: found.LeavesMatchmaking, StrandedAlready: found.Already,
			UnsupportedPlayerIDs: uuids(found.Unsupported),
		})
	}
	resp.Count = wire.Int64(page.n)
	return resp, nil
}

func (st *state) overview() wire.OperatorPartyOverview {
	p := st.readOnly()
	return p.overview()
}

func (p *ReadOnlyParty) overview() wire.OperatorPartyOverview {
	o := wire.OperatorPartyOverview{
		PartyID: wire.UUID(p.PartyID), InviteCode: p.InviteCode, InMatchmaking: p.InMatchmaking,
		GameServerVersion: p.GameServerVersion, Version: wire.Int64(p.Version),
		LastAccessTimestampMillis: millis(p.LastAccess),
	}
	for i := range p.Players {
		o.PlayerIDs = append(o.PlayerIDs, wire.UUID(p.Players[i].PlayerID))
	}
	return o
}

// info is a party with everything that operators see, and the games its members
// are in.
func (s *Service) info(ctx context.Context, st *state) (*wire.OperatorPartyInfo, error) {
	info := &wire.OperatorPartyInfo{
		Overview: st.overview(), Ext: st.Ext,
		PreferredGameServerZones:  st.PreferredGameServerZones,
		OverrideGameServerVersion: st.OverrideGameServerVersion,
		TicketID:                  wire.UUID(st.Ticket), CreatedTimestampMillis: millis(st.CreatedAt),
	}
	for i := range st.Invites {
		info.Invites = append(info.Invites, st.Invites[i].wire())
	}
	for _, m := range st.Members {
		info.Members = append(info.Members, m.operator())
		where, err := s.slots.Read(ctx, m.PlayerID)
		if err != nil {
			return nil, err
		}
		for _, game := range uuids(where.GameInstanceIDs) {
			if !slices.Contains(info.GameInstanceIDs, game) {
				info.GameInstanceIDs = append(info.GameInstanceIDs, game)
			}
		}
	}
	return info, nil
}

func (m *PlayerInfo) operator() wire.OperatorPartyMember {
	w := wire.OperatorPartyMember{
		PlayerID: wire.UUID(m.PlayerID), SocialID: wire.UUID(m.SocialID), DisplayName: wire.DisplayName(m.DisplayName),
		IsLeader: m.Leader, IsReady: m.Ready, GameClientVersion: m.GameClientVersion, Ext: m.Ext,
	}
	if len(m.GameServerZoneToPing) > 0 {
		w.GameServerZoneToPing = make(map[string]wire.Int32, len(m.GameServerZoneToPing))
		for zone, ms := range m.GameServerZoneToPing {
			w.GameServerZoneToPing[zone] = wire.Int32(ms)
		}
	}
	return w
}

func uuids[I ~[16]byte](ids []I) []wire.UUID {
	var all []wire.UUID
	for _, id := range ids {
		all = append(all, wire.UUID(id))
	}
	return all
}

func millis(t time.Time) wire.Int64 { return wire.Int64(t.UnixMilli()) }
