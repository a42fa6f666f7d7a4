package party

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// handle registers the calls of clients (wire §7.2, §7.3, §16.2) and the names
// that older clients use.
func (s *Service) handle(m *pragma.Mount) {
	pragma.HandlePlayer(m, "CreateV1", s.createV1)
	pragma.HandlePlayer(m, "JoinWithInviteCodeV1", s.joinWithInviteCodeV1)
	pragma.HandlePlayer(m, "JoinWithPartyIdV1", s.joinWithPartyIDV1)
	pragma.HandlePlayer(m, "LeaveV1", s.leaveV1)
	pragma.HandlePlayer(m, "KickV1", s.kickV1)
	pragma.HandlePlayer(m, "AssignPartyLeaderV1", s.assignPartyLeaderV1)
	pragma.HandlePlayer(m, "SetReadyStateV1", s.setReadyStateV1)
	pragma.HandlePlayer(m, "UpdatePartyV1", s.updatePartyV1)
	pragma.HandlePlayer(m, "UpdatePartySelectionsV1", s.updatePartyV1)
	pragma.HandlePlayer(m, "UpdatePartyPlayerV1", s.updatePartyPlayerV1)
	pragma.HandlePlayer(m, "SetPreferredGameServerZonesV1", s.setZonesV1)
	pragma.HandlePlayer(m, "SetGameServerZoneToPingV1", s.setPingsV1)
	pragma.HandlePlayer(m, "DevelopmentOverrideGameServerVersionV1", s.overrideV1)
	pragma.HandlePlayer(m, "EnterMatchmakingV1", s.enterMatchmakingV1)
	pragma.HandlePlayer(m, "StartMatchmakingV1", s.enterMatchmakingV1)
	pragma.HandlePlayer(m, "SendInviteV1", s.sendInviteV1)
	pragma.HandlePlayer(m, "CancelInviteV1", s.cancelInviteV1)
	pragma.HandlePlayer(m, "RespondToInviteV1", s.respondToInviteV1)
	pragma.HandlePlayer(m, "GetReceivedInvitesV1", s.getReceivedInvitesV1)
	pragma.HandlePlayer(m, "MultiplayerRpc.InitializePartyV1", s.initializePartyV1)
	pragma.HandlePlayer(m, "MultiplayerRpc.SyncPartyV1", s.syncPartyV1)
}

func (s *Service) createV1(ctx context.Context, who *pragma.PlayerSession, req *wire.PartyCreateV1Request) (*wire.PartyResponse, error) {
	if err := checkZones(req.PreferredGameServerZones); err != nil {
		return nil, err
	}
	j, err := s.joiner(ctx, who, JoinCreate, req.PlayerJoinRequestExt, req.GameClientVersion, req.GameServerZoneToPing)
	if err != nil {
		return nil, err
	}
	v, err := s.create(ctx, j, req.CreateRequestExt, req.PreferredGameServerZones)
	return answer(v, who.PlayerID, err)
}

func (s *Service) joinWithInviteCodeV1(ctx context.Context, who *pragma.PlayerSession, req *wire.PartyJoinWithInviteCodeV1Request) (*wire.PartyResponse, error) {
	if !s.guesses.allowed(who.PlayerID, time.Now()) {
		return nil, pragma.ErrRateLimited.With("too many wrong invite codes")
	}
	j, err := s.joiner(ctx, who, JoinInviteCode, req.RequestExt, req.GameClientVersion, req.GameServerZoneToPing)
	if err != nil {
		return nil, err
	}
	v, err := s.joinByCode(ctx, j, cleanCode(req.InviteCode))
	if errors.Is(err, ErrInviteNotFound) {
		s.guesses.fail(who.PlayerID, time.Now())
	}
	return answer(v, who.PlayerID, err)
}

func (s *Service) joinByCode(ctx context.Context, j *joiner, text string) (*view, error) {
	if !validCode(text) {
		return nil, ErrInviteNotFound
	}
	rec, err := s.codes.Read(ctx, text)
	switch {
	case errors.Is(err, entity.ErrNotFound), err == nil && rec.PartyID.IsZero():
		return nil, ErrInviteNotFound
	case err != nil:
		return nil, err
	}
	return s.join(ctx, j, rec.PartyID, ErrInviteNotFound)
}

