package wire

// The calls by which operators look after partner tokens (wire §16.6). The
// response of RevokePartnerTokenOperatorV1 is [Empty].

// AccountListPartnerTokensOperatorV1Request asks for the pairs of partner tokens,
// the latest first.
type AccountListPartnerTokensOperatorV1Request struct {
	Page
}

// AccountListPartnerTokensOperatorV1Response has one page of them.
type AccountListPartnerTokensOperatorV1Response struct {
	PartnerTokens []OperatorPartnerTokenInfo `json:"partnerTokens"`
	Count         Int64                      `json:"count"` // on all pages
}

// AccountRevokePartnerTokenOperatorV1Request makes both tokens of a pair worthless.
type AccountRevokePartnerTokenOperatorV1Request struct {
	PartnerTokenID UUID `json:"partnerTokenId,omitzero"`
}

// OperatorPartnerTokenInfo describes a pair of partner tokens, without them.
type OperatorPartnerTokenInfo struct {
	PartnerTokenID          UUID     `json:"partnerTokenId,omitzero"`
	Name                    string   `json:"name"`
	GameShardID             UUID     `json:"gameShardId,omitzero"`
	AllowedTypes            []string `json:"allowedTypes"` // empty: all
	CreatedBySocialID       UUID     `json:"createdBySocialId,omitzero"`
	CreatedTimestampMillis  Int64    `json:"createdTimestampMillis"`
	ExpiresTimestampMillis  Int64    `json:"expiresTimestampMillis"`
	LastUsedTimestampMillis Int64    `json:"lastUsedTimestampMillis"` // 0: never
	Revoked                 bool     `json:"revoked"`
}
