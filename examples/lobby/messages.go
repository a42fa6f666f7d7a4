package main

import "github.com/openpragma/engine/pragma"

// What clients send. The server passes these on without looking; only the lobby
// knows them.
type (
	// CreateRequest comes with a new party (ExtCreateRequest).
	CreateRequest struct {
		Mode string `json:"mode"` // empty: a duel
	}
	// ChooseMode is the leader's (ExtUpdatePartyRequest).
	ChooseMode struct {
		Mode string `json:"mode"`
	}
	// Choose is each player's for himself (ExtUpdatePartyPlayerRequest). What is
	// left out stays as it is.
	Choose struct {
		Character string `json:"character,omitzero"`
		Perk      string `json:"perk,omitzero"`
	}
)

// What clients see. It is not what the server keeps: see partyData and playerData.
type (
	// PartyView is for the whole party (ExtBroadcastParty).
	PartyView struct {
		Mode  string `json:"mode"`
		Seats int    `json:"seats"`
	}
	// PlayerView is for the whole party too, for each player (ExtBroadcastPlayer).
	PlayerView struct {
		Character string `json:"character"`
	}
	// OwnView is for the player himself (ExtPrivatePlayer).
	OwnView struct {
		Perk string `json:"perk"`
	}
)

// What matchmaking knows.
type (
	// QueueKey separates the queues (ExtMatchmakingKey).
	QueueKey struct {
		Mode string `json:"mode"`
	}
	// QueuedParty is one party in a queue (ExtMatchmakingParty).
	QueuedParty struct {
		Rating int `json:"rating"` // the mean of its players
	}
)

// The game's own errors travel as extError: clients compare them by their reason.
var (
	errMode    = &pragma.Error{Code: pragma.InvalidArgument, Reason: "LOBBY_UNKNOWN_MODE", Title: true, Message: "there is no such mode"}
	errSeats   = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "LOBBY_TOO_MANY_PLAYERS", Title: true, Message: "the party is too large for this mode"}
	errNotMine = &pragma.Error{Code: pragma.PermissionDenied, Reason: "LOBBY_CHARACTER_NOT_OWNED", Title: true, Message: "you do not have this character"}
	errTaken   = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "LOBBY_CHARACTER_TAKEN", Title: true, Message: "somebody in the party plays this character"}
	errNobody  = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "LOBBY_NO_CHARACTER", Title: true, Message: "somebody has no character yet"}
)
