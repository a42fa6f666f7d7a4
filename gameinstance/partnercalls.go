package gameinstance

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// handlePartners registers the calls of game servers (wire §7.5, §16.5).
func (s *Service) handlePartners(m *pragma.Mount) {
	pragma.HandlePartner(m, "GetGameStartDataV1", s.linkV1)
	pragma.HandlePartner(m, "LinkV1", s.linkV1)
	pragma.HandlePartner(m, "UnlinkV1", s.unlinkV1)
	pragma.HandlePartner(m, "CreateGameInstancePartnerV1", s.createPartnerV1)
	pragma.HandlePartner(m, "ConnectPlayersV1", s.connectPlayersV1)
	pragma.HandlePartner(m, "ConnectMorePlayersV1", s.connectMorePlayersV1)
	pragma.HandlePartner(m, "GameKeepAliveV1", s.keepAliveV1)
	pragma.HandlePartner(m, "VerifyPlayerPartnerV1", s.verifyPlayerV1)
	pragma.HandlePartner(m, "UpdateGameInstanceV1", s.updateGameInstanceV1)
	pragma.HandlePartner(m, "RemovePlayersV1", s.removePlayersV1)
	pragma.HandlePartner(m, "RemovePlayersV2", s.removePlayersV1)
	pragma.HandlePartner(m, "EndGameV1", s.endGameV1)
	pragma.HandlePartner(m, "MatchLifecycleRpc.MatchEndV4", s.matchEndV4)
}

// mayAct reports whether a server may act on an instance: with a token that was
// made for an allocation, only on instances of that allocation, on those it was
// given when it asked for work, and on those it created itself (engine §6.5).
func (h *head) mayAct(who *pragma.PartnerSession) bool {
	return who.AllocationID.IsZero() ||
		h.Allocation != nil && (h.Allocation.ID == who.AllocationID || h.Allocation.Partner == who.PartnerID) ||
		h.Server == who.PartnerID || // it was allowed to link
		h.CreatedBy == who.PartnerID
}

// changeByServer makes a change that a server asks for, which is a sign of life.
func (s *Service) changeByServer(ctx context.Context, who *pragma.PartnerSession, id wire.UUID, fn func(t *turn) error) error {
	return s.change(ctx, pragma.GameInstanceID(id), func(t *turn) error {
		if !t.h.mayAct(who) {
			return ErrUnknownGameInstanceID
		}
		t.alive()
		return fn(t)
	})
}

func (s *Service) linkV1(ctx context.Context, who *pragma.PartnerSession, req *wire.GameInstanceRequest) (*wire.GameInstanceGetGameStartDataV1Response, error) {
	resp := &wire.GameInstanceGetGameStartDataV1Response{}
	err := s.changeByServer(ctx, who, req.GameInstanceID, func(t *turn) error {
		if err := t.link(who); err != nil {
			return err
		}
		resp.GameStart = t.gameStart()
		return nil
	})
	return resp, err
}

// link makes a server the one of the instance, or brings it up to date if it is.
func (t *turn) link(who *pragma.PartnerSession) error {
	r, err := t.roster()
	if err != nil {
		return err
	}
	h := t.h
	if !h.Server.IsZero() && h.Server != who.PartnerID {
		return ErrAlreadyLinked
	}
	if h.Server.IsZero() {
		if err := t.chooseServer(who); err != nil {
			return err
		}
		h.Server, h.ServerName, h.State = who.PartnerID, who.Name, StateLinked
		h.AllocateBy = time.Time{}
		h.ConnectBy = t.now.Add(millis(t.cfg.ConnectPlayersTimeoutMillis))
		t.dirty = true
		t.renew()
		start, err := t.buildGameStart(r)
		if err != nil {
			return err
		}
		r.Start, t.rosterDirty = start, true
	}
	return t.inform(r)
}

// chooseServer brings the allocations up to date when a server links: what was
// asked of the provider is not wanted if another server has come.
func (t *turn) chooseServer(who *pragma.PartnerSession) error {
	h := t.h
	if a := h.Allocation; a != nil && a.ID != who.AllocationID {
		t.tellServers(wire.GameInstanceTerminationAllocationFailed)
		if err := t.part(a.ID, parting{end: EndReplaced, over: wire.GameInstanceTerminationAllocationFailed}); err != nil {
			return err
		}
		h.Allocation = nil
	}
	if who.AllocationID.IsZero() || h.Allocation != nil {
		return nil
	}
	h.CreatedFor = who.AllocationID
	return t.want(who.AllocationID)
}

