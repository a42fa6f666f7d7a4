package wire

import "github.com/openpragma/engine/pragma/ext"

// The notifications of PartyRpc and what parties are made of on the wire
// (wire §8, §13, §16.3, §16.4). GameClientNotSupportedV1Notification and
// PartyClientVersionMismatchV1Notification are [Empty].

// PartyDetailsV1Notification shows a party after somebody else changed it.
type PartyDetailsV1Notification struct {
	Party *BroadcastParty `json:"party,omitzero"`
}

// PartyInviteReceivedV1Notification tells the invitee of an invite.
type PartyInviteReceivedV1Notification struct {
	InviteID    UUID        `json:"inviteId,omitzero"`
	InviterInfo InviterInfo `json:"inviterInfo"`
	PartyID     UUID        `json:"partyId,omitzero"`
}

// PartyInviteResponseV1Notification tells how an invite was answered.
type PartyInviteResponseV1Notification struct {
	InviteID UUID `json:"inviteId,omitzero"`
	Accepted bool `json:"accepted"`
}

// PartyInviteCanceledV1Notification tells the invitee that an invite is gone.
type PartyInviteCanceledV1Notification struct {
	InviteID UUID                    `json:"inviteId,omitzero"`
	PartyID  UUID                    `json:"partyId,omitzero"`
	Reason   PartyInviteCancelReason `json:"reason"`
}

// PartyRemovedV1Notification tells a player that he is no longer in the party.
type PartyRemovedV1Notification struct {
	PartyID       UUID               `json:"partyId,omitzero"`
	RemovalReason PartyRemovalReason `json:"removalReason"`
}

// BroadcastParty is a party as one of its members sees it.
type BroadcastParty struct {
	ExtBroadcastParty        ext.Value              `json:"extBroadcastParty"`
	ExtPrivatePlayer         ext.Value              `json:"extPrivatePlayer"` // the receiver's own
	PartyID                  UUID                   `json:"partyId,omitzero"`
	PartyMembers             []BroadcastPartyMember `json:"partyMembers"`
	InviteCode               string                 `json:"inviteCode"`
	PreferredGameServerZones []string               `json:"preferredGameServerZones"`
	Version                  Int64                  `json:"version"` // 1, +1 with every change
	Invites                  []PartyInvite          `json:"invites"`
	InMatchmaking            bool                   `json:"inMatchmaking"`
	GameServerVersion        string                 `json:"gameServerVersion"`
}

// BroadcastPartyMember is a member as the others see him.
type BroadcastPartyMember struct {
	Ext         ext.Value   `json:"ext"`
	PlayerID    UUID        `json:"playerId,omitzero"`
	DisplayName DisplayName `json:"displayName"`
	IsReady     bool        `json:"isReady"`
	IsLeader    bool        `json:"isLeader"`
	SocialID    UUID        `json:"socialId,omitzero"`
}

// InviterInfo names the inviter or the invitee of an invite.
type InviterInfo struct {
	PlayerID    UUID        `json:"playerId,omitzero"`
	DisplayName DisplayName `json:"displayName"`
}

// PartyInvite is an open invite.
type PartyInvite struct {
	InviteID               UUID        `json:"inviteId,omitzero"`
	PartyID                UUID        `json:"partyId,omitzero"`
	InviterInfo            InviterInfo `json:"inviterInfo"`
	InviteeInfo            InviterInfo `json:"inviteeInfo"`
	CreatedTimestampMillis Int64       `json:"createdTimestampMillis"`
	ExpiresTimestampMillis Int64       `json:"expiresTimestampMillis"` // 0: never
}

// PartyRemovalReason says why a player left a party (wire §11.4).
type PartyRemovalReason = Enum[partyRemovalReason]

type partyRemovalReason struct{}

// Reasons for a removal. Existing clients read those from 6 on as 0.
const (
	PartyRemovalUnspecified             PartyRemovalReason = 0
	PartyRemovalKicked                  PartyRemovalReason = 3
	PartyRemovalLeft                    PartyRemovalReason = 4
	PartyRemovalDisconnected            PartyRemovalReason = 5
	PartyRemovalExpired                 PartyRemovalReason = 6
	PartyRemovalGameClientsIncompatible PartyRemovalReason = 7
	PartyRemovalPartyClosed             PartyRemovalReason = 8
)

func (partyRemovalReason) names() []enumName { return partyRemovalReasons }

var partyRemovalReasons = []enumName{
	{0, "REMOVAL_REASON_UNSPECIFIED"},
	{3, "KICKED"},
	{4, "LEFT"},
	{5, "DISCONNECTED"},
	{6, "EXPIRED"},
	{7, "GAME_CLIENTS_INCOMPATIBLE_WITH_GAME_SERVER"},
	{8, "PARTY_CLOSED"},
}

// PartyInviteCancelReason says why an invite is gone (wire §16.3).
type PartyInviteCancelReason = Enum[partyInviteCancelReason]

type partyInviteCancelReason struct{}

// Reasons for the end of an invite.
const (
	PartyInviteCancelUnknown     PartyInviteCancelReason = 0
	PartyInviteCancelCanceled    PartyInviteCancelReason = 1
	PartyInviteCancelReplaced    PartyInviteCancelReason = 2
	PartyInviteCancelExpired     PartyInviteCancelReason = 3
	PartyInviteCancelPartyClosed PartyInviteCancelReason = 4
)

func (partyInviteCancelReason) names() []enumName { return partyInviteCancelReasons }

var partyInviteCancelReasons = []enumName{
	{0, "UNKNOWN_INVITE_CANCEL_REASON"},
	{1, "CANCELED"},
	{2, "REPLACED"},
	{3, "EXPIRED"},
	{4, "PARTY_CLOSED"},
}
