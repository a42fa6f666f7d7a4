package pragma

import (
	"errors"
	"time"

	"golang.org/x/time/rate"

	"github.com/openpragma/engine/internal/conf"
)

// coreConfig is the section core: what belongs to the node (engine §1.7).
type coreConfig struct {
	BackendMode           Mode   `yaml:"backendMode"`
	ClusterName           string `yaml:"clusterName"`
	NodeName              string `yaml:"nodeName"`
	ShardID               string `yaml:"shardId"`
	MetricsAddress        string `yaml:"metricsAddress"` // own listener for /metrics and /healthz; empty: none
	StartupTimeoutMillis  int    `yaml:"startupTimeoutMillis"`
	ShutdownTimeoutMillis int    `yaml:"shutdownTimeoutMillis"`

	// DatabaseConfig names the database of the server, see [Server.Store]. Its keys
	// depend on the driver.
	DatabaseConfig conf.Section `yaml:"databaseConfig"`

	Session        sessionConfig        `yaml:"session"`
	GatewayManager gatewayManagerConfig `yaml:"gatewayManager"`

	unusedConfig
}

// Validate implements [conf.Validator].
func (c *coreConfig) Validate() error {
	var errs []error
	if c.ClusterName == "" {
		errs = append(errs, conf.Fieldf("clusterName", "want at least one character"))
	}
	if c.NodeName == "" {
		errs = append(errs, conf.Fieldf("nodeName", "want at least one character"))
	}
	if id, err := ParseID[GameShardID](c.ShardID); err != nil || id.IsZero() {
		errs = append(errs, conf.Fieldf("shardId", "want a UUID other than zero"))
	}
	return errors.Join(append(errs, inRange([]setting{
		{"startupTimeoutMillis", c.StartupTimeoutMillis},
		{"shutdownTimeoutMillis", c.ShutdownTimeoutMillis},
	}))...)
}

