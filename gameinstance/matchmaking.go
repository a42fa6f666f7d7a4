package gameinstance

import (
	"context"
	"errors"
	"slices"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/store"
)

// Queue is what the service needs of matchmaking, for instances that wait for
// more players. All of it happens in the commit of the instance.
type Queue interface {
	// EnterGame lets an instance wait.
	EnterGame(tx *entity.Tx, e *QueueEntry) error
	// ChangeGame replaces what is known of an instance that waits; it stays in
	// its queue. An unknown ticket is an error.
	ChangeGame(tx *entity.Tx, e *QueueEntry) error
	// LeaveGame ends the waiting. It is no error if there is no such ticket.
	LeaveGame(tx *entity.Tx, id pragma.TicketID) error
}

// QueueEntry is an instance that waits in matchmaking.
type QueueEntry struct {
	TicketID       pragma.TicketID // new with each entry
	GameInstanceID pragma.GameInstanceID
	// Place is the queue; [Queue.ChangeGame] does not look at it.
	Place QueuePlace
	// GameServerVersion and GameServerZone are the instance's.
	GameServerVersion, GameServerZone string
	// Ext is what [MatchmakingPlugin.BuildExtMatchmakingGameInstance] returned.
	Ext     ext.Value
	Players []QueuePlayer // in the order of joining
}

// QueuePlace says which queue an instance waits in.
type QueuePlace struct {
	Key               ext.Value // ExtMatchmakingKey
	GameServerVersion string
}

// QueuePlayer is a player of an instance that waits.
type QueuePlayer struct {
	PlayerID   pragma.PlayerID
	PartyID    pragma.PartyID // zero if he came without one
	TeamNumber int64
	// Ext is what [MatchmakingPlugin.BuildExtMatchmakingGamePlayer] returned.
	Ext ext.Value
}

// MatchedPlayers are players whom matchmaking adds to an instance that waits, see
// [Service.AddByMatchmaking].
type MatchedPlayers struct {
	// RequestExt is what the matchmaking plugin says (ExtBackendAddPlayersRequest).
	RequestExt ext.Value
	Players    []PlayerToAdd
	Parties    []MatchedParty // of the players
	// StopMatchmaking takes the instance out of the queue with the same commit.
	StopMatchmaking bool
}

// UseQueue lets instances wait in matchmaking. Matchmaking calls it while
// mounting; without it no instance can enter.
func (s *Service) UseQueue(q Queue) { s.queue = q }

// EnterMatchmaking lets an instance wait for more players, in any of its states;
// its server is told. It returns [ErrUnknownGameInstanceID],
// [ErrGameInstanceAlreadyInMatchmaking] and [ErrFailedToEnterMatchmaking].
func (s *Service) EnterMatchmaking(ctx context.Context, id pragma.GameInstanceID) error {
	return s.change(ctx, id, (*turn).enterMatchmaking)
}

// LeaveMatchmaking ends the waiting; the server is told. Players of a match that
// is being committed may still come first, but nobody comes after it. It returns
// [ErrUnknownGameInstanceID], [ErrGameInstanceNotInMatchmaking] and
// [ErrFailedToLeaveMatchmaking].
func (s *Service) LeaveMatchmaking(ctx context.Context, id pragma.GameInstanceID) error {
	return s.change(ctx, id, (*turn).leaveMatchmaking)
}

// handleMatchmaking registers the calls of game servers (wire §7.5).
func (s *Service) handleMatchmaking(m *pragma.Mount) {
	pragma.HandlePartner(m, "EnterMatchmakingV1", s.enterMatchmakingV1)
	pragma.HandlePartner(m, "LeaveMatchmakingV1", s.leaveMatchmakingV1)
}

func (s *Service) enterMatchmakingV1(ctx context.Context, who *pragma.PartnerSession, req *wire.GameInstanceRequest) (*wire.Empty, error) {
	return nil, s.changeByServer(ctx, who, req.GameInstanceID, (*turn).enterMatchmaking)
}

func (s *Service) leaveMatchmakingV1(ctx context.Context, who *pragma.PartnerSession, req *wire.GameInstanceRequest) (*wire.Empty, error) {
	return nil, s.changeByServer(ctx, who, req.GameInstanceID, (*turn).leaveMatchmaking)
}

// ExpelFromMatchmaking takes an instance out of matchmaking that has this ticket,
// and tells its server. It returns [ErrUnknownGameInstanceID] and
// [ErrGameInstanceNotInMatchmaking]. It is for package matchmaking.
func (s *Service) ExpelFromMatchmaking(ctx context.Context, id pragma.GameInstanceID, ticket pragma.TicketID) error {
	return s.change(ctx, id, func(t *turn) error {
		if t.h.Ticket != ticket {
			return ErrGameInstanceNotInMatchmaking
		}
		return t.leaveMatchmaking()
	})
}

