package party

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/store"
)

// QueueEntry is a party that enters matchmaking.
type QueueEntry struct {
	TicketID pragma.TicketID // new with each entry
	PartyID  pragma.PartyID
	// Key and GameServerVersion decide the queue.
	Key               ext.Value
	GameServerVersion string
	// Ext is what [Plugin.BuildExtMatchmakingParty] returned.
	Ext                      ext.Value
	PreferredGameServerZones []string
	Players                  []QueuePlayer // in the order of joining the party
}

// QueuePlayer is a player of a party that enters matchmaking.
type QueuePlayer struct {
	PlayerID      pragma.PlayerID
	SocialID      pragma.SocialID
	DisplayName   pragma.DisplayName
	ClientVersion string
	// Ext is what [Plugin.BuildExtMatchmakingPlayer] returned.
	Ext                  ext.Value
	GameServerZoneToPing map[string]int // milliseconds
}

// enter takes a party into matchmaking, or changes nothing. The caller is not told
// by a notification.
func (c *change) enter(me *PlayerInfo, caller ...pragma.PlayerID) (*view, error) {
	if err := c.st.mayQueue(me); err != nil {
		return nil, err
	}
	if err := c.checkGames(); err != nil {
		return nil, err
	}
	err := c.ask("HandlePlayerEnterMatchmakingRequest", func(ctx context.Context) error {
		return c.Plugin.HandlePlayerEnterMatchmakingRequest(ctx, &PlayerEnterMatchmakingRequest{c.party(), c.player(me), c.cfg})
	})
	if err != nil {
		return nil, err
	}
	c.reckon()
	if c.st.NoCommonVersion {
		return nil, ErrGameServerNoLongerCompatible
	}
	e, err := c.entry()
	if err != nil {
		return nil, err
	}
	if c.queue == nil {
		return nil, ErrFailedToEnterMatchmaking.With("this server has no matchmaking")
	}
	if err := c.queue.Enter(c.tx, e); err != nil {
		return nil, refusedByQueue(err)
	}
	c.st.Ticket = e.TicketID
	v, err := c.finish(caller...)
	if err != nil {
		return nil, err
	}
	if c.st.Ticket != e.TicketID { // a plugin that allows less than it computes
		return nil, ErrGameServerNoLongerCompatible
	}
	for _, id := range c.st.ids() { // after the party's own news (wire §9)
		where, err := c.slots.Edit(c.tx, id)
		if err != nil {
			return nil, err
		}
		where.TicketID = e.TicketID
		c.slots.Announce(c.tx, id)
	}
	return v, nil
}

// checkGames refuses while a member is in a game, unless he may be in several.
func (c *change) checkGames() error {
	if c.slots.ManyGames() {
		return nil
	}
	for _, id := range c.st.ids() {
		where, err := c.slots.Edit(c.tx, id)
		if err != nil {
			return err
		}
		if where.InGame() {
			return ErrInvalidSession
		}
	}
	return nil
}

// entry asks the plugin for what matchmaking has to know.
func (c *change) entry() (*QueueEntry, error) {
	p := c.party()
	p.frozen = true
	e := &QueueEntry{
		TicketID: pragma.NewID[pragma.TicketID](), PartyID: c.st.ID,
		GameServerVersion:        c.st.GameServerVersion,
		PreferredGameServerZones: slices.Clone(c.st.PreferredGameServerZones),
	}
	err := c.ask("BuildMatchmakingKey", func(ctx context.Context) (err error) {
		e.Key, err = c.Plugin.BuildMatchmakingKey(ctx, &BuildMatchmakingKeyRequest{p})
		return errors.Join(err, e.Key.Err())
	})
	if err != nil {
		return nil, err
	}
	err = c.ask("BuildExtMatchmakingParty", func(ctx context.Context) (err error) {
		e.Ext, err = c.Plugin.BuildExtMatchmakingParty(ctx, &BuildExtMatchmakingPartyRequest{p})
		return errors.Join(err, e.Ext.Err())
	})
	if err != nil {
		return nil, err
	}
	for _, player := range p.Players() {
		m := player.m
		q := QueuePlayer{
			PlayerID: m.PlayerID, SocialID: m.SocialID, DisplayName: m.DisplayName,
			ClientVersion: m.GameClientVersion, GameServerZoneToPing: maps.Clone(m.GameServerZoneToPing),
		}
		err := c.ask("BuildExtMatchmakingPlayer", func(ctx context.Context) (err error) {
			q.Ext, err = c.Plugin.BuildExtMatchmakingPlayer(ctx, &BuildExtMatchmakingPlayerRequest{p, player})
			return errors.Join(err, q.Ext.Err())
		})
		if err != nil {
			return nil, err
		}
		e.Players = append(e.Players, q)
	}
	return e, nil
}