// inform notes that the server is told of all players.
func (t *turn) inform(r *roster) error {
	var unknown []*GamePlayer
	for _, p := range t.inst.present() {
		if !p.m.Told && !p.added {
			unknown = append(unknown, p)
		}
	}
	built, err := t.buildServerPlayers(unknown)
	if err != nil {
		return err
	}
	for n, p := range unknown {
		m := r.find(p.m.PlayerID)
		m.Told, m.ServerExt = true, built[n]
		t.rosterDirty = true
	}
	return nil
}

// gameStart is what a linked server is told.
func (t *turn) gameStart() wire.GameStart {
	start := wire.GameStart{
		GameInstanceID: wire.UUID(t.h.ID), Ext: t.ros.Start, IsInMatchmaking: t.h.InMatchmaking,
		Players: make([]wire.GameServerPlayer, len(t.ros.Players)),
	}
	for i := range t.ros.Players {
		start.Players[i] = serverPlayer(&t.ros.Players[i])
	}
	return start
}

func (s *Service) unlinkV1(ctx context.Context, who *pragma.PartnerSession, req *wire.GameInstanceUnlinkV1Request) (*wire.Empty, error) {
	return nil, s.changeByServer(ctx, who, req.GameInstanceID, func(t *turn) error {
		if t.h.Server.IsZero() {
			return nil
		}
		if err := t.unlink(parting{end: EndUnlinked, over: wire.GameInstanceTerminationEnded, knows: who.PartnerID}); err != nil {
			return err
		}
		return t.hook("HandleGameServerUnlinkRequest", func(ctx context.Context) error {
			return s.Plugin.HandleGameServerUnlinkRequest(ctx, &GameServerUnlinkRequest{GameInstance: t.inst, RequestExt: req.RequestExt})
		})
	})
}

func (s *Service) createPartnerV1(ctx context.Context, who *pragma.PartnerSession, req *wire.GameInstanceCreateGameInstancePartnerV1Request) (*wire.GameInstanceCreateGameInstancePartnerV1Response, error) {
	id := pragma.NewID[pragma.GameInstanceID]()
	resp := &wire.GameInstanceCreateGameInstancePartnerV1Response{GameInstanceID: wire.UUID(id)}
	o := &CreateOptions{RequestExt: req.RequestExt, GameServerVersion: req.GameServerVersion, GameServerZone: req.GameServerZone}
	for _, p := range req.PlayersToAdd {
		if err := checkPlace(p.ClientVersion); err != nil {
			return nil, err
		}
		o.PlayersToAdd = append(o.PlayersToAdd, PlayerToAdd{
			PlayerID: pragma.PlayerID(p.PlayerID), Ext: p.Ext, PartyID: pragma.PartyID(p.PartyID),
			TeamNumber: int64(p.TeamNumber), ClientVersion: p.ClientVersion,
		})
	}
	err := s.heads.Create(ctx, id.String(), func(tx *entity.Tx, h *head) error {
		t, err := s.creation(tx, id, h, o.GameServerVersion, o.GameServerZone)
		if err != nil {
			return err
		}
		h.CreatedBy, h.CreatedFor, t.inst.linking = who.PartnerID, who.AllocationID, !req.SkipLink
		if !who.AllocationID.IsZero() {
			if err := t.want(who.AllocationID); err != nil {
				return err
			}
		}
		if err := t.createBackend(o, OriginGameServer); err != nil {
			return err
		}
		if err := t.finish(); err != nil || req.SkipLink || h.isOver() {
			return err
		}
		link := s.begin(tx, h)
		link.chained = true
		if err := link.link(who); err != nil {
			return err
		}
		start := link.gameStart()
		resp.GameStart = &start
		return link.finish()
	})
	return resp, err
}

func (s *Service) connectPlayersV1(ctx context.Context, who *pragma.PartnerSession, req *wire.GameInstanceConnectPlayersV1Request) (*wire.GameInstanceConnectPlayersV1Response, error) {
	return s.connectPlayers(ctx, who, req, true)
}

