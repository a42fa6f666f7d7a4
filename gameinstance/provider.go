package gameinstance

import (
	"context"
	"errors"

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
	// a back-off.
	//
	// It is called after the commit that asked for the server, outside of any
	// update, with ten seconds time, at least once: a call whose outcome is
	// unknown is repeated with the same AllocationID, and must not lead to a
	// second server. Calls for different instances run at the same time.
	StartAllocationForGameInstance(ctx context.Context, r *StartAllocationForGameInstanceRequest) error

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
	// BackendAddress is where the server reaches the game's partner gateway, as
	// host:port.
	BackendAddress string
}

// PartnerClientTokens are the tokens of one game server.
type PartnerClientTokens struct {
	GameToken, SocialToken string
}

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
