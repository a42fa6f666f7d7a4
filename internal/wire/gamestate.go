package wire

import "github.com/openpragma/engine/pragma/ext"

// The notifications of GameInstanceRpc and what game instances are made of on
// the wire (wire §8, §13, §16.3, §16.4).
// GameInstanceStartFailureV1Notification is [Empty].

// GameInstanceAddPlayersV1Notification tells a server of further players.
type GameInstanceAddPlayersV1Notification struct {
	GameInstanceID    UUID               `json:"gameInstanceId,omitzero"`
	GameServerPlayers []GameServerPlayer `json:"gameServerPlayers"`
}

// GameInstanceAddedToGameV1Notification tells a player that he is in a game.
type GameInstanceAddedToGameV1Notification struct {
	GameInstanceID UUID                   `json:"gameInstanceId,omitzero"`
	Ext            ext.Value              `json:"ext"`
	GameInstance   *BroadcastGameInstance `json:"gameInstance,omitzero"`
}

// GameInstanceGameEndedV1Notification tells a player that the game is over.
type GameInstanceGameEndedV1Notification struct {
	GameInstanceID UUID      `json:"gameInstanceId,omitzero"`
	Ext            ext.Value `json:"ext"`
}

// GameInstanceRemovedFromGameV1Notification tells a player that he is out.
type GameInstanceRemovedFromGameV1Notification struct {
	GameInstanceID UUID      `json:"gameInstanceId,omitzero"`
	Ext            ext.Value `json:"ext"`
}

// GameInstanceEnteredMatchmakingV1Notification tells a server that its instance
// waits for more players.
type GameInstanceEnteredMatchmakingV1Notification = GameInstanceRequest

// GameInstanceLeftMatchmakingV1Notification tells it that this is over.
type GameInstanceLeftMatchmakingV1Notification = GameInstanceRequest

// GameInstanceReconnectV1Notification tells a player who came back where his
// game runs.
type GameInstanceReconnectV1Notification struct {
	HostConnectionDetails HostConnectionDetails `json:"hostConnectionDetails"`
}

// GameInstanceHostConnectionDetailsV1Notification tells a player where his game runs.
type GameInstanceHostConnectionDetailsV1Notification struct {
	ConnectionDetails HostConnectionDetails `json:"connectionDetails"`
}

// GameInstanceTerminationV1Notification tells a player that the game broke off.
type GameInstanceTerminationV1Notification struct {
	GameInstanceID UUID                          `json:"gameInstanceId,omitzero"`
	Reason         GameInstanceTerminationReason `json:"reason"`
}

// GameInstanceOverPartnerV1Notification tells a server that its instance is over.
type GameInstanceOverPartnerV1Notification = GameInstanceTerminationV1Notification

// GameInstancePlayerDeclinedReconnectV1Notification tells a server that a player
// will not come back.
type GameInstancePlayerDeclinedReconnectV1Notification struct {
	GameInstanceID UUID `json:"gameInstanceId,omitzero"`
	PlayerID       UUID `json:"playerId,omitzero"`
}

// GameInstanceUpdatedV1Notification brings a player's view from PreviousVersion
// to Version (wire §16.3).
type GameInstanceUpdatedV1Notification struct {
	GameInstanceID  UUID                  `json:"gameInstanceId,omitzero"`
	PreviousVersion Int64                 `json:"previousVersion"`
	Version         Int64                 `json:"version"`
	Changed         []DataEntry           `json:"changed"` // whole values
	Removed         []DataKey             `json:"removed"`
	PlayersAdded    []BroadcastGamePlayer `json:"playersAdded"`
	PlayersRemoved  []UUID                `json:"playersRemoved"`
	// HostConnectionDetailsPresent tells "unchanged" from "gone" when
	// HostConnectionDetails is left out.
	HostConnectionDetailsPresent bool                   `json:"hostConnectionDetailsPresent"`
	HostConnectionDetails        *HostConnectionDetails `json:"hostConnectionDetails,omitzero"`
}