func (s *Service) connectMorePlayersV1(ctx context.Context, who *pragma.PartnerSession, req *wire.GameInstanceConnectMorePlayersV1Request) (*wire.Empty, error) {
	_, err := s.connectPlayers(ctx, who, req, false)
	return nil, err
}

func (s *Service) connectPlayers(ctx context.Context, who *pragma.PartnerSession, req *wire.GameInstanceConnectPlayersV1Request, all bool) (*wire.GameInstanceConnectPlayersV1Response, error) {
	if err := checkHost(req.Hostname, int32(req.Port)); err != nil {
		return nil, err
	}
	err := s.changeByServer(ctx, who, req.GameInstanceID, func(t *turn) error {
		if t.h.Server.IsZero() {
			return ErrUnknownGameInstanceID.With("the game instance has no linked server")
		}
		r, err := t.roster()
		if err != nil {
			return err
		}
		if err := t.connect(r, req.PlayerConnectionDetails); err != nil {
			return err
		}
		if all && t.h.State == StateLinked {
			if err := r.allConnected(); err != nil {
				return err
			}
			t.run()
		}
		t.runAt(r, host{Hostname: req.Hostname, Port: int32(req.Port)}, all)
		t.renew() // players are shown as they are now
		return nil
	})
	return s.keepAlive(), err
}

// connect sends players to the server.
func (t *turn) connect(r *roster, list []wire.PlayerConnectionDetails) error {
	for _, d := range list {
		m := r.find(pragma.PlayerID(d.PlayerID))
		if m == nil {
			return ErrPlayerNotInGameInstance.With("player %s is not in the game instance", d.PlayerID)
		}
		m.Connected, m.ConnectBy, m.ConnectionExt = true, time.Time{}, d.ExtPlayerConnectionDetails
		t.send(m)
	}
	t.dirty, t.rosterDirty = true, true
	return nil
}

// allConnected returns an error unless every player of the start data is connected.
func (r *roster) allConnected() error {
	for i := range r.Players {
		if m := &r.Players[i]; m.Told && !m.Connected && m.ConnectBy.IsZero() {
			return ErrMissingPlayerConnectionDetails.With("player %s has no connection details", m.PlayerID)
		}
	}
	return nil
}

// run starts the game: from here on the server must give signs of life.
func (t *turn) run() {
	t.h.State, t.h.ConnectBy = StateRunning, time.Time{}
	if t.cfg.EnableAbsoluteTimeout {
		t.h.AbsoluteBy = t.now.Add(millis(t.cfg.AbsoluteTimeoutMillis))
	}
	t.alive()
}

// keepAlive tells a server when to call again.
func (s *Service) keepAlive() *wire.GameInstanceGameKeepAliveV1Response {
	cfg := s.config.Load()
	return &wire.GameInstanceGameKeepAliveV1Response{
		EnableKeepAlive: cfg.EnableKeepAlive, KeepAliveIntervalMillis: wire.Int64(cfg.KeepAliveIntervalMillis),
	}
}

func (s *Service) keepAliveV1(ctx context.Context, who *pragma.PartnerSession, req *wire.GameInstanceRequest) (*wire.GameInstanceGameKeepAliveV1Response, error) {
	err := s.changeByServer(ctx, who, req.GameInstanceID, func(t *turn) error {
		t.h.CallsAlive = t.h.CallsAlive || t.h.Server == who.PartnerID
		return nil
	})
	return s.keepAlive(), err
}

func (s *Service) verifyPlayerV1(ctx context.Context, who *pragma.PartnerSession, req *wire.GameInstanceVerifyPlayerPartnerV1Request) (*wire.GameInstanceVerifyPlayerPartnerV1Response, error) {
	resp := &wire.GameInstanceVerifyPlayerPartnerV1Response{}
	err := s.changeByServer(ctx, who, req.GameInstanceID, func(t *turn) error {
		members, err := t.members()
		at := slices.IndexFunc(members, func(m member) bool { return m.PlayerID == pragma.PlayerID(req.PlayerID) })
		resp.IsValid = at >= 0 && members[at].verify(req.ConnectionToken, t.now)
		return err
	})
	return resp, err
}

