// Package plugins lists everything a studio can replace, under its documented
// name (engine §0.5). It holds aliases and nothing else.
package plugins

import (
	"github.com/openpragma/engine/authcode"
	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/fleet"
	"github.com/openpragma/engine/friends"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/inventory"
	"github.com/openpragma/engine/pragma/logindata"
	"github.com/openpragma/engine/pragma/telemetry"
)

// The extension points. Each is a field of the service that uses it.
type (
	// AccountPlugin decides what happens with accounts.
	AccountPlugin = account.Plugin
	// EmailSenderPlugin sends mails that verify e-mail addresses.
	EmailSenderPlugin = account.EmailSender
	// IdentityProviderPlugin says who somebody is who logs in.
	IdentityProviderPlugin = account.IdentityProvider
	// AuthCodeProfilePlugin decides what a partner learns about a player whose auth
	// code it redeems.
	AuthCodeProfilePlugin = authcode.ProfilePlugin
	// LoginDataPlugin names what clients get when they start.
	LoginDataPlugin = logindata.Plugin
	// InstancedItemPlugin decides what is inside instanced items.
	InstancedItemPlugin = inventory.InstancedItemPlugin
	// StackableItemPlugin decides how large stacks get.
	StackableItemPlugin = inventory.StackableItemPlugin
	// RewardSelectorPlugin chooses rewards.
	RewardSelectorPlugin = inventory.RewardSelectorPlugin
	// InventoryProvider keeps what players own.
	InventoryProvider = inventory.Provider
	// PartyPlugin decides what parties do.
	PartyPlugin = party.Plugin
	// GameServerCompatibilityPlugin says which game server version fits a party.
	GameServerCompatibilityPlugin = party.CompatibilityPlugin
	// MatchmakingPlugin decides who plays with whom.
	MatchmakingPlugin = matchmaking.Plugin
	// PoolMatchmakingPlugin decides it by looking at whole queues.
	PoolMatchmakingPlugin = matchmaking.PoolPlugin
	// GameInstancePlugin decides what happens in games.
	GameInstancePlugin = gameinstance.Plugin
	// GameInstanceMatchmakingPlugin says what matchmaking knows of running games.
	GameInstanceMatchmakingPlugin = gameinstance.MatchmakingPlugin
	// GameServerProviderPlugin starts game servers.
	GameServerProviderPlugin = gameinstance.ProviderPlugin
	// FleetPlugin chooses pools of game servers that ask for work, and starts more.
	FleetPlugin = fleet.Plugin
	// PresencePlugin decides what friends see of each other.
	PresencePlugin = friends.PresencePlugin
	// EscsResultsTransformer turns what a game says of a player into scores of a
	// tournament.
	EscsResultsTransformer = escs.ResultsTransformer
	// TelemetryPlugin takes reports of what happened.
	TelemetryPlugin = telemetry.Plugin
)
