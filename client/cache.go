package client

import (
	"slices"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// cache is what a player knows, and the rules by which it never goes backwards
// (wire §10, §16.3). It does no I/O: its methods take what the server said,
// in the order of the frames, and note events and what has to be asked for.
//
// After a break everything is stale: it is kept, but the first thing the new
// connection says about it counts, whatever its version. Within a connection
// only higher versions count.
type cache struct {
	session      SessionState
	sessionStale bool

	party      *Party
	partyStale bool
	// leftParties are the parties left last. What is still on its way about them
	// does not bring them back; an answer that names one does.
	leftParties recent[pragma.PartyID]

	invites []Invite

	games      []gameEntry
	gamesStale bool
	overGames  recent[pragma.GameInstanceID]
	// endedGames are those of which the end, or that of the player's part, was told.
	// The server tells it again when it cannot know whether it arrived.
	endedGames recent[pragma.GameInstanceID]

	events    []Event
	needParty bool // the party has to be asked for
	needGames bool // the games have to be asked for
}

func (c *cache) note(e Event) { c.events = append(c.events, e) }

// broken is told that the connection broke.
func (c *cache) broken() {
	c.sessionStale, c.partyStale, c.gamesStale = true, true, true
	for i := range c.games {
		if c.games[i].news == coming {
			c.games[i].news = missing
		}
	}
}

// snapshot returns the state without Connected.
func (c *cache) snapshot() State {
	s := State{Session: c.session, Party: c.party, Invites: slices.Clone(c.invites)}
	for i := range c.games {
		s.Games = append(s.Games, c.games[i].share())
	}
	return s
}

// sessionChanged takes SessionChangedV1Notification. The first one of a
// connection has all attributes.
func (c *cache) sessionChanged(n *wire.PlayerSessionChangedV1Notification) error {
	old, now := c.session, c.session
	switch {
	case c.sessionStale:
		now = SessionState{}
	case int(n.NewVersion) <= old.Version:
		return nil
	}
	for _, key := range n.AttributesRemoved {
		now.set(int32(key), wire.UUID{})
	}
	for key, text := range n.AttributesSet {
		id, err := wire.ParseUUID(text)
		if err != nil {
			return err
		}
		now.set(key, id)
	}
	now.Version = int(n.NewVersion)
	c.session, c.sessionStale = now, false
	c.note(SessionChanged{now})
	c.sessionParty(old.PartyID, now.PartyID)
	if old.TicketID != now.TicketID {
		if !old.TicketID.IsZero() {
			c.note(MatchmakingLeft{old.TicketID})
		}
		if !now.TicketID.IsZero() {
			c.note(MatchmakingEntered{now.TicketID})
		}
	}
	return nil
}

func (s *SessionState) set(key int32, id wire.UUID) {
	switch key {
	case wire.GameAttributeReconnect:
		s.MayReconnect = !id.IsZero()
	case wire.GameAttributePartyID:
		s.PartyID = pragma.PartyID(id)
	case wire.GameAttributeMatchmakingID:
		s.TicketID = pragma.TicketID(id)
	case wire.GameAttributeGameInstanceID:
		s.GameInstanceID = pragma.GameInstanceID(id)
	}
}

// sessionParty follows the session's party attribute. When it is gone, so is the
// party; the event is left to the message that knows the reason.
func (c *cache) sessionParty(old, now pragma.PartyID) {
	if now.IsZero() && c.party != nil && c.party.ID == old {
		c.leave(old)
	}
	if c.leftParties.has(now) {
		c.leftParties.remove(now)
		c.needParty = true
	}
}

// partyAnswered takes the party in the answer to a call.
func (c *cache) partyAnswered(w *wire.BroadcastParty) {
	if w == nil {
		return
	}
	c.leftParties.remove(pragma.PartyID(w.PartyID))
	c.partyDetails(w)
}

// partyDetails takes PartyDetailsV1Notification.
func (c *cache) partyDetails(w *wire.BroadcastParty) {
	if w == nil || c.leftParties.has(pragma.PartyID(w.PartyID)) {
		return
	}
	next := partyOf(w)
	if old := c.party; old != nil {
		switch {
		case old.ID != next.ID:
			c.leftParties.add(old.ID)
		case next.Version == 0: // generation 94 has no versions
		case next.Version == old.Version:
			c.partyStale = false
			return
		case next.Version < old.Version && !c.partyStale:
			return
		}
	}
	c.party, c.partyStale = next, false
	c.note(PartyChanged{next})
}

// partySynced takes the answer of an Initialize or Sync call, which is the
// whole truth.
func (c *cache) partySynced(r *wire.MultiplayerSyncPartyV1Response) {
	c.needParty = false
	c.invites = each(r.ReceivedInvites, inviteOf)
	if r.Party != nil {
		c.partyAnswered(r.Party)
		return
	}
	if c.party != nil {
		id := c.party.ID
		c.leave(id)
		c.note(PartyLeft{PartyID: id})
	}
}

// leftParty takes the answer to LeaveV1.
func (c *cache) leftParty(id pragma.PartyID) {
	c.leave(id)
	c.note(PartyLeft{PartyID: id, Reason: RemovedLeft})
}

// removed takes RemovedV1Notification.
func (c *cache) removed(n *wire.PartyRemovedV1Notification) {
	id := pragma.PartyID(n.PartyID)
	if id.IsZero() && c.party != nil {
		id = c.party.ID
	}
	c.leave(id)
	c.note(PartyLeft{PartyID: id, Reason: removalReasonOf(n.RemovalReason)})
}

func (c *cache) leave(id pragma.PartyID) {
	if id.IsZero() {
		return
	}
	c.leftParties.add(id)
	if c.party != nil && c.party.ID == id {
		c.party = nil
	}
}

// invited takes InviteReceivedV1Notification.
func (c *cache) invited(n *wire.PartyInviteReceivedV1Notification) {
	invite := inviteOf(&wire.PartyInvite{InviteID: n.InviteID, PartyID: n.PartyID, InviterInfo: n.InviterInfo})
	c.forgetInvite(invite.ID)
	c.invites = append(c.invites, invite)
	c.note(InviteReceived{invite})
}

// inviteCanceled takes InviteCanceledV1Notification.
func (c *cache) inviteCanceled(n *wire.PartyInviteCanceledV1Notification) {
	id := pragma.InviteID(n.InviteID)
	c.forgetInvite(id)
	c.note(InviteCanceled{InviteID: id, PartyID: pragma.PartyID(n.PartyID), Reason: n.Reason.String()})
}

func (c *cache) forgetInvite(id pragma.InviteID) {
	c.invites = slices.DeleteFunc(c.invites, func(i Invite) bool { return i.ID == id })
}

// recent remembers a few ids; the oldest are forgotten.
type recent[T comparable] []T

const maxRecent = 16

func (r recent[T]) has(id T) bool { return slices.Contains(r, id) }

func (r *recent[T]) add(id T) {
	r.remove(id)
	if len(*r) >= maxRecent {
		*r = slices.Delete(*r, 0, 1)
	}
	*r = append(*r, id)
}

func (r *recent[T]) remove(id T) {
	*r = slices.DeleteFunc(*r, func(other T) bool { return other == id })
}
