package gameinstance

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// handleOperators registers the calls of operators (wire §16.6). Looking counts as
// nobody's access. An instance that is over can be seen for an hour.
func (s *Service) handleOperators(m *pragma.Mount) {
	pragma.HandleOperator(m, "ListGameInstancesOperatorV1", s.listOperatorV1)
	pragma.HandleOperator(m, "GetGameInstanceOperatorV1", s.getOperatorV1)
	pragma.HandleOperator(m, "TerminateGameInstanceOperatorV1", s.terminateOperatorV1)
	pragma.HandleOperator(m, "KickPlayerOperatorV1", s.kickPlayerOperatorV1)
}

// listOperatorV1 reads the heads of all instances from the store, and the players
// of those on the page. It locks nothing and keeps no more than the page.
func (s *Service) listOperatorV1(ctx context.Context, _ *pragma.OperatorSession, req *wire.GameInstanceListGameInstancesOperatorV1Request) (*wire.GameInstanceListGameInstancesOperatorV1Response, error) {
	start, end, err := req.Of(math.MaxInt)
	if err != nil {
		return nil, pragma.ErrMalformed.With("%v", err)
	}
	f, err := s.filter(ctx, &req.Filter)
	if err != nil {
		return nil, err
	}
	resp := &wire.GameInstanceListGameInstancesOperatorV1Response{}
	n := 0
	for item, err := range s.heads.List(ctx, f.prefix, "") {
		switch {
		case err != nil && item.ID == "":
			return nil, err
		case err != nil:
			s.m.Log().ErrorContext(ctx, "cannot read a game instance", "gameInstanceId", item.ID, "err", err)
		case f.matches(item.State):
			if n++; start < n && n <= end {
				overview, err := s.overview(ctx, item.State)
				if err != nil {
					return nil, err
				}
				resp.GameInstances = append(resp.GameInstances, overview)
			}
		}
	}
	resp.Count = wire.Int64(n)
	return resp, nil
}

// instanceFilter is what an operator looks for.
type instanceFilter struct {
	*wire.GameInstanceFilter
	prefix string // of ids
	only   []pragma.GameInstanceID
}

func (s *Service) filter(ctx context.Context, asked *wire.GameInstanceFilter) (*instanceFilter, error) {
	f := &instanceFilter{GameInstanceFilter: asked}
	if !asked.GameInstanceID.IsZero() {
		f.prefix = asked.GameInstanceID.String() // reads this instance only
	}
	if asked.PlayerID.IsZero() {
		return f, nil
	}
	var err error
	f.only, err = s.InstancesOf(ctx, pragma.PlayerID(asked.PlayerID))
	if len(f.only) == 1 && f.prefix == "" {
		f.prefix = f.only[0].String()
	}
	return f, err
}

func (f *instanceFilter) matches(h *head) bool {
	switch {
	case !f.PlayerID.IsZero() && !slices.Contains(f.only, h.ID),
		f.GameServerVersion != "" && f.GameServerVersion != h.GameServerVersion,
		f.GameServerZone != "" && f.GameServerZone != h.GameServerZone,
		f.State != wire.GameInstanceStateUnknown && f.State != h.State.wire():
		return false
	}
	return true
}

// overview is an instance in a list. Its players are those of a moment later than
// the rest, if they have just changed.
func (s *Service) overview(ctx context.Context, h *head) (wire.OperatorGameInstanceOverview, error) {
	if cached, ok := s.recent.get(h.ID, h.RosterVersion); ok {
		return h.overview(cached), nil
	}
	r, err := s.rosters.Read(ctx, h.ID.String())
	if errors.Is(err, entity.ErrNotFound) { // it has just been forgotten
		return h.overview(nil), nil
	}
	if err != nil {
		return wire.OperatorGameInstanceOverview{}, err
	}
	return h.overview(r.Players), nil
}

func (h *head) overview(members []member) wire.OperatorGameInstanceOverview {
	o := wire.OperatorGameInstanceOverview{
		GameInstanceID: wire.UUID(h.ID), State: h.State.wire(), Version: wire.Int64(h.Version),
		GameServerVersion: h.GameServerVersion, GameServerZone: h.GameServerZone, IsInMatchmaking: h.InMatchmaking,
		CreatedTimestampMillis: timestamp(h.CreatedAt), LastAccessTimestampMillis: timestamp(h.LastAccess),
	}
	if h.Host != nil {
		o.Hostname, o.Port = h.Host.Hostname, wire.Int32(h.Host.Port)
	}
	for i := range members {
		o.PlayerIDs = append(o.PlayerIDs, wire.UUID(members[i].PlayerID))
	}
	return o
}

