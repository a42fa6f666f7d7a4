package gameinstance

import (
	"context"
	"errors"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// handlePlayers registers the calls of players (wire §7.5, §16.1, §16.2).
func (s *Service) handlePlayers(m *pragma.Mount) {
	pragma.HandlePlayer(m, "CreateV1", s.createV1)
	pragma.HandlePlayer(m, "JoinGameInstanceV1", s.joinV1)
	pragma.HandlePlayer(m, "LeaveV1", s.leaveV1)
	pragma.HandlePlayer(m, "UpdateV1", s.updateV1)
	pragma.HandlePlayer(m, "DeclineReconnectV1", s.declineReconnectV1)
	pragma.HandlePlayer(m, "GetHostConnectionDetailsV1", s.hostConnectionDetailsV1)
	pragma.HandlePlayer(m, "MultiplayerRpc.InitializeGameInstanceV1", s.initializeV1)
	pragma.HandlePlayer(m, "MultiplayerRpc.SyncGameInstanceV1", s.syncV1)
}

// asPlayer is what a call tells of its player.
func asPlayer(who *pragma.PlayerSession, clientVersion string) PlayerToAdd {
	return PlayerToAdd{PlayerID: who.PlayerID, SocialID: who.SocialID, DisplayName: who.DisplayName, ClientVersion: clientVersion}
}

func (s *Service) createV1(ctx context.Context, who *pragma.PlayerSession, req *wire.GameInstanceCreateV1Request) (*wire.GameInstanceCreateV1Response, error) {
	if err := checkPlace(req.GameClientVersion); err != nil {
		return nil, err
	}
	id := pragma.NewID[pragma.GameInstanceID]()
	resp := &wire.GameInstanceCreateV1Response{GameInstanceID: wire.UUID(id)}
	err := s.heads.Create(ctx, id.String(), func(tx *entity.Tx, h *head) error {
		where, err := s.slots.Edit(tx, who.PlayerID)
		if err != nil {
			return err
		}
		version, err := s.versionFor(tx, where.PartyID, who, req.GameClientVersion)
		if err != nil {
			return err
		}
		t, err := s.creation(tx, id, h, version, req.GameServerZone)
		if err != nil {
			return err
		}
		t.know(asPlayer(who, req.GameClientVersion))
		t.inst.refusal = ErrCreateFailed
		err = t.hook("HandlePlayerCreateRequest", func(ctx context.Context) error {
			return s.Plugin.HandlePlayerCreateRequest(ctx, &PlayerCreateRequest{
				GameInstance: t.inst, RequestingPlayerID: who.PlayerID, RequestExt: req.RequestExt,
				ClientVersion: req.GameClientVersion, GameServerZoneToPing: pings(req.GameServerZoneToPing), PartyID: where.PartyID,
			})
		})
		if err != nil {
			return err
		}
		if err := t.finish(); err != nil {
			return err
		}
		resp.GameInstance, err = t.viewOfLiving(who.PlayerID)
		return err
	})
	return resp, outcome(err)
}

// versionFor is the server version of a game that a player makes (engine §6.8).
func (s *Service) versionFor(tx *entity.Tx, party pragma.PartyID, who *pragma.PlayerSession, client string) (string, error) {
	if s.Parties == nil {
		return "", nil
	}
	version, err := s.Parties.VersionForGame(tx, party, who, client)
	var refused *pragma.Error
	if errors.As(err, &refused) && refused.Code == pragma.FailedPrecondition {
		return "", ErrCreateFailed.Wrap(err)
	}
	return version, err
}

func pings(in map[string]wire.Int32) map[string]int {
	out := make(map[string]int, len(in))
	for zone, ms := range in {
		out[zone] = int(ms)
	}
	return out
}

// viewOfLiving is what a player sees, or nil of an instance that is over.
func (t *turn) viewOfLiving(id pragma.PlayerID) (*wire.BroadcastGameInstance, error) {
	if t.h.isOver() {
		return nil, nil
	}
	view, _, err := t.view(id)
	return view, err
}

func (s *Service) joinV1(ctx context.Context, who *pragma.PlayerSession, req *wire.GameInstanceJoinGameInstanceV1Request) (*wire.GameInstanceJoinGameInstanceV1Response, error) {
	if err := checkPlace(req.GameClientVersion); err != nil {
		return nil, err
	}
	resp := &wire.GameInstanceJoinGameInstanceV1Response{}
	err := s.changeAnd(ctx, pragma.GameInstanceID(req.GameInstanceID), func(t *turn) error {
		where, err := s.slots.Edit(t.tx, who.PlayerID)
		if err != nil {
			return err
		}
		t.know(asPlayer(who, req.GameClientVersion))
		return t.hook("HandlePlayerJoinRequest", func(ctx context.Context) error {
			return s.Plugin.HandlePlayerJoinRequest(ctx, &PlayerJoinRequest{
				GameInstance: t.inst, RequestingPlayerID: who.PlayerID, RequestExt: req.RequestExt,
				ClientVersion: req.GameClientVersion, PartyID: where.PartyID,
			})
		})
	}, func(t *turn) (err error) {
		resp.GameInstance, err = t.viewOfLiving(who.PlayerID)
		return err
	})
	return resp, err
}

// changeAnd is change with something to do when the change is decided.
func (s *Service) changeAnd(ctx context.Context, id pragma.GameInstanceID, fn, then func(t *turn) error) error {
	err := s.heads.Update(ctx, id.String(), func(tx *entity.Tx, h *head) error {
		if h.isOver() {
			return ErrUnknownGameInstanceID
		}
		t := s.begin(tx, h)
		if err := fn(t); err != nil {
			return err
		}
		if err := t.finish(); err != nil {
			return err
		}
		return then(t)
	})
	return outcome(err)
}

// oneOf returns the instance a player means who may leave the id out.
func (s *Service) oneOf(ctx context.Context, player pragma.PlayerID, named wire.UUID) (pragma.GameInstanceID, error) {
	if !named.IsZero() {
		return pragma.GameInstanceID(named), nil
	}
	where, err := s.slots.Read(ctx, player)
	switch n := len(where.GameInstanceIDs); {
	case err != nil:
		return pragma.GameInstanceID{}, err
	case n == 0:
		return pragma.GameInstanceID{}, ErrPlayerNotInGameInstance
	case n > 1:
		return pragma.GameInstanceID{}, ErrUnknownGameInstanceID.With("the player is in %d game instances: name one", n)
	}
	return where.GameInstanceIDs[0], nil
}

// changeBy makes a change that only a player of the instance may ask for.
func (s *Service) changeBy(ctx context.Context, who *pragma.PlayerSession, named wire.UUID, fn func(t *turn, p *GamePlayer) error) error {
	id, err := s.oneOf(ctx, who.PlayerID, named)
	if err != nil {
		return err
	}
	err = s.change(ctx, id, func(t *turn) error {
		p := t.inst.Player(who.PlayerID)
		if t.inst.err != nil {
			return t.inst.err
		}
		if p == nil {
			return ErrPlayerNotInGameInstance
		}
		return fn(t, p)
	})
	if errors.Is(err, ErrUnknownGameInstanceID) {
		return ErrPlayerNotInGameInstance.Wrap(err) // he is in none that is not there
	}
	return err
}

func (s *Service) leaveV1(ctx context.Context, who *pragma.PlayerSession, req *wire.GameInstanceLeaveV1Request) (*wire.Empty, error) {
	return nil, s.changeBy(ctx, who, req.GameInstanceID, func(t *turn, p *GamePlayer) error {
		return t.hook("HandlePlayerLeaveRequest", func(ctx context.Context) error {
			return s.Plugin.HandlePlayerLeaveRequest(ctx, &PlayerLeaveRequest{
				GameInstance: t.inst, RequestingPlayer: p, RequestExt: req.RequestExt,
			})
		})
	})
}

func (s *Service) updateV1(ctx context.Context, who *pragma.PlayerSession, req *wire.GameInstanceUpdateV1Request) (*wire.Empty, error) {
	return nil, s.changeBy(ctx, who, req.GameInstanceID, func(t *turn, p *GamePlayer) error {
		return t.hook("HandlePlayerUpdateRequest", func(ctx context.Context) error {
			return s.Plugin.HandlePlayerUpdateRequest(ctx, &PlayerUpdateRequest{
				GameInstance: t.inst, RequestingPlayer: p, RequestExt: req.RequestExt,
			})
		})
	})
}

func (s *Service) declineReconnectV1(ctx context.Context, who *pragma.PlayerSession, req *wire.GameInstanceDeclineReconnectV1Request) (*wire.Empty, error) {
	return nil, s.changeBy(ctx, who, req.GameInstanceID, func(t *turn, p *GamePlayer) error {
		if t.s.reconnectMode() != ReconnectOptional {
			return ErrCannotDeclineReconnect
		}
		if !t.h.Server.IsZero() {
			t.tx.NotifyPartner(s.notices.declined.Of(&wire.GameInstancePlayerDeclinedReconnectV1Notification{
				GameInstanceID: wire.UUID(t.h.ID), PlayerID: wire.UUID(who.PlayerID),
			}), t.h.Server)
		}
		return nil
	})
}

func (s *Service) hostConnectionDetailsV1(ctx context.Context, who *pragma.PlayerSession, req *wire.GameInstanceGetHostConnectionDetailsV1Request) (*wire.GameInstanceGetHostConnectionDetailsV1Response, error) {
	resp := &wire.GameInstanceGetHostConnectionDetailsV1Response{}
	id, err := s.oneOf(ctx, who.PlayerID, req.GameInstanceID)
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, id, func(t *turn) error {
		m, err := t.freshToken(who.PlayerID)
		if err != nil {
			return err
		}
		if m == nil {
			return ErrPlayerNotInGameInstance
		}
		resp.HostConnectionDetails = t.h.details(m)
		return nil
	})
	return resp, err
}

