package wire

// The calls of MultiplayerRpc, by which a client learns where it stands
// (wire §7.3, §16.2). InitializePartyV1 and InitializeGameInstanceV1 have
// [Empty] requests.

// MultiplayerSyncPartyV1Request says what the client believes.
type MultiplayerSyncPartyV1Request struct {
	ClientPartyID UUID  `json:"clientPartyId,omitzero"`
	ClientVersion Int64 `json:"clientVersion"`
}

// MultiplayerSyncPartyV1Response is the whole truth about the caller's party,
// sent even when the versions agree.
type MultiplayerSyncPartyV1Response struct {
	IsInParty       bool            `json:"isInParty"`
	Party           *BroadcastParty `json:"party,omitzero"`
	ReceivedInvites []PartyInvite   `json:"receivedInvites"`
	IsInMatchmaking bool            `json:"isInMatchmaking"`
	GameInstanceIDs []UUID          `json:"gameInstanceIds"`
}

// MultiplayerInitializePartyV1Response is the same answer, asked for after log-in.
type MultiplayerInitializePartyV1Response = MultiplayerSyncPartyV1Response

// MultiplayerInitializeGameInstanceV1Response has every instance the caller is in.
type MultiplayerInitializeGameInstanceV1Response struct {
	IsInGameInstance bool                    `json:"isInGameInstance"`
	GameInstances    []BroadcastGameInstance `json:"gameInstances"`
}

// MultiplayerSyncGameInstanceV1Request says which instances the client knows.
type MultiplayerSyncGameInstanceV1Request struct {
	ClientGameInstances []ClientGameInstance `json:"clientGameInstances"`
}

// ClientGameInstance is an instance as a client last saw it.
type ClientGameInstance struct {
	GameInstanceID UUID  `json:"gameInstanceId,omitzero"`
	ClientVersion  Int64 `json:"clientVersion"`
}

// MultiplayerSyncGameInstanceV1Response lists all instances the caller is in by
// id and those he lacks, or holds with another version, in full.
type MultiplayerSyncGameInstanceV1Response struct {
	IsInGameInstance       bool                    `json:"isInGameInstance"`
	CurrentGameInstanceIDs []UUID                  `json:"currentGameInstanceIds"`
	GameInstances          []BroadcastGameInstance `json:"gameInstances"`
}
