package gameinstance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/entity"
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
	// Matchmaking says what matchmaking knows of instances that wait for more
	// players. Nil means [MatchmakingDefaults].
	Matchmaking MatchmakingPlugin
	// Parties gets the players back. Nil means that they have no parties.
	Parties Parties
	// Accounts has the names of players whom studio code or a game server adds by
	// their id; an *account.Service does. Nil means that only players who have
	// been here have a name.
	Accounts Accounts
	// BackendAddress is where game servers reach the game's partner gateway, as
	// host:port. Empty means the gateway's publicURL or where it listens.
	BackendAddress string
	// Jobs run after every game, see [Job].
	Jobs []Job

	m        *pragma.Mount
	config   *pragma.Live[Config]
	slots    *slot.Slots
	queue    Queue // nil: no matchmaking
	notices  notices
	heads    *entity.Kind[head]
	rosters  *entity.Kind[roster]
	indexes  *entity.Kind[index]
	entries  *entity.Kind[entry]
	lane     *entity.Lane[allocationCall, allocationResult]
	orders   *entity.Kind[order]
	ends     *entity.Lane[endCall, struct{}]
	jobs     []*job // Jobs, and what the service does itself
	gameEnds *entity.Kind[gameEnd]
	endPages *entity.Kind[endPage]
	recent   *rosterCache
	started  time.Time // store time; servers had no chance to call before
	recheck  chan struct{}
	watchers []Watcher
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
	// RefreshInventories is called when the end-of-game jobs of an instance are
	// done: players of a party may own something else now. It may be called again
	// for the same, and is not called at all if there are no jobs.
	RefreshInventories(ctx context.Context, party pragma.PartyID, players []pragma.PlayerID) error
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
	if err := s.mountJobs(m); err != nil {
		return err
	}
	s.notices = newNotices(m)
	s.handlePlayers(m)
	s.handlePartners(m)
	s.handleOperators(m)
	s.handleMatchmaking(m)
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
	if s.Matchmaking == nil {
		s.Matchmaking = MatchmakingDefaults{}
	}
	return errors.Join(
		pragma.MountPlugin(m, "GameInstanceService.gameInstancePlugin", s.Plugin),
		pragma.MountPlugin(m, "GameInstanceService.gameInstanceMatchmakingPlugin", s.Matchmaking),
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
	if r.ContinueMatchmaking != nil {
		t.enterQueue(*r.ContinueMatchmaking)
	}
	if err := t.finish(); err != nil {
		return id, err
	}
	return id, t.tellCreated(r.Parties)
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
