package wire

// GameManagementRpc: who may enter a game shard (engine §2.4, wire §7.12). The
// names of all calls but CreateLimitedAccessEventOperatorV1 and
// GetAllLimitedAccessEventsPartnerV1 are ours.

// GameManagementCreateLimitedAccessEventOperatorV1Request makes an event.
type GameManagementCreateLimitedAccessEventOperatorV1Request struct {
	LimitedAccessEventDetails LimitedAccessEventDetails `json:"limitedAccessEventDetails"`
}

// GameManagementLimitedAccessEventV1Response has the event that was made or changed.
type GameManagementLimitedAccessEventV1Response struct {
	LimitedAccessEvent LimitedAccessEvent `json:"limitedAccessEvent"`
}

// GameManagementUpdateLimitedAccessEventOperatorV1Request replaces the details
// of an event.
type GameManagementUpdateLimitedAccessEventOperatorV1Request = LimitedAccessEvent

// GameManagementDeleteLimitedAccessEventOperatorV1Request removes an event. The
// answer is [Empty].
type GameManagementDeleteLimitedAccessEventOperatorV1Request struct {
	LimitedAccessEventID UUID `json:"limitedAccessEventId,omitzero"`
}

// GameManagementGetAllLimitedAccessEventsPartnerV1Request asks for the events of
// a shard.
type GameManagementGetAllLimitedAccessEventsPartnerV1Request struct {
	GameShardID UUID `json:"gameShardId,omitzero"`
}

// GameManagementGetAllLimitedAccessEventsPartnerV1Response lists them.
type GameManagementGetAllLimitedAccessEventsPartnerV1Response struct {
	LimitedAccessEvent []LimitedAccessEvent `json:"limitedAccessEvent"`
}

// GameManagementGetAllLimitedAccessEventsOperatorV1Request asks for a part of them.
type GameManagementGetAllLimitedAccessEventsOperatorV1Request struct {
	GameShardID UUID `json:"gameShardId,omitzero"`
	Page
}

// GameManagementGetAllLimitedAccessEventsOperatorV1Response has that part.
type GameManagementGetAllLimitedAccessEventsOperatorV1Response struct {
	LimitedAccessEvent []LimitedAccessEvent `json:"limitedAccessEvent"`
	Count              Int64                `json:"count"`
}

// GameManagementGetAccessModeOperatorV1Request asks who may enter a shard.
type GameManagementGetAccessModeOperatorV1Request struct {
	GameShardID UUID `json:"gameShardId,omitzero"`
}

// GameManagementSetAccessModeOperatorV1Request decides who may enter a shard.
type GameManagementSetAccessModeOperatorV1Request struct {
	GameShardID UUID   `json:"gameShardId,omitzero"`
	AccessMode  string `json:"accessMode"` // OPEN or LIMITED
}

// GameManagementAccessModeOperatorV1Response is the mode that is in force.
type GameManagementAccessModeOperatorV1Response = GameManagementSetAccessModeOperatorV1Request

// LimitedAccessEvent is GameManagement_LimitedAccessEvent.
type LimitedAccessEvent struct {
	LimitedAccessEventID      UUID                      `json:"limitedAccessEventId,omitzero"`
	LimitedAccessEventDetails LimitedAccessEventDetails `json:"limitedAccessEventDetails"`
}

// LimitedAccessEventDetails say who may enter when.
type LimitedAccessEventDetails struct {
	GameShardID     UUID   `json:"gameShardId,omitzero"`
	Name            string `json:"name"`
	Description     string `json:"description"`
	PlayerGroupIDs  []UUID `json:"playerGroupIds"`
	StartUnixTimeMs Int64  `json:"startUnixTimeMs"`
	EndUnixTimeMs   Int64  `json:"endUnixTimeMs"`
	TimeZone        string `json:"timeZone"` // of the one who made it, to show
}
