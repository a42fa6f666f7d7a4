package wire

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The calls of AccountRpc about bans, player groups, account tags and searches
// (wire §7.9, §8, §13, §16.7). Partner and operator variants of a call have the
// same messages.

// AccountBanAccountV1Request bans an account. Older clients use other names for
// two of the members; those are read too, and the newer ones are written.
type AccountBanAccountV1Request struct {
	PragmaSocialID UUID `json:"pragmaSocialId,omitzero"` // also read: socialId
	GameShardID    UUID `json:"gameShardId,omitzero"`
	// AllGameShards is nil if the client left it out. Also read: allGames.
	AllGameShards    *bool  `json:"allGameShards,omitzero"`
	DurationInMillis Int64  `json:"durationInMillis"` // 0: for ever
	BanReason        string `json:"banReason"`
	Comment          string `json:"comment"`
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (r *AccountBanAccountV1Request) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain AccountBanAccountV1Request
	var text struct {
		plain
		SocialID *UUID `json:"socialId"`
		AllGames *bool `json:"allGames"`
	}
	if err := json.UnmarshalDecode(dec, &text); err != nil {
		return err
	}
	*r = AccountBanAccountV1Request(text.plain)
	if text.SocialID != nil && !text.SocialID.IsZero() {
		if !r.PragmaSocialID.IsZero() && r.PragmaSocialID != *text.SocialID {
			return mismatch("one account in pragmaSocialId and socialId").not('{')
		}
		r.PragmaSocialID = *text.SocialID
	}
	if text.AllGames != nil {
		if r.AllGameShards != nil && *r.AllGameShards != *text.AllGames {
			return mismatch("one value in allGameShards and allGames").not('{')
		}
		r.AllGameShards = text.AllGames
	}
	return nil
}

// AccountBanAccountV1Response has the ban.
type AccountBanAccountV1Response struct {
	Ban Ban `json:"ban"`
}

// AccountGetBansBySocialIDV1Request asks for the bans of an account.
type AccountGetBansBySocialIDV1Request struct {
	PragmaSocialID UUID `json:"pragmaSocialId,omitzero"`
}

// AccountGetBansV1Response lists bans, also those that are over.
type AccountGetBansV1Response struct {
	Bans []Ban `json:"bans"`
}

// AccountRevokeBanAccountV1Request takes a ban back.
type AccountRevokeBanAccountV1Request struct {
	BanID UUID `json:"banId,omitzero"`
}

// AccountRevokeBanAccountV1Response has the ban as it is now.
type AccountRevokeBanAccountV1Response = AccountBanAccountV1Response

// AccountBanV1Notification tells a player of his ban.
type AccountBanV1Notification = AccountBanAccountV1Response

// Ban is Account_Ban.
type Ban struct {
	BanID                UUID    `json:"banId,omitzero"`
	PragmaSocialID       UUID    `json:"pragmaSocialId,omitzero"`
	GameShardID          UUID    `json:"gameShardId,omitzero"`
	AllGameShards        bool    `json:"allGameShards"`
	StartTimestampMillis Int64   `json:"startTimestampMillis"`
	DurationInMillis     Int64   `json:"durationInMillis"`
	BanReason            string  `json:"banReason"`
	Comment              *string `json:"comment,omitzero"` // nil in what players are told
	Revoked              bool    `json:"revoked"`
}

// AccountCreatePlayerGroupOperatorV1Request makes a group of accounts.
type AccountCreatePlayerGroupOperatorV1Request struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// AccountCreatePlayerGroupOperatorV1Response has the group.
type AccountCreatePlayerGroupOperatorV1Response struct {
	PlayerGroup PlayerGroup `json:"playerGroup"`
}

// AccountViewPlayerGroupsV1Response lists all groups.
type AccountViewPlayerGroupsV1Response struct {
	PlayerGroups []PlayerGroup `json:"playerGroups"`
}

// PlayerGroup is a group of accounts.
type PlayerGroup struct {
	PlayerGroupID UUID   `json:"playerGroupId,omitzero"`
	Name          string `json:"name"`
	Description   string `json:"description"`
	PlayerCount   Int64  `json:"playerCount"`
}

// AccountPlayerGroupMemberV1Request puts an account into a group or takes it out:
// the payload of AddAccountToPlayerGroup and RemoveAccountFromPlayerGroup.
type AccountPlayerGroupMemberV1Request struct {
	PlayerGroupID  UUID `json:"playerGroupId,omitzero"`
	PragmaSocialID UUID `json:"pragmaSocialId,omitzero"`
}

