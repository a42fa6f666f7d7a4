// Package plugins lists everything a studio can replace, under its documented
// name (engine §0.5). It holds aliases and nothing else.
package plugins

import (
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma/account"
)

// The extension points. Each is a field of the service that uses it.
type (
	// IdentityProviderPlugin says who somebody is who logs in.
	IdentityProviderPlugin = account.IdentityProvider
	// PartyPlugin decides what parties do.
	PartyPlugin = party.Plugin
	// GameServerCompatibilityPlugin says which game server version fits a party.
	GameServerCompatibilityPlugin = party.CompatibilityPlugin
	// MatchmakingPlugin decides who plays with whom.
	MatchmakingPlugin = matchmaking.Plugin
	// GameInstancePlugin decides what happens in games.
	GameInstancePlugin = gameinstance.Plugin
	// GameServerProviderPlugin starts game servers.
	GameServerProviderPlugin = gameinstance.ProviderPlugin
)