func (s *Service) updateGameInstanceV1(ctx context.Context, who *pragma.PartnerSession, req *wire.GameInstanceUpdateGameInstanceV1Request) (*wire.Empty, error) {
	return nil, s.changeByServer(ctx, who, req.GameInstanceID, func(t *turn) error { return t.update(req.RequestExt) })
}

func (s *Service) removePlayersV1(ctx context.Context, who *pragma.PartnerSession, req *wire.GameInstanceRemovePlayersV1Request) (*wire.Empty, error) {
	players := make([]PlayerToRemove, len(req.Players))
	for i, p := range req.Players {
		players[i] = PlayerToRemove{PlayerID: pragma.PlayerID(p.PlayerID), Ext: p.Ext}
	}
	return nil, s.changeByServer(ctx, who, req.GameInstanceID, func(t *turn) error { return t.removePlayers(req.Ext, players) })
}

// endGameV1 may be repeated: a server whose answer was lost asks again.
func (s *Service) endGameV1(ctx context.Context, who *pragma.PartnerSession, req *wire.GameInstanceEndGameV1Request) (*wire.Empty, error) {
	results := make([]PlayerGameResult, len(req.PlayerGameResults))
	for i, r := range req.PlayerGameResults {
		results[i] = PlayerGameResult{PlayerID: pragma.PlayerID(r.PlayerID), Ext: r.Ext}
	}
	id := pragma.GameInstanceID(req.GameInstanceID)
	err := s.heads.Update(ctx, id.String(), func(tx *entity.Tx, h *head) error {
		switch {
		case !h.mayAct(who):
			return ErrUnknownGameInstanceID
		case h.State == StateEnded && tx.Now().Before(h.LastAccess.Add(rememberEnd)):
			return nil
		case h.isOver():
			return ErrUnknownGameInstanceID
		}
		t := s.begin(tx, h)
		t.alive()
		t.endedBy = who.PartnerID
		if err := t.end(req.Ext, results); err != nil {
			return err
		}
		return t.finish()
	})
	if errors.Is(err, entity.ErrNotFound) {
		return nil, s.endUnknown(ctx, who, id, req.Ext, results)
	}
	return nil, outcome(err)
}

// end has the plugin end the instance.
func (t *turn) end(requestExt ext.Value, results []PlayerGameResult) error {
	r, err := t.roster()
	if err != nil {
		return err
	}
	for _, result := range results {
		if !r.knows(result.PlayerID) {
			return ErrPlayerNotInGameInstance.With("player %s is not in the game instance", result.PlayerID)
		}
	}
	return t.onEndGame(requestExt, results)
}

func (t *turn) onEndGame(requestExt ext.Value, results []PlayerGameResult) error {
	if err := checkResults(requestExt, results); err != nil {
		return err
	}
	t.requestExt, t.results = requestExt, results
	return t.hook("OnEndGame", func(ctx context.Context) error {
		return t.s.Plugin.OnEndGame(ctx, &EndGameRequest{GameInstance: t.inst, PlayerGameResults: results, RequestExt: requestExt})
	})
}

// endUnknown processes the end of a game that this backend does not know, if it
// is configured to: the instance exists just for that.
func (s *Service) endUnknown(ctx context.Context, who *pragma.PartnerSession, id pragma.GameInstanceID, requestExt ext.Value, results []PlayerGameResult) error {
	if !s.config.Load().ProcessEndGameForUnknownInstance || !who.AllocationID.IsZero() || id.IsZero() {
		return ErrUnknownGameInstanceID
	}
	err := s.heads.Create(ctx, id.String(), func(tx *entity.Tx, h *head) error {
		t, err := s.creation(tx, id, h, "", "")
		if err != nil {
			return err
		}
		t.endedBy, h.CreatedBy = who.PartnerID, who.PartnerID
		err = t.hook("PrepareUnknownInstanceForEndGameRequest", func(ctx context.Context) error {
			return s.Plugin.PrepareUnknownInstanceForEndGameRequest(ctx, &EndGameRequest{
				GameInstance: t.inst, PlayerGameResults: results, RequestExt: requestExt,
			})
		})
		if err != nil {
			return err
		}
		if err := t.onEndGame(requestExt, results); err != nil {
			return err
		}
		return t.finish()
	})
	if errors.Is(err, entity.ErrExists) { // somebody else was faster
		return nil
	}
	return err
}