func (s *Service) joinWithPartyIDV1(ctx context.Context, who *pragma.PlayerSession, req *wire.PartyJoinWithPartyIDV1Request) (*wire.PartyResponse, error) {
	j, err := s.joiner(ctx, who, JoinPartyID, req.RequestExt, req.GameClientVersion, req.GameServerZoneToPing)
	if err != nil {
		return nil, err
	}
	v, err := s.join(ctx, j, pragma.PartyID(req.PartyID), ErrPartyNotFound)
	return answer(v, who.PlayerID, err)
}

// join adds a player to a party, or returns the error gone if there is none.
func (s *Service) join(ctx context.Context, j *joiner, id pragma.PartyID, gone error) (v *view, err error) {
	err = s.update(ctx, id, gone, func(c *change) error {
		v, err = c.join(j)
		return err
	})
	return v, err
}

func (s *Service) leaveV1(ctx context.Context, who *pragma.PlayerSession, req *wire.PartyLeaveV1Request) (*wire.Empty, error) {
	_, err := s.inOwn(ctx, who, req.PartyID, func(c *change, _ *PlayerInfo) error {
		return c.remove(who.PlayerID, Left)
	})
	return nil, err
}

func (s *Service) kickV1(ctx context.Context, who *pragma.PlayerSession, req *wire.PartyKickV1Request) (*wire.PartyResponse, error) {
	return s.inOwn(ctx, who, req.PartyID, func(c *change, me *PlayerInfo) error {
		whom := pragma.PlayerID(req.PlayerID)
		if err := c.st.mayKick(me, whom); err != nil {
			return err
		}
		c.st.ban(whom)
		if err := c.remove(whom, Kicked); err != nil {
			return err
		}
		c.notifyRemoved(whom, Kicked)
		return nil
	})
}

func (s *Service) assignPartyLeaderV1(ctx context.Context, who *pragma.PlayerSession, req *wire.PartyAssignPartyLeaderV1Request) (*wire.PartyResponse, error) {
	return s.inOwn(ctx, who, req.PartyID, func(c *change, me *PlayerInfo) error {
		return c.st.assignLeader(me, pragma.PlayerID(req.PlayerID), c.cfg.EnableTransferPartyLeader)
	})
}

func (s *Service) setReadyStateV1(ctx context.Context, who *pragma.PlayerSession, req *wire.PartySetReadyStateV1Request) (*wire.PartyResponse, error) {
	var v *view
	err := s.inParty(ctx, who.PlayerID, pragma.PartyID(req.PartyID), func(c *change, me *PlayerInfo) (err error) {
		if c.st.queued() {
			return ErrInvalidState
		}
		allowed, err := c.mayChangeReady(me, req.Ready)
		if err != nil {
			return err
		}
		if !allowed {
			v = c.view()
			return nil
		}
		c.st.find(who.PlayerID).Ready = req.Ready
		v, err = c.finish(who.PlayerID)
		return err
	})
	return answer(v, who.PlayerID, err)
}

// mayChangeReady asks the plugin; what it changed counts only if it agrees.
func (c *change) mayChangeReady(me *PlayerInfo, ready bool) (allowed bool, err error) {
	work := c.st.clone()
	r := &CanChangeReadyRequest{
		Player: c.player(work.find(me.PlayerID)), NewReadyState: ready,
		Party: &Party{st: work, cfg: &c.cfg, now: c.tx.Now()}, Config: c.cfg,
	}
	answer := new(bool)
	err = c.ask("CanChangeReady", func(ctx context.Context) (err error) {
		*answer, err = c.Plugin.CanChangeReady(ctx, r)
		return err
	})
	if err != nil || !*answer {
		return false, err
	}
	*c.st = *work
	return true, nil
}

func (s *Service) updatePartyV1(ctx context.Context, who *pragma.PlayerSession, req *wire.PartyUpdatePartyV1Request) (*wire.PartyResponse, error) {
	return s.inOwn(ctx, who, req.PartyID, func(c *change, me *PlayerInfo) error {
		if c.st.queued() {
			return ErrInvalidState
		}
		return c.ask("UpdateParty", func(ctx context.Context) error {
			return c.Plugin.UpdateParty(ctx, &UpdatePartyRequest{c.player(me), req.RequestExt, c.party(), c.cfg})
		})
	})
}