// refusedByQueue is the documented reason for everything but trouble with the
// store, which may pass.
func refusedByQueue(err error) error {
	for _, passing := range []error{store.ErrUnavailable, store.ErrConflict, store.ErrUnknown, store.ErrFull, context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, passing) {
			return err
		}
	}
	refused := ErrFailedToEnterMatchmaking.Wrap(err)
	if e, ok := errors.AsType[*pragma.Error](err); ok && e.Code != pragma.Internal {
		refused = refused.With("%s", e.Error())
	}
	return refused
}

// leaveTicket removes the party's ticket and its trace in the members' slots.
func (c *change) leaveTicket() error {
	ticket := c.st.Ticket
	if c.queue != nil {
		if err := c.queue.Leave(c.tx, ticket); err != nil {
			return ErrFailedToLeaveMatchmaking.Wrap(err)
		}
	}
	return c.forgetTicket(ticket)
}

func (c *change) forgetTicket(ticket pragma.TicketID) error {
	c.st.Ticket = pragma.TicketID{}
	for _, id := range c.st.ids() {
		where, err := c.slots.Edit(c.tx, id)
		if err != nil {
			return err
		}
		if where.TicketID == ticket {
			where.TicketID = pragma.TicketID{}
		}
	}
	return nil
}

// leaveQueue takes the party out of matchmaking and tells the plugin.
func (c *change) leaveQueue(reason ReturnReason) error {
	if err := c.leaveTicket(); err != nil {
		return err
	}
	if len(c.st.Members) > 0 {
		c.returned(reason)
	}
	return nil
}

// expel takes a party out of matchmaking whose game server version is gone. The
// players are told in the order of wire §9: their session, the failure, the party.
func (c *change) expel() error {
	ticket := c.st.Ticket
	c.m.Log().InfoContext(c.tx.Context(), "game server version is gone; the party leaves matchmaking", "party", c.st.ID, "version", c.st.GameServerVersion)
	if err := c.forgetTicket(ticket); err != nil {
		return err
	}
	if c.queue != nil {
		if err := c.queue.Expel(c.tx, ticket, c.st.ids()); err != nil {
			return ErrFailedToLeaveMatchmaking.Wrap(err)
		}
	}
	c.returned(ReturnFailed)
	return nil
}

// returned tells the plugin that the party is back.
func (c *change) returned(reason ReturnReason) {
	c.tell("ReturnFromMatchmaking", func(ctx context.Context, p *Party) error {
		return c.Plugin.ReturnFromMatchmaking(ctx, &ReturnFromMatchmakingEvent{p, c.cfg, reason})
	})
}

// LeaveMatchmaking takes a player's whole party out of matchmaking; it is no
// error if the party is in none. The other members see it; the caller's answer is
// empty, and he learns the party's new version with the next one (wire §7.2, §7.4).
// It returns [ErrNotInParty] and [ErrFailedToLeaveMatchmaking]. Matchmaking calls
// it for MatchmakingRpc.LeaveMatchmakingV2.
func (s *Service) LeaveMatchmaking(ctx context.Context, player pragma.PlayerID) error {
	return s.inParty(ctx, player, pragma.PartyID{}, func(c *change, _ *PlayerInfo) error {
		if !c.st.queued() {
			return nil
		}
		if err := c.leaveQueue(ReturnLeft); err != nil {
			return err
		}
		_, err := c.finish(player)
		return err
	})
}

