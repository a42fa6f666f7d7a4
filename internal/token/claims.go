package token

// Issuer is the "iss" of every token. [Keys.Sign] writes it and [Keys.Verify]
// insists on it.
const Issuer = "pragma"

// The values of [Claims.SessionType].
const (
	Player   = "PLAYER"
	Partner  = "PARTNER"
	Operator = "OPERATOR"
)

// The values of [Claims.BackendType].
const (
	Game   = "GAME"
	Social = "SOCIAL"
)

// Claims is what a token says (wire §2.3, §16.9). Ids are UUIDs as text; this
// package does not parse them. SessionType and BackendType decide which claims
// are written; a token of the log-in queue has neither. The comment of a field
// names the kinds that have it; for the others it must stay zero.
type Claims struct {
	// Subject is the player id in a player's game token, the social id in the
	// social token and for operators, the partner token id for partners, and the
	// ticket number in the queue. Needed.
	Subject string `json:"sub"`
	// IssuedAt and ExpiresAt are Unix seconds. Needed; ExpiresAt is later.
	IssuedAt  int64 `json:"iat"`
	ExpiresAt int64 `json:"exp"`
	// NotBefore is Unix seconds. Zero leaves the claim out.
	NotBefore int64 `json:"nbf"`
	// ID is a UUID of this token alone. Needed.
	ID string `json:"jti"`

	// SessionType is Player, Partner, Operator, or empty for the queue.
	SessionType string `json:"sessionType"`
	// BackendType is Game or Social, or empty for the queue.
	BackendType string `json:"backendType"`

	// SessionID is the log-in that both tokens of a pair belong to; a refresh
	// keeps it. Needed for players and operators.
	SessionID string `json:"sessionId"`
	// GameShardID is needed in every game token and absent from social ones.
	GameShardID string `json:"gameShardId"`
	// ExpiresInMillis is the life of the token. Needed but for the queue; text on
	// the wire.
	ExpiresInMillis int64 `json:"expiresInMillis,string"`
	// RefreshInMillis is when the client asks for new tokens. Needed for players
	// and operators: a client that reads 0 refreshes without end. Text on the wire.
	RefreshInMillis int64 `json:"refreshInMillis,string"`

	// DisplayName and Discriminator are the public name of a player or operator;
	// the discriminator is four digits. They may be empty.
	DisplayName   string `json:"displayName"`
	Discriminator string `json:"discriminator"`
	// PlayerID is needed in a player's game token, and may be in the social one.
	PlayerID string `json:"pragmaPlayerId"`
	// SocialID is needed for players and operators.
	SocialID string `json:"pragmaSocialId"`
	// IDProvider is the name of the provider of the log-in, such as "STEAM", for
	// players and operators.
	IDProvider string `json:"idProvider"`
	// ExtSessionInfo is a text that holds JSON, for players. Empty is written as
	// "{}".
	ExtSessionInfo string `json:"extSessionInfo"`

	// PartnerID is needed for partners and equals Subject.
	PartnerID string `json:"pragmaPartnerId"`
	// PartnerName is a name for people, for partners. It may be empty.
	PartnerName string `json:"partnerName"`
	// AllocationID is the game-server allocation that a partner token was made
	// for. Empty leaves the claim out: the token is not bound to one.
	AllocationID string `json:"allocationId"`
	// AllowedTypes are the full request types that a partner token may call. Nil
	// leaves the claim out: no restriction. An empty list allows nothing.
	AllowedTypes []string `json:"allowedTypes"`

	// OperatorRoles are the roles of an operator: "ADMIN", "VIEWER".
	OperatorRoles []string `json:"operatorRoles"`

	// TicketNumber is the place in the log-in queue, for queue tokens. Needed
	// there, and equal to Subject.
	TicketNumber string `json:"ticketNumber"`
	// IsAllowedIn is "true" or "false", for queue tokens.
	IsAllowedIn string `json:"isAllowedIn"`
}

// kind is a set of kinds of token.
type kind uint8

const (
	playerGame kind = 1 << iota
	playerSocial
	partnerGame
	partnerSocial
	operatorGame
	operatorSocial
	queue

	players   = playerGame | playerSocial
	partners  = partnerGame | partnerSocial
	operators = operatorGame | operatorSocial
	games     = playerGame | partnerGame | operatorGame
	sessions  = players | partners | operators
	every     = sessions | queue
)

// kind returns the kind that the claims say they are. It is false for types
// that do not exist and for half a type.
func (c *Claims) kind() (kind, bool) {
	switch [2]string{c.SessionType, c.BackendType} {
	case [2]string{Player, Game}:
		return playerGame, true
	case [2]string{Player, Social}:
		return playerSocial, true
	case [2]string{Partner, Game}:
		return partnerGame, true
	case [2]string{Partner, Social}:
		return partnerSocial, true
	case [2]string{Operator, Game}:
		return operatorGame, true
	case [2]string{Operator, Social}:
		return operatorSocial, true
	case [2]string{"", ""}:
		return queue, true
	}
	return 0, false
}