func (s *Service) updatePartyPlayerV1(ctx context.Context, who *pragma.PlayerSession, req *wire.PartyUpdatePartyPlayerV1Request) (*wire.PartyResponse, error) {
	return s.inOwn(ctx, who, req.PartyID, func(c *change, me *PlayerInfo) error {
		if c.st.queued() {
			return ErrInvalidState
		}
		return c.ask("UpdatePlayer", func(ctx context.Context) error {
			return c.Plugin.UpdatePlayer(ctx, &UpdatePlayerRequest{c.player(me), req.RequestExt, c.party(), c.cfg})
		})
	})
}

func (s *Service) setZonesV1(ctx context.Context, who *pragma.PlayerSession, req *wire.PartySetPreferredGameServerZonesV1Request) (*wire.PartyResponse, error) {
	if err := checkZones(req.PreferredGameServerZones); err != nil {
		return nil, err
	}
	return s.inOwn(ctx, who, req.PartyID, func(c *change, me *PlayerInfo) error {
		return c.st.setZones(me, req.PreferredGameServerZones)
	})
}

func (s *Service) setPingsV1(ctx context.Context, who *pragma.PlayerSession, req *wire.PartySetGameServerZoneToPingV1Request) (*wire.Empty, error) {
	pings, err := readPings(req.GameServerZoneToPing)
	if err != nil {
		return nil, err
	}
	_, err = s.inOwn(ctx, who, req.PartyID, func(c *change, me *PlayerInfo) error {
		if c.st.queued() {
			return ErrInvalidState
		}
		me.GameServerZoneToPing = pings
		return nil
	})
	return nil, err
}

func (s *Service) overrideV1(ctx context.Context, who *pragma.PlayerSession, req *wire.PartyDevelopmentOverrideGameServerVersionV1Request) (*wire.Empty, error) {
	if err := checkText("gameServerVersion", req.GameServerVersion); err != nil {
		return nil, err
	}
	_, err := s.inOwn(ctx, who, req.PartyID, func(c *change, _ *PlayerInfo) error {
		switch {
		case !c.cfg.EnableGameServerVersionDevelopmentOverride:
			return ErrOverrideDisabled
		case c.st.queued():
			return ErrInvalidState
		}
		c.st.OverrideGameServerVersion = req.GameServerVersion
		return nil
	})
	return nil, err
}

func (s *Service) enterMatchmakingV1(ctx context.Context, who *pragma.PlayerSession, req *wire.PartyEnterMatchmakingV1Request) (*wire.PartyResponse, error) {
	var v *view
	err := s.inParty(ctx, who.PlayerID, pragma.PartyID(req.PartyID), func(c *change, me *PlayerInfo) (err error) {
		v, err = c.enter(me, who.PlayerID)
		return err
	})
	return answer(v, who.PlayerID, err)
}

// inOwn changes the caller's party, tells the others, and answers with what the
// caller now sees. named is the party the client thinks it is in, or zero.
func (s *Service) inOwn(ctx context.Context, who *pragma.PlayerSession, named wire.UUID, fn func(c *change, me *PlayerInfo) error) (*wire.PartyResponse, error) {
	var v *view
	err := s.inParty(ctx, who.PlayerID, pragma.PartyID(named), func(c *change, me *PlayerInfo) (err error) {
		if err := fn(c, me); err != nil {
			return err
		}
		v, err = c.finish(who.PlayerID)
		return err
	})
	return answer(v, who.PlayerID, err)
}

func answer(v *view, id pragma.PlayerID, err error) (*wire.PartyResponse, error) {
	if err != nil {
		return nil, err
	}
	return &wire.PartyResponse{Party: v.of(id)}, nil
}

func checkText(name, text string) error {
	if len(text) > maxText {
		return pragma.ErrMalformed.With("%s has more than %d characters", name, maxText)
	}
	return nil
}

func checkZones(zones []string) error {
	for _, zone := range zones {
		if err := checkText("a game server zone", zone); err != nil {
			return err
		}
	}
	return nil
}

func readPings(pings map[string]wire.Int32) (map[string]int, error) {
	if len(pings) == 0 {
		return nil, nil
	}
	read := make(map[string]int, len(pings))
	for zone, ms := range pings {
		if err := checkText("a game server zone", zone); err != nil {
			return nil, err
		}
		if ms < 0 {
			return nil, pragma.ErrMalformed.With("%s", fmt.Sprintf("the ping to zone %q is negative", zone))
		}
		read[zone] = int(ms)
	}
	return read, nil
}
