package warmbody

import (
	"slices"

	"github.com/openpragma/engine/matchmaking"
)

// zone chooses where the game of these parties runs; empty if nothing is known.
func zone(parties []*matchmaking.Party) string {
	if z, ok := preferred(parties); ok {
		return z
	}
	return nearest(parties)
}

// preferred returns the first zone of the first list that is in all lists.
// Parties without a list go anywhere.
func preferred(parties []*matchmaking.Party) (string, bool) {
	i := slices.IndexFunc(parties, func(p *matchmaking.Party) bool { return len(p.PreferredGameServerZones) > 0 })
	if i < 0 {
		return "", false
	}
	for _, z := range parties[i].PreferredGameServerZones {
		everybody := !slices.ContainsFunc(parties, func(p *matchmaking.Party) bool {
			return len(p.PreferredGameServerZones) > 0 && !slices.Contains(p.PreferredGameServerZones, z)
		})
		if everybody {
			return z, true
		}
	}
	return "", false
}

// nearest returns the zone whose worst ping is lowest, of those that all players
// with pings know; of equals the first by name.
func nearest(parties []*matchmaking.Party) string {
	var worst map[string]int // of the zones that all players so far know
	for _, party := range parties {
		for _, player := range party.Players {
			pings := player.GameServerZoneToPing
			if len(pings) == 0 {
				continue
			}
			next := make(map[string]int, len(pings))
			for z, ping := range pings {
				if before, ok := worst[z]; ok || worst == nil {
					next[z] = max(before, ping)
				}
			}
			worst = next
		}
	}
	best := ""
	for z, ping := range worst {
		if best == "" || ping < worst[best] || ping == worst[best] && z < best {
			best = z
		}
	}
	return best
}
