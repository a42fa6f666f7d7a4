package wire

import "github.com/openpragma/engine/pragma/ext"

// The calls and notifications of MatchmakingRpc (wire §7.4, §8).
// GetMatchmakingInfoV2 has an [Empty] request; LeaveMatchmakingV2 is Empty both
// ways. Entering is a call of PartyRpc.

// MatchmakingGetMatchmakingInfoV2Response describes the queues.
type MatchmakingGetMatchmakingInfoV2Response struct {
	QueueInfo []QueueInfoV2 `json:"queueInfo"`
}

// MatchmakingFailureV1Notification tells a party that it was taken out of its queue.
type MatchmakingFailureV1Notification struct {
	Reason MatchmakingFailureReason `json:"reason"`
}

// QueueInfoV2 counts what waits in one queue.
type QueueInfoV2 struct {
	MatchmakingQueueKey  MatchmakingQueueKey `json:"matchmakingQueueKey"`
	PartiesInQueue       Int32               `json:"partiesInQueue"`
	PlayersInQueue       Int32               `json:"playersInQueue"`
	MatchablesInQueue    Int32               `json:"matchablesInQueue"`
	GameInstancesInQueue Int32               `json:"gameInstancesInQueue"`
}

// MatchmakingQueueKey decides which queue a party is put into.
type MatchmakingQueueKey struct {
	ExtMatchmakingKey ext.Value `json:"extMatchmakingKey"`
	GameServerVersion string    `json:"gameServerVersion"`
}

// MatchmakingFailureReason says why matchmaking gave up (wire §11.4).
type MatchmakingFailureReason = Enum[matchmakingFailureReason]

type matchmakingFailureReason struct{}

// Reasons for a failure of matchmaking.
const (
	MatchmakingFailureUnspecified                         MatchmakingFailureReason = 0
	MatchmakingFailureGameServerVersionNoLongerCompatible MatchmakingFailureReason = 1
)

func (matchmakingFailureReason) names() []enumName { return matchmakingFailureReasons }

var matchmakingFailureReasons = []enumName{
	{0, "UNSPECIFIED"},
	{1, "GAME_SERVER_VERSION_NO_LONGER_COMPATIBLE"},
}
