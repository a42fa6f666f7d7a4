package gameinstance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// API is what a studio's own code does with game instances (documented as
// GameInstanceApi, engine §5.4). A *Service is one. A service that needs it has a
// field of this type, which main fills in and a test fakes; a fake of Read may
// use [New]. All methods may be called by any number of goroutines, but not
// inside a hook or an update. An instance that is over is
// [ErrUnknownGameInstanceID].
type API interface {
	// Create makes an instance, see [Service.Create].
	Create(ctx context.Context, o *CreateOptions) (pragma.GameInstanceID, error)
	// AddPlayers adds players, see [Service.AddPlayers].
	AddPlayers(ctx context.Context, id pragma.GameInstanceID, requestExt ext.Value, players []PlayerToAdd) error
	// RemovePlayers removes players, see [Service.RemovePlayers].
	RemovePlayers(ctx context.Context, id pragma.GameInstanceID, requestExt ext.Value, players []PlayerToRemove) error
	// Update has the plugin change an instance, see [Service.Update].
	Update(ctx context.Context, id pragma.GameInstanceID, requestExt ext.Value) error
	// End ends an instance, see [Service.End].
	End(ctx context.Context, id pragma.GameInstanceID, requestExt ext.Value, results []PlayerGameResult) error
	// Read shows an instance, see [Service.Read].
	Read(ctx context.Context, id pragma.GameInstanceID, fn func(i *Instance) error) error
	// InstancesOf names the instances of a player, see [Service.InstancesOf].
	InstancesOf(ctx context.Context, player pragma.PlayerID) ([]pragma.GameInstanceID, error)
	// SummariesOf describes them, see [Service.SummariesOf].
	SummariesOf(ctx context.Context, player pragma.PlayerID) ([]Summary, error)
}

var _ API = (*Service)(nil)

// CreateOptions say what [Service.Create] makes.
type CreateOptions struct {
	// RequestExt is ExtBackendCreateRequest, for the plugin.
	RequestExt ext.Value
	// PlayersToAdd are given to the plugin, which adds them.
	PlayersToAdd []PlayerToAdd
	// GameServerVersion and GameServerZone say what server is needed; empty: any.
	GameServerVersion, GameServerZone string
}

// Create makes an instance, without matchmaking, through
// [Plugin.HandleBackendCreateRequest]. The error is that of the plugin, or
// [ErrPlayerJoinFailed] for a player who is elsewhere.
func (s *Service) Create(ctx context.Context, o *CreateOptions) (pragma.GameInstanceID, error) {
	id := pragma.NewID[pragma.GameInstanceID]()
	err := s.heads.Create(ctx, id.String(), func(tx *entity.Tx, h *head) error {
		t, err := s.creation(tx, id, h, o.GameServerVersion, o.GameServerZone)
		if err != nil {
			return err
		}
		if err := t.createBackend(o, OriginBackend); err != nil {
			return err
		}
		return t.finish()
	})
	return id, err
}

// createBackend runs the hook for an instance that studio code or a server makes.
func (t *turn) createBackend(o *CreateOptions, origin Origin) error {
	t.know(o.PlayersToAdd...)
	return t.hook("HandleBackendCreateRequest", func(ctx context.Context) error {
		return t.s.Plugin.HandleBackendCreateRequest(ctx, &BackendCreateRequest{
			GameInstance: t.inst, RequestExt: o.RequestExt, PlayersToAdd: o.PlayersToAdd, Origin: origin,
		})
	})
}

// AddPlayers has [Plugin.HandleBackendAddPlayersRequest] add players.
func (s *Service) AddPlayers(ctx context.Context, id pragma.GameInstanceID, requestExt ext.Value, players []PlayerToAdd) error {
	return s.change(ctx, id, func(t *turn) error {
		t.know(players...)
		return t.hook("HandleBackendAddPlayersRequest", func(ctx context.Context) error {
			return s.Plugin.HandleBackendAddPlayersRequest(ctx, &BackendAddPlayersRequest{
				GameInstance: t.inst, RequestExt: requestExt, PlayersToAdd: players,
			})
		})
	})
}

// RemovePlayers has [Plugin.HandleBackendRemovePlayersRequest] remove players.
// All of them must be in the instance, otherwise it returns
// [ErrPlayerNotInGameInstance]. Their exts are kept for end-of-game jobs.
func (s *Service) RemovePlayers(ctx context.Context, id pragma.GameInstanceID, requestExt ext.Value, players []PlayerToRemove) error {
	return s.change(ctx, id, func(t *turn) error { return t.removePlayers(requestExt, players) })
}

