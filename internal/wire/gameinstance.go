package wire

import "github.com/openpragma/engine/pragma/ext"

// The calls of players to GameInstanceRpc (wire §7.5, §16.1). LeaveV1, UpdateV1
// and DeclineReconnectV1 have [Empty] responses.

// GameInstanceCreateV1Request asks the plugin for a new game instance.
type GameInstanceCreateV1Request struct {
	RequestExt           ext.Value        `json:"requestExt"`
	GameClientVersion    string           `json:"gameClientVersion,omitzero"`
	GameServerZone       string           `json:"gameServerZone,omitzero"`
	GameServerZoneToPing map[string]Int32 `json:"gameServerZoneToPing,omitzero"` // milliseconds
}

// GameInstanceCreateV1Response names the instance and, if the plugin added the
// caller, shows it.
type GameInstanceCreateV1Response struct {
	GameInstanceID UUID                   `json:"gameInstanceId,omitzero"`
	GameInstance   *BroadcastGameInstance `json:"gameInstance,omitzero"`
}

// GameInstanceJoinGameInstanceV1Request asks the plugin to let the caller in.
type GameInstanceJoinGameInstanceV1Request struct {
	GameInstanceID    UUID      `json:"gameInstanceId,omitzero"`
	RequestExt        ext.Value `json:"requestExt"`
	GameClientVersion string    `json:"gameClientVersion,omitzero"`
}

// GameInstanceJoinGameInstanceV1Response shows the instance if the plugin added
// the caller.
type GameInstanceJoinGameInstanceV1Response struct {
	GameInstance *BroadcastGameInstance `json:"gameInstance,omitzero"`
}

// GameInstanceLeaveV1Request asks the plugin to let the caller go. Without an id
// it means the one instance he is in.
type GameInstanceLeaveV1Request struct {
	GameInstanceID UUID      `json:"gameInstanceId,omitzero"`
	RequestExt     ext.Value `json:"requestExt"`
}

// GameInstanceUpdateV1Request asks the plugin for a change. Without an id it
// means the one instance the caller is in.
type GameInstanceUpdateV1Request struct {
	GameInstanceID UUID      `json:"gameInstanceId,omitzero"`
	RequestExt     ext.Value `json:"requestExt"`
}

// GameInstanceDeclineReconnectV1Request says that the caller will not come back.
type GameInstanceDeclineReconnectV1Request struct {
	GameInstanceID UUID `json:"gameInstanceId,omitzero"`
}

// GameInstanceGetHostConnectionDetailsV1Request asks where the game runs.
type GameInstanceGetHostConnectionDetailsV1Request struct {
	GameInstanceID UUID `json:"gameInstanceId,omitzero"`
}

// GameInstanceGetHostConnectionDetailsV1Response has an empty hostname, port 0
// and no id while no server is ready.
type GameInstanceGetHostConnectionDetailsV1Response struct {
	HostConnectionDetails HostConnectionDetails `json:"hostConnectionDetails"`
}
