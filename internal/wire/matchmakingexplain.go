package wire

import "github.com/openpragma/engine/pragma/ext"

// Why a ticket waits, and all that a queue has (ours). Operators may be viewers.

// MatchmakingExplainTicketOperatorV1Request names a ticket.
type MatchmakingExplainTicketOperatorV1Request struct {
	TicketID      UUID  `json:"ticketId,omitzero"`
	MaxCandidates Int32 `json:"maxCandidates"` // 0: 10; at most 100
}

// MatchmakingExplainTicketOperatorV1Response says why it waits.
type MatchmakingExplainTicketOperatorV1Response struct {
	Ticket               *OperatorTicketInfo `json:"ticket,omitzero"`
	QueueName            string              `json:"queueName"`
	MatchmakingQueueKey  MatchmakingQueueKey `json:"matchmakingQueueKey"`
	State                TicketState         `json:"state"`
	HeldForMillis        Int64               `json:"heldForMillis"` // from now on
	WaitedMillis         Int64               `json:"waitedMillis"`
	FailedMatches        Int32               `json:"failedMatches"` // in a row
	PartiesBefore        Int32               `json:"partiesBefore"` // that entered earlier
	PartiesInQueue       Int32               `json:"partiesInQueue"`
	PlayersInQueue       Int32               `json:"playersInQueue"`
	GameInstancesInQueue Int32               `json:"gameInstancesInQueue"`
	// Explained is whether the plugin says why; the rest is what it says.
	Explained         bool                `json:"explained"`
	Facts             []OperatorFact      `json:"facts"`
	NeededPlayers     Int32               `json:"neededPlayers"`
	AcceptablePlayers Int32               `json:"acceptablePlayers"`
	Candidates        []OperatorCandidate `json:"candidates"`
	Rules             ext.Value           `json:"rules"`
}

// OperatorFact is something a plugin says, for people.
type OperatorFact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// OperatorCandidate is a party that a ticket might play with.
type OperatorCandidate struct {
	TicketID     UUID     `json:"ticketId,omitzero"`
	PartyID      UUID     `json:"partyId,omitzero"`
	PlayerCount  Int32    `json:"playerCount"`
	WaitedMillis Int64    `json:"waitedMillis"`
	Distance     float64  `json:"distance"`
	Refusals     []string `json:"refusals"` // none: the two may play
}

// TicketState is what a node knows of a ticket.
type TicketState = Enum[ticketState]

type ticketState struct{}

// States of tickets.
const (
	TicketStateUnknown TicketState = 0 // in the store, but not in a queue of this node
	TicketStateWaiting TicketState = 1
	TicketStateHeld    TicketState = 2 // takes no part for a while, after a match that failed
	TicketStateInMatch TicketState = 3 // a match is being committed
)

func (ticketState) names() []enumName { return ticketStates }

var ticketStates = []enumName{{0, "UNKNOWN_TICKET_STATE"}, {1, "WAITING"}, {2, "HELD"}, {3, "IN_MATCH"}}

// MatchmakingDumpQueueOperatorV1Request asks for tickets of a queue, in the order
// of their ids: pages counted by number would tear while parties come and go.
type MatchmakingDumpQueueOperatorV1Request struct {
	QueueID       string `json:"queueId"`
	AfterTicketID UUID   `json:"afterTicketId,omitzero"` // nextAfterTicketId of the page before
	PageSize      Int32  `json:"pageSize"`               // 0: 50; at most 500
}

// MatchmakingDumpQueueOperatorV1Response has some of the tickets.
type MatchmakingDumpQueueOperatorV1Response struct {
	TakenTimestampMicros Int64                `json:"takenTimestampMicros"`
	QueueName            string               `json:"queueName"`
	MatchmakingQueueKey  MatchmakingQueueKey  `json:"matchmakingQueueKey"`
	Rules                ext.Value            `json:"rules"`
	Tickets              []OperatorPoolTicket `json:"tickets"`
	NextAfterTicketID    UUID                 `json:"nextAfterTicketId,omitzero"` // absent: these were the last
}

// OperatorPoolTicket is a ticket as a plugin sees it. It has no names.
type OperatorPoolTicket struct {
	TicketID                 UUID                 `json:"ticketId,omitzero"`
	Kind                     TicketKind           `json:"kind"`
	PartyID                  UUID                 `json:"partyId,omitzero"`
	GameInstanceID           UUID                 `json:"gameInstanceId,omitzero"`
	EnteredTimestampMicros   Int64                `json:"enteredTimestampMicros"`
	PreferredGameServerZones []string             `json:"preferredGameServerZones"`
	GameServerVersion        string               `json:"gameServerVersion"`
	GameServerZone           string               `json:"gameServerZone"`
	Ext                      ext.Value            `json:"ext"` // ExtMatchmakingParty or ExtMatchmakingGameInstance
	Players                  []OperatorPoolPlayer `json:"players"`
}

// OperatorPoolPlayer is a player of a party that waits, or of a game.
type OperatorPoolPlayer struct {
	PlayerID             UUID             `json:"playerId,omitzero"`
	PartyID              UUID             `json:"partyId,omitzero"`
	TeamNumber           Int64            `json:"teamNumber"`                    // of a game
	GameServerZoneToPing map[string]Int32 `json:"gameServerZoneToPing,omitzero"` // milliseconds
	Ext                  ext.Value        `json:"ext"`                           // ExtMatchmakingPlayer or ExtMatchmakingGamePlayer
}
