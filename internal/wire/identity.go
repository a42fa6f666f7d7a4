package wire

// The calls of AccountRpc that change an account or find one (wire §7.9, §13,
// §16.7). CreateAccountPartnerV1 is known by name only: its payload is ours.

// AccountUpdateDisplayNameV1Request changes the caller's display name.
type AccountUpdateDisplayNameV1Request struct {
	RequestedDisplayName string `json:"requestedDisplayName"`
}

// AccountUpdateDisplayNamePartnerV1Request changes the name of any account.
type AccountUpdateDisplayNamePartnerV1Request struct {
	PragmaSocialID       UUID   `json:"pragmaSocialId,omitzero"`
	RequestedDisplayName string `json:"requestedDisplayName"`
}

// AccountUpdateDisplayNameV1Response has the name with its digits.
type AccountUpdateDisplayNameV1Response struct {
	UpdatedDisplayName DisplayName `json:"updatedDisplayName"`
}

// AccountUpdateEmailV1Request changes the caller's e-mail address.
type AccountUpdateEmailV1Request struct {
	EmailAddress string `json:"emailAddress"`
}

// VerifyEmailV1Request is the request body of POST /v1/account/verifyemailv1.
type VerifyEmailV1Request struct {
	Token string `json:"token"`
}

// IDProviderRequest proves who somebody is at an identity provider.
type IDProviderRequest struct {
	ProviderID    IDProvider `json:"providerId"`
	ProviderToken string     `json:"providerToken"`
}

// AccountLinkIdentityProviderAccountV2Request links a provider account to the
// caller's account.
type AccountLinkIdentityProviderAccountV2Request struct {
	NewProvider IDProviderRequest `json:"newProvider"`
}

// AccountLinkIdentityProviderAccountPartnerV1Request links a provider account to
// the account of another one.
type AccountLinkIdentityProviderAccountPartnerV1Request struct {
	Request FederateRequest `json:"request"`
}

// FederateRequest is Account_FederateRequest. The shard is text for the same
// reason as in [AuthenticateOrCreateV2Request].
type FederateRequest struct {
	GameShardID      string            `json:"gameShardId"`
	ExistingProvider IDProviderRequest `json:"existingProvider"`
	NewProvider      IDProviderRequest `json:"newProvider"`
}

// AccountLinkIdentityProviderAccountPartnerV1Response has tokens of a log-in.
type AccountLinkIdentityProviderAccountPartnerV1Response struct {
	Tokens PragmaTokens `json:"tokens"`
}

// AccountUnlinkIdentityProviderAccountPartnerV1Request takes the account of a
// provider away from an account.
type AccountUnlinkIdentityProviderAccountPartnerV1Request struct {
	PragmaSocialID UUID       `json:"pragmaSocialId,omitzero"`
	IDProvider     IDProvider `json:"idProvider"`
}

// AccountSocialIDRequest names an account: the payload of DeleteAccount and
// ViewSocialIdentity.
type AccountSocialIDRequest struct {
	PragmaSocialID UUID `json:"pragmaSocialId,omitzero"`
}

// AccountCreateAccountPartnerV1Request makes the account of a provider account.
type AccountCreateAccountPartnerV1Request struct {
	ProviderID          IDProvider  `json:"providerId"`
	ProviderAccountID   string      `json:"providerAccountId"`
	ProviderDisplayName DisplayName `json:"providerDisplayName"`
	GameShardID         string      `json:"gameShardId"` // empty: without a player
}

// AccountCreateAccountPartnerV1Response has the account.
type AccountCreateAccountPartnerV1Response struct {
	SocialIdentity SocialIdentity `json:"socialIdentity"`
}

// AccountGetDisplayNameForPragmaPlayerIDV1Request asks for a player's name.
type AccountGetDisplayNameForPragmaPlayerIDV1Request struct {
	PragmaPlayerID UUID `json:"pragmaPlayerId,omitzero"`
	GameShardID    UUID `json:"gameShardId,omitzero"`
}

// AccountGetDisplayNameForPragmaPlayerIDV1Response has it.
type AccountGetDisplayNameForPragmaPlayerIDV1Response = DisplayName

// AccountGetDisplayNameForPlayerIDPartnerV2Request is the same for partners.
type AccountGetDisplayNameForPlayerIDPartnerV2Request struct {
	PlayerID    UUID `json:"playerId,omitzero"`
	GameShardID UUID `json:"gameShardId,omitzero"`
}

// AccountGetDisplayNameForPlayerIDPartnerV2Response has the name.
type AccountGetDisplayNameForPlayerIDPartnerV2Response struct {
	DisplayName DisplayName `json:"displayName"`
}

// AccountGetPragmaPlayerIDForDisplayNameV1Request asks who has a name.
type AccountGetPragmaPlayerIDForDisplayNameV1Request struct {
	DisplayName   string `json:"displayName"`
	Discriminator string `json:"discriminator"`
	GameShardID   UUID   `json:"gameShardId,omitzero"`
}