func (t *turn) removePlayers(requestExt ext.Value, players []PlayerToRemove) error {
	t.removeExts = make(map[pragma.PlayerID]ext.Value)
	for _, p := range players {
		if t.inst.Player(p.PlayerID) == nil {
			return ErrPlayerNotInGameInstance.With("player %s is not in the game instance", p.PlayerID)
		}
		if err := checkExt(p.Ext); err != nil {
			return err
		}
		t.removeExts[p.PlayerID] = p.Ext
	}
	return t.hook("HandleBackendRemovePlayersRequest", func(ctx context.Context) error {
		return t.s.Plugin.HandleBackendRemovePlayersRequest(ctx, &BackendRemovePlayersRequest{
			GameInstance: t.inst, RequestExt: requestExt, PlayersToRemove: players,
		})
	})
}

// Update has [Plugin.HandleBackendUpdateRequest] change the instance.
func (s *Service) Update(ctx context.Context, id pragma.GameInstanceID, requestExt ext.Value) error {
	return s.change(ctx, id, func(t *turn) error { return t.update(requestExt) })
}

func (t *turn) update(requestExt ext.Value) error {
	return t.hook("HandleBackendUpdateRequest", func(ctx context.Context) error {
		return t.s.Plugin.HandleBackendUpdateRequest(ctx, &BackendUpdateRequest{GameInstance: t.inst, RequestExt: requestExt})
	})
}

// End has [Plugin.OnEndGame] end the instance, as if its server had reported it.
// Results are about players who are, or were, in the instance, otherwise it
// returns [ErrPlayerNotInGameInstance].
func (s *Service) End(ctx context.Context, id pragma.GameInstanceID, requestExt ext.Value, results []PlayerGameResult) error {
	return s.change(ctx, id, func(t *turn) error { return t.end(requestExt, results) })
}

// Read calls fn with a copy of the instance, for reading: what fn changes is
// lost. Reading counts as using the instance. fn may be called again, and must
// not keep its argument.
func (s *Service) Read(ctx context.Context, id pragma.GameInstanceID, fn func(i *Instance) error) error {
	return s.change(ctx, id, func(t *turn) error {
		if err := fn(t.inst); err != nil {
			return err
		}
		if t.inst.err != nil {
			return t.inst.err
		}
		t.renew()
		return nil
	})
}

// InstancesOf returns the instances a player is in, in the order of joining
// (documented as getIdsForPlayers). A player nobody knows is in none.
func (s *Service) InstancesOf(ctx context.Context, player pragma.PlayerID) ([]pragma.GameInstanceID, error) {
	where, err := s.slots.Read(ctx, player)
	return where.GameInstanceIDs, err
}

// Summary describes an instance in a few words.
type Summary struct {
	GameInstanceID pragma.GameInstanceID
	Version        int64
	State          State
	PlayerIDs      []pragma.PlayerID // in the order of joining
	// GameServerVersion and GameServerZone say what server it needs; empty: any.
	GameServerVersion, GameServerZone string
	// Hostname and Port are where players reach the server; empty while none is
	// ready.
	Hostname              string
	Port                  int
	IsInMatchmaking       bool
	CreatedAt, LastAccess time.Time // store time; the access to about a minute
}

// SummariesOf describes the instances a player is in, in the order of joining
// (documented as getForPlayer). It counts as using them. They are read one after
// the other, so one that has just ended may be missing.
func (s *Service) SummariesOf(ctx context.Context, player pragma.PlayerID) ([]Summary, error) {
	ids, err := s.InstancesOf(ctx, player)
	if err != nil {
		return nil, fmt.Errorf("find the games of player %s: %w", player, err)
	}
	var list []Summary
	for _, id := range ids {
		var found Summary
		err := s.Read(ctx, id, func(i *Instance) error { found = i.summary(); return nil })
		if errors.Is(err, ErrUnknownGameInstanceID) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, found)
	}
	return list, nil
}

func (i *Instance) summary() Summary {
	s := Summary{
		GameInstanceID: i.ID(), Version: i.Version(), State: i.State(),
		GameServerVersion: i.GameServerVersion(), GameServerZone: i.GameServerZone(),
		Hostname: i.Hostname(), Port: i.Port(), IsInMatchmaking: i.IsInMatchmaking(),
		CreatedAt: i.CreatedAt(), LastAccess: i.LastAccess(),
	}
	for _, p := range i.present() {
		s.PlayerIDs = append(s.PlayerIDs, p.ID())
	}
	return s
}