// AddByMatchmaking adds players to an instance that waits with this ticket,
// through [Plugin.HandleBackendAddPlayersRequest]; it is for package matchmaking.
// take runs in the update of the instance, before the hook: it ends the tickets
// of the players and says who they are. Everything is one commit, or none: it is
// an error if the hook leaves one of the players out. [ErrUnknownGameInstanceID]
// and [ErrGameInstanceNotInMatchmaking] say that the instance waits no longer.
func (s *Service) AddByMatchmaking(ctx context.Context, id pragma.GameInstanceID, ticket pragma.TicketID, take func(tx *entity.Tx) (*MatchedPlayers, error)) error {
	return s.change(ctx, id, func(t *turn) error {
		if !t.h.InMatchmaking || t.h.Ticket != ticket {
			return ErrGameInstanceNotInMatchmaking
		}
		r, err := take(t.tx)
		if err != nil {
			return err
		}
		return t.addMatched(r)
	})
}

// HoldsTicket reports, inside a transaction of matchmaking, whether an instance
// waits with this ticket. The commit checks that it stays so.
func (s *Service) HoldsTicket(tx *entity.Tx, id pragma.GameInstanceID, ticket pragma.TicketID) (bool, error) {
	h, err := s.heads.In(tx, id.String())
	if errors.Is(err, entity.ErrNotFound) {
		return false, nil
	}
	return err == nil && !h.isOver() && h.InMatchmaking && h.Ticket == ticket, err
}

func (t *turn) addMatched(r *MatchedPlayers) error {
	ros, err := t.roster()
	if err != nil {
		return err
	}
	for _, p := range r.Parties {
		ros.Parties = slices.DeleteFunc(ros.Parties, func(o MatchedParty) bool { return o.PartyID == p.PartyID })
		ros.Parties = append(ros.Parties, p)
	}
	t.know(r.Players...)
	t.queued = make(map[pragma.PlayerID]bool, len(r.Players))
	for _, p := range r.Players {
		t.queued[p.PlayerID] = true
	}
	err = t.hook("HandleBackendAddPlayersRequest", func(ctx context.Context) error {
		return t.s.Plugin.HandleBackendAddPlayersRequest(ctx, &BackendAddPlayersRequest{
			GameInstance: t.inst, RequestExt: r.RequestExt, PlayersToAdd: r.Players, FromMatchmaking: true,
		})
	})
	if err != nil {
		return err
	}
	for _, p := range r.Players {
		if added := t.inst.Player(p.PlayerID); added == nil || !added.added {
			return ErrPlayerJoinFailed.With("the plugin has left player %s out", p.PlayerID)
		}
	}
	t.leaves = r.StopMatchmaking
	return t.inst.err
}

// enterMatchmaking has the instance enter with this change.
func (t *turn) enterMatchmaking() error {
	if t.h.InMatchmaking {
		return ErrGameInstanceAlreadyInMatchmaking
	}
	place := QueuePlace{GameServerVersion: t.h.GameServerVersion}
	err := t.copied().buildHook("BuildExtMatchmakingKey", func(ctx context.Context, i *Instance) (err error) {
		place.Key, err = t.s.Matchmaking.BuildExtMatchmakingKey(ctx, &BuildExtMatchmakingKeyRequest{i})
		return err
	})
	if err != nil {
		return failed(ErrFailedToEnterMatchmaking, err)
	}
	t.enterQueue(place)
	return nil
}

func (t *turn) enterQueue(place QueuePlace) { t.enters, t.dirty = &place, true }

// leaveMatchmaking has the instance leave with this change.
func (t *turn) leaveMatchmaking() error {
	if !t.h.InMatchmaking {
		return ErrGameInstanceNotInMatchmaking
	}
	t.leaves, t.dirty = true, true
	return nil
}

// requeue lets matchmaking know of the change, once everything else is written.
func (t *turn) requeue(c *changes) error {
	switch {
	case t.leaves:
		return t.leaveQueue()
	case t.enters != nil:
		return t.writeEntered()
	case !t.h.InMatchmaking || !t.shown(c):
		return nil
	}
	err := t.writeChanged()
	if err == nil || !t.timer || passing(err) {
		return err
	}
	// Nobody is there who could be refused, and the time-out must take effect.
	t.s.m.Log().ErrorContext(t.tx.Context(), "cannot describe a game instance to matchmaking; it leaves", "gameInstanceId", t.h.ID, "err", err)
	return t.leaveQueue()
}

// shown reports whether matchmaking can see the change. Without a plugin it knows
// nothing of data.
func (t *turn) shown(c *changes) bool {
	if _, plain := t.s.Matchmaking.(MatchmakingDefaults); !plain && len(c.entries) > 0 {
		return true
	}
	return len(c.added)+len(c.moved)+len(c.removed) > 0 || c.place
}