// freshToken gives a connected player a new connection token if the present one
// gets old. It returns nil for others than players.
func (t *turn) freshToken(id pragma.PlayerID) (*member, error) {
	members, err := t.members()
	if err != nil {
		return nil, err
	}
	for i := range members {
		m := members[i]
		if m.PlayerID != id {
			continue
		}
		if !m.Connected || !m.renew(t.now, t.tokenLife()) {
			return &m, nil
		}
		stored, err := t.member(id)
		if err != nil {
			return nil, err
		}
		stored.Tokens = m.Tokens
		t.rosterDirty = true
		return stored, nil
	}
	return nil, nil
}

func (t *turn) tokenLife() time.Duration {
	return time.Duration(t.cfg.ConnectionTokenExpirationMinutes) * time.Minute
}

// viewsOf returns what a player sees of all instances he is in.
func (s *Service) viewsOf(ctx context.Context, player pragma.PlayerID) ([]wire.BroadcastGameInstance, error) {
	where, err := s.slots.Read(ctx, player)
	if err != nil {
		return nil, err
	}
	var views []wire.BroadcastGameInstance
	for _, id := range where.GameInstanceIDs {
		var view *wire.BroadcastGameInstance
		err := s.changeAnd(ctx, id, func(t *turn) error {
			_, err := t.freshToken(player)
			return err
		}, func(t *turn) (err error) {
			view, err = t.viewOfLiving(player)
			return err
		})
		if err != nil && !errors.Is(err, ErrUnknownGameInstanceID) {
			return nil, err
		}
		if err == nil && view != nil { // otherwise it ended in between
			views = append(views, *view)
		}
	}
	return views, nil
}

