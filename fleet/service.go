package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// Service hands games to servers that ask for work. It is a service of the Game
// backend and the provider of its Games:
//
//	games := &gameinstance.Service{}
//	servers := &fleet.Service{Games: games}
//	games.Provider = servers
//
// Fields must not be changed once the server runs.
type Service struct {
	gameinstance.ProviderDefaults

	// Plugin chooses pools and starts servers. Nil means [Defaults].
	Plugin Plugin
	// Games is the service whose games are handed out. Its Provider must be this
	// Service.
	Games *gameinstance.Service
	// BackendAddress is where started servers reach the game's partner gateway, as
	// host:port. Empty means the gateway's publicURL or where it listens.
	BackendAddress string

	m        *pragma.Mount
	config   *pragma.Live[Config]
	requests *entity.Kind[request]
	waits    *entity.Kind[waiting]
	servers  *entity.Kind[server]
	pools    *entity.Kind[pool]
	adds     *entity.Lane[addCall, addResult]

	line    *line
	figures *figures
	begun   time.Time   // store time; servers had no chance to report before
	passive atomic.Bool // the plugin starts no servers
	nudge   chan struct{}
}

var (
	_ pragma.Service              = (*Service)(nil)
	_ gameinstance.ProviderPlugin = (*Service)(nil)
)

// Name implements [pragma.Service].
func (*Service) Name() string { return "FleetRpc" }

// Mount implements [pragma.Service].
func (s *Service) Mount(m *pragma.Mount) error {
	if m.Backend() != pragma.Game {
		return errors.New("fleet.Service belongs on the Game backend")
	}
	if s.Games == nil || s.Games.Provider != gameinstance.ProviderPlugin(s) {
		return errors.New("fleet.Service.Games must be the game instance service whose Provider is this fleet.Service")
	}
	if s.Plugin == nil {
		s.Plugin = Defaults{}
	}
	_, plain := s.Plugin.(Defaults)
	s.passive.Store(plain)
	if err := pragma.MountPlugin(m, "FleetService.fleetPlugin", s.Plugin); err != nil {
		return err
	}
	var err error
	if s.config, err = pragma.ServiceConfig(m, "FleetServiceConfig", DefaultConfig()); err != nil {
		return err
	}
	s.m, s.line, s.nudge = m, newLine(), make(chan struct{}, 1)
	s.figures = newFigures(s.line)
	if err := m.Metrics().Register(s.figures); err != nil {
		return err
	}
	s.requests = entity.Of(m, "fleet-request", entity.Options[request]{
		Due:   func(r *request) time.Time { return r.ForgetAt },
		OnDue: func(tx *entity.Tx, id string, _ *request) error { return s.requests.Delete(tx, id) },
	})
	s.waits = entity.Of(m, "fleet-waiting", entity.Options[waiting]{
		Due: func(w *waiting) time.Time { return w.LookAt }, OnDue: s.lookAgain,
	})
	s.servers = entity.Of(m, "fleet-server", entity.Options[server]{
		Due: func(sv *server) time.Time { return sv.NextAt }, OnDue: s.silent,
	})
	m.AllocationTokens("fleet-server")
	s.pools = entity.Of(m, "fleet-pool", entity.Options[pool]{})
	s.mountLanes(m)
	pragma.HandlePartner(m, "ReportCapacityV1", s.reportCapacityV1)
	pragma.HandlePartner(m, "MatchCapacityRpc.ReportCapacityV2", s.reportCapacityV2)
	m.OnStart(s.start)
	m.Go("capacity", s.balance)
	return nil
}

// clientTimeout bounds each call of the client that [Plugin.Init] gets.
const clientTimeout = 10 * time.Second

func (s *Service) start(ctx context.Context) (err error) {
	if s.begun, err = s.m.Store().Now(ctx); err != nil {
		return err
	}
	if err := s.compareLine(ctx); err != nil {
		return err
	}
	err = pragma.RunHook(ctx, s.m, "Init", func(ctx context.Context) error {
		return s.Plugin.Init(ctx, &InitRequest{Client: &http.Client{Timeout: clientTimeout}})
	})
	if err != nil {
		return fmt.Errorf("start the fleet plugin: %w", err)
	}
	return nil
}

const (
	// rememberRequest is how long a repeated request is recognised; the game
	// instance service repeats one for an hour at most.
	rememberRequest = 2 * time.Hour
	// lookInterval is how often somebody looks whether a waiting game still waits.
	lookInterval = time.Minute
)

// StartAllocationForGameInstance puts the game into the line of its pool
// (engine §8.2). It is done when that is durable; the next server with room that
// reports gets the game. A repeated call changes nothing.
func (s *Service) StartAllocationForGameInstance(ctx context.Context, r *gameinstance.StartAllocationForGameInstanceRequest) error {
	p, err := s.selectPool(ctx, &SelectServerPoolRequest{
		GameServerVersion: r.GameServerVersion, GameServerZone: r.GameServerZone, Ext: r.Ext,
	})
	if err != nil {
		return fmt.Errorf("select a server pool for game instance %s: %w", r.GameInstanceID, err)
	}
	id := r.AllocationID.String()
	err = s.requests.Create(ctx, id, func(tx *entity.Tx, q *request) error {
		q.GameInstanceID, q.ForgetAt = r.GameInstanceID, tx.Now().Add(rememberRequest)
		w, err := s.waits.New(tx, id)
		if err != nil {
			return err
		}
		w.GameInstanceID, w.Place = r.GameInstanceID, placeOf(r, &p)
		w.Since, w.LookAt = tx.Now(), tx.Now().Add(lookInterval)
		queued := *w
		tx.After(func(context.Context) {
			s.line.add(r.AllocationID, &queued)
			s.wake()
		})
		return nil
	})
	switch {
	case errors.Is(err, entity.ErrExists):
		return nil
	case err != nil:
		return pragma.ErrUnavailable.Wrap(fmt.Errorf("note that game instance %s waits for a server: %w", r.GameInstanceID, err))
	}
	return nil
}

