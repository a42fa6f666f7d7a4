package inventory

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/cluster"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// Service is the inventory service of the Game backend. The zero value works,
// with no kinds of items. Fields must not be changed once the server runs.
type Service struct {
	// Catalog says what kinds of items there are; see [Config.Catalog] too.
	Catalog Catalog
	// Instanced decides what is in instanced items. Nil means
	// [InstancedItemDefaults].
	Instanced InstancedItemPlugin
	// Stackable decides how large stacks get. Nil means [StackableItemDefaults].
	Stackable StackableItemPlugin
	// Rewards chooses rewards. Nil means [RewardSelectorDefaults].
	Rewards RewardSelectorPlugin
	// Players says who may own things; an *account.Service does. Nil means that
	// any id is taken for a player's.
	Players Players
	// Provider keeps the items. Nil means the store of the server.
	Provider Provider

	m       *pragma.Mount
	cfg     *pragma.Live[Config]
	catalog atomic.Pointer[catalog]

	provider Provider
	records  *records // nil with another provider

	updated pragma.Notice[wire.InventoryUpdatedV1Notification]
	reset   pragma.Notice[wire.Empty]
}

// Players looks players up.
type Players interface {
	// HasPlayer reports whether there is a player with this id.
	HasPlayer(ctx context.Context, id pragma.PlayerID) (bool, error)
}

// Name implements [pragma.Service].
func (s *Service) Name() string { return "InventoryRpc" }

// Mount implements [pragma.Service].
func (s *Service) Mount(m *pragma.Mount) error {
	if m.Backend() != pragma.Game {
		return errors.New("inventory.Service belongs on the Game backend")
	}
	s.m = m
	err := errors.Join(s.mountPlugins(), s.mountCatalog())
	if s.provider = s.Provider; s.provider == nil {
		s.records = newRecords(m, s.rules)
		s.provider = s.records
	}
	s.updated = pragma.PlayerNotice[wire.InventoryUpdatedV1Notification](m, "InventoryUpdatedV1Notification")
	s.reset = pragma.PlayerNotice[wire.Empty](m, "ResetClientInventoryCacheVersionV1Notification")
	s.handle()
	return err
}

func (s *Service) mountPlugins() error {
	if s.Instanced == nil {
		s.Instanced = InstancedItemDefaults{}
	}
	if s.Stackable == nil {
		s.Stackable = StackableItemDefaults{}
	}
	if s.Rewards == nil {
		s.Rewards = RewardSelectorDefaults{}
	}
	return errors.Join(
		pragma.MountPlugin(s.m, "InventoryService.instancedItemPlugin", s.Instanced),
		pragma.MountPlugin(s.m, "InventoryService.stackableItemPlugin", s.Stackable),
		pragma.MountPlugin(s.m, "InventoryService.rewardSelectorPlugin", s.Rewards),
	)
}

// mountCatalog joins the catalogs, now and whenever the configuration changes.
func (s *Service) mountCatalog() error {
	if err := s.Catalog.validate(); err != nil {
		return fmt.Errorf("inventory.Service.Catalog: %w", err)
	}
	var err error
	s.cfg, err = pragma.ServiceConfig(s.m, "InventoryServiceConfig", DefaultConfig(s.m.Mode()))
	if err != nil {
		return err
	}
	cfg := s.cfg.Load()
	c, err := newCatalog(s.Catalog, &cfg)
	if err != nil {
		return err
	}
	s.catalog.Store(c)
	s.cfg.OnChange(func(_, now Config) {
		c, err := newCatalog(s.Catalog, &now)
		if err != nil {
			s.m.Log().Error("the catalog stays as it was", "err", err)
			return
		}
		s.catalog.Store(c)
	})
	return nil
}

// rules returns what a request goes by.
func (s *Service) rules() *rules {
	return &rules{
		cfg: s.cfg.Load(), cat: s.catalog.Load(),
		instanced: s.Instanced, stackable: s.Stackable, selector: s.Rewards,
		hook: func(ctx context.Context, name string, fn func(context.Context) error) error {
			return pragma.RunHook(ctx, s.m, name, fn)
		},
	}
}

// Read returns everything a player owns, or [ErrPlayerNotFound]. It may be called
// by any number of goroutines, also within updates of entities; it then returns
// what is committed.
func (s *Service) Read(ctx context.Context, id pragma.PlayerID) (*Contents, error) {
	if err := s.check(ctx, id); err != nil {
		return nil, err
	}
	c, err := s.provider.Read(ctx, &ReadRequest{PlayerID: id})
	if err != nil {
		return nil, fmt.Errorf("read inventory of %s: %w", id, err)
	}
	return c, nil
}