// sessionConfig are the limits of sessions and connections. All change live, for
// open connections too, except handshakeTimeoutSeconds. Numbers are 1 or more
// unless it says otherwise.
type sessionConfig struct {
	// EnableMatchReconnect lets players back into games; see [Mount.MatchReconnect].
	EnableMatchReconnect bool `yaml:"enableMatchReconnect"`
	// PlayerGraceSeconds is how long a player's session waits for its next socket,
	// with the frames he asked for (engine §1.1, ADR 12). PartnerGraceSeconds is the
	// same for the connection of a partner that asked for frames. Without that, each
	// connection of a partner is a session that ends with it: nothing could tell
	// which one came back.
	PlayerGraceSeconds  int `yaml:"playerGraceSeconds"`
	PartnerGraceSeconds int `yaml:"partnerGraceSeconds"`
	PingIntervalSeconds int `yaml:"pingIntervalSeconds"`
	IdleTimeoutSeconds  int `yaml:"idleTimeoutSeconds"`
	// HandshakeTimeoutSeconds is how long a new connection has until its first
	// request is read, TLS included: nobody is known before that. Needs a restart.
	HandshakeTimeoutSeconds int `yaml:"handshakeTimeoutSeconds"`
	// TokenGraceSeconds is how long a socket stays open when its token is over and
	// SessionRefreshV1 has brought no new one; then it is cut, so that the client
	// comes back with another token. 0: it stays for ever.
	TokenGraceSeconds     int `yaml:"tokenGraceSeconds"`
	MaxPlayerFrameBytes   int `yaml:"maxPlayerFrameBytes"`
	MaxPartnerFrameBytes  int `yaml:"maxPartnerFrameBytes"`
	MaxOperatorFrameBytes int `yaml:"maxOperatorFrameBytes"`
	PlayerRatePerSecond   int `yaml:"playerRatePerSecond"`
	PlayerBurst           int `yaml:"playerBurst"`
	PartnerRatePerSecond  int `yaml:"partnerRatePerSecond"`
	PartnerBurst          int `yaml:"partnerBurst"`
	OperatorRatePerSecond int `yaml:"operatorRatePerSecond"`
	OperatorBurst         int `yaml:"operatorBurst"`
	RequestTimeoutMillis  int `yaml:"requestTimeoutMillis"`
	PluginTimeoutMillis   int `yaml:"pluginTimeoutMillis"`
	// MaxQueuedFrames and MaxQueuedBytes bound what waits for one peer; one more
	// and he is cut, so that he comes back. One frame alone may be larger. Until a
	// new socket has read what it is greeted with, it is four times as much.
	MaxQueuedFrames int `yaml:"maxQueuedFrames"`
	MaxQueuedBytes  int `yaml:"maxQueuedBytes"`
	// ResumeFrames and ResumeBytes bound what is kept for a client that asked to
	// get missed frames again (ADR 12); half of the two above is the most. No frames:
	// nobody gets them.
	ResumeFrames int `yaml:"resumeFrames"`
	ResumeBytes  int `yaml:"resumeBytes"`
	// MaxPendingCalls bounds the calls of one socket that wait behind the running
	// one. Further ones are refused as beyond the rate. Trusted servers and
	// operators may have their whole burst wait, if that is more.
	MaxPendingCalls int `yaml:"maxPendingCalls"`
	// WriteTimeoutSeconds cuts a socket whose peer takes no byte of a frame for so
	// long that it cannot be written. It is looked at with each ping.
	WriteTimeoutSeconds int `yaml:"writeTimeoutSeconds"`
	// MessageTimeoutSeconds cuts a socket whose peer has begun a message, or a
	// ping, and does not finish it.
	MessageTimeoutSeconds int `yaml:"messageTimeoutSeconds"`
	// ControlFramesPerSecond bounds pings, pongs and fragments of less than 1 KiB
	// from one peer: ten times as many within ten seconds close his socket with 1008.
	ControlFramesPerSecond int `yaml:"controlFramesPerSecond"`

	// HandshakesPerSecond and HandshakeBurst bound how many upgrades this node
	// tries in all, good tokens and bad ones. More get 429 before their token is
	// looked at. 0 a second: no limit.
	HandshakesPerSecond int `yaml:"handshakesPerSecond"`
	HandshakeBurst      int `yaml:"handshakeBurst"`
	// AddressHandshakesPerSecond and AddressHandshakeBurst are the same for one
	// client address (of IPv6: one /64). Refused tokens of HTTP calls and refused
	// log-ins count too; an address that has used up its burst gets 429 for
	// upgrades, HTTP calls and log-ins alike. 0 a second: no limit.
	AddressHandshakesPerSecond int `yaml:"addressHandshakesPerSecond"`
	AddressHandshakeBurst      int `yaml:"addressHandshakeBurst"`
	// AddressSockets bounds the open sockets of one client address on this node,
	// on player and operator gateways: game servers often share an address.
	// 0: no limit.
	AddressSockets int `yaml:"addressSockets"`
	// DrainSocketsPerSecond is how fast a stopping server cuts its sockets, so that
	// not all clients come back at once; faster if shutdownTimeoutMillis would not
	// do. 0: all at once.
	DrainSocketsPerSecond int `yaml:"drainSocketsPerSecond"`
}

// Validate implements [conf.Validator].
func (c *sessionConfig) Validate() error {
	err := inRange([]setting{
		{"playerGraceSeconds", c.PlayerGraceSeconds},
		{"partnerGraceSeconds", c.PartnerGraceSeconds},
		{"pingIntervalSeconds", c.PingIntervalSeconds},
		{"idleTimeoutSeconds", c.IdleTimeoutSeconds},
		{"handshakeTimeoutSeconds", c.HandshakeTimeoutSeconds},
		{"maxPlayerFrameBytes", c.MaxPlayerFrameBytes},
		{"maxPartnerFrameBytes", c.MaxPartnerFrameBytes},
		{"maxOperatorFrameBytes", c.MaxOperatorFrameBytes},
		{"playerRatePerSecond", c.PlayerRatePerSecond},
		{"playerBurst", c.PlayerBurst},
		{"partnerRatePerSecond", c.PartnerRatePerSecond},
		{"partnerBurst", c.PartnerBurst},
		{"operatorRatePerSecond", c.OperatorRatePerSecond},
		{"operatorBurst", c.OperatorBurst},
		{"requestTimeoutMillis", c.RequestTimeoutMillis},
		{"pluginTimeoutMillis", c.PluginTimeoutMillis},
		{"maxQueuedFrames", c.MaxQueuedFrames},
		{"maxQueuedBytes", c.MaxQueuedBytes},
		{"maxPendingCalls", c.MaxPendingCalls},
		{"writeTimeoutSeconds", c.WriteTimeoutSeconds},
		{"messageTimeoutSeconds", c.MessageTimeoutSeconds},
		{"controlFramesPerSecond", c.ControlFramesPerSecond},
		{"handshakeBurst", c.HandshakeBurst},
		{"addressHandshakeBurst", c.AddressHandshakeBurst},
	})
	err = errors.Join(err, notNegative([]setting{
		{"tokenGraceSeconds", c.TokenGraceSeconds},
		{"handshakesPerSecond", c.HandshakesPerSecond},
		{"addressHandshakesPerSecond", c.AddressHandshakesPerSecond},
		{"addressSockets", c.AddressSockets},
		{"drainSocketsPerSecond", c.DrainSocketsPerSecond},
		{"resumeFrames", c.ResumeFrames},
		{"resumeBytes", c.ResumeBytes},
	}))
	if err == nil && c.IdleTimeoutSeconds <= c.PingIntervalSeconds {
		err = conf.Fieldf("idleTimeoutSeconds", "want more than pingIntervalSeconds (%d): a peer has to have the chance to answer", c.PingIntervalSeconds)
	}
	return err
}

