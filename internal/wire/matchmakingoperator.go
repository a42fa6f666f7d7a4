package wire

import "github.com/openpragma/engine/pragma/ext"

// What operators do with queues and tickets (wire §16.6). The request of
// ListQueuesOperatorV1 and the response of RemoveTicketOperatorV1 are [Empty].

// MatchmakingListQueuesOperatorV1Response has the queues in which somebody waits,
// at most 500 of them. Count is ours.
type MatchmakingListQueuesOperatorV1Response struct {
	Queues []OperatorQueueInfo `json:"queues"`
	Count  Int64               `json:"count"` // of all
}

// MatchmakingListTicketsOperatorV1Request asks for a part of the tickets that match.
type MatchmakingListTicketsOperatorV1Request struct {
	Filter TicketFilter `json:"filter"`
	Page
}

// TicketFilter says which tickets; what is left out does not matter.
type TicketFilter struct {
	QueueID        string `json:"queueId,omitzero"`
	PartyID        UUID   `json:"partyId,omitzero"`
	GameInstanceID UUID   `json:"gameInstanceId,omitzero"`
	PlayerID       UUID   `json:"playerId,omitzero"`
}

// MatchmakingListTicketsOperatorV1Response has that part.
type MatchmakingListTicketsOperatorV1Response struct {
	Tickets []OperatorTicketInfo `json:"tickets"`
	Count   Int64                `json:"count"`
}

// MatchmakingTicketRequest names a ticket.
type MatchmakingTicketRequest struct {
	TicketID UUID `json:"ticketId,omitzero"`
}

// MatchmakingGetTicketOperatorV1Response is a ticket.
type MatchmakingGetTicketOperatorV1Response struct {
	Ticket *OperatorTicketInfo `json:"ticket,omitzero"`
}

// OperatorQueueInfo is a queue.
type OperatorQueueInfo struct {
	QueueID                      string              `json:"queueId"` // 64 hexadecimal digits, the same for ever
	QueueName                    string              `json:"queueName"`
	MatchmakingQueueKey          MatchmakingQueueKey `json:"matchmakingQueueKey"`
	PartiesInQueue               Int32               `json:"partiesInQueue"`
	PlayersInQueue               Int32               `json:"playersInQueue"`
	MatchablesInQueue            Int32               `json:"matchablesInQueue"`
	GameInstancesInQueue         Int32               `json:"gameInstancesInQueue"`
	OldestEnteredTimestampMillis Int64               `json:"oldestEnteredTimestampMillis"`
	LastPassMillis               Int64               `json:"lastPassMillis"` // how long it took
}

// OperatorTicketInfo is a party or a game instance that waits.
type OperatorTicketInfo struct {
	TicketID               UUID       `json:"ticketId,omitzero"`
	QueueID                string     `json:"queueId"`
	Kind                   TicketKind `json:"kind"`
	PartyID                UUID       `json:"partyId,omitzero"`
	GameInstanceID         UUID       `json:"gameInstanceId,omitzero"`
	PlayerIDs              []UUID     `json:"playerIds"`
	Ext                    ext.Value  `json:"ext"` // ExtMatchmakingParty or ExtMatchmakingGameInstance
	EnteredTimestampMillis Int64      `json:"enteredTimestampMillis"`
}

// TicketKind says what waits with a ticket; the enum of kind in wire §16.6. The
// numbers are ours.
type TicketKind = Enum[ticketKind]

type ticketKind struct{}

// What waits with a ticket.
const (
	TicketKindUnknown      TicketKind = 0
	TicketKindParty        TicketKind = 1
	TicketKindGameInstance TicketKind = 2
)

func (ticketKind) names() []enumName { return ticketKinds }

var ticketKinds = []enumName{{0, "UNKNOWN_TICKET_KIND"}, {1, "PARTY"}, {2, "GAME_INSTANCE"}}
