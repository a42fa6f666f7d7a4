package wire

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// The calls of AccountRpc that the log-in of players, game servers and tools
// needs (wire §2.5, §7.9, §13, §16.6). GetAccountV1 has an [Empty] request,
// CreateAccountWithUnsafeProviderV2 an Empty response.

// AccountRefreshTokensV1Request asks for new tokens in exchange for the present ones.
type AccountRefreshTokensV1Request struct {
	PragmaTokens PragmaTokens `json:"pragmaTokens"`
}

// AccountRefreshTokensV1Response has the new tokens.
type AccountRefreshTokensV1Response = AccountRefreshTokensV1Request

// AccountGetAccountV1Response describes the caller's account.
type AccountGetAccountV1Response struct {
	PragmaSocialID                       UUID                `json:"pragmaSocialId,omitzero"`
	EmailAddress                         string              `json:"emailAddress"`
	EmailVerified                        bool                `json:"emailVerified"`
	AccountCreatedTimestampMillis        Int64               `json:"accountCreatedTimestampMillis"`
	LastLoginTimestampMillis             Int64               `json:"lastLoginTimestampMillis"`
	DisplayName                          DisplayName         `json:"displayName"`
	LastDisplayNameUpdateTimestampMillis Int64               `json:"lastDisplayNameUpdateTimestampMillis"`
	GameIdentities                       []GameIdentity      `json:"gameIdentities"`
	IDProviderAccounts                   []IDProviderAccount `json:"idProviderAccounts"`
}

// AccountCreatePartnerTokenV1Request asks for a pair of partner tokens.
type AccountCreatePartnerTokenV1Request struct {
	GameShardID     UUID     `json:"gameShardId,omitzero"`
	Name            string   `json:"name,omitzero"`
	AllowedTypes    []string `json:"allowedTypes,omitzero"`    // full request type names; none: all
	ExpirationHours Int32    `json:"expirationHours,omitzero"` // 0: the configured life
}

// AccountCreatePartnerTokenV1Response has the tokens, this once.
type AccountCreatePartnerTokenV1Response struct {
	PragmaPartnerGameToken   string `json:"pragmaPartnerGameToken"`
	PragmaPartnerSocialToken string `json:"pragmaPartnerSocialToken"`
	PartnerTokenID           UUID   `json:"partnerTokenId,omitzero"`
}

// AccountCreateAccountWithUnsafeProviderV2Request makes accounts for tests.
type AccountCreateAccountWithUnsafeProviderV2Request struct {
	NewAccounts []UnsafeAccount `json:"newAccounts"`
	GameShardID UUID            `json:"gameShardId,omitzero"`
}

// UnsafeAccount is an account to be made; ID is free text, not a UUID.
type UnsafeAccount struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
}

// PragmaTokens are the tokens of one log-in. An empty game token beside a social
// one means that the account may not enter the game.
type PragmaTokens struct {
	PragmaGameToken   string `json:"pragmaGameToken"`
	PragmaSocialToken string `json:"pragmaSocialToken"`
}

// DisplayName is a name with the four digits that make it unique.
type DisplayName struct {
	DisplayName   string `json:"displayName"`
	Discriminator string `json:"discriminator"`
}

// GameIdentity is the player that an account is on one game shard.
type GameIdentity struct {
	GameShardID    UUID `json:"gameShardId,omitzero"`
	PragmaPlayerID UUID `json:"pragmaPlayerId,omitzero"`
}

// IDProviderAccount is an account at an identity provider.
type IDProviderAccount struct {
	IDProviderType      IDProvider  `json:"idProviderType"`
	AccountID           string      `json:"accountId"`
	ProviderDisplayName DisplayName `json:"providerDisplayName"`
}

// IDProvider is the name of an identity provider, such as STEAM. Titles add their
// own, so any name is kept. It is written as the name and read from the name or
// the platform's number; a number without a known name is read as its digits
// (wire §2.2).
type IDProvider string

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (p *IDProvider) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	name, err := readName(dec, idProviders)
	if err == nil {
		*p = IDProvider(name)
	}
	return err
}

// The platform's identity providers.
const (
	IDProviderUnused          IDProvider = "UNUSED"
	IDProviderUnsafe          IDProvider = "UNSAFE"
	IDProviderEpic            IDProvider = "EPIC"
	IDProviderDiscord         IDProvider = "DISCORD"
	IDProviderSteam           IDProvider = "STEAM"
	IDProviderEmail           IDProvider = "EMAIL"
	IDProviderGoogle          IDProvider = "GOOGLE"
	IDProviderPlaystation     IDProvider = "PLAYSTATION"
	IDProviderTwitch          IDProvider = "TWITCH"
	IDProviderXbox            IDProvider = "XBOX"
	IDProviderOkta            IDProvider = "OKTA"
	IDProviderAuth0           IDProvider = "AUTH0"
	IDProviderGoogleWorkspace IDProvider = "GOOGLEWORKSPACE"
	IDProviderMetaQuest       IDProvider = "META_QUEST"
	IDProviderCustom          IDProvider = "CUSTOM"
)

var idProviders = []enumName{
	{0, "UNUSED"},
	{1, "UNSAFE"},
	{2, "EPIC"},
	{3, "DISCORD"},
	{4, "STEAM"},
	{5, "EMAIL"},
	{6, "GOOGLE"},
	{7, "PLAYSTATION"},
	{8, "TWITCH"},
	{9, "XBOX"},
	{10, "OKTA"},
	{11, "AUTH0"},
	{12, "GOOGLEWORKSPACE"},
	{13, "META_QUEST"},
	{100, "CUSTOM"},
}

// IsPlatformIDProvider reports whether a name is one of the platform's, which a
// title must not use for a provider of its own.
func IsPlatformIDProvider(name string) bool {
	return slices.ContainsFunc(idProviders, func(e enumName) bool { return e.name == name })
}

// SearchEmailVerified narrows a search for accounts (wire §11.4).
type SearchEmailVerified = Enum[searchEmailVerified]

type searchEmailVerified struct{}

// Ways to narrow the search.
const (
	SearchEmailVerifiedDisabled   SearchEmailVerified = 0
	SearchEmailVerifiedUnverified SearchEmailVerified = 1
	SearchEmailVerifiedVerified   SearchEmailVerified = 2
)

func (searchEmailVerified) names() []enumName { return searchEmailVerifieds }

var searchEmailVerifieds = []enumName{{0, "DISABLED"}, {1, "UNVERIFIED"}, {2, "VERIFIED"}}