// EndAllocation takes the game out of the line, if nobody was given it, and keeps
// it out. Servers that poll end by themselves, or ask for the next game.
func (s *Service) EndAllocation(ctx context.Context, r *gameinstance.EndAllocationRequest) error {
	id := r.AllocationID.String()
	err := s.requests.Upsert(ctx, id, func(tx *entity.Tx, q *request) error {
		if q.ForgetAt.IsZero() { // the request is late, or never came
			q.GameInstanceID, q.ForgetAt = r.GameInstanceID, tx.Now().Add(rememberRequest)
		}
		tx.After(func(context.Context) { s.line.remove(r.AllocationID) })
		if err := s.waits.Delete(tx, id); err != nil && !errors.Is(err, entity.ErrNotFound) {
			return err
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget that game instance %s waits for a server: %w", r.GameInstanceID, err)
	}
	return nil
}

// lookAgain drops a game that no longer waits.
func (s *Service) lookAgain(tx *entity.Tx, id string, w *waiting) error {
	allocation, err := pragma.ParseID[pragma.AllocationID](id)
	if err != nil {
		return s.waits.Delete(tx, id)
	}
	awaits, err := s.Games.AwaitsServer(tx, w.GameInstanceID, allocation)
	if err != nil {
		return err
	}
	if awaits {
		w.LookAt = tx.Now().Add(lookInterval)
		return nil
	}
	tx.After(func(context.Context) { s.line.remove(allocation) })
	return s.waits.Delete(tx, id)
}

// selectPool asks the plugin, and checks what it says.
func (s *Service) selectPool(ctx context.Context, r *SelectServerPoolRequest) (ServerPool, error) {
	return s.askPool(ctx, "SelectServerPool", func(ctx context.Context) (ServerPool, error) {
		return s.Plugin.SelectServerPool(ctx, r)
	})
}

func (s *Service) poolByID(ctx context.Context, id string) (ServerPool, error) {
	p, err := s.askPool(ctx, "GetServerPoolByID", func(ctx context.Context) (ServerPool, error) {
		return s.Plugin.GetServerPoolByID(ctx, &GetServerPoolByIDRequest{ServerPoolID: id})
	})
	if err == nil && p.ServerPoolID != id {
		return p, ErrServerPoolNotFound.With("the plugin answers for pool %q with pool %q", id, p.ServerPoolID)
	}
	return p, err
}

func (s *Service) askPool(ctx context.Context, hook string, ask func(context.Context) (ServerPool, error)) (ServerPool, error) {
	answer := make(chan ServerPool, 1)
	err := pragma.RunHook(ctx, s.m, hook, func(ctx context.Context) error {
		p, err := ask(ctx)
		answer <- p
		return err
	})
	if err != nil {
		return ServerPool{}, err
	}
	p := <-answer
	if len(p.ServerPoolID) > maxPool {
		return p, fmt.Errorf("hook %s returned a pool id of %d bytes, more than %d", hook, len(p.ServerPoolID), maxPool)
	}
	cfg := s.config.Load()
	_, err = cfg.policy(p.policyID())
	return p, err
}

// clientTokens makes the tokens of a server that is started. Every pair has a
// partner id of its own: should a repeated call have started a second server,
// only the first one to report is accepted.
func (s *Service) clientTokens(id pragma.AllocationID) (gameinstance.PartnerClientTokens, error) {
	who := &pragma.PartnerSession{
		PartnerID: pragma.NewID[pragma.PartnerID](), Name: "game server", GameShardID: s.m.ShardID(), AllocationID: id,
	}
	game, gameErr := s.m.SignPartnerToken(pragma.Game, who, 0)
	social, socialErr := s.m.SignPartnerToken(pragma.Social, who, 0)
	if err := errors.Join(gameErr, socialErr); err != nil {
		return gameinstance.PartnerClientTokens{}, fmt.Errorf("sign the tokens of server %s: %w", id, err)
	}
	return gameinstance.PartnerClientTokens{GameToken: game, SocialToken: social}, nil
}

func (s *Service) address() string {
	return cmp.Or(s.BackendAddress, s.m.Address(pragma.Gateway{Backend: pragma.Game, Type: pragma.Partner}))
}

// reportCapacityV1 takes the report of a server that names its pool.
func (s *Service) reportCapacityV1(ctx context.Context, who *pragma.PartnerSession, req *wire.FleetReportCapacityV1Request) (*wire.FleetReportCapacityV1Response, error) {
	return s.report(ctx, who, &report{
		serverID: req.ServerID, pool: req.ServerPoolID, total: int(req.TotalCapacity), used: int(req.UsedCapacity),
	})
}

// reportCapacityV2 takes the report of a server that names its version and zone.
func (s *Service) reportCapacityV2(ctx context.Context, who *pragma.PartnerSession, req *wire.MatchCapacityReportCapacityV2Request) (*wire.MatchCapacityReportCapacityV2Response, error) {
	return s.report(ctx, who, &report{
		serverID: req.ServerID, version: req.GameVersion, zone: req.GameServerZone, older: true,
		total: int(req.TotalCapacity), used: int(req.UsedCapacity),
	})
}
