package slot

import (
	"slices"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// Player says where a player is. The zero value is a player who is nowhere.
type Player struct {
	// PartyID is the party the player is a member of.
	PartyID pragma.PartyID `json:"partyId,omitzero"`
	// TicketID is the queue entry of the player's party; a new one with every
	// entry into matchmaking.
	TicketID pragma.TicketID `json:"ticketId,omitzero"`
	// GameInstanceIDs are the games the player is in, in the order of joining.
	GameInstanceIDs []pragma.GameInstanceID `json:"gameInstanceIds,omitzero"`
	// Reconnect says that the player may come back into the game he joined last;
	// it has no meaning outside a game.
	Reconnect bool `json:"reconnect,omitzero"`
	// Session is the one whose sockets were opened last. Version counts for it.
	Session pragma.SessionID `json:"session,omitzero"`
	// Version is that of the session attributes: 2 after the first change in the
	// session, +1 with each (wire §9). [Slots.Edit] keeps it; nobody else sets it.
	Version int32 `json:"version,omitzero"`

	// Waiting are notifications the player may not have got, see [Slots.NotifyOnce].
	Waiting []Waiting `json:"waiting,omitzero"`

	before    *Player // as it was when this commit first edited it
	announced bool    // the place of the notification is chosen
}

// InGame reports whether the player is in a game instance.
func (p *Player) InGame() bool { return len(p.GameInstanceIDs) > 0 }

// JoinGame notes that the player is in one more game. His queue entry is over,
// and so is what waited only until he joins a game.
func (p *Player) JoinGame(id pragma.GameInstanceID, reconnect bool) {
	p.LeaveGame(id)
	p.GameInstanceIDs = append(p.GameInstanceIDs, id)
	p.TicketID, p.Reconnect = pragma.TicketID{}, reconnect
	p.Waiting = slices.DeleteFunc(p.Waiting, func(w Waiting) bool { return w.UntilGame })
}

// LeaveGame notes that the player is no longer in the game, and reports whether
// he was.
func (p *Player) LeaveGame(id pragma.GameInstanceID) bool {
	i := slices.Index(p.GameInstanceIDs, id)
	if i < 0 {
		return false
	}
	p.GameInstanceIDs = slices.Delete(p.GameInstanceIDs, i, i+1)
	if len(p.GameInstanceIDs) == 0 {
		p.GameInstanceIDs, p.Reconnect = nil, false
	}
	return true
}

// clone returns a copy that shares nothing with p.
func (p *Player) clone() *Player {
	return &Player{
		PartyID: p.PartyID, TicketID: p.TicketID, GameInstanceIDs: slices.Clone(p.GameInstanceIDs),
		Reconnect: p.Reconnect, Session: p.Session, Version: p.Version,
	}
}

// begin starts the count of another session, whose client knows nothing yet: what
// is set already is the first change it is told.
func (p *Player) begin(session pragma.SessionID) {
	if p.Session == session {
		return
	}
	p.Session, p.Version = session, 0
	if len(p.attributes()) > 0 {
		p.Version = firstVersion + 1
	}
}

// attributes are the session attributes that follow from the slot (wire §2.4).
func (p *Player) attributes() map[int32]string {
	set := make(map[int32]string, 4)
	if !p.PartyID.IsZero() {
		set[wire.GameAttributePartyID] = p.PartyID.String()
	}
	if !p.TicketID.IsZero() {
		set[wire.GameAttributeMatchmakingID] = p.TicketID.String()
	}
	if n := len(p.GameInstanceIDs); n > 0 {
		set[wire.GameAttributeGameInstanceID] = p.GameInstanceIDs[n-1].String()
		if p.Reconnect {
			set[wire.GameAttributeReconnect] = wire.ReconnectFlag
		}
	}
	return set
}

// shown is all that the session attributes depend on, so that they need not be
// built to see whether they differ.
type shown struct {
	party     pragma.PartyID
	ticket    pragma.TicketID
	game      pragma.GameInstanceID
	reconnect bool
}

func (p *Player) shown() shown {
	s := shown{party: p.PartyID, ticket: p.TicketID}
	if n := len(p.GameInstanceIDs); n > 0 {
		s.game, s.reconnect = p.GameInstanceIDs[n-1], p.Reconnect
	}
	return s
}

// removalOrder is that in which clients have always seen removed attributes.
var removalOrder = [...]int32{
	wire.GameAttributeGameInstanceID, wire.GameAttributeReconnect,
	wire.GameAttributeMatchmakingID, wire.GameAttributePartyID,
}

// changed returns what a player has to be told who was at before and is at now,
// without the version. It returns nil if there is nothing to tell.
func changed(before, now *Player) *wire.PlayerSessionChangedV1Notification {
	if before.shown() == now.shown() {
		return nil
	}
	old, set := before.attributes(), now.attributes()
	n := &wire.PlayerSessionChangedV1Notification{AttributesSet: make(map[int32]string)}
	for key, value := range set {
		if old[key] != value {
			n.AttributesSet[key] = value
		}
	}
	joined := false
	if _, told := n.AttributesSet[wire.GameAttributeGameInstanceID]; told {
		joined = !slices.Contains(before.GameInstanceIDs, now.GameInstanceIDs[len(now.GameInstanceIDs)-1])
		if flag, may := set[wire.GameAttributeReconnect]; may { // always together (wire §9)
			n.AttributesSet[wire.GameAttributeReconnect] = flag
		}
	}
	for _, key := range removalOrder {
		_, had := old[key]
		_, has := set[key]
		// A game that is joined ends matchmaking, for the client even if there
		// was none (wire §9, custom match).
		if had && !has || joined && !has && key == wire.GameAttributeMatchmakingID {
			n.AttributesRemoved = append(n.AttributesRemoved, wire.Int32(key))
		}
	}
	return n
}
