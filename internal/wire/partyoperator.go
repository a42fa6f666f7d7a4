package wire

import "github.com/openpragma/engine/pragma/ext"

// What operators do with parties (wire §16.6). CheckGameServerVersionsOperatorV1
// is ours.

// PartyListPartiesOperatorV1Request asks for a part of the parties that match.
type PartyListPartiesOperatorV1Request struct {
	Filter PartyFilter `json:"filter"`
	Page
}

// PartyFilter says which parties; what is left out does not matter.
type PartyFilter struct {
	PartyID       UUID   `json:"partyId,omitzero"`
	PlayerID      UUID   `json:"playerId,omitzero"`
	InviteCode    string `json:"inviteCode,omitzero"`
	InMatchmaking *bool  `json:"inMatchmaking,omitzero"`
}

// PartyListPartiesOperatorV1Response has that part.
type PartyListPartiesOperatorV1Response struct {
	Parties []OperatorPartyOverview `json:"parties"`
	Count   Int64                   `json:"count"`
}

// PartyGetPartyOperatorV1Request asks for everything about a party.
type PartyGetPartyOperatorV1Request struct {
	PartyID UUID `json:"partyId,omitzero"`
}

// PartyGetPartyOperatorV1Response is everything about a party.
type PartyGetPartyOperatorV1Response struct {
	Party *OperatorPartyInfo `json:"party,omitzero"` // nil when a kick has closed it
}

// PartyKickPlayerOperatorV1Request removes a member. The answer is the party as
// it is then.
type PartyKickPlayerOperatorV1Request struct {
	PartyID  UUID `json:"partyId,omitzero"`
	PlayerID UUID `json:"playerId,omitzero"`
}

// PartyClosePartyOperatorV1Request closes a party. The answer is [Empty].
type PartyClosePartyOperatorV1Request = PartyGetPartyOperatorV1Request

// OperatorPartyOverview is a party in a list.
type OperatorPartyOverview struct {
	PartyID                   UUID   `json:"partyId,omitzero"`
	PlayerIDs                 []UUID `json:"playerIds"`
	InviteCode                string `json:"inviteCode"`
	InMatchmaking             bool   `json:"inMatchmaking"`
	GameServerVersion         string `json:"gameServerVersion"`
	Version                   Int64  `json:"version"`
	LastAccessTimestampMillis Int64  `json:"lastAccessTimestampMillis"`
}

// OperatorPartyInfo is a party with what its players do not see.
type OperatorPartyInfo struct {
	Overview                  OperatorPartyOverview `json:"overview"`
	Ext                       ext.Value             `json:"ext"`
	Members                   []OperatorPartyMember `json:"members"`
	Invites                   []PartyInvite         `json:"invites"`
	PreferredGameServerZones  []string              `json:"preferredGameServerZones"`
	OverrideGameServerVersion string                `json:"overrideGameServerVersion,omitzero"`
	TicketID                  UUID                  `json:"ticketId,omitzero"`
	GameInstanceIDs           []UUID                `json:"gameInstanceIds"`
	CreatedTimestampMillis    Int64                 `json:"createdTimestampMillis"`
}

// OperatorPartyMember is a member of a party with what the others do not see.
type OperatorPartyMember struct {
	PlayerID             UUID             `json:"playerId,omitzero"`
	SocialID             UUID             `json:"socialId,omitzero"`
	DisplayName          DisplayName      `json:"displayName"`
	IsLeader             bool             `json:"isLeader"`
	IsReady              bool             `json:"isReady"`
	GameClientVersion    string           `json:"gameClientVersion"`
	GameServerZoneToPing map[string]Int32 `json:"gameServerZoneToPing"` // milliseconds
	Ext                  ext.Value        `json:"ext"`
}

// PartyCheckGameServerVersionsOperatorV1Request asks which parties a map of
// versions would strand. Nothing is changed.
type PartyCheckGameServerVersionsOperatorV1Request struct {
	GameServerVersionCompatibility map[string]PartyServerVersion `json:"gameServerVersionCompatibility"` // by priority
	Page
}

// PartyServerVersion is a game server version and the client versions it serves.
type PartyServerVersion struct {
	ServerVersion  string            `json:"serverVersion"`
	ClientVersions map[string]string `json:"clientVersions"`
}

// PartyCheckGameServerVersionsOperatorV1Response has a part of them.
type PartyCheckGameServerVersionsOperatorV1Response struct {
	Parties []OperatorStrandedParty `json:"parties"`
	Count   Int64                   `json:"count"`   // of stranded parties
	Checked Int64                   `json:"checked"` // of all parties
}

// OperatorStrandedParty is a party that a map of versions would strand.
type OperatorStrandedParty struct {
	Party                 OperatorPartyOverview `json:"party"`
	NextGameServerVersion string                `json:"nextGameServerVersion"` // empty if none fits
	NoCommonVersion       bool                  `json:"noCommonVersion"`
	LeavesMatchmaking     bool                  `json:"leavesMatchmaking"`
	StrandedAlready       bool                  `json:"strandedAlready"`      // no version fits today either
	UnsupportedPlayerIDs  []UUID                `json:"unsupportedPlayerIds"` // no version supports their clients
}
