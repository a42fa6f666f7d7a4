package matchmaking

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/slot"
	"github.com/openpragma/engine/pragma/store"
)

// ticketKind is the kind of the records; it must never change.
const ticketKind = "ticket"

// Service is the matchmaking service. Fill in the fields and put it into the
// list of services of a server's Game side.
type Service struct {
	// Plugin decides who plays with whom. Nil means [Defaults], which matches
	// nobody.
	Plugin Plugin
	// Pool decides it by looking at whole queues. It stands instead of Plugin:
	// with both the server does not start.
	Pool PoolPlugin
	// Parties is the party service, whose parties wait here; required.
	Parties *party.Service
	// Games is the game instance service, which makes the games; required.
	Games *gameinstance.Service

	m       *pragma.Mount
	cfg     *pragma.Live[Config]
	slots   *slot.Slots
	tickets *entity.Kind[ticket]
	failure pragma.Notice[wire.MatchmakingFailureV1Notification]
	index   *index
	metrics *metrics
	commits chan struct{} // one place for each commit under way
}

var (
	_ pragma.Service     = (*Service)(nil)
	_ party.Queue        = (*Service)(nil)
	_ gameinstance.Queue = (*Service)(nil)
)

// maxCommits is how many matches are committed at a time: enough to fill the
// groups in which a store writes.
const maxCommits = 256

// Name returns the prefix of the service's calls.
func (s *Service) Name() string { return "MatchmakingRpc" }

// Mount implements [pragma.Service].
func (s *Service) Mount(m *pragma.Mount) error {
	if s.Parties == nil || s.Games == nil {
		return errors.New("matchmaking.Service needs its fields Parties and Games")
	}
	if s.Plugin != nil && s.Pool != nil {
		return errors.New("matchmaking.Service has both a Plugin and a Pool; it needs one of them")
	}
	var problems [3]error
	s.m = m
	s.cfg, problems[0] = pragma.ServiceConfig(m, "MatchmakingConfig", DefaultConfig())
	problems[1] = s.mountPlugin(m)
	s.slots = slot.For(m)
	s.tickets = entity.Of(m, ticketKind, entity.Options[ticket]{Due: (*ticket).timesOutAt, OnDue: s.timeOut})
	s.failure = pragma.PlayerNotice[wire.MatchmakingFailureV1Notification](m, "MatchmakingFailureV1Notification")
	s.index = newIndex()
	s.index.whole = s.Pool != nil
	s.commits = make(chan struct{}, maxCommits)
	s.metrics, problems[2] = newMetrics(m.Metrics())
	s.handle(m)
	s.Parties.UseQueue(s)
	s.Games.UseQueue(s)
	m.OnStart(s.reconcile)
	m.Go("loop", s.run)
	return errors.Join(problems[:]...)
}

func (s *Service) mountPlugin(m *pragma.Mount) error {
	if s.Pool != nil {
		return pragma.MountPlugin(m, "MatchmakingService.poolPlugin", s.Pool)
	}
	if s.Plugin == nil {
		s.Plugin = Defaults{}
	}
	return pragma.MountPlugin(m, "MatchmakingService.matchmakingPlugin", s.Plugin)
}

// Enter lets a party wait, inside its own update. It is for package party.
func (s *Service) Enter(tx *entity.Tx, e *party.QueueEntry) error {
	t, err := s.tickets.New(tx, e.TicketID.String())
	if errors.Is(err, entity.ErrExists) {
		return ErrAlreadyInQueue
	}
	if err != nil {
		return err
	}
	cfg := s.cfg.Load()
	*t = newTicket(e, tx.Now(), cfg.queueTimeout())
	p, key := t.party(e.TicketID), t.key()
	if s.Pool != nil {
		if err := s.describe(tx.Context(), key, p, tx.Now()); err != nil {
			return err
		}
		s.wait(tx, key, p)
		return nil
	}
	m := NewMatchable(p)
	var game *NewGameInstance
	r := &InitializeRequest{key, m, tx.Now()}
	err = pragma.RunHook(tx.Context(), s.m, hookInitialize, func(ctx context.Context) (err error) {
		game, err = s.Plugin.Initialize(ctx, r)
		return err
	})
	if err != nil {
		return err
	}
	if game != nil {
		return s.startNow(tx, key, game, m)
	}
	p.notes, p.in = m.ext, nil
	s.wait(tx, key, p)
	return nil
}

