package wire

// Empty is the payload of every message without members. It reads any object.
type Empty struct{}

// PlayerSessionRefreshV1Request hands a connection its new token (wire §2.5, §7.1).
// The answer is [Empty], as for HeartbeatV1 and RequestLogoutV1, whose requests
// are Empty too.
type PlayerSessionRefreshV1Request struct {
	Token string `json:"token"`
}

// PlayerSessionChangedV1Notification tells a player which attributes of the
// session have changed (wire §8, §9).
type PlayerSessionChangedV1Notification struct {
	// NewVersion is 2 after the first change and rises by 1 with each.
	NewVersion Int32 `json:"newVersion"`
	// AttributesSet is keyed by the attributes of the backend: on game such as
	// [GameAttributePartyID], on social [SocialAttributeReconnect].
	AttributesSet     map[int32]string `json:"attributesSet"`
	AttributesRemoved []Int32          `json:"attributesRemoved"`
}

// PlayerSessionTerminatedV1Notification is the last message of a player's session.
type PlayerSessionTerminatedV1Notification struct {
	PlayerSession PlayerSession            `json:"playerSession"`
	Reason        SessionTerminationReason `json:"reason"`
}

// PartnerSessionTerminatedV1Notification is the last message of a partner's session.
type PartnerSessionTerminatedV1Notification struct {
	PartnerSession PartnerSession           `json:"partnerSession"`
	Reason         SessionTerminationReason `json:"reason"`
}

// PlayerSession describes a player's session (wire §13).
type PlayerSession struct {
	// PragmaID is the player id on the game backend and the social id on the other.
	PragmaID    UUID             `json:"pragmaId,omitzero"`
	SessionID   UUID             `json:"sessionId,omitzero"`
	DisplayName DisplayName      `json:"displayName"`
	Attributes  map[int32]string `json:"attributes"`
	Version     Int32            `json:"version"`
	SocialID    UUID             `json:"socialId,omitzero"`
}

// PartnerSession describes a partner's session (wire §13).
type PartnerSession struct {
	PragmaID UUID `json:"pragmaId,omitzero"`
}

// Attributes of a session on the game backend (wire §2.4). They travel as
// numbers, in the keys of a map.
const (
	GameAttributeReconnect      int32 = 1 // the value is [ReconnectFlag]
	GameAttributePartyID        int32 = 2
	GameAttributeMatchmakingID  int32 = 3 // new with each entry
	GameAttributeGameInstanceID int32 = 4
)

// SocialAttributeReconnect is the attribute of a session on the social backend.
const SocialAttributeReconnect int32 = 1

// ReconnectFlag is the value of the reconnect attributes.
const ReconnectFlag = "00000000-0000-0000-0000-000000000001"

// SessionType says who holds a session; PragmaSessionType in wire §2.4.
type SessionType = Enum[sessionType]

type sessionType struct{}

// Session types.
const (
	SessionTypeNone     SessionType = 0
	SessionTypePlayer   SessionType = 1
	SessionTypePartner  SessionType = 2
	SessionTypeOperator SessionType = 3
	SessionTypeService  SessionType = 4
)

func (sessionType) names() []enumName { return sessionTypes }

var sessionTypes = []enumName{{0, "NONE"}, {1, "PLAYER"}, {2, "PARTNER"}, {3, "OPERATOR"}, {4, "SERVICE"}}

// BackendType names a backend; PragmaBackendType in wire §2.4.
type BackendType = Enum[backendType]

type backendType struct{}

// Backends.
const (
	BackendTypeInvalid BackendType = 0
	BackendTypeSocial  BackendType = 1
	BackendTypeGame    BackendType = 2
)

func (backendType) names() []enumName { return backendTypes }

var backendTypes = []enumName{{0, "INVALID"}, {1, "SOCIAL"}, {2, "GAME"}}

// MessageType sorts messages; PragmaMessageType in wire §2.4.
type MessageType = Enum[messageType]

type messageType struct{}

// Message types.
const (
	MessageTypeInternal     MessageType = 0
	MessageTypeRequest      MessageType = 1
	MessageTypeResponse     MessageType = 2
	MessageTypeNotification MessageType = 3
)

func (messageType) names() []enumName { return messageTypes }

var messageTypes = []enumName{{0, "INTERNAL"}, {1, "REQUEST"}, {2, "RESPONSE"}, {3, "NOTIFICATION"}}

// SessionTerminationReason says why a session ended (wire §2.4).
type SessionTerminationReason = Enum[sessionTerminationReason]

type sessionTerminationReason struct{}

// Reasons for the end of a session.
const (
	SessionTerminationUnknown         SessionTerminationReason = 0
	SessionTerminationAsRequested     SessionTerminationReason = 1
	SessionTerminationClusterShutdown SessionTerminationReason = 2
	SessionTerminationKicked          SessionTerminationReason = 3
	SessionTerminationUsurped         SessionTerminationReason = 4
	SessionTerminationExpired         SessionTerminationReason = 5
)

func (sessionTerminationReason) names() []enumName { return sessionTerminationReasons }

var sessionTerminationReasons = []enumName{
	{0, "UNKNOWN_SESSION_TERMINATION_REASON"},
	{1, "AS_REQUESTED"},
	{2, "CLUSTER_SHUTDOWN"},
	{3, "KICKED"},
	{4, "USURPED"},
	{5, "EXPIRED"},
}
