package wire

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/openpragma/engine/pragma/ext"
)

// The calls and notifications of FriendRpc (wire §7.10, §8, §13, §16.7).
// GetFriendListAndRegisterOnlineV1 has an [Empty] request.

// FriendResponse is the answer of every call that is not about reading: a text
// such as Ok or InviteeNotFound.
type FriendResponse struct {
	Response string `json:"response"`
}

// The responses that are a [FriendResponse], under the names of their calls.
type (
	FriendBlockV1Response                          = FriendResponse
	FriendCancelFriendInviteV1Response             = FriendResponse
	FriendRemoveFriendV1Response                   = FriendResponse
	FriendRespondToFriendInviteV1Response          = FriendResponse
	FriendSendFriendInviteBySocialIDV1Response     = FriendResponse
	FriendSendFriendInviteV1Response               = FriendResponse
	FriendSetAcceptIncomingFriendInvitesV1Response = FriendResponse
	FriendSetPresencePartnerV1Response             = FriendResponse
	FriendSetPresenceV1Response                    = FriendResponse
	FriendUnblockV1Response                        = FriendResponse
)

// FriendGetFriendListV1Request asks for the caller's list; with a game shard,
// only presences on that shard are shown.
type FriendGetFriendListV1Request struct {
	GameShardID UUID `json:"gameShardId,omitzero"`
}

// FriendGetFriendListV1Response has the list.
type FriendGetFriendListV1Response struct {
	FriendList FriendList `json:"friendList"`
}

// FriendGetFriendListAndRegisterOnlineV1Response has the list.
type FriendGetFriendListAndRegisterOnlineV1Response = FriendGetFriendListV1Response

// FriendSendFriendInviteV1Request invites somebody by his name.
type FriendSendFriendInviteV1Request struct {
	InviteeDisplayName DisplayName `json:"inviteeDisplayName"`
}

// FriendSendFriendInviteBySocialIDV1Request invites somebody by his id.
type FriendSendFriendInviteBySocialIDV1Request struct {
	InviteeSocialID UUID `json:"inviteeSocialId,omitzero"`
}

// FriendCancelFriendInviteV1Request takes an invite back.
type FriendCancelFriendInviteV1Request struct {
	InviteeSocialID UUID `json:"inviteeSocialId,omitzero"`
}

// FriendRespondToFriendInviteV1Request accepts or declines an invite.
type FriendRespondToFriendInviteV1Request struct {
	InviterSocialID UUID `json:"inviterSocialId,omitzero"`
	AcceptInvite    bool `json:"acceptInvite"`
}

// FriendRemoveFriendV1Request ends a friendship.
type FriendRemoveFriendV1Request struct {
	FriendSocialID UUID `json:"friendSocialId,omitzero"`
}

// FriendBlockV1Request blocks an account.
type FriendBlockV1Request struct {
	SocialID UUID `json:"socialId,omitzero"`
}

// FriendUnblockV1Request takes that back.
type FriendUnblockV1Request = FriendBlockV1Request

// FriendSetAcceptIncomingFriendInvitesV1Request says whether others may invite
// the caller.
type FriendSetAcceptIncomingFriendInvitesV1Request struct {
	AcceptNewFriendInvites bool `json:"acceptNewFriendInvites"`
}

// FriendSetPresenceV1Request sets the caller's presence. Generation 94 calls
// requestExt ext; if both have members, requestExt counts.
type FriendSetPresenceV1Request struct {
	BasicPresence string    `json:"basicPresence"`
	GameShardID   UUID      `json:"gameShardId,omitzero"`
	RequestExt    ext.Value `json:"requestExt"` // also read: ext
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (r *FriendSetPresenceV1Request) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain FriendSetPresenceV1Request
	var text struct {
		plain
		Ext ext.Value `json:"ext"`
	}
	if err := json.UnmarshalDecode(dec, &text); err != nil {
		return err
	}
	*r = FriendSetPresenceV1Request(text.plain)
	if r.RequestExt.IsEmpty() {
		r.RequestExt = text.Ext
	}
	return nil
}

// FriendSetPresencePartnerV1Request sets the presence of somebody who has one.
type FriendSetPresencePartnerV1Request struct {
	SocialID      UUID      `json:"socialId,omitzero"`
	GameShardID   UUID      `json:"gameShardId,omitzero"`
	BasicPresence string    `json:"basicPresence,omitzero"` // left out: it stays
	RequestExt    ext.Value `json:"requestExt"`
}

// FriendListUpdateV1Notification tells a player what changed in his list.
type FriendListUpdateV1Notification struct {
	Updates FriendListUpdates `json:"updates"`
}

// FriendUpdateV1Notification shows a player the presence of a friend.
type FriendUpdateV1Notification struct {
	SocialID        UUID     `json:"socialId,omitzero"`
	UpdatedPresence Presence `json:"updatedPresence"`
}

// FriendPresenceUpdateV1Notification shows a player his own presence.
type FriendPresenceUpdateV1Notification struct {
	NewPresence Presence `json:"newPresence"`
}

// FriendPresenceRemoveV1Notification tells a player that a friend has no
// presence any more.
type FriendPresenceRemoveV1Notification struct {
	SocialID    UUID  `json:"socialId,omitzero"`
	PlayerID    UUID  `json:"playerId,omitzero"`
	GameShardID UUID  `json:"gameShardId,omitzero"`
	Version     Int64 `json:"version"`
}

// FriendList is Friend_FriendList. Generation 94 does not know the last two
// members.
type FriendList struct {
	Friends                []Friend         `json:"friends"`
	SentInvites            []FriendOverview `json:"sentInvites"`
	ReceivedInvites        []FriendOverview `json:"receivedInvites"`
	Version                Int64            `json:"version"`
	Blocked                []FriendOverview `json:"blocked"`
	AcceptNewFriendInvites bool             `json:"acceptNewFriendInvites"`
}

// Friend is Friend_Friend.
type Friend struct {
	SocialID    UUID        `json:"socialId,omitzero"`
	PlayerID    UUID        `json:"playerId,omitzero"`
	DisplayName DisplayName `json:"displayName"`
	Presences   []Presence  `json:"presences"`
}

// FriendOverview is Friend_FriendOverview.
type FriendOverview struct {
	SocialID    UUID        `json:"socialId,omitzero"`
	DisplayName DisplayName `json:"displayName"`
}

// FriendListUpdates is Friend_FriendListUpdates.
type FriendListUpdates struct {
	FriendsAdded           []FriendOverview `json:"friendsAdded"`
	FriendsRemoved         []UUID           `json:"friendsRemoved"`
	ReceivedInvitesAdded   []FriendOverview `json:"receivedInvitesAdded"`
	ReceivedInvitesRemoved []UUID           `json:"receivedInvitesRemoved"`
	SentInvitesAdded       []FriendOverview `json:"sentInvitesAdded"`
	SentInvitesRemoved     []UUID           `json:"sentInvitesRemoved"`
	Version                Int64            `json:"version"`
}

// Presence is Friend_Presence.
type Presence struct {
	PlayerID      UUID      `json:"playerId,omitzero"`
	GameShardID   UUID      `json:"gameShardId,omitzero"`
	GameTitleID   string    `json:"gameTitleId"`
	BasicPresence string    `json:"basicPresence"`
	Version       Int64     `json:"version"`
	Ext           ext.Value `json:"ext"`
}