// AccountPlayerGroupMemberV1Response has the groups the account is in now.
type AccountPlayerGroupMemberV1Response struct {
	PlayerGroupIDs []UUID `json:"playerGroupIds"`
}

// AccountPlayerGroupMembersV1Request is the same for several accounts. The
// answer is [Empty].
type AccountPlayerGroupMembersV1Request struct {
	PlayerGroupID   UUID   `json:"playerGroupId,omitzero"`
	PragmaSocialIDs []UUID `json:"pragmaSocialIds"`
}

// AccountAddAccountTagsV1Request puts tags on accounts.
type AccountAddAccountTagsV1Request struct {
	Request AddAccountTagsRequest `json:"request"`
}

// AddAccountTagsRequest says which tags, by their text.
type AddAccountTagsRequest struct {
	PragmaSocialIDs []UUID   `json:"pragmaSocialIds"`
	AccountTags     []string `json:"accountTags"`
}

// AccountRemoveAccountTagsV1Request takes tags off accounts.
type AccountRemoveAccountTagsV1Request struct {
	Request RemoveAccountTagsRequest `json:"request"`
}

// RemoveAccountTagsRequest says which tags, by their ids.
type RemoveAccountTagsRequest struct {
	PragmaSocialIDs []UUID `json:"pragmaSocialIds"`
	AccountTagIDs   []UUID `json:"accountTagIds"`
}

// AccountGetAccountTagsV1Request asks for the tags of accounts.
type AccountGetAccountTagsV1Request struct {
	PragmaSocialIDs []UUID `json:"pragmaSocialIds"`
}

// AccountGetAccountTagsV1Response has them; so have the answers of the calls
// that add and remove tags.
type AccountGetAccountTagsV1Response struct {
	AccountTagsBySocialID []AccountTagsBySocialID `json:"accountTagsBySocialId"`
}

// AccountTagsBySocialID are the tags of one account.
type AccountTagsBySocialID struct {
	PragmaSocialID UUID         `json:"pragmaSocialId,omitzero"`
	AccountTags    []AccountTag `json:"accountTags"`
}

// AccountTag is a tag.
type AccountTag struct {
	TagID UUID   `json:"tagId,omitzero"`
	Tag   string `json:"tag"`
}

// AccountViewTagsV1Response lists all tags.
type AccountViewTagsV1Response struct {
	AccountTags []AccountTag `json:"accountTags"`
}

// AccountGetPragmaAccountOverviewsV1Request searches for accounts.
type AccountGetPragmaAccountOverviewsV1Request struct {
	Filter PlayerSearchFilter `json:"filter"`
	Page
}

// PlayerSearchFilter is Account_PlayerSearchFilter: what is empty says nothing.
type PlayerSearchFilter struct {
	AccountTagIDs               []UUID                      `json:"accountTagIds"`
	ExcludedPlayerGroupIDs      []UUID                      `json:"excludedPlayerGroupIds"`
	PlayerGroupIDs              []UUID                      `json:"playerGroupIds"`
	ExcludedAccountTagIDs       []UUID                      `json:"excludedAccountTagIds"`
	IDProviders                 []IDProvider                `json:"idProviders"`
	SearchEmailVerified         SearchEmailVerified         `json:"searchEmailVerified"`
	IDProviderAccountID         string                      `json:"idProviderAccountId"`
	PragmaSocialID              UUID                        `json:"pragmaSocialId,omitzero"`
	EmailAddress                string                      `json:"emailAddress"`
	IDProviderDisplayNameSearch IDProviderDisplayNameSearch `json:"idProviderDisplayNameSearch,omitzero"`
	PragmaFullDisplayName       string                      `json:"pragmaFullDisplayName"`
	GameShardID                 UUID                        `json:"gameShardId,omitzero"`
}

// IDProviderDisplayNameSearch is a name at an identity provider.
type IDProviderDisplayNameSearch struct {
	IDProvider      IDProvider `json:"idProvider"`
	FullDisplayName string     `json:"fullDisplayName"`
}

// AccountGetPragmaAccountOverviewsV1Response has a page of what was found.
type AccountGetPragmaAccountOverviewsV1Response struct {
	Accounts []PragmaAccountOverview `json:"accounts"`
	Count    Int64                   `json:"count"`
}

// PragmaAccountOverview is one account.
type PragmaAccountOverview struct {
	PragmaSocialID UUID        `json:"pragmaSocialId,omitzero"`
	DisplayName    DisplayName `json:"displayName"`
}
