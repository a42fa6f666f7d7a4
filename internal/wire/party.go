package wire

import "github.com/openpragma/engine/pragma/ext"

// The calls of PartyRpc (wire §7.2, §16.2). GetReceivedInvitesV1 has an [Empty]
// request; SetGameServerZoneToPingV1, DevelopmentOverrideGameServerVersionV1 and
// LeaveV1 have Empty responses. Every request that is about the caller's own
// party may name it as partyId (engine §3.6).

// PartyResponse is the answer of every call that changes a party: the party as
// the caller now sees it. RespondToInviteV1 leaves it out when the invite was
// declined.
type PartyResponse struct {
	Party *BroadcastParty `json:"party,omitzero"`
}

// The responses that are a [PartyResponse], under the names of their calls.
type (
	PartyAssignPartyLeaderV1Response           = PartyResponse
	PartyCancelInviteV1Response                = PartyResponse
	PartyCreateV1Response                      = PartyResponse
	PartyEnterMatchmakingV1Response            = PartyResponse
	PartyJoinWithInviteCodeV1Response          = PartyResponse
	PartyJoinWithPartyIDV1Response             = PartyResponse
	PartyKickV1Response                        = PartyResponse
	PartyRespondToInviteV1Response             = PartyResponse
	PartySetPreferredGameServerZonesV1Response = PartyResponse
	PartySetReadyStateV1Response               = PartyResponse
	PartyUpdatePartyPlayerV1Response           = PartyResponse
	PartyUpdatePartyV1Response                 = PartyResponse
)

// PartyAssignPartyLeaderV1Request hands the lead to another member.
type PartyAssignPartyLeaderV1Request struct {
	PlayerID UUID `json:"playerId,omitzero"`
	PartyID  UUID `json:"partyId,omitzero"` // may be left out
}

// PartyCreateV1Request makes a party with the caller as its leader.
type PartyCreateV1Request struct {
	CreateRequestExt         ext.Value        `json:"createRequestExt"`
	PlayerJoinRequestExt     ext.Value        `json:"playerJoinRequestExt"`
	GameClientVersion        string           `json:"gameClientVersion"`
	PreferredGameServerZones []string         `json:"preferredGameServerZones"`
	GameServerZoneToPing     map[string]Int32 `json:"gameServerZoneToPing"` // milliseconds
	PlayerID                 UUID             `json:"playerId,omitzero"`    // generation 339 only
}

// PartyDevelopmentOverrideGameServerVersionV1Request pins the version of the
// game server, for development.
type PartyDevelopmentOverrideGameServerVersionV1Request struct {
	GameServerVersion string `json:"gameServerVersion"`
	PartyID           UUID   `json:"partyId,omitzero"` // may be left out
}

// PartyEnterMatchmakingV1Request puts the party into a queue.
type PartyEnterMatchmakingV1Request struct {
	PartyID UUID `json:"partyId,omitzero"` // generation 339 only
}

// PartyJoinWithInviteCodeV1Request joins the party that shows this code.
type PartyJoinWithInviteCodeV1Request struct {
	RequestExt           ext.Value        `json:"requestExt"`
	InviteCode           string           `json:"inviteCode"`
	GameClientVersion    string           `json:"gameClientVersion"`
	GameServerZoneToPing map[string]Int32 `json:"gameServerZoneToPing"` // milliseconds
}

// PartyJoinWithPartyIDV1Request joins a party by its id.
type PartyJoinWithPartyIDV1Request struct {
	RequestExt           ext.Value        `json:"requestExt"`
	GameClientVersion    string           `json:"gameClientVersion"`
	PartyID              UUID             `json:"partyId,omitzero"`
	GameServerZoneToPing map[string]Int32 `json:"gameServerZoneToPing"` // milliseconds
}

// PartyKickV1Request removes another member.
type PartyKickV1Request struct {
	PlayerID UUID `json:"playerId,omitzero"`
	PartyID  UUID `json:"partyId,omitzero"` // may be left out
}

// PartyLeaveV1Request takes the caller out of his party.
type PartyLeaveV1Request struct {
	PartyID UUID `json:"partyId,omitzero"` // may be left out
}

// PartyRespondToInviteV1Request accepts or declines an invite.
type PartyRespondToInviteV1Request struct {
	RequestExt           ext.Value        `json:"requestExt"`
	InviteID             UUID             `json:"inviteId,omitzero"`
	Accepted             bool             `json:"accepted"`
	GameClientVersion    string           `json:"gameClientVersion"`
	GameServerZoneToPing map[string]Int32 `json:"gameServerZoneToPing"` // milliseconds
}

// PartySendInviteV1Request invites a player.
type PartySendInviteV1Request struct {
	InviteePlayerID UUID `json:"inviteePlayerId,omitzero"`
	PartyID         UUID `json:"partyId,omitzero"` // may be left out
}

// PartySendInviteV1Response names the new invite. It has no party, and the
// caller gets no notification of his own call (wire §7.2): he learns the new
// version with the next answer or notification, or with SyncPartyV1.
type PartySendInviteV1Response struct {
	InviteID UUID `json:"inviteId,omitzero"`
}

// PartyCancelInviteV1Request takes an invite back.
type PartyCancelInviteV1Request struct {
	InviteID UUID `json:"inviteId,omitzero"`
	PartyID  UUID `json:"partyId,omitzero"` // may be left out
}

// PartyGetReceivedInvitesV1Response lists the caller's open invites.
type PartyGetReceivedInvitesV1Response struct {
	Invites []PartyInvite `json:"invites"`
}

// PartySetGameServerZoneToPingV1Request reports the caller's pings.
type PartySetGameServerZoneToPingV1Request struct {
	GameServerZoneToPing map[string]Int32 `json:"gameServerZoneToPing"` // milliseconds
	PartyID              UUID             `json:"partyId,omitzero"`     // may be left out
}

// PartySetPreferredGameServerZonesV1Request sets the party's zones.
type PartySetPreferredGameServerZonesV1Request struct {
	PreferredGameServerZones []string `json:"preferredGameServerZones"`
	PartyID                  UUID     `json:"partyId,omitzero"` // may be left out
}

// PartySetReadyStateV1Request sets whether the caller is ready.
type PartySetReadyStateV1Request struct {
	Ready   bool `json:"ready"`
	PartyID UUID `json:"partyId,omitzero"` // generation 339 only, may be left out
}

// PartyUpdatePartyPlayerV1Request asks the plugin to change the caller's data.
type PartyUpdatePartyPlayerV1Request struct {
	RequestExt ext.Value `json:"requestExt"`
	PartyID    UUID      `json:"partyId,omitzero"` // generation 339 only, may be left out
}

// PartyUpdatePartyV1Request asks the plugin to change the party's data.
type PartyUpdatePartyV1Request struct {
	RequestExt ext.Value `json:"requestExt"`
	PartyID    UUID      `json:"partyId,omitzero"` // generation 339 only, may be left out
}