// getOperatorV1 shows an instance as it is at one moment, hidden data included.
func (s *Service) getOperatorV1(ctx context.Context, _ *pragma.OperatorSession, req *wire.GameInstanceRequest) (*wire.GameInstanceGetGameInstanceOperatorV1Response, error) {
	resp := &wire.GameInstanceGetGameInstanceOperatorV1Response{}
	err := s.heads.Update(ctx, req.GameInstanceID.String(), func(tx *entity.Tx, h *head) (err error) {
		resp.GameInstance, err = s.look(tx, h).info()
		return err
	})
	if errors.Is(err, entity.ErrNotFound) {
		return nil, ErrUnknownGameInstanceID
	}
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// look is a turn that changes nothing.
func (s *Service) look(tx *entity.Tx, h *head) *turn {
	return &turn{s: s, tx: tx, cfg: s.config.Load(), h: h}
}

func (t *turn) info() (*wire.OperatorGameInstanceInfo, error) {
	members, err := t.members()
	if err != nil {
		return nil, err
	}
	h := t.h
	info := &wire.OperatorGameInstanceInfo{Overview: h.overview(members), LinkedPartnerName: h.ServerName, TicketID: wire.UUID(h.Ticket)}
	if h.Allocation != nil {
		info.AllocationID = wire.UUID(h.Allocation.ID)
	}
	if !h.AliveBy.IsZero() {
		info.LastKeepAliveTimestampMillis = timestamp(h.AliveBy.Add(-t.cfg.silence()))
	}
	for i := range members {
		m := &members[i]
		info.Players = append(info.Players, wire.OperatorGamePlayer{
			PlayerID: wire.UUID(m.PlayerID), SocialID: wire.UUID(m.SocialID), PartyID: wire.UUID(m.PartyID),
			DisplayName: wire.DisplayName(m.DisplayName), TeamNumber: wire.Int64(m.TeamNumber),
			ClientVersion: m.ClientVersion, Connected: m.Connected,
		})
	}
	info.Data, err = t.allData(members)
	return info, err
}

// allData is what the data stores hold, the instance's own first.
func (t *turn) allData(members []member) ([]wire.OperatorDataEntry, error) {
	ix, err := t.index()
	if err != nil {
		return nil, err
	}
	var list []wire.OperatorDataEntry
	for _, at := range ix.all(owners(members)) {
		e, err := t.entry(at.owner, at.key)
		if err != nil {
			return nil, err
		}
		if e != nil {
			list = append(list, wire.OperatorDataEntry{DataEntry: dataEntry(at.owner, at.key, e.Data), Sync: e.Sync.forOperators()})
		}
	}
	return list, nil
}

// all lists the entries of an index in the order of [compareTouched], without data.
func (x *index) all(owners []pragma.PlayerID) []touched {
	var list []touched
	for _, owner := range owners {
		for key := range x.of(owner) {
			list = append(list, touched{owner: owner, key: key})
		}
	}
	slices.SortFunc(list, compareTouched)
	return list
}

// forOperators is [PlayerSync.String] with the name of the scope as operators see
// it (wire §16.6).
func (s PlayerSync) forOperators() string {
	scope, whom, some := strings.Cut(s.String(), ":")
	if !some {
		return strings.ToUpper(scope)
	}
	return strings.ToUpper(scope) + ":" + whom
}

// terminateOperatorV1 breaks an instance off. No hook is asked; players and server
// are told that it was an operator.
func (s *Service) terminateOperatorV1(ctx context.Context, o *pragma.OperatorSession, req *wire.GameInstanceRequest) (*wire.Empty, error) {
	id := pragma.GameInstanceID(req.GameInstanceID)
	if err := s.m.Audit(ctx, o, "terminate game instance", slog.String("gameInstanceId", id.String())); err != nil {
		return nil, err
	}
	return nil, s.change(ctx, id, func(t *turn) error {
		t.reason = wire.GameInstanceTerminationOperator
		t.inst.Terminate()
		return nil
	})
}

// kickPlayerOperatorV1 removes a player. No hook is asked; he may come back if the
// plugin lets him.
func (s *Service) kickPlayerOperatorV1(ctx context.Context, o *pragma.OperatorSession, req *wire.GameInstanceKickPlayerOperatorV1Request) (*wire.Empty, error) {
	id, player := pragma.GameInstanceID(req.GameInstanceID), pragma.PlayerID(req.PlayerID)
	err := s.m.Audit(ctx, o, "kick player from game instance", slog.String("gameInstanceId", id.String()), slog.String("player", player.String()))
	if err != nil {
		return nil, err
	}
	return nil, s.change(ctx, id, func(t *turn) error { return t.inst.RemovePlayer(player, req.Ext) })
}

func timestamp(t time.Time) wire.Int64 { return wire.Int64(t.UnixMilli()) }
