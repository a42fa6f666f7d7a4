package party

import (
	"context"
	"errors"
	"slices"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// RefreshInventories reads the inventories of some members again. Package
// gameinstance calls it when the end-of-game jobs of their game are done, because
// those may have given them something (engine §7.1). That is no access, no new
// version, and nobody is told: only plugins see the snapshots. It does nothing
// for a party that is gone and for players who have left it, and may be repeated.
func (s *Service) RefreshInventories(ctx context.Context, id pragma.PartyID, players []pragma.PlayerID) error {
	cfg := s.cfg.Load()
	if s.Inventory == nil || len(cfg.InventoryTagsToInclude) == 0 {
		return nil
	}
	owned := make(map[pragma.PlayerID][]Item, len(players))
	for _, p := range players {
		items, err := s.items(ctx, p)
		if err != nil {
			return err
		}
		owned[p] = items
	}
	err := s.parties.Update(ctx, id.String(), func(_ *entity.Tx, st *state) error {
		for p, items := range owned {
			if m := st.find(p); m != nil {
				m.Inventory = slices.Clone(items)
			}
		}
		return nil
	})
	if errors.Is(err, entity.ErrNotFound) {
		return nil
	}
	return err
}