// frame returns how large a message from a session of the type may be.
func (c *sessionConfig) frame(t SessionType) int64 {
	switch t {
	case Player:
		return int64(c.MaxPlayerFrameBytes)
	case Partner:
		return int64(c.MaxPartnerFrameBytes)
	}
	return int64(c.MaxOperatorFrameBytes)
}

// rate returns how often a session of the type may call.
func (c *sessionConfig) rate(t SessionType) (perSecond rate.Limit, burst int) {
	switch t {
	case Player:
		return rate.Limit(c.PlayerRatePerSecond), c.PlayerBurst
	case Partner:
		return rate.Limit(c.PartnerRatePerSecond), c.PartnerBurst
	}
	return rate.Limit(c.OperatorRatePerSecond), c.OperatorBurst
}

// ring returns how many frames, and bytes of them, are kept for a client that may
// come back. It is less than a socket may have queued, since the next socket has
// to take all of it at once.
func (c *sessionConfig) ring() (frames, bytes int) {
	return min(c.ResumeFrames, c.MaxQueuedFrames/2), min(c.ResumeBytes, c.MaxQueuedBytes/2)
}

// pending is how many calls of a socket may wait behind the running one.
func (c *sessionConfig) pending(t SessionType) int {
	if t == Player {
		return c.MaxPendingCalls
	}
	_, burst := c.rate(t)
	return max(c.MaxPendingCalls, burst)
}

// tokenSignerConfig is TokenSignerConfig, also known as TokenConfig. All of it
// changes live. Keys are RSA of at least 2048 bits in PEM, best given as
// file:<path> or ${ENV_NAME}; their ids are fingerprints, the same on every node.
//
// To rotate without refusing anybody: list the new key's public half in
// jwtPreviousKeys on every node; then make it jwtPrivateKey everywhere and list
// the old one instead; drop that when the last token it signed is over, partner
// tokens included. A new jwtPrivateKey signs at once. Tokens of a key that is no
// longer listed are refused; sessions and sockets that are open stay. A key that
// cannot be used is reported, and the old ones stay.
type tokenSignerConfig struct {
	// JWTPrivateKey signs, and is believed. Without one a development server
	// makes a key and keeps it in its store; production does not start. To give
	// one where there was none, or to take it away, needs a restart.
	JWTPrivateKey Secret `yaml:"jwtPrivateKey"`
	// JWTPreviousKeys are believed too: public keys, or private ones of which
	// only the public half is used. At most 16.
	JWTPreviousKeys                         []Secret `yaml:"jwtPreviousKeys"`
	PartnerExpirationHours                  int      `yaml:"partnerExpirationHours"`
	OperatorExpirationMinutes               int      `yaml:"operatorExpirationMinutes"`
	EmailTokenExpirationMinutes             int      `yaml:"emailTokenExpirationMinutes"`
	PlayerTokenExpirationMinutes            int      `yaml:"playerTokenExpirationMinutes"`
	PlayerTokenRefreshMinutes               int      `yaml:"playerTokenRefreshMinutes"`
	PlayerTokenRefreshVarianceWindowMinutes int      `yaml:"playerTokenRefreshVarianceWindowMinutes"`
}