// EnterGame notes, in matchmaking's transaction, that a party was matched: the
// ticket is over, the members are in a game. That is no new version and nobody
// is told by the party. It refuses, and so does the commit, a party that no
// longer has that ticket, and with [ErrGameServerNoLongerCompatible] one whose
// game server version is gone: it is about to leave matchmaking.
func (s *Service) EnterGame(tx *entity.Tx, id pragma.PartyID, ticket pragma.TicketID, game pragma.GameInstanceID) error {
	c, err := s.in(tx, id)
	if err != nil {
		return err
	}
	if c == nil || c.st.Ticket != ticket {
		return ErrInvalidState.With("party %s does not hold ticket %s for game %s", id, ticket, game)
	}
	if !c.allows(tx.Context(), c.st, &c.cfg) {
		return ErrGameServerNoLongerCompatible
	}
	c.st.Ticket = pragma.TicketID{}
	c.st.LastAccess = tx.Now()
	return nil
}

// ReturnFromMatchmaking takes a party back whose ticket matchmaking has removed
// in the same transaction. Everybody is told: first that the session has
// changed, then the party. It does nothing if the party no longer has that
// ticket.
func (s *Service) ReturnFromMatchmaking(tx *entity.Tx, id pragma.PartyID, ticket pragma.TicketID, reason ReturnReason) error {
	c, err := s.in(tx, id)
	if err != nil || c == nil || c.st.Ticket != ticket {
		return err
	}
	if err := c.forgetTicket(ticket); err != nil {
		return err
	}
	c.returned(reason)
	_, err = c.finish()
	return err
}

// ReturnFromGameInstance takes players back from a game, inside the transaction
// that took the game out of their slots. Their inventories are read again, the
// plugin is told, members who have no session any more are removed, and all
// members see the party. It does nothing for a party that is gone and for
// players who have left it.
func (s *Service) ReturnFromGameInstance(tx *entity.Tx, id pragma.PartyID, game pragma.GameInstanceID, players []pragma.PlayerID) error {
	c, err := s.in(tx, id)
	if err != nil || c == nil {
		return err
	}
	back := slices.DeleteFunc(slices.Clone(players), func(p pragma.PlayerID) bool { return c.st.find(p) == nil })
	if len(back) == 0 {
		return nil
	}
	for _, id := range back {
		items, err := s.items(tx.Context(), id)
		if err != nil {
			c.m.Log().WarnContext(tx.Context(), "cannot read an inventory after a game; the old snapshot stays", "player", id, "err", err)
			continue
		}
		c.st.find(id).Inventory = items
	}
	c.tell("ReturnFromGameInstance", func(ctx context.Context, p *Party) error {
		e := &ReturnFromGameInstanceEvent{Party: p, Config: c.cfg, GameInstanceID: game}
		for _, id := range back {
			e.Players = append(e.Players, p.Player(id))
		}
		return c.Plugin.ReturnFromGameInstance(ctx, e)
	})
	if err := c.dropDisconnected(back); err != nil {
		return err
	}
	_, err = c.finish()
	return err
}

// dropDisconnected removes those of the players whose session is over and who
// are in no other game.
func (c *change) dropDisconnected(players []pragma.PlayerID) error {
	for _, id := range players {
		live, err := c.m.Connected(c.tx.Context(), id)
		if err != nil {
			return fmt.Errorf("look for the session of %s: %w", id, err)
		}
		where, err := c.slots.Edit(c.tx, id)
		if err != nil {
			return err
		}
		if live || where.InGame() {
			continue
		}
		if err := c.remove(id, Disconnected); err != nil {
			return err
		}
		c.notifyRemoved(id, Disconnected)
	}
	return nil
}
