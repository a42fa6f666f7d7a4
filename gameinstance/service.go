package gameinstance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/slot"
)

// Service is the game instance service of the Game backend. The zero value
// works: its players have no parties, and game servers have to come by
// themselves. Fields must not be changed once the server runs.
type Service struct {
	// Plugin decides what game instances do. Nil means [Defaults].
	Plugin Plugin
	// Provider starts game servers. Nil means a [DefaultProvider].
	Provider ProviderPlugin
	// Parties gets the players back. Nil means that they have no parties.
	Parties Parties
	// Accounts has the names of players whom studio code or a game server adds by
	// their id; an *account.Service does. Nil means that only players who have
	// been here have a name.
	Accounts Accounts
	// BackendAddress is where game servers reach the game's partner gateway, as
	// host:port. Empty means the gateway's publicURL or where it listens.
	BackendAddress string

	m       *pragma.Mount
	config  *pragma.Live[Config]
	slots   *slot.Slots
	notices notices
	heads   *entity.Kind[head]
	rosters *entity.Kind[roster]
	indexes *entity.Kind[index]
	entries *entity.Kind[entry]
	lane    *entity.Lane[allocationCall, allocationResult]
	orders  *entity.Kind[order]
	ends    *entity.Lane[endCall, struct{}]
	recent  *rosterCache
	started time.Time // store time; servers had no chance to call before
	recheck chan struct{}
}

// Parties is what the service needs of parties.
type Parties interface {
	// ReturnFromGameInstance is called in the commit in which players of a party
	// leave an instance, whether it is over or not. It tells the party.
	ReturnFromGameInstance(tx *entity.Tx, party pragma.PartyID, game pragma.GameInstanceID, players []pragma.PlayerID) error
	// VersionForGame is called in the commit in which a player makes a game, with
	// the party he is in, zero for none. It returns the game server version that
	// fits them, empty for any; an error when none does (engine §6.8).
	VersionForGame(tx *entity.Tx, party pragma.PartyID, who *pragma.PlayerSession, clientVersion string) (string, error)
}

// Accounts looks players up.
type Accounts interface {
	// ProfileOfPlayer returns a player's account, or [account.ErrNotFound].
	ProfileOfPlayer(ctx context.Context, id pragma.PlayerID) (*account.Profile, error)
}

var (
	_ pragma.Service = (*Service)(nil)
	_ Accounts       = (*account.Service)(nil)
)

// Name implements [pragma.Service].
func (s *Service) Name() string { return "GameInstanceRpc" }

// Mount implements [pragma.Service].
func (s *Service) Mount(m *pragma.Mount) error {
	if m.Backend() != pragma.Game {
		return errors.New("gameinstance.Service belongs on the Game backend")
	}
	s.m = m
	if err := s.mountPlugins(m); err != nil {
		return err
	}
	var err error
	if s.config, err = pragma.ServiceConfig(m, "GameInstanceServiceConfig", DefaultConfig()); err != nil {
		return err
	}
	s.slots = slot.For(m)
	s.slots.AllowManyGames(func() bool { return s.config.Load().AllowMultipleGameInstancesPerPlayer })
	s.heads = entity.Of(m, "instance", entity.Options[head]{Due: (*head).due, OnDue: s.onDue})
	s.rosters = entity.Of(m, "instance-roster", entity.Options[roster]{})
	s.indexes = entity.Of(m, "instance-index", entity.Options[index]{})
	s.entries = entity.Of(m, "instance-data", entity.Options[entry]{})
	s.recent = newRosterCache()
	s.mountLane(m)
	s.mountOrders(m)
	s.notices = newNotices(m)
	s.handlePlayers(m)
	s.handlePartners(m)
	m.OnConnect(s.connected)
	m.OnConnect(s.slots.TellWaiting)
	m.OnStart(s.start)
	s.watchExpiration(m)
	return nil
}

func (s *Service) mountPlugins(m *pragma.Mount) error {
	if s.Plugin == nil {
		s.Plugin = Defaults{}
	}
	if s.Provider == nil {
		s.Provider = &DefaultProvider{}
	}
	return errors.Join(
		pragma.MountPlugin(m, "GameInstanceService.gameInstancePlugin", s.Plugin),
		pragma.MountPlugin(m, "GameInstanceService.gameServerProviderPlugin", s.Provider),
	)
}

// reconnectMode is the configured one, unless the server as a whole lets nobody
// back into a game (core.session.enableMatchReconnect).
func (s *Service) reconnectMode() ReconnectMode {
	if !s.m.MatchReconnect() {
		return ReconnectDisabled
	}
	return s.config.Load().ReconnectMode
}

func (s *Service) start(ctx context.Context) (err error) {
	s.started, err = s.m.Store().Now(ctx)
	return err
}

// CreateByMatchmaking makes an instance inside a transaction of matchmaking: its
// records, its players, what [Plugin.HandleBackendCreateByMatchmakingRequest]
// does, the players' slots, notifications and the request for a server. An error
// must refuse the whole transaction.
func (s *Service) CreateByMatchmaking(tx *entity.Tx, r *NewInstance) (pragma.GameInstanceID, error) {
	id := r.ID
	if id.IsZero() {
		id = pragma.NewID[pragma.GameInstanceID]()
	}
	h, err := s.heads.New(tx, id.String())
	if err != nil {
		return id, fmt.Errorf("create game instance %s: %w", id, err)
	}
	t, err := s.creation(tx, id, h, r.GameServerVersion, r.GameServerZone)
	if err != nil {
		return id, err
	}
	h.QueueKey, t.ros.Parties = r.QueueKey, r.Parties
	t.matched = true
	t.know(r.Players...)
	if err := t.inst.addAll(r.Players); err != nil {
		return id, err
	}
	t.matched = false // a hook may add others, by the usual rules
	err = t.hook("HandleBackendCreateByMatchmakingRequest", func(ctx context.Context) error {
		return s.Plugin.HandleBackendCreateByMatchmakingRequest(ctx, &BackendCreateByMatchmakingRequest{
			GameInstance: t.inst, RequestExt: r.RequestExt, PlayersAdded: r.Players, Parties: r.Parties, QueueKey: r.QueueKey,
		})
	})
	if err != nil {
		return id, err
	}
	return id, t.finish()
}

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
// All of them must be in the instance.
func (s *Service) RemovePlayers(ctx context.Context, id pragma.GameInstanceID, requestExt ext.Value, players []PlayerToRemove) error {
	return s.change(ctx, id, func(t *turn) error { return t.removePlayers(requestExt, players) })
}

func (t *turn) removePlayers(requestExt ext.Value, players []PlayerToRemove) error {
	t.removeExts = make(map[pragma.PlayerID]ext.Value)
	for _, p := range players {
		if t.inst.Player(p.PlayerID) == nil {
			return ErrPlayerNotInGameInstance.With("player %s is not in the game instance", p.PlayerID)
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

// InstancesOf returns the instances a player is in, in the order of joining.
func (s *Service) InstancesOf(ctx context.Context, player pragma.PlayerID) ([]pragma.GameInstanceID, error) {
	where, err := s.slots.Read(ctx, player)
	return where.GameInstanceIDs, err
}

// change makes one change of a living instance. fn may run again.
func (s *Service) change(ctx context.Context, id pragma.GameInstanceID, fn func(t *turn) error) error {
	err := s.heads.Update(ctx, id.String(), func(tx *entity.Tx, h *head) error {
		if h.isOver() {
			return ErrUnknownGameInstanceID
		}
		t := s.begin(tx, h)
		if err := fn(t); err != nil {
			return err
		}
		return t.finish()
	})
	return outcome(err)
}
