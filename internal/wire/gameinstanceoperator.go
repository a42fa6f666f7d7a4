package wire

import "github.com/openpragma/engine/pragma/ext"

// What operators do with game instances (wire §16.6).
// TerminateGameInstanceOperatorV1 and KickPlayerOperatorV1 have [Empty] responses.

// GameInstanceListGameInstancesOperatorV1Request asks for a part of the instances
// that match.
type GameInstanceListGameInstancesOperatorV1Request struct {
	Filter GameInstanceFilter `json:"filter"`
	Page
}

// GameInstanceFilter says which instances; what is left out does not matter.
type GameInstanceFilter struct {
	GameInstanceID    UUID              `json:"gameInstanceId,omitzero"`
	PlayerID          UUID              `json:"playerId,omitzero"`
	GameServerVersion string            `json:"gameServerVersion,omitzero"`
	GameServerZone    string            `json:"gameServerZone,omitzero"`
	State             GameInstanceState `json:"state,omitzero"`
}

// GameInstanceListGameInstancesOperatorV1Response has that part.
type GameInstanceListGameInstancesOperatorV1Response struct {
	GameInstances []OperatorGameInstanceOverview `json:"gameInstances"`
	Count         Int64                          `json:"count"`
}

// GameInstanceGetGameInstanceOperatorV1Request asks for everything about an instance.
type GameInstanceGetGameInstanceOperatorV1Request = GameInstanceRequest

// GameInstanceGetGameInstanceOperatorV1Response is everything about an instance.
type GameInstanceGetGameInstanceOperatorV1Response struct {
	GameInstance *OperatorGameInstanceInfo `json:"gameInstance,omitzero"`
}

// GameInstanceTerminateGameInstanceOperatorV1Request breaks an instance off.
type GameInstanceTerminateGameInstanceOperatorV1Request = GameInstanceRequest

// GameInstanceKickPlayerOperatorV1Request removes a player.
type GameInstanceKickPlayerOperatorV1Request struct {
	GameInstanceID UUID      `json:"gameInstanceId,omitzero"`
	PlayerID       UUID      `json:"playerId,omitzero"`
	Ext            ext.Value `json:"ext"` // ExtRemovedFromGame
}

// OperatorGameInstanceOverview is an instance in a list.
type OperatorGameInstanceOverview struct {
	GameInstanceID            UUID              `json:"gameInstanceId,omitzero"`
	State                     GameInstanceState `json:"state"`
	PlayerIDs                 []UUID            `json:"playerIds"`
	GameServerVersion         string            `json:"gameServerVersion"`
	GameServerZone            string            `json:"gameServerZone"`
	Hostname                  string            `json:"hostname"`
	Port                      Int32             `json:"port"`
	IsInMatchmaking           bool              `json:"isInMatchmaking"`
	Version                   Int64             `json:"version"`
	CreatedTimestampMillis    Int64             `json:"createdTimestampMillis"`
	LastAccessTimestampMillis Int64             `json:"lastAccessTimestampMillis"`
}

// OperatorGameInstanceInfo is an instance with what its players do not see. It has
// no tokens.
type OperatorGameInstanceInfo struct {
	Overview                     OperatorGameInstanceOverview `json:"overview"`
	Players                      []OperatorGamePlayer         `json:"players"`
	Data                         []OperatorDataEntry          `json:"data"`
	AllocationID                 UUID                         `json:"allocationId,omitzero"`
	LinkedPartnerName            string                       `json:"linkedPartnerName,omitzero"`
	LastKeepAliveTimestampMillis Int64                        `json:"lastKeepAliveTimestampMillis"` // 0: none is waited for
	TicketID                     UUID                         `json:"ticketId,omitzero"`
}

// OperatorGamePlayer is a player of an instance.
type OperatorGamePlayer struct {
	PlayerID      UUID        `json:"playerId,omitzero"`
	SocialID      UUID        `json:"socialId,omitzero"`
	PartyID       UUID        `json:"partyId,omitzero"`
	DisplayName   DisplayName `json:"displayName"`
	TeamNumber    Int64       `json:"teamNumber"`
	ClientVersion string      `json:"clientVersion"`
	Connected     bool        `json:"connected"` // the server expects him
}

// OperatorDataEntry is an entry of a data store with whom it is shown to.
type OperatorDataEntry struct {
	DataEntry
	Sync string `json:"sync"` // HIDDEN, PUBLIC, PLAYER:<id>, PARTY:<id>, TEAM:<n>
}
