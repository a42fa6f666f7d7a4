package account

import (
	"bytes"
	"slices"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// view is who looks at accounts: it decides which provider accounts are shown.
type view struct {
	all     bool
	self    pragma.SocialID // sees all of his own
	visible map[string]bool // providers whose accounts everybody sees
}

// everything is the view of partners and operators.
var everything = view{all: true}

// viewOf is the view of a player.
func (s *Service) viewOf(p *pragma.PlayerSession) view {
	v := view{self: p.SocialID, visible: make(map[string]bool)}
	for _, provider := range s.providers {
		v.visible[provider.GetType()] = provider.Settings().VisibleToOtherPlayers
	}
	return v
}

// providers returns the provider accounts that the viewer sees. Those he asked
// for by their ids come first: he knows them.
func (v view) providers(acc *state, asked ...string) []wire.IDProviderAccount {
	var first, rest []wire.IDProviderAccount
	for _, l := range acc.Providers {
		shown := wire.IDProviderAccount{
			IDProviderType:      wire.IDProvider(l.Provider),
			AccountID:           l.AccountID,
			ProviderDisplayName: wire.DisplayName{DisplayName: l.DisplayName, Discriminator: l.Discriminator},
		}
		switch {
		case slices.Contains(asked, l.Provider):
			first = append(first, shown)
		case v.all || v.self == acc.SocialID || v.visible[l.Provider]:
			rest = append(rest, shown)
		}
	}
	return append(first, rest...)
}

// playerIdentity returns an account as a player on a shard; asked are the
// providers by whose accounts it was found.
func (v view) playerIdentity(acc *state, shard pragma.GameShardID, asked ...string) wire.PlayerIdentity {
	return wire.PlayerIdentity{
		PragmaPlayerID:     wire.UUID(acc.Players[shard]),
		PragmaDisplayName:  wire.DisplayName(acc.DisplayName),
		IDProviderAccounts: v.providers(acc, asked...),
		PragmaSocialID:     wire.UUID(acc.SocialID),
	}
}

func (v view) socialIdentity(acc *state, asked ...string) wire.SocialIdentity {
	return wire.SocialIdentity{
		PragmaSocialID:     wire.UUID(acc.SocialID),
		PragmaDisplayName:  wire.DisplayName(acc.DisplayName),
		GameIdentities:     gameIdentities(acc),
		IDProviderAccounts: v.providers(acc, asked...),
	}
}

// gameIdentities returns the players of an account, in the order of shards.
func gameIdentities(acc *state) []wire.GameIdentity {
	var list []wire.GameIdentity
	for shard, player := range acc.Players {
		list = append(list, wire.GameIdentity{GameShardID: wire.UUID(shard), PragmaPlayerID: wire.UUID(player)})
	}
	slices.SortFunc(list, func(a, b wire.GameIdentity) int { return bytes.Compare(a.GameShardID[:], b.GameShardID[:]) })
	return list
}

// millis is a time on the wire; "0" if it never was.
func millis(t time.Time) wire.Int64 {
	if t.IsZero() {
		return 0
	}
	return wire.Int64(t.UnixMilli())
}
