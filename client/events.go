package client

import (
	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// Event is something that happened to a client, one of the types of this
// package that say so. Events are values; what they point to is not to be changed.
//
// Events of a player follow the cached state: when one is handled, [Player.State]
// is at least as new. The answer to a call of one's own changes the state too,
// and causes the same event as a message of the server.
type Event interface{ event() }

// Events of every client.
type (
	// Connected is a new socket; Again after a break. If it is Resumed too, nothing
	// was missed: what the server sent meanwhile follows, and calls that were in
	// flight are answered.
	Connected struct {
		Backend pragma.Backend
		Again   bool
		Resumed bool
	}
	// Disconnected is a broken socket. The client reconnects, or [Ended] follows.
	Disconnected struct {
		Backend pragma.Backend
		Err     error
	}
	// EventsLost stands for events that were dropped because nobody took them.
	EventsLost struct{ Count int }
	// Ended is the last event. Err is an [EndError].
	Ended struct{ Err error }
	// Notification is one this package does not know, such as one of a studio's
	// own service; see [OnNotification].
	Notification struct {
		Backend pragma.Backend
		Type    string
		payload []byte
	}
)

// Decode decodes the payload into v, a non-nil pointer.
func (n Notification) Decode(v any) error { return wire.UnmarshalReply(n.payload, v) }

// Events of a player's session and party.
type (
	// SessionChanged is a change of the session's attributes (wire §2.4).
	SessionChanged struct{ Session SessionState }
	// MatchmakingEntered is the start of a stay in matchmaking.
	MatchmakingEntered struct{ TicketID pragma.TicketID }
	// MatchmakingLeft is its end, whatever comes then.
	MatchmakingLeft struct{ TicketID pragma.TicketID }
	// MatchmakingFailed is the end of matchmaking without a game.
	MatchmakingFailed struct{ Reason string }
	// PartyChanged is a party that the player joined or that has changed.
	PartyChanged struct{ Party *Party }
	// PartyLeft is the end of a membership. Reason is empty if it is not known.
	PartyLeft struct {
		PartyID pragma.PartyID
		Reason  PartyRemovalReason
	}
	// InviteReceived is an invite to a party.
	InviteReceived struct{ Invite Invite }
	// InviteAnswered is the answer to an invite this player sent.
	InviteAnswered struct {
		InviteID pragma.InviteID
		Accepted bool
	}
	// InviteCanceled is a received invite that is gone.
	InviteCanceled struct {
		InviteID pragma.InviteID
		PartyID  pragma.PartyID
		Reason   string
	}
	// ClientVersionMismatch says that the members' game clients do not fit together.
	ClientVersionMismatch struct{}
	// ClientNotSupported says that the server knows no game server for this game client.
	ClientNotSupported struct{}
)

// Events of a player's games.
type (
	// GameJoined is a game the player is now in.
	GameJoined struct {
		Game *GameInstance
		Ext  ext.Value
	}
	// GameUpdated is a change of a game: what has changed, besides what
	// [State.Game] then shows. Replaced games were synchronised and may have
	// changed in any way.
	GameUpdated struct {
		GameInstanceID pragma.GameInstanceID
		Version        int64
		Changed        []DataEntry
		Removed        []DataKey
		PlayersAdded   []GamePlayer
		PlayersRemoved []pragma.PlayerID
		Replaced       bool
	}
	// HostReady says where the game runs; Again when it was so before a break.
	HostReady struct {
		Host  *Host
		Again bool
	}
	// GameStartFailed is a game for which there was no game server.
	GameStartFailed struct{}
	// GameEnded is the regular end of a game.
	GameEnded struct {
		GameInstanceID pragma.GameInstanceID
		Ext            ext.Value
	}
	// RemovedFromGame is the end of the player's part in a game.
	RemovedFromGame struct {
		GameInstanceID pragma.GameInstanceID
		Ext            ext.Value
	}
	// GameTerminated is a game that broke off.
	GameTerminated struct {
		GameInstanceID pragma.GameInstanceID
		Reason         GameEndReason
	}
	// GameLost is a game that turned out to be over, without being told how. For
	// a game server: the backend does not know the game any more.
	GameLost struct{ GameInstanceID pragma.GameInstanceID }
)

// Events of a game server.
type (
	// GameAllocated is a game that the server is to start. Answer with
	// [GameServer.Link].
	GameAllocated struct{ GameInstanceID pragma.GameInstanceID }
	// CapacityTimedOut is the end of capacity polling that brought no game in time.
	CapacityTimedOut struct{}
	// PlayersAdded are further players of a game. Answer with
	// [GameServer.ConnectMorePlayers]. After a break a player may be announced twice.
	PlayersAdded struct {
		GameInstanceID pragma.GameInstanceID
		Players        []GameServerPlayer
	}
	// PlayerDeclined is a player who will not come back.
	PlayerDeclined struct {
		GameInstanceID pragma.GameInstanceID
		PlayerID       pragma.PlayerID
	}
	// GameOver is a game that is over by anything but [GameServer.EndGame]. The
	// server should stop it.
	GameOver struct {
		GameInstanceID pragma.GameInstanceID
		Reason         GameEndReason
	}
	// BackfillStarted is a game that waits for more players.
	BackfillStarted struct{ GameInstanceID pragma.GameInstanceID }
	// BackfillStopped is a game that no longer does.
	BackfillStopped struct{ GameInstanceID pragma.GameInstanceID }
)

func (Connected) event()             {}
func (Disconnected) event()          {}
func (EventsLost) event()            {}
func (Ended) event()                 {}
func (Notification) event()          {}
func (SessionChanged) event()        {}
func (MatchmakingEntered) event()    {}
func (MatchmakingLeft) event()       {}
func (MatchmakingFailed) event()     {}
func (PartyChanged) event()          {}
func (PartyLeft) event()             {}
func (InviteReceived) event()        {}
func (InviteAnswered) event()        {}
func (InviteCanceled) event()        {}
func (ClientVersionMismatch) event() {}
func (ClientNotSupported) event()    {}
func (GameJoined) event()            {}
func (GameUpdated) event()           {}
func (HostReady) event()             {}
func (GameStartFailed) event()       {}
func (GameEnded) event()             {}
func (RemovedFromGame) event()       {}
func (GameTerminated) event()        {}
func (GameLost) event()              {}
func (GameAllocated) event()         {}
func (CapacityTimedOut) event()      {}
func (PlayersAdded) event()          {}
func (PlayerDeclined) event()        {}
func (GameOver) event()              {}
func (BackfillStarted) event()       {}
func (BackfillStopped) event()       {}
