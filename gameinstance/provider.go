package gameinstance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// ProviderPlugin starts game servers (engine §6.2, slot
// GameInstanceService.gameServerProviderPlugin). Embed [ProviderDefaults] to
// implement it.
type ProviderPlugin interface {
	// StartAllocationForGameInstance has a server started for an instance. Nil
	// says that one is under way; success is that it links. An error is a failed
	// allocation, except [pragma.ErrUnavailable], which has the call repeated with
	// a back-off, or after the time that [entity.RetryAfter] gives. Once
	// gameServerAllocationTimeoutMillis is over, the allocation has failed and is
	// not repeated any more.
	//
	// It is called after the commit that asked for the server, outside of any
	// update, with ten seconds time, at least once: a call whose outcome is
	// unknown, also because it panicked, is repeated with the same AllocationID,
	// and must not lead to a second server. Calls for different instances run at the same time.
	StartAllocationForGameInstance(ctx context.Context, r *StartAllocationForGameInstanceRequest) error

	// EndAllocation is told that nobody wants the server of an allocation any
	// more: what was started for it, or still waits to be, may go. Nil says that
	// this is known; after an error the call is repeated with a back-off, for a
	// day.
	//
	// It is called after the commit that decided it, outside of any update, with
	// ten seconds time, at least once for every allocation that was asked for, in
	// whatever way it comes to its end, and also when the start was refused: an
	// earlier try may have got through. It is called after the last
	// StartAllocationForGameInstance of the allocation has returned, never during
	// it or before. But a request that was lost on its way to a fleet may arrive
	// there late, after the end: remember ended allocations for some time, and
	// start nothing for them.
	//
	// A server is wanted as long as the instance that it was allocated for is, or
	// one that it created itself with CreateGameInstancePartnerV1: it is called
	// when the last of them does not need it any more. Then the server has been
	// told too, or has done it itself, and may be shutting down already. Reason
	// says whether there is anything to wait for: after [EndEnded] and
	// [EndUnlinked] the server is well, may have work to finish, and may create
	// another game for an hour, until its tokens are revoked; after that game the
	// call comes once more. After all other reasons nothing good can come of it. A
	// provider without patience ends the server at once in all cases.
	//
	// It is not called after [ErrNoServerNeeded].
	EndAllocation(ctx context.Context, r *EndAllocationRequest) error

	mustEmbedProviderDefaults()
}

// StartAllocationForGameInstanceRequest is for
// [ProviderPlugin.StartAllocationForGameInstance].
type StartAllocationForGameInstanceRequest struct {
	GameInstanceID pragma.GameInstanceID
	// AllocationID names the request: the same in every repetition.
	AllocationID pragma.AllocationID
	// Ext is what the plugin gave to [Instance.AllocateGameServer].
	Ext ext.Value
	// GameServerVersion and GameServerZone say what is needed; empty: any.
	GameServerVersion, GameServerZone string
	// ClientTokens makes the tokens with which the server opens the partner
	// gateways. They are good for this allocation only. They must not be logged
	// or reach a player.
	ClientTokens func() (PartnerClientTokens, error)
	// Requested is when the server was asked for, by the clock of the node that
	// did: the same in every repetition.
	Requested time.Time
	// BackendAddress is where the server reaches the game's partner gateway, as
	// host:port.
	BackendAddress string
}

// EndAllocationRequest is for [ProviderPlugin.EndAllocation].
type EndAllocationRequest struct {
	AllocationID pragma.AllocationID
	// GameInstanceID is the instance that the server was allocated for.
	GameInstanceID pragma.GameInstanceID
	Reason         EndReason
}

// EndReason says why an allocation is over.
type EndReason string

// Why allocations are over.
const (
	// EndEnded is a game that has ended as it should: the server has reported it,
	// or the plugin has called [Instance.End]. The server may still shut down.
	EndEnded EndReason = "ENDED"
	// EndUnlinked is a server that has given its game back with UnlinkV1.
	EndUnlinked EndReason = "UNLINKED"
	// EndTerminated is a game that was broken off.
	EndTerminated EndReason = "TERMINATED"
	// EndExpired is a game that nobody has used for a long time.
	EndExpired EndReason = "EXPIRED"
	// EndTimedOut is a server that has not linked in time.
	EndTimedOut EndReason = "ALLOCATION_TIMED_OUT"
	// EndRefused is a provider that has refused, or could not be reached in time.
	EndRefused EndReason = "ALLOCATION_REFUSED"
	// EndNotConnected is a server that has linked, but not connected its players
	// in time.
	EndNotConnected EndReason = "CONNECT_PLAYERS_TIMED_OUT"
	// EndDisconnected is a server that has given no sign of life.
	EndDisconnected EndReason = "DISCONNECTED"
	// EndReplaced is a server that came too late: one with a token that is not of
	// this allocation has linked the game. A provider whose servers link with
	// tokens of their own is told so of each of them, and does nothing then.
	EndReplaced EndReason = "REPLACED"
)

// PartnerClientTokens are the tokens of one game server. Who has them is the
// server; so they print, log and encode as "***". Read the fields to hand them on.
type PartnerClientTokens struct {
	GameToken, SocialToken string
}

const hidden = "***"

// Format implements [fmt.Formatter].
func (PartnerClientTokens) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue implements [slog.LogValuer].
func (PartnerClientTokens) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText keeps the tokens out of JSON and other texts.
func (PartnerClientTokens) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// ErrNoServerNeeded is what a provider returns for a game that runs without a
// server: the allocation has succeeded and nobody will link.
var ErrNoServerNeeded = errors.New("gameinstance: no game server needed")

// ProviderDefaults allocates nothing: a server has to come by itself, or the
// allocation times out. Every provider embeds it.
type ProviderDefaults struct{}

var _ ProviderPlugin = ProviderDefaults{}

func (ProviderDefaults) mustEmbedProviderDefaults() {}

// StartAllocationForGameInstance does nothing.
func (ProviderDefaults) StartAllocationForGameInstance(context.Context, *StartAllocationForGameInstanceRequest) error {
	return nil
}

// EndAllocation does nothing.
func (ProviderDefaults) EndAllocation(context.Context, *EndAllocationRequest) error { return nil }

// DefaultProvider is what a [Service] without a provider uses. Its slot takes
// the configuration {disabled: true}, which has every allocation succeed without
// a server.
type DefaultProvider struct {
	ProviderDefaults
	// Disabled has allocations succeed without a server.
	Disabled bool

	config *pragma.Live[defaultProviderConfig]
}

type defaultProviderConfig struct {
	Disabled bool `yaml:"disabled"`
}

// MountPlugin implements [pragma.Configurable].
func (p *DefaultProvider) MountPlugin(m *pragma.PluginMount) (err error) {
	p.config, err = pragma.PluginConfig(m, defaultProviderConfig{Disabled: p.Disabled})
	return err
}

// StartAllocationForGameInstance does nothing, or says that nothing is needed.
func (p *DefaultProvider) StartAllocationForGameInstance(context.Context, *StartAllocationForGameInstanceRequest) error {
	if p.Disabled || p.config != nil && p.config.Load().Disabled {
		return ErrNoServerNeeded
	}
	return nil
}
