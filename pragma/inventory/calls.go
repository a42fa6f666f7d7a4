package inventory

import (
	"context"
	"log/slog"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// handle registers the calls of wire §7.8. Those of a store, of crafting and of
// payment are not there: they are answered as unknown.
func (s *Service) handle() {
	pragma.HandlePlayer(s.m, "GetInventoryV2", s.getInventory)
	pragma.HandlePlayer(s.m, "SyncEntitlementsV1", s.syncEntitlements)
	pragma.HandlePlayer(s.m, "DeletePlayerInventoryV3", s.deleteOwn)

	pragma.HandlePartner(s.m, "GetInventoryPartnerV2", s.getInventoryPartner)
	pragma.HandlePartner(s.m, "GrantItemsPartnerV2", s.grantItems)
	pragma.HandlePartner(s.m, "UpdateItemsPartnerV2", s.updateItems)
	pragma.HandlePartner(s.m, "DestroyItemsPartnerV2", s.destroyItems)
	pragma.HandlePartner(s.m, "ApplyInventoryOperationsPartnerV1", s.applyPartner)
	pragma.HandlePartner(s.m, "ClearPlayerInventoryCachePartnerV1", s.clearCache)
	pragma.HandlePartner(s.m, "DeletePlayerInventoryPartnerV1", s.deletePartner)
	pragma.HandlePartner(s.m, "SimulateRewardsV2", s.simulateRewards)

	pragma.HandleOperator(s.m, "GetInventoryOperatorV1", s.getInventoryOperator)
	pragma.HandleOperator(s.m, "ApplyInventoryOperationsOperatorV1", s.applyOperator)
}

func (s *Service) getInventory(ctx context.Context, p *pragma.PlayerSession, _ *wire.Empty) (*wire.InventoryGetInventoryV2Response, error) {
	c, err := s.provider.Read(ctx, &ReadRequest{PlayerID: p.PlayerID})
	if err != nil {
		return nil, err
	}
	return &wire.InventoryGetInventoryV2Response{Full: fullOf(&c.Player)}, nil
}

// syncEntitlements answers that there is nothing: no store is connected.
func (s *Service) syncEntitlements(context.Context, *pragma.PlayerSession, *wire.InventorySyncEntitlementsV1Request) (*wire.InventorySyncEntitlementsV1Response, error) {
	return &wire.InventorySyncEntitlementsV1Response{}, nil
}

func (s *Service) deleteOwn(ctx context.Context, p *pragma.PlayerSession, _ *wire.Empty) (*wire.Empty, error) {
	if !s.cfg.Load().EnableDeletePlayerInventory {
		return nil, ErrDeleteNotEnabled
	}
	return nil, s.Delete(ctx, p.PlayerID)
}

func (s *Service) getInventoryPartner(ctx context.Context, _ *pragma.PartnerSession, req *wire.InventoryGetInventoryPartnerV2Request) (*wire.InventoryGetInventoryPartnerV2Response, error) {
	return s.getFiltered(ctx, req)
}

func (s *Service) getInventoryOperator(ctx context.Context, _ *pragma.OperatorSession, req *wire.InventoryGetInventoryOperatorV1Request) (*wire.InventoryGetInventoryOperatorV1Response, error) {
	return s.getFiltered(ctx, req)
}

func (s *Service) getFiltered(ctx context.Context, req *wire.InventoryGetInventoryPartnerV2Request) (*wire.InventoryGetInventoryPartnerV2Response, error) {
	c, err := s.Read(ctx, pragma.PlayerID(req.PlayerID))
	if err != nil {
		return nil, err
	}
	cat := s.catalog.Load()
	player, hidden := cat.filter(c.Player, req.TagsToInclude), cat.filter(c.Hidden, req.TagsToInclude)
	return &wire.InventoryGetInventoryPartnerV2Response{
		Inventory: wire.ServiceInventoryData{Player: fullOf(&player), Hidden: fullOf(&hidden)},
	}, nil
}

func (s *Service) grantItems(ctx context.Context, _ *pragma.PartnerSession, req *wire.InventoryGrantItemsPartnerV2Request) (*wire.InventoryGrantItemsPartnerV2Response, error) {
	o := new(Operations)
	for _, g := range req.ItemGrants {
		if err := oneof("itemGrants", g.Instanced != nil, g.Stackable != nil); err != nil {
			return nil, err
		}
		if g.Stackable != nil {
			o.grantStack(g.Stackable)
		} else {
			o.grantInstanced(g.Instanced)
		}
	}
	return s.apply(ctx, req.PlayerID, o)
}

func (s *Service) updateItems(ctx context.Context, _ *pragma.PartnerSession, req *wire.InventoryUpdateItemsPartnerV2Request) (*wire.InventoryUpdateItemsPartnerV2Response, error) {
	o := new(Operations)
	for _, u := range req.Updates {
		if err := oneof("updates", u.Instanced != nil, u.Stackable != nil); err != nil {
			return nil, err
		}
		if u.Stackable != nil {
			o.updateStack(u.Stackable)
		} else {
			o.updateInstanced(u.Instanced)
		}
	}
	return s.apply(ctx, req.PlayerID, o)
}

func (s *Service) destroyItems(ctx context.Context, _ *pragma.PartnerSession, req *wire.InventoryDestroyItemsPartnerV2Request) (*wire.InventoryDestroyItemsPartnerV2Response, error) {
	o := new(Operations)
	for _, d := range req.ItemDestroys {
		if err := oneof("itemDestroys", d.Instanced != nil); err != nil {
			return nil, err
		}
		o.InstancedDestroys = append(o.InstancedDestroys, InstanceID(d.Instanced.InstanceID))
	}
	return s.apply(ctx, req.PlayerID, o)
}

func (s *Service) applyPartner(ctx context.Context, _ *pragma.PartnerSession, req *wire.InventoryApplyInventoryOperationsPartnerV1Request) (*wire.InventoryApplyInventoryOperationsPartnerV1Response, error) {
	return s.apply(ctx, req.PlayerID, operationsOf(&req.DataOperations))
}

func (s *Service) applyOperator(ctx context.Context, op *pragma.OperatorSession, req *wire.InventoryApplyInventoryOperationsOperatorV1Request) (*wire.InventoryApplyInventoryOperationsOperatorV1Response, error) {
	o := operationsOf(&req.DataOperations)
	if err := s.check(ctx, pragma.PlayerID(req.PlayerID)); err != nil {
		return nil, err
	}
	if err := s.m.Audit(ctx, op, "change inventory", slog.String("player", req.PlayerID.String()), slog.Int("operations", o.count())); err != nil {
		return nil, err
	}
	return s.apply(ctx, req.PlayerID, o)
}

func (s *Service) apply(ctx context.Context, player wire.UUID, o *Operations) (*wire.InventoryApplyInventoryOperationsPartnerV1Response, error) {
	u, err := s.Apply(ctx, pragma.PlayerID(player), o)
	if err != nil {
		return nil, err
	}
	return updatesOf(u), nil
}

// clearCache has the player's client read his inventory again. The server's own
// caches are never behind.
func (s *Service) clearCache(ctx context.Context, _ *pragma.PartnerSession, req *wire.InventoryClearPlayerInventoryCachePartnerV1Request) (*wire.Empty, error) {
	id := pragma.PlayerID(req.PlayerID)
	if err := s.check(ctx, id); err != nil {
		return nil, err
	}
	s.m.NotifyPlayers(ctx, s.reset.Of(&wire.Empty{}), id)
	return nil, nil
}

func (s *Service) deletePartner(ctx context.Context, _ *pragma.PartnerSession, req *wire.InventoryDeletePlayerInventoryPartnerV1Request) (*wire.Empty, error) {
	return nil, s.Delete(ctx, pragma.PlayerID(req.PlayerID))
}

// simulateRewards gives the rewards to nobody, who owns nothing.
func (s *Service) simulateRewards(ctx context.Context, _ *pragma.PartnerSession, req *wire.InventorySimulateRewardsV2Request) (*wire.InventorySimulateRewardsV2Response, error) {
	o := &Operations{Rewards: rewardsOf(req.RewardGrants)}
	u, err := newChange(ctx, s.rules(), pragma.PlayerID{}, newShelf()).apply(o)
	if err != nil {
		return nil, err
	}
	return &wire.InventorySimulateRewardsV2Response{InventoryDelta: deltaOf(&Delta{
		Stackables: append(u.Player.Delta.Stackables, u.Hidden.Delta.Stackables...),
		Instanced:  append(u.Player.Delta.Instanced, u.Hidden.Delta.Instanced...),
	})}, nil
}