func (t *turn) writeEntered() error {
	if t.s.queue == nil {
		return ErrFailedToEnterMatchmaking.With("this server has no matchmaking")
	}
	if err := checkPlace(t.enters.GameServerVersion); err != nil {
		return err
	}
	t.h.InMatchmaking, t.h.Ticket = true, pragma.NewID[pragma.TicketID]()
	e, err := t.queueEntry()
	if err == nil {
		e.Place = *t.enters
		err = errors.Join(e.Place.Key.Err(), t.s.queue.EnterGame(t.tx, e))
	}
	if err != nil {
		return failed(ErrFailedToEnterMatchmaking, err)
	}
	t.queueNews = t.s.notices.enteredMatchmaking.Of(&wire.GameInstanceRequest{GameInstanceID: wire.UUID(t.h.ID)})
	return nil
}

func (t *turn) writeChanged() error {
	if t.s.queue == nil {
		return nil // it waits for a server that has matchmaking again
	}
	e, err := t.queueEntry()
	if err == nil {
		err = t.s.queue.ChangeGame(t.tx, e)
	}
	if err != nil {
		return failed(ErrFailedToUpdateMatchmakingGameInstance, err)
	}
	return nil
}

// leaveQueue takes the instance out of matchmaking; it may be in none.
func (t *turn) leaveQueue() error {
	if !t.h.InMatchmaking {
		return nil
	}
	if t.s.queue != nil {
		if err := t.s.queue.LeaveGame(t.tx, t.h.Ticket); err != nil {
			return failed(ErrFailedToLeaveMatchmaking, err)
		}
	}
	t.h.InMatchmaking, t.h.Ticket = false, pragma.TicketID{}
	t.queueNews = t.s.notices.leftMatchmaking.Of(&wire.GameInstanceRequest{GameInstanceID: wire.UUID(t.h.ID)})
	return nil
}

// tellQueue tells the linked server that the instance has entered or left.
func (t *turn) tellQueue() {
	if t.queueNews != nil && !t.h.Server.IsZero() {
		t.tx.NotifyPartner(t.queueNews, t.h.Server)
	}
}

// queueEntry asks the plugin what matchmaking has to know of the instance as it
// is after this change.
func (t *turn) queueEntry() (*QueueEntry, error) {
	e := &QueueEntry{
		TicketID: t.h.Ticket, GameInstanceID: t.h.ID,
		GameServerVersion: t.h.GameServerVersion, GameServerZone: t.h.GameServerZone,
	}
	after := t.copied()
	players := after.inst.Players()
	if after.inst.err != nil {
		return nil, after.inst.err
	}
	for _, p := range players {
		e.Players = append(e.Players, QueuePlayer{PlayerID: p.ID(), PartyID: p.PartyID(), TeamNumber: p.TeamNumber()})
	}
	if _, plain := t.s.Matchmaking.(MatchmakingDefaults); plain {
		return e, nil
	}
	var built ext.Value
	err := after.buildHook("BuildExtMatchmakingGameInstance", func(ctx context.Context, i *Instance) (err error) {
		built, err = t.s.Matchmaking.BuildExtMatchmakingGameInstance(ctx, &BuildExtMatchmakingGameInstanceRequest{i})
		return errors.Join(err, built.Err())
	})
	if err != nil {
		return nil, err
	}
	e.Ext = built
	exts := make([]ext.Value, len(players))
	err = after.buildHook("BuildExtMatchmakingGamePlayer", func(ctx context.Context, i *Instance) error {
		for n, p := range players {
			v, err := t.s.Matchmaking.BuildExtMatchmakingGamePlayer(ctx, &BuildExtMatchmakingGamePlayerRequest{i, p})
			if err := errors.Join(err, v.Err()); err != nil {
				return err
			}
			exts[n] = v
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for n := range exts {
		e.Players[n].Ext = exts[n]
	}
	return e, nil
}

// copied returns a turn with a working copy of what is written so far. A hook that
// is given it cannot change anything, not even if it overruns.
func (t *turn) copied() *turn {
	after := t.s.begin(t.tx, t.h)
	after.chained = true
	return after
}

func (t *turn) buildHook(name string, fn func(ctx context.Context, i *Instance) error) error {
	return t.hookOf("GameInstanceMatchmakingPlugin."+name, func(ctx context.Context) error { return fn(ctx, t.inst) })
}

// passing reports whether err is trouble with the store, which may pass.
func passing(err error) bool {
	return slices.ContainsFunc([]error{
		store.ErrUnavailable, store.ErrConflict, store.ErrUnknown, store.ErrFull, context.DeadlineExceeded, context.Canceled,
	}, func(p error) bool { return errors.Is(err, p) })
}

// failed is the documented reason for everything but trouble with the store. What
// a plugin says is kept.
func failed(as *pragma.Error, err error) error {
	if passing(err) {
		return err
	}
	refused := as.Wrap(err)
	if e, ok := errors.AsType[*pragma.Error](err); ok && e.Code != pragma.Internal {
		refused = refused.With("%s", e.Error())
	}
	return refused
}