// HostConnectionDetails tells a player how to reach the game server.
type HostConnectionDetails struct {
	GameInstanceID       UUID       `json:"gameInstanceId,omitzero"`
	ExtConnectionDetails *ext.Value `json:"extConnectionDetails,omitzero"` // nil until a server is ready
	Hostname             string     `json:"hostname"`
	Port                 Int32      `json:"port"`
	ConnectionToken      string     `json:"connectionToken"`
}

// PlayerConnectionDetails is what a server tells one player through the backend.
type PlayerConnectionDetails struct {
	PlayerID                   UUID      `json:"playerId,omitzero"`
	ExtPlayerConnectionDetails ext.Value `json:"extPlayerConnectionDetails"`
}

// GameStart is what a server is told at the start.
type GameStart struct {
	GameInstanceID  UUID               `json:"gameInstanceId,omitzero"`
	Players         []GameServerPlayer `json:"players"`
	Ext             ext.Value          `json:"ext"`
	IsInMatchmaking bool               `json:"isInMatchmaking"`
}

// GameServerPlayer is a player as a server sees him.
type GameServerPlayer struct {
	PlayerID      UUID        `json:"playerId,omitzero"`
	SocialID      UUID        `json:"socialId,omitzero"`
	DisplayName   DisplayName `json:"displayName"`
	PartyID       UUID        `json:"partyId,omitzero"`
	TeamNumber    Int64       `json:"teamNumber"`
	ClientVersion string      `json:"clientVersion"`
	Ext           ext.Value   `json:"ext"`
}

// PlayerGameResult is one player's result.
type PlayerGameResult struct {
	PlayerID UUID      `json:"playerId,omitzero"`
	Ext      ext.Value `json:"ext"`
}

// PlayerToAdd is a player who is to join.
type PlayerToAdd struct {
	PlayerID      UUID      `json:"playerId,omitzero"`
	Ext           ext.Value `json:"ext"`
	PartyID       UUID      `json:"partyId,omitzero"`
	TeamNumber    Int64     `json:"teamNumber"`
	ClientVersion string    `json:"clientVersion,omitzero"`
}

// PlayerToRemove is a player who is to go.
type PlayerToRemove struct {
	PlayerID UUID      `json:"playerId,omitzero"`
	Ext      ext.Value `json:"ext"`
}

// BackendPlayerToRemove is the same in RemovePlayersV2.
type BackendPlayerToRemove = PlayerToRemove

// BroadcastGameInstance is a game instance as one of its players sees it.
type BroadcastGameInstance struct {
	GameInstanceID        UUID                   `json:"gameInstanceId,omitzero"`
	Version               Int64                  `json:"version"`
	State                 GameInstanceState      `json:"state"`
	GameServerVersion     string                 `json:"gameServerVersion"`
	GameServerZone        string                 `json:"gameServerZone"`
	IsInMatchmaking       bool                   `json:"isInMatchmaking"`
	Players               []BroadcastGamePlayer  `json:"players"`
	Data                  []DataEntry            `json:"data"` // what the receiver may see
	HostConnectionDetails *HostConnectionDetails `json:"hostConnectionDetails,omitzero"`
}

// BroadcastGamePlayer is a player as the others see him.
type BroadcastGamePlayer struct {
	PlayerID    UUID        `json:"playerId,omitzero"`
	SocialID    UUID        `json:"socialId,omitzero"`
	DisplayName DisplayName `json:"displayName"`
	TeamNumber  Int64       `json:"teamNumber"`
	PartyID     UUID        `json:"partyId,omitzero"` // only within the receiver's party
}

// DataEntry is an entry of a data store.
type DataEntry struct {
	Scope    DataScope `json:"scope"`
	PlayerID UUID      `json:"playerId,omitzero"` // only with scope PLAYER
	Key      string    `json:"key"`
	Data     ext.Value `json:"data"`
}

// DataKey names an entry of a data store.
type DataKey struct {
	Scope    DataScope `json:"scope"`
	PlayerID UUID      `json:"playerId,omitzero"` // only with scope PLAYER
	Key      string    `json:"key"`
}
