package fleet

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma/ext"
)

// Plugin decides which pool of servers runs a game, and starts servers (engine
// §8.4, slot FleetService.fleetPlugin). Embed [Defaults] to implement it. Hooks
// run outside of commits and at the same time; all but Add have pluginTimeoutMillis.
type Plugin interface {
	// Init is called once, before the gateways open. An error stops the start.
	Init(ctx context.Context, r *InitRequest) error
	// SelectServerPool returns the pool whose servers can run a game. It is asked
	// for every game that needs a server, and for the place that an unknown server
	// of the older call reports. An error is a failed allocation, or the answer to
	// the report. The same arguments should give the same pool.
	SelectServerPool(ctx context.Context, r *SelectServerPoolRequest) (ServerPool, error)
	// GetServerPoolByID returns the pool that an unknown server reports, or that
	// servers are to be added to. The error for an id that is no pool should be
	// [ErrServerPoolNotFound]; the report is then refused.
	GetServerPoolByID(ctx context.Context, r *GetServerPoolByIDRequest) (ServerPool, error)
	// Add starts one server for each of the allocations. It is called after the
	// commit that decided it, with ten seconds time, at least once: a call whose
	// outcome is unknown, or that failed, is repeated with the same server ids, and
	// must not start a second server for one of them. Calls for different pools run
	// at the same time. The error [ErrServersComeByThemselves] says that this
	// plugin starts none; Add is then not called again by this process.
	Add(ctx context.Context, r *AddRequest) error

	mustEmbedDefaults()
}

// InitRequest is for [Plugin.Init].
type InitRequest struct {
	// Client is for calls to a hoster, with time-outs. The plugin may keep it.
	Client *http.Client
}

// SelectServerPoolRequest is for [Plugin.SelectServerPool].
type SelectServerPoolRequest struct {
	// GameServerVersion and GameServerZone say what is needed; empty: any.
	GameServerVersion, GameServerZone string
	// Ext is ExtAllocateGameServer: what the plugin of the game instance gave. It
	// is empty when a server asks.
	Ext ext.Value
}

// GetServerPoolByIDRequest is for [Plugin.GetServerPoolByID].
type GetServerPoolByIDRequest struct {
	// ServerPoolID is what the server says, with at most 127 bytes; it may be
	// empty.
	ServerPoolID string
}

// AddRequest is for [Plugin.Add].
type AddRequest struct {
	ServerPool  ServerPool
	Allocations []GameServerAllocation
	// BackendAddress is where the servers reach the game's partner gateway, as
	// host:port.
	BackendAddress string
}

// ServerPool is a group of servers that can stand in for each other (engine §8.3).
type ServerPool struct {
	// ServerPoolID is what its servers report, at most 127 bytes. A game of the
	// pool with the empty id runs on servers of any pool.
	ServerPoolID string
	// ManagementPolicyID names an entry of serverPoolManagementPolicies. Empty
	// means [DefaultPolicyID].
	ManagementPolicyID string
	// Ext is ExtServerPool, for the plugin itself.
	Ext ext.Value
}

// GameServerAllocation is one server to start.
type GameServerAllocation struct {
	// ServerID is what the server must report itself as. It is a UUID, and the
	// allocation id of the server's tokens.
	ServerID string
	// ClientTokens makes the tokens with which the server opens the partner
	// gateways. They are for this server only: it may report under its own id, and
	// act on games it was given or has made. They must not be logged or reach a
	// player. Tokens of a repeated call are others, but the first server that
	// reports under the id is the only one that may.
	ClientTokens func() (gameinstance.PartnerClientTokens, error)
}

// Defaults put every game into the pool that is called like its game server
// version, and start nothing: servers come by themselves. Every plugin embeds it.
type Defaults struct{}

var _ Plugin = Defaults{}

func (Defaults) mustEmbedDefaults() {}

// Init does nothing.
func (Defaults) Init(context.Context, *InitRequest) error { return nil }

// SelectServerPool returns the pool that is called like the version.
func (Defaults) SelectServerPool(_ context.Context, r *SelectServerPoolRequest) (ServerPool, error) {
	return ServerPool{ServerPoolID: r.GameServerVersion}, nil
}

// GetServerPoolByID returns the pool, whatever it is called.
func (Defaults) GetServerPoolByID(_ context.Context, r *GetServerPoolByIDRequest) (ServerPool, error) {
	return ServerPool{ServerPoolID: r.ServerPoolID}, nil
}

// Add returns [ErrServersComeByThemselves].
func (Defaults) Add(context.Context, *AddRequest) error { return ErrServersComeByThemselves }

// ErrServersComeByThemselves is what [Plugin.Add] returns if it never starts
// servers.
var ErrServersComeByThemselves = errors.New("fleet: servers come by themselves")

func (p *ServerPool) policyID() string { return cmp.Or(p.ManagementPolicyID, DefaultPolicyID) }
