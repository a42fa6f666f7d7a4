package wire

// The calls by which operators look after sessions (wire §16.6). The response of
// TerminateSessionOperatorV1 is [Empty].

// OperatorSessionListSessionsOperatorV1Request asks for live sessions.
type OperatorSessionListSessionsOperatorV1Request struct {
	Filter SessionFilter `json:"filter"`
	Page
}

// SessionFilter says which sessions to list. What is unset lets all through.
type SessionFilter struct {
	SessionType SessionType  `json:"sessionType,omitzero"`
	State       SessionState `json:"state,omitzero"`
	PlayerID    UUID         `json:"playerId,omitzero"`
	SocialID    UUID         `json:"socialId,omitzero"`
	DisplayName string       `json:"displayName"` // with or without discriminator
}

// OperatorSessionListSessionsOperatorV1Response has one page of them.
type OperatorSessionListSessionsOperatorV1Response struct {
	Sessions []OperatorSessionInfo `json:"sessions"`
	Count    Int64                 `json:"count"` // on all pages
}

// OperatorSessionRequest names the session to get or to end.
type OperatorSessionRequest struct {
	SessionID UUID `json:"sessionId,omitzero"`
}

// OperatorSessionGetSessionOperatorV1Response has the session.
type OperatorSessionGetSessionOperatorV1Response struct {
	Session OperatorSessionInfo `json:"session"`
}

// OperatorSessionInfo is a session as operators see it.
type OperatorSessionInfo struct {
	SessionID   UUID         `json:"sessionId,omitzero"`
	SessionType SessionType  `json:"sessionType"`
	BackendType BackendType  `json:"backendType"`
	State       SessionState `json:"state"`
	// PragmaID is the player id on game and the social id on social; of a partner
	// the token's id, of an operator the social id.
	PragmaID                 UUID         `json:"pragmaId,omitzero"`
	SocialID                 UUID         `json:"socialId,omitzero"`
	DisplayName              *DisplayName `json:"displayName,omitzero"`
	PartnerName              string       `json:"partnerName,omitzero"`
	ConnectedTimestampMillis Int64        `json:"connectedTimestampMillis"`
	LastSeenTimestampMillis  Int64        `json:"lastSeenTimestampMillis"`
	RemoteAddress            string       `json:"remoteAddress"`
	NodeName                 string       `json:"nodeName"`
}

// SessionState says whether a session has a socket; the enum of state in
// wire §16.6. The number 0 is ours, for a filter that is unset.
type SessionState = Enum[sessionState]

type sessionState struct{}

// States of a session.
const (
	SessionStateUnknown   SessionState = 0
	SessionStateConnected SessionState = 1
	SessionStateDetached  SessionState = 2
)

func (sessionState) names() []enumName { return sessionStates }

var sessionStates = []enumName{{0, "UNKNOWN_SESSION_STATE"}, {1, "CONNECTED"}, {2, "DETACHED"}}

// MultiplayerGetCacheInfoOperatorV1Request asks where a player is.
type MultiplayerGetCacheInfoOperatorV1Request struct {
	PlayerID UUID `json:"playerId,omitzero"`
}

// MultiplayerGetCacheInfoOperatorV1Response is where a player is.
type MultiplayerGetCacheInfoOperatorV1Response struct {
	PartyID         UUID                 `json:"partyId,omitzero"`
	MatchmakingID   UUID                 `json:"matchmakingId,omitzero"`
	GameInstanceIDs []UUID               `json:"gameInstanceIds"`
	SessionVersion  Int32                `json:"sessionVersion"`
	Session         *OperatorSessionInfo `json:"session,omitzero"` // missing without a live one
}