// Validate implements [conf.Validator].
func (c *tokenSignerConfig) Validate() error {
	err := inRange([]setting{
		{"operatorExpirationMinutes", c.OperatorExpirationMinutes},
		{"emailTokenExpirationMinutes", c.EmailTokenExpirationMinutes},
		{"playerTokenExpirationMinutes", c.PlayerTokenExpirationMinutes},
		{"playerTokenRefreshMinutes", c.PlayerTokenRefreshMinutes},
	})
	if c.PartnerExpirationHours < 1 || c.PartnerExpirationHours > maxHours {
		err = errors.Join(err, conf.Fieldf("partnerExpirationHours", "want 1 to %d", maxHours))
	}
	if c.PlayerTokenRefreshMinutes >= c.PlayerTokenExpirationMinutes {
		err = errors.Join(err, conf.Fieldf("playerTokenRefreshMinutes", "want less than playerTokenExpirationMinutes"))
	}
	if v := c.PlayerTokenRefreshVarianceWindowMinutes; v < 0 || v >= c.PlayerTokenRefreshMinutes {
		err = errors.Join(err, conf.Fieldf("playerTokenRefreshVarianceWindowMinutes", "want less than playerTokenRefreshMinutes: a client that is told 0 refreshes without end"))
	}
	_, keys := c.keyRing()
	return errors.Join(err, keys)
}

// Bounds of numbers in the configuration. As minutes, and as hours, they still
// fit a [time.Duration].
const (
	maxNumber = 100_000_000
	maxHours  = 2_000_000
)

type setting struct {
	name  string
	value int
}

// inRange reports the settings that are not from 1 to maxNumber.
func inRange(settings []setting) error {
	var errs []error
	for _, s := range settings {
		if s.value < 1 || s.value > maxNumber {
			errs = append(errs, conf.Fieldf(s.name, "want 1 to %d", maxNumber))
		}
	}
	return errors.Join(errs...)
}

// notNegative reports the settings that are not from 0 to maxNumber.
func notNegative(settings []setting) error {
	var errs []error
	for _, s := range settings {
		if s.value < 0 || s.value > maxNumber {
			errs = append(errs, conf.Fieldf(s.name, "want 0 to %d", maxNumber))
		}
	}
	return errors.Join(errs...)
}

func defaultCore(mode Mode) coreConfig {
	c := coreConfig{
		BackendMode:           Development,
		ClusterName:           "local",
		NodeName:              "node-1",
		ShardID:               "00000000-0000-0000-0000-000000000001",
		StartupTimeoutMillis:  60000,
		ShutdownTimeoutMillis: 30000,
		Session: sessionConfig{
			EnableMatchReconnect: true,
			PlayerGraceSeconds:   60, PartnerGraceSeconds: 120, TokenGraceSeconds: 300,
			PingIntervalSeconds: 20, IdleTimeoutSeconds: 60, HandshakeTimeoutSeconds: 5,
			MaxPlayerFrameBytes: 64 << 10, MaxPartnerFrameBytes: 1 << 20, MaxOperatorFrameBytes: 1 << 20,
			PlayerRatePerSecond: 20, PlayerBurst: 40,
			PartnerRatePerSecond: 200, PartnerBurst: 1000,
			OperatorRatePerSecond: 50, OperatorBurst: 200,
			RequestTimeoutMillis: 5000, PluginTimeoutMillis: 2000,
			MaxQueuedFrames: 256, MaxQueuedBytes: 1 << 20, MaxPendingCalls: 64,
			ResumeFrames: 128, ResumeBytes: 256 << 10,
			WriteTimeoutSeconds: 10, MessageTimeoutSeconds: 20, ControlFramesPerSecond: 20,
			HandshakeBurst: 20000, AddressHandshakesPerSecond: 2000, AddressHandshakeBurst: 20000,
			DrainSocketsPerSecond: 500,
		},
		GatewayManager: defaultGatewayManager(),
	}
	if mode == Production {
		// On a developer's machine all clients of a load test have one address. In
		// production an address is a home, a school or a mobile carrier's gateway.
		s := &c.Session
		s.HandshakesPerSecond = 5000
		s.AddressHandshakesPerSecond, s.AddressHandshakeBurst, s.AddressSockets = 100, 1000, 2000
	}
	return c
}

func defaultTokenSigner() tokenSignerConfig {
	return tokenSignerConfig{
		PartnerExpirationHours: 876000, OperatorExpirationMinutes: 2880, EmailTokenExpirationMinutes: 10080,
		PlayerTokenExpirationMinutes: 1440, PlayerTokenRefreshMinutes: 45, PlayerTokenRefreshVarianceWindowMinutes: 5,
	}
}

func millis(n int) time.Duration  { return time.Duration(n) * time.Millisecond }
func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
