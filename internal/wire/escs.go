package wire

// The calls of ExternalMatchmakingRpc (escs §3, §6).

// EscsSetStartPayload is what the platform says of a set. It is read by
// [EscsSetStart], which knows the forms in which it comes.
type EscsSetStartPayload struct {
	SetID          string            `json:"setId"`
	TournamentID   string            `json:"tournamentId"`
	MatchID        string            `json:"matchId"`
	SetEndTimeUnix Int64             `json:"setEndTimeUnix"` // seconds
	Participants   []EscsParticipant `json:"participants"`
	RoundID        string            `json:"roundId"`
	GlobalMetadata string            `json:"globalMetadata"`
}

// EscsParticipant is one team of a set.
type EscsParticipant struct {
	Players []EscsPlayer `json:"players"`
}

// EscsPlayer is a player of a set.
type EscsPlayer struct {
	PlayerID       string `json:"playerId"`
	IngamePlayerID string `json:"ingamePlayerId"`
	Username       string `json:"username"`
	FirstName      string `json:"firstName"`
	LastName       string `json:"lastName"`
	IngameMetadata string `json:"ingameMetadata"`
	Avatar         string `json:"avatar"`
}

// ExternalMatchmakingSetStartV1Request tells of a set that starts.
type ExternalMatchmakingSetStartV1Request struct {
	SetStart EscsSetStart `json:"setStart"`
}

// ExternalMatchmakingQueueForMatchmakingV1Request asks to play a set. Without a
// set id it is the newest one of the caller.
type ExternalMatchmakingQueueForMatchmakingV1Request struct {
	SetID string `json:"setId,omitzero"`
}

// ExternalMatchmakingQueueForMatchmakingV1Response says who is there.
type ExternalMatchmakingQueueForMatchmakingV1Response struct {
	Status         EscsQueueStatus `json:"status"`
	SetID          string          `json:"setId"`
	PartyID        UUID            `json:"partyId"`
	IsLeader       bool            `json:"isLeader"`
	Queued         Int32           `json:"queued"`
	Required       Int32           `json:"required"`
	SetEndTimeUnix Int64           `json:"setEndTimeUnix"` // seconds
}

// ExternalMatchmakingPartyIsCompleteV1Notification says that everybody is there:
// PartyIsCompleteForMatchmakingV1Notification.
type ExternalMatchmakingPartyIsCompleteV1Notification struct {
	SetID          string `json:"setId"`
	PartyID        UUID   `json:"partyId"`
	LeaderPlayerID UUID   `json:"leaderPlayerId"`
}

// EscsQueueStatus is what became of a request to play.
type EscsQueueStatus = Enum[escsQueueStatus]

// The queue statuses.
const (
	EscsQueueStatusUnspecified EscsQueueStatus = iota
	EscsQueued
)

type escsQueueStatus struct{}

func (escsQueueStatus) names() []enumName {
	return []enumName{{0, "QUEUE_STATUS_UNSPECIFIED"}, {1, "QUEUED"}}
}

// ExternalMatchmakingListSetsOperatorV1Request asks for sets.
type ExternalMatchmakingListSetsOperatorV1Request struct {
	Filter EscsSetFilter `json:"filter"`
	Page
}

// EscsSetFilter says which sets an operator looks for; what is empty does not
// count.
type EscsSetFilter struct {
	SetID        string `json:"setId,omitzero"`
	TournamentID string `json:"tournamentId,omitzero"`
	PlayerID     string `json:"playerId,omitzero"` // here or at the platform
	State        string `json:"state,omitzero"`
}

// ExternalMatchmakingListSetsOperatorV1Response has one page of them.
type ExternalMatchmakingListSetsOperatorV1Response struct {
	Sets  []OperatorSetOverview `json:"sets"`
	Count Int64                 `json:"count"`
}

// ExternalMatchmakingGetSetOperatorV1Request asks for one set.
type ExternalMatchmakingGetSetOperatorV1Request struct {
	SetID string `json:"setId"`
}

// ExternalMatchmakingGetSetOperatorV1Response has it.
type ExternalMatchmakingGetSetOperatorV1Response struct {
	Set OperatorSetInfo `json:"set"`
}

// OperatorSetOverview is a set in a list.
type OperatorSetOverview struct {
	SetID                   string `json:"setId"`
	TournamentID            string `json:"tournamentId"`
	MatchID                 string `json:"matchId"`
	RoundID                 string `json:"roundId"`
	State                   string `json:"state"`
	PartyID                 UUID   `json:"partyId,omitzero"`
	GameInstanceID          UUID   `json:"gameInstanceId,omitzero"`
	Queued                  Int32  `json:"queued"`
	Required                Int32  `json:"required"`
	SetEndTimeUnix          Int64  `json:"setEndTimeUnix"` // seconds
	ReceivedTimestampMillis Int64  `json:"receivedTimestampMillis"`
	StartCount              Int32  `json:"startCount"`
}

// OperatorSetInfo is all that operators see of a set; real names are not among it.
type OperatorSetInfo struct {
	Overview OperatorSetOverview `json:"overview"`
	Reason   string              `json:"reason,omitzero"` // of RESULTS_FAILED
	Players  []OperatorSetPlayer `json:"players"`
	Result   *OperatorSetResult  `json:"result,omitzero"`
}

// OperatorSetPlayer is a player of a set.
type OperatorSetPlayer struct {
	IngamePlayerID string `json:"ingamePlayerId"`
	EscsPlayerID   string `json:"escsPlayerId"`
	Team           Int32  `json:"team"`
	State          string `json:"state"`
}

// OperatorSetResult is the delivery of a set's results.
type OperatorSetResult struct {
	State                      string `json:"state"`
	Attempts                   Int32  `json:"attempts"`
	NextAttemptTimestampMillis Int64  `json:"nextAttemptTimestampMillis"`
	LastError                  string `json:"lastError"`
}
