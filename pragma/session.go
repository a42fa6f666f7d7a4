package pragma

// Backend is one of the two halves of a server: accounts live on Social, games on Game.
type Backend string

// The two backends (engine §1.1).
const (
	Social Backend = "SOCIAL"
	Game   Backend = "GAME"
)

// SessionType says who is at the other end of a session. Each type has a
// gateway of its own on each backend.
type SessionType string

// The session types of the gateways (engine §1.1).
const (
	Player   SessionType = "PLAYER"   // game clients
	Partner  SessionType = "PARTNER"  // trusted servers, such as game servers
	Operator SessionType = "OPERATOR" // the portal and administration
)

// Gateway is one of the six doors of a server.
type Gateway struct {
	Backend Backend
	Type    SessionType
}

// String returns the backend and the type, such as "GAME/PLAYER".
func (g Gateway) String() string { return string(g.Backend) + "/" + string(g.Type) }

// Gateways returns all six, in a fixed order.
func Gateways() []Gateway {
	return []Gateway{
		{Social, Player}, {Social, Partner}, {Social, Operator},
		{Game, Player}, {Game, Partner}, {Game, Operator},
	}
}

// DisplayName is a player's chosen name with the four digits that make it unique.
type DisplayName struct {
	DisplayName   string `json:"displayName"`
	Discriminator string `json:"discriminator"`
}

// String returns the form shown to people, such as "robin#0042".
func (n DisplayName) String() string { return n.DisplayName + "#" + n.Discriminator }

// PlayerSession is the player behind a call: what his token says (engine §1.2).
// All calls of a connection share one: do not change it.
type PlayerSession struct {
	PlayerID    PlayerID // zero on Social when the token names no shard
	SocialID    SocialID
	SessionID   SessionID
	DisplayName DisplayName
	IDProvider  string      // such as STEAM
	GameShardID GameShardID // zero on Social

	// What the client said of itself at the log-in, each optional and at most
	// [MaxLoginOption] bytes. Nobody has checked it. A refresh keeps it.
	DistributionPlatform string `json:",omitzero"` // the shop, such as STEAM
	HardwareClass        string `json:",omitzero"` // such as PC
	HardwareDevice       string `json:",omitzero"`
}

// PartnerSession is the trusted server behind a call: what its token says.
type PartnerSession struct {
	PartnerID    PartnerID
	Name         string
	GameShardID  GameShardID  // zero on Social
	AllocationID AllocationID // zero unless the token was made for one allocation
	// AllowedTypes are the full request types the token may call. Nil allows all.
	AllowedTypes []string
}

// OperatorSession is the operator behind a call: what his token says.
type OperatorSession struct {
	SocialID    SocialID
	SessionID   SessionID
	DisplayName DisplayName
	IDProvider  string   // such as STEAM
	Roles       []string // [RoleAdmin], [RoleViewer]
}

// EndReason says why a session ended. It travels as SessionTerminationReason
// (wire §2.4).
type EndReason string

// Reasons for the end of a session.
const (
	EndAsRequested     EndReason = "AS_REQUESTED"     // log-out or clean close
	EndClusterShutdown EndReason = "CLUSTER_SHUTDOWN" // never used by a single node: sockets are cut instead
	EndKicked          EndReason = "KICKED"           // by an operator
	EndUsurped         EndReason = "USURPED"          // by a later log-in
	EndExpired         EndReason = "EXPIRED"          // the grace time is over
)