// AccountGetPragmaPlayerIDForDisplayNameV1Response says who.
type AccountGetPragmaPlayerIDForDisplayNameV1Response struct {
	PragmaPlayerID UUID `json:"pragmaPlayerId,omitzero"`
}

// AccountPlayerIdentitiesByProviderV1Request asks who has accounts at providers:
// the payload of GetPragmaPlayerIdsForProviderIdsV2 and
// GetPlayerIdentitiesByProviderAccountIdsV1.
type AccountPlayerIdentitiesByProviderV1Request struct {
	GameShardID        UUID                `json:"gameShardId,omitzero"`
	ProviderAccountIDs []ProviderAccountID `json:"providerAccountIds"`
}

// AccountPlayerIdentitiesByProviderV1Response has those who were found.
type AccountPlayerIdentitiesByProviderV1Response struct {
	PlayerIdentities []PlayerIdentity `json:"playerIdentities"`
}

// AccountGetPlayerIdentitiesV1Request asks who players are, for players and
// partners alike.
type AccountGetPlayerIdentitiesV1Request struct {
	PlayerIDs   []UUID `json:"playerIds"`
	GameShardID UUID   `json:"gameShardId,omitzero"`
}

// AccountGetPlayerIdentitiesV1Response has an identity or a failure for each.
type AccountGetPlayerIdentitiesV1Response struct {
	PlayerIdentities []PlayerIdentity      `json:"playerIdentities"`
	Failures         []BatchRequestFailure `json:"failures"`
}

// AccountGetSocialIdentitiesV1Request asks who accounts are, for players and
// partners alike.
type AccountGetSocialIdentitiesV1Request struct {
	SocialIDs []UUID `json:"socialIds"`
}

// AccountGetSocialIdentitiesV1Response has an identity or a failure for each.
type AccountGetSocialIdentitiesV1Response struct {
	SocialIdentities []SocialIdentity      `json:"socialIdentities"`
	Failures         []BatchRequestFailure `json:"failures"`
}

// AccountGetSocialIdentitiesByProviderAccountIDsV1Request asks who has accounts
// at providers.
type AccountGetSocialIdentitiesByProviderAccountIDsV1Request struct {
	ProviderAccountIDs []ProviderAccountID `json:"providerAccountIds"`
}

// AccountGetSocialIdentitiesByProviderAccountIDsV1Response has those who were found.
type AccountGetSocialIdentitiesByProviderAccountIDsV1Response struct {
	SocialIdentities []SocialIdentity `json:"socialIdentities"`
}

// AccountViewSocialIdentityV1Response shows everything about an account.
type AccountViewSocialIdentityV1Response struct {
	SocialIdentity SocialIdentityWithPersonal `json:"socialIdentity"`
}

// ProviderAccountID is Account_ProviderAccountId.
type ProviderAccountID struct {
	IDProviderType    IDProvider `json:"idProviderType"`
	ProviderAccountID string     `json:"providerAccountId"`
}

// PlayerIdentity is Account_PlayerIdentity: an account as a player on one shard.
type PlayerIdentity struct {
	PragmaPlayerID     UUID                `json:"pragmaPlayerId,omitzero"`
	PragmaDisplayName  DisplayName         `json:"pragmaDisplayName"`
	IDProviderAccounts []IDProviderAccount `json:"idProviderAccounts"`
	PragmaSocialID     UUID                `json:"pragmaSocialId,omitzero"`
}

// SocialIdentity is Account_SocialIdentity: an account on all shards.
type SocialIdentity struct {
	PragmaSocialID     UUID                `json:"pragmaSocialId,omitzero"`
	PragmaDisplayName  DisplayName         `json:"pragmaDisplayName"`
	GameIdentities     []GameIdentity      `json:"gameIdentities"`
	IDProviderAccounts []IDProviderAccount `json:"idProviderAccounts"`
}

// SocialIdentityWithPersonal is Account_SocialIdentityWithPersonal.
type SocialIdentityWithPersonal struct {
	SocialIdentity           SocialIdentity `json:"socialIdentity"`
	PragmaPersonalID         UUID           `json:"pragmaPersonalId,omitzero"`
	Tags                     []AccountTag   `json:"tags"`
	EmailAddress             string         `json:"emailAddress"`
	EmailVerified            bool           `json:"emailVerified"`
	CreatedTimestampMillis   Int64          `json:"createdTimestampMillis"`
	LastLoginTimestampMillis Int64          `json:"lastLoginTimestampMillis"`
}

// BatchRequestFailure is the part of a list that could not be answered.
type BatchRequestFailure struct {
	PragmaID UUID   `json:"pragmaId,omitzero"`
	Error    string `json:"error"` // a platform error
}