// wait brings a party to the index, after everything the party tells its players:
// the match may be next.
func (s *Service) wait(tx *entity.Tx, key QueueKey, p *Party) {
	tx.BeforeCommit(addKey(p.TicketID), func() error {
		tx.After(func(context.Context) { s.index.add(key, p) })
		return nil
	})
}

type (
	addKey   pragma.TicketID
	startKey pragma.GameInstanceID
)

// startNow starts the game of a party that has only just entered, when its own
// update has done everything else.
func (s *Service) startNow(tx *entity.Tx, key QueueKey, game *NewGameInstance, m *Matchable) error {
	parties, err := game.check(m, nil)
	if err != nil {
		return ErrPlugin.Wrap(fmt.Errorf("%s: %w", hookInitialize, err))
	}
	id := pragma.NewID[pragma.GameInstanceID]()
	tx.BeforeCommit(startKey(id), func() error {
		return refused(s.start(tx, id, key, game, parties))
	})
	return nil
}

// refused is what the leader is told when the game of his party cannot start: the
// documented reason for everything but trouble with the store, which may pass.
func refused(err error) error {
	if err == nil || troubled(err) {
		return err
	}
	no := party.ErrFailedToEnterMatchmaking.Wrap(err)
	if e, ok := errors.AsType[*pragma.Error](err); ok && e.Code != pragma.Internal {
		no = no.With("%s", e.Error())
	}
	return no
}

// Leave removes a ticket, inside the update of its party. It is for package party.
func (s *Service) Leave(tx *entity.Tx, id pragma.TicketID) error {
	err := s.tickets.Delete(tx, id.String())
	if errors.Is(err, entity.ErrNotFound) {
		return nil
	}
	if err == nil {
		s.forget(tx, id)
	}
	return err
}

// Expel removes the ticket of a party whose game server version is gone and tells
// the players, inside the update of the party (engine §3.3). It is for package party.
func (s *Service) Expel(tx *entity.Tx, id pragma.TicketID, players []pragma.PlayerID) error {
	tx.NotifyPlayers(s.failure.Of(&wire.MatchmakingFailureV1Notification{
		Reason: wire.MatchmakingFailureGameServerVersionNoLongerCompatible,
	}), players...)
	return s.Leave(tx, id)
}

// forget takes tickets out of the index with the commit.
func (s *Service) forget(tx *entity.Tx, ids ...pragma.TicketID) {
	tx.After(func(context.Context) { s.index.remove(ids...) })
}

// reconcileEvery is how often the index is compared with the store. Only a
// ticket whose commit was made but reported as unknown, or that another node
// made, is found that late.
const reconcileEvery = 15 * time.Second

// reconcile brings the index in line with the store.
func (s *Service) reconcile(ctx context.Context) error {
	gone := s.index.known()
	var missing []pragma.TicketID
	for rec, err := range s.m.Store().List(ctx, store.Query{Kind: ticketKind}) {
		if err != nil {
			return fmt.Errorf("list tickets: %w", err)
		}
		id, err := pragma.ParseID[pragma.TicketID](rec.ID)
		if err != nil {
			s.m.Log().ErrorContext(ctx, "ticket has a strange id", "id", rec.ID)
			continue
		}
		if !s.index.hasParty(id) { // what is known of a game may have become old
			missing = append(missing, id)
		}
		delete(gone, id)
	}
	for id := range gone {
		s.index.remove(id)
	}
	for _, id := range missing {
		t, err := s.tickets.Read(ctx, id.String())
		switch {
		case errors.Is(err, entity.ErrNotFound):
		case err != nil:
			s.m.Log().ErrorContext(ctx, "cannot read a ticket", "ticket", id, "err", err)
		default:
			s.rejoin(ctx, id, t)
		}
	}
	return nil
}