// Apply does all operations or none, and tells the player what changed. The error
// is one of errors.go, [pragma.ErrTooLarge] for what is beyond a bound of
// [Config], or that of a plugin. With an idempotency key it may be repeated until
// it succeeds: after a game, from a lane ([entity.Lane]) or another job that may
// run again, under a key such as "<game instance id>/reward". It may be called by
// any number of goroutines, but not from hooks of other services and not within
// an update of an entity: see [Service.ApplyIn].
func (s *Service) Apply(ctx context.Context, id pragma.PlayerID, o *Operations) (*Updates, error) {
	if err := s.check(ctx, id); err != nil {
		return nil, err
	}
	u, err := s.provider.Apply(ctx, s.request(id, o))
	if err != nil {
		return nil, fmt.Errorf("change inventory of %s: %w", id, err)
	}
	return u, nil
}

// ApplyIn is [Service.Apply] within an update of another entity: the items change
// in the same commit, or not at all. The update must fail if ApplyIn does. What it
// returns holds once the update is committed. It works with the items in the
// server's store only; with another [Provider] it is an error.
func (s *Service) ApplyIn(tx *entity.Tx, id pragma.PlayerID, o *Operations) (*Updates, error) {
	if s.records == nil {
		return nil, errors.New("inventory: ApplyIn does not work with another Provider")
	}
	if err := s.check(tx.Context(), id); err != nil {
		return nil, err
	}
	u, err := s.records.applyIn(tx, s.request(id, o))
	if err != nil {
		return nil, fmt.Errorf("change inventory of %s: %w", id, err)
	}
	return u, nil
}

// Delete takes everything away from a player and has his client read again.
// Versions go on, and idempotency keys stay used.
func (s *Service) Delete(ctx context.Context, id pragma.PlayerID) error {
	if err := s.check(ctx, id); err != nil {
		return err
	}
	if err := s.provider.Delete(ctx, &DeleteRequest{PlayerID: id}); err != nil {
		return fmt.Errorf("delete inventory of %s: %w", id, err)
	}
	s.m.NotifyPlayers(ctx, s.reset.Of(&wire.Empty{}), id)
	return nil
}

// Items returns everything a player owns, hidden or not, with the tags of its
// kind: what a party keeps in a snapshot (engine §7.1).
func (s *Service) Items(ctx context.Context, id pragma.PlayerID) ([]Item, error) {
	c, err := s.Read(ctx, id)
	if err != nil {
		return nil, err
	}
	cat := s.catalog.Load()
	var items []Item
	for _, p := range []Part{c.Player, c.Hidden} {
		for _, i := range p.Stackables {
			tags, _ := cat.tags(i.CatalogID)
			items = append(items, Item{CatalogID: i.CatalogID, InstanceID: i.InstanceID.String(), Amount: i.Amount, Tags: tags})
		}
		for _, i := range p.Instanced {
			tags, _ := cat.tags(i.CatalogID)
			items = append(items, Item{CatalogID: i.CatalogID, InstanceID: i.InstanceID.String(), Tags: tags})
		}
	}
	return items, nil
}

// LoginContent returns what clients need to know of all items there are, in the
// form of wire §7.7: kinds that are hidden are left out, and what this server does
// not have is empty. It is the same for every player and costs nothing.
func (s *Service) LoginContent(context.Context, pragma.PlayerID) (ext.Value, error) {
	return s.catalog.Load().content, nil
}

// check refuses ids that nobody has.
func (s *Service) check(ctx context.Context, id pragma.PlayerID) error {
	if id.IsZero() {
		return ErrPlayerNotFound
	}
	if s.Players == nil {
		return nil
	}
	known, err := s.Players.HasPlayer(ctx, id)
	if err != nil {
		return fmt.Errorf("look up player %s: %w", id, err)
	}
	if !known {
		return ErrPlayerNotFound
	}
	return nil
}

func (s *Service) request(id pragma.PlayerID, o *Operations) *ApplyRequest {
	return &ApplyRequest{PlayerID: id, Operations: o, Committed: func(ctx context.Context, u *Updates) { s.tell(ctx, id, u) }}
}

// maxNoticeBytes leaves room for the envelope in a message to other nodes.
const maxNoticeBytes = cluster.MaxData - 16<<10

// tell pushes to the player what changed of what he sees.
func (s *Service) tell(ctx context.Context, id pragma.PlayerID, u *Updates) {
	if !u.Player.Changed() {
		return
	}
	w := updateOf(&u.Player)
	n := s.updated.Of(&wire.InventoryUpdatedV1Notification{Segment: w.Segment, Delta: w.Delta})
	if s.records == nil { // nobody has bounded the size
		if text, err := n.MarshalJSON(); err == nil && len(text) > maxNoticeBytes {
			n = s.reset.Of(&wire.Empty{})
		}
	}
	s.m.NotifyPlayers(ctx, n, id)
}
