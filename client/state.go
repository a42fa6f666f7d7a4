package client

import (
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// State is what a player knows of himself. It is a snapshot that never changes;
// what it points to is shared and must not be changed.
type State struct {
	// Connected says that both sockets are open. Without it the rest is as it was
	// at the break.
	Connected bool
	// Session are the attributes of the session on the game backend.
	Session SessionState
	// Party is nil without one.
	Party *Party
	// Invites are the open invites received, oldest first.
	Invites []Invite
	// Games are the games the player is in, in the order of joining.
	Games []*GameInstance
}

// Game returns one of the games, or nil.
func (s State) Game(id pragma.GameInstanceID) *GameInstance {
	for _, g := range s.Games {
		if g.ID == id {
			return g
		}
	}
	return nil
}

// CurrentGame returns the game joined last, or nil.
func (s State) CurrentGame() *GameInstance {
	if len(s.Games) == 0 {
		return nil
	}
	return s.Games[len(s.Games)-1]
}

// InMatchmaking reports whether the session says so.
func (s State) InMatchmaking() bool { return !s.Session.TicketID.IsZero() }

// SessionState are the attributes of a player's session (wire §2.4). Zero ids
// mean that an attribute is not set.
type SessionState struct {
	// Version grows with each change.
	Version        int
	PartyID        pragma.PartyID
	TicketID       pragma.TicketID // new with each stay in matchmaking
	GameInstanceID pragma.GameInstanceID
	// MayReconnect says that the player may return to the game after a break.
	MayReconnect bool
}

// Party is a party as its member sees it (wire §13, §16.4).
type Party struct {
	ID pragma.PartyID
	// Version grows by one with each change.
	Version        int64
	InviteCode     string
	Members        []PartyMember
	Ext            ext.Value // what all members see
	PrivateExt     ext.Value // what only this player sees
	PreferredZones []string
	Invites        []Invite // open invites to this party
	InMatchmaking  bool
	// GameServerVersion is empty if the plugin set none.
	GameServerVersion string
}

// Member returns a member, and whether he is one.
func (p *Party) Member(id pragma.PlayerID) (PartyMember, bool) {
	for _, m := range p.Members {
		if m.PlayerID == id {
			return m, true
		}
	}
	return PartyMember{}, false
}

// PartyMember is a member of a party.
type PartyMember struct {
	PlayerID    pragma.PlayerID
	SocialID    pragma.SocialID
	DisplayName pragma.DisplayName
	Ready       bool
	Leader      bool
	Ext         ext.Value
}

// Invite is an open invite. An invite that was just received has no invitee and
// no times.
type Invite struct {
	ID          pragma.InviteID
	PartyID     pragma.PartyID
	InviterID   pragma.PlayerID
	InviterName pragma.DisplayName
	InviteeID   pragma.PlayerID
	InviteeName pragma.DisplayName
	Created     time.Time
	Expires     time.Time // zero: never
}

// PartyRemovalReason says why a player is no longer in a party (wire §11.4).
type PartyRemovalReason string

// Reasons for the end of a membership.
const (
	RemovedUnknown             PartyRemovalReason = ""
	RemovedKicked              PartyRemovalReason = "KICKED"
	RemovedLeft                PartyRemovalReason = "LEFT"
	RemovedDisconnected        PartyRemovalReason = "DISCONNECTED"
	RemovedExpired             PartyRemovalReason = "EXPIRED"
	RemovedClientsIncompatible PartyRemovalReason = "GAME_CLIENTS_INCOMPATIBLE_WITH_GAME_SERVER"
	RemovedPartyClosed         PartyRemovalReason = "PARTY_CLOSED"
)

// GameInstance is a game as its player sees it (wire §16.4): with the entries of
// the data store that are visible to him.
type GameInstance struct {
	ID pragma.GameInstanceID
	// Version grows with each change that the player can see.
	Version int64
	// State and InMatchmaking, like version and zone, are as when the game was last
	// shown as a whole, by joining or by a synchronisation: updates do not say
	// them (wire §16.3). Whether players can go there, Host says.
	State             GameState
	GameServerVersion string
	Zone              string
	InMatchmaking     bool
	Players           []GamePlayer
	// Host is where the game runs; nil until a server is ready.
	Host *Host

	data map[DataKey]ext.Value
}

// Data returns an entry of the game's own data store.
func (g *GameInstance) Data(key string) (ext.Value, bool) {
	v, ok := g.data[DataKey{Key: key}]
	return v, ok
}

// PlayerData returns an entry of a player's data store.
func (g *GameInstance) PlayerData(player pragma.PlayerID, key string) (ext.Value, bool) {
	v, ok := g.data[DataKey{PlayerID: player, Key: key}]
	return v, ok
}

// Entries yields all visible entries in no order.
func (g *GameInstance) Entries() iter.Seq2[DataKey, ext.Value] { return maps.All(g.data) }

// Player returns a player of the game, and whether he is one.
func (g *GameInstance) Player(id pragma.PlayerID) (GamePlayer, bool) {
	for _, p := range g.Players {
		if p.PlayerID == id {
			return p, true
		}
	}
	return GamePlayer{}, false
}

// clone returns a copy that may be changed.
func (g *GameInstance) clone() *GameInstance {
	c := *g
	c.Players = slices.Clone(g.Players)
	c.data = maps.Clone(g.data)
	return &c
}

// GameState says how far a game is (wire §16.4).
type GameState string

// States of a game.
const (
	GameStateUnknown    GameState = "UNKNOWN_STATE"
	GameStateCreated    GameState = "CREATED"
	GameStateAllocating GameState = "ALLOCATING"
	GameStateLinked     GameState = "LINKED"
	GameStateRunning    GameState = "RUNNING"
	GameStateEnded      GameState = "ENDED"
	GameStateTerminated GameState = "TERMINATED"
	GameStateExpired    GameState = "EXPIRED"
)

// GameEndReason says why a game is over (wire §16.3).
type GameEndReason string

// Reasons for the end of a game. GameEndRegular goes to game servers only.
const (
	GameEndUnknown          GameEndReason = "UNSPECIFIED"
	GameEndKeepAliveFailed  GameEndReason = "KEEP_ALIVE_FAILED"
	GameEndTimedOut         GameEndReason = "ABSOLUTE_TIMEOUT_ELAPSED"
	GameEndConnectTimedOut  GameEndReason = "CONNECT_PLAYERS_TIMEOUT"
	GameEndExpired          GameEndReason = "EXPIRED"
	GameEndAllocationFailed GameEndReason = "ALLOCATION_FAILED"
	GameEndOperator         GameEndReason = "OPERATOR"
	GameEndPlugin           GameEndReason = "PLUGIN"
	GameEndRegular          GameEndReason = "ENDED"
)

// GamePlayer is a player of a game as the others see him.
type GamePlayer struct {
	PlayerID    pragma.PlayerID
	SocialID    pragma.SocialID
	DisplayName pragma.DisplayName
	Team        int
	// PartyID is zero unless he is in the receiver's party.
	PartyID pragma.PartyID
}

// Host tells a player how to reach the game server.
type Host struct {
	GameInstanceID pragma.GameInstanceID
	Hostname       string
	Port           int
	// Token proves to the game server who the player is.
	Token string
	Ext   ext.Value
}

// DataKey names an entry of a data store: of a player, or with a zero PlayerID
// of the game itself.
type DataKey struct {
	PlayerID pragma.PlayerID
	Key      string
}

// DataEntry is an entry of a data store.
type DataEntry struct {
	DataKey
	Data ext.Value
}