func (s *Service) initializeV1(ctx context.Context, who *pragma.PlayerSession, _ *wire.Empty) (*wire.MultiplayerInitializeGameInstanceV1Response, error) {
	views, err := s.viewsOf(ctx, who.PlayerID)
	return &wire.MultiplayerInitializeGameInstanceV1Response{IsInGameInstance: len(views) > 0, GameInstances: views}, err
}

func (s *Service) syncV1(ctx context.Context, who *pragma.PlayerSession, req *wire.MultiplayerSyncGameInstanceV1Request) (*wire.MultiplayerSyncGameInstanceV1Response, error) {
	views, err := s.viewsOf(ctx, who.PlayerID)
	if err != nil {
		return nil, err
	}
	known := make(map[wire.UUID]wire.Int64)
	for _, c := range req.ClientGameInstances {
		known[c.GameInstanceID] = c.ClientVersion
	}
	resp := &wire.MultiplayerSyncGameInstanceV1Response{IsInGameInstance: len(views) > 0}
	for _, v := range views {
		resp.CurrentGameInstanceIDs = append(resp.CurrentGameInstanceIDs, v.GameInstanceID)
		if version, ok := known[v.GameInstanceID]; !ok || version != v.Version {
			resp.GameInstances = append(resp.GameInstances, v)
		}
	}
	return resp, nil
}

// connected tells a player who came back where his games run.
func (s *Service) connected(ctx context.Context, who *pragma.PlayerSession) error {
	if s.reconnectMode() == ReconnectDisabled {
		return nil
	}
	where, err := s.slots.Read(ctx, who.PlayerID)
	if err != nil {
		return err
	}
	for _, id := range where.GameInstanceIDs {
		var details wire.HostConnectionDetails
		err := s.change(ctx, id, func(t *turn) error {
			m, err := t.freshToken(who.PlayerID)
			details = t.h.details(m)
			return err
		})
		if err != nil && !errors.Is(err, ErrUnknownGameInstanceID) {
			return err
		}
		if err == nil && !details.GameInstanceID.IsZero() {
			s.m.NotifyPlayers(ctx, s.notices.reconnect.Of(&wire.GameInstanceReconnectV1Notification{HostConnectionDetails: details}), who.PlayerID)
		}
	}
	return nil
}
