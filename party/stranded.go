package party

import (
	"context"
	"fmt"
	"iter"

	"github.com/openpragma/engine/pragma"
)

// Stranded is a party that a map of game server versions would strand, see
// [Service.Stranded].
type Stranded struct {
	Party ReadOnlyParty // as it is now
	// NextGameServerVersion is the best version of the map; NoCommonVersion says
	// that none fits all members.
	NextGameServerVersion string
	NoCommonVersion       bool
	// LeavesMatchmaking says that the party waits for a game on a version that
	// would be gone.
	LeavesMatchmaking bool
	// Already says that no version fits the party today either.
	Already bool
	// Unsupported are the members whose client no version of the map supports.
	Unsupported []pragma.PlayerID
}

// Stranded tells in advance what a map of versions would do, in the place of
// [Config.GameServerVersionCompatibility] or of the same in the configuration of
// the plugin orderedcompat: it yields, for every party in the order of their ids,
// whether the map would leave it without a common version or take it out of
// matchmaking, and nil for one that would be fine. Nothing is changed and nobody
// is told. A map that the configuration would refuse is one error, such as
// [pragma.ErrMalformed]; so is a store that cannot be read.
//
// The rule is that of [BestVersion], also where a studio's own
// [CompatibilityPlugin] has another. Parties with an override are always fine.
func (s *Service) Stranded(ctx context.Context, versions map[string]ServerVersion) iter.Seq2[*Stranded, error] {
	return func(yield func(*Stranded, error) bool) {
		if err := ValidateVersions("gameServerVersionCompatibility", versions); err != nil {
			yield(nil, pragma.ErrMalformed.With("%v", err))
			return
		}
		for item, err := range s.parties.List(ctx, "", "") {
			if err != nil && item.ID != "" {
				continue // nobody can change that party, so nothing strands it
			}
			if err != nil {
				yield(nil, fmt.Errorf("look for stranded parties: %w", err))
				return
			}
			if !yield(item.State.stranded(versions), nil) {
				return
			}
		}
	}
}

// stranded returns nil if the map does no harm to the party.
func (st *state) stranded(versions map[string]ServerVersion) *Stranded {
	if st.OverrideGameServerVersion != "" {
		return nil
	}
	r := &CalculateGameServerVersionRequest{Party: &Party{st: st, frozen: true}}
	version, ok := BestVersion(versions, r.ClientVersions())
	leaves := st.queued() && !AllowsVersion(versions, st.GameServerVersion, r.ClientVersions())
	if ok && !leaves {
		return nil
	}
	found := &Stranded{
		Party: st.readOnly(), NextGameServerVersion: version, NoCommonVersion: !ok,
		LeavesMatchmaking: leaves, Already: st.NoCommonVersion,
	}
	for _, m := range st.Members {
		if !KnowsClientVersion(versions, m.GameClientVersion) {
			found.Unsupported = append(found.Unsupported, m.PlayerID)
		}
	}
	return found
}
