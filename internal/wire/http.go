package wire

// The bodies of the HTTP endpoints besides /v1/rpc (wire §1.2, §1.3, §2.2). The
// body of GET /v1/types is a map[string]int from type name to number.

// Info is the body of GET /v1/info.
type Info struct {
	Name                string             `json:"name"`
	Version             string             `json:"version"` // as PlatformVersion, for generation 94
	PlatformVersion     string             `json:"platformVersion"`
	BackendMode         string             `json:"backendMode"` // PRODUCTION or DEVELOPMENT
	AuthenticateBackend AuthBackend        `json:"authenticateBackend"`
	SocialBackend       Backend            `json:"socialBackend"`
	GameBackend         Backend            `json:"gameBackend"`
	GameShardID         UUID               `json:"gameShardId,omitzero"`
	Backends            map[string]Backend `json:"backends"` // for generation 94
}

// AuthBackend is where clients log in.
type AuthBackend struct {
	Host     string `json:"host"`
	Port     Int32  `json:"port"`
	Protocol string `json:"protocol"` // http or https
	Scheme   string `json:"scheme"`   // the same
}

// Backend is where clients connect.
type Backend struct {
	Host              string `json:"host"`
	Port              Int32  `json:"port"`
	Protocol          string `json:"protocol"`          // http or https
	WebSocketProtocol string `json:"webSocketProtocol"` // ws or wss
}

// Healthcheck is the body of GET /v1/healthcheck.
type Healthcheck struct {
	IsHealthy            bool   `json:"isHealthy"`
	Version              string `json:"version"`
	PlatformVersion      string `json:"platformVersion"`
	PortalVersion        string `json:"portalVersion"`
	ContentVersion       string `json:"contentVersion"`
	ConfigVersion        string `json:"configVersion"`
	LaunchTimeUnixMillis int64  `json:"launchTimeUnixMillis"` // a number, against the rule
}

// InstanceHealthcheck is the body of GET /instance-healthcheck.
type InstanceHealthcheck struct {
	Alive bool `json:"alive"`
}

// Gateway is the body of GET /v1/gateway: digits as text.
type Gateway struct {
	Gateway Int64 `json:"gateway"`
}

// LoginQueueTicket is the body of both log-in queue endpoints.
type LoginQueueTicket struct {
	Token           string `json:"token"`
	PositionInQueue Int32  `json:"positionInQueue"`
	// Eta is an estimate of the wait; clients only show it.
	Eta Int64 `json:"eta"`
	// PollNextDuration is how long to wait before asking again, in milliseconds.
	PollNextDuration Int32 `json:"pollNextDuration"`
	IsAllowedIn      bool  `json:"isAllowedIn"`
}

// CheckTicketRequest is the request body of POST /v1/loginqueue/checkticketv1.
type CheckTicketRequest struct {
	Token string `json:"token"`
}

// AuthenticateOrCreateV2Request is the request body of the log-in.
type AuthenticateOrCreateV2Request struct {
	ProviderID    IDProvider `json:"providerId"`
	ProviderToken string     `json:"providerToken"`
	// GameShardID is text and not a UUID so that a shard that cannot exist is
	// answered like one that does not.
	GameShardID         string       `json:"gameShardId"`
	LoginQueuePassToken string       `json:"loginQueuePassToken"`
	LoginOptions        LoginOptions `json:"loginOptions,omitzero"`
}

// LoginOptions are what a client says of the machine it runs on (engine §2.2).
type LoginOptions struct {
	DistributionPlatform string `json:"distributionPlatform,omitzero"`
	HardwareClass        string `json:"hardwareClass,omitzero"`
	HardwareDevice       string `json:"hardwareDevice,omitzero"`
}

// AuthenticateOrCreateV2Response is the answer to a log-in. One client treats
// anything beside these members as an error.
type AuthenticateOrCreateV2Response struct {
	PragmaTokens PragmaTokens `json:"pragmaTokens"`
}
