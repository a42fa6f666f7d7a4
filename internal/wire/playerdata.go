package wire

import "github.com/openpragma/engine/pragma/ext"

// PlayerDataServiceRpc, as far as it is answered (wire §7.11, §14).

// PlayerDataGetV1Request asks for the caller's player data.
type PlayerDataGetV1Request struct {
	CurrentVersion *Int32 `json:"currentVersion,omitzero"` // what the caller has
}

// PlayerDataGetPartnerV1Request asks for a player's data.
type PlayerDataGetPartnerV1Request struct {
	PlayerID UUID `json:"playerId,omitzero"`
}

// PlayerDataGetV1Response has it.
type PlayerDataGetV1Response struct {
	PlayerData PlayerData `json:"playerData"`
}

// PlayerDataGetPartnerV1Response has it too.
type PlayerDataGetPartnerV1Response = PlayerDataGetV1Response

// PlayerData is all data of a player.
type PlayerData struct {
	Entities []PlayerDataEntity `json:"entities"`
	Version  Int32              `json:"version"`
}

// PlayerDataEntity is one thing of it; PlayerData_Entity.
type PlayerDataEntity struct {
	EntityName PlayerDataEntityName `json:"entityName"`
	InstanceID UUID                 `json:"instanceId,omitzero"`
	Components []ext.Value          `json:"components"`
}

// PlayerDataEntityName says what it is; PlayerData_EntityName.
type PlayerDataEntityName struct {
	Name string `json:"name"`
}
