package escs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/slot"
)

// Service is the service of external tournaments (escs §2). Fill in the fields and
// put it into the list of services of a server's Game side, after the services it
// uses. All fields but Accounts, Encoder and Transport are required: the parts only work
// together (escs §5). Fields must not be changed once the server runs.
type Service struct {
	// Parties, Queue and Games are the services of the same side, that use each other.
	// Parties must have an [ExternalMatchmakingPartyPlugin], Queue an
	// [ExternalMatchmakingFillPartyPlugin].
	Parties *party.Service
	Queue   *matchmaking.Service
	Games   *gameinstance.Service
	// Accounts knows who players are; an *account.Service does. Nil means that every
	// id of a player is taken for one.
	Accounts Accounts
	// Transformer turns what a game says of a player into scores.
	Transformer ResultsTransformer
	// Encoder writes the request that sends results; nil: the documented form.
	Encoder ResultEncoder
	// Transport carries the calls to the platform; nil: one of its own, with the proxy
	// of the environment.
	Transport http.RoundTripper

	// resultInfo describes the delivery of a set's results for operators, nil if
	// there is none. dropResult removes it, with the commit that removes the set.
	// Both are set by mountResults.
	resultInfo func(ctx context.Context, setID, roundID string) (*resultInfo, error)
	dropResult func(tx *entity.Tx, setID, roundID string) error

	results *results

	m     *pragma.Mount
	cfg   *configuration
	sets  *entity.Kind[set]
	of    *entity.Kind[playerSets]
	games *entity.Kind[gameSet]

	slots    *slot.Slots
	metrics  *metrics
	complete pragma.Notice[wire.ExternalMatchmakingPartyIsCompleteV1Notification]
	entering chan pragma.PlayerID // leaders of parties that the server takes into matchmaking
}

// Accounts looks players up. Its methods may be called by any number of
// goroutines.
type Accounts interface {
	// Profile returns an account, or [account.ErrNotFound].
	Profile(ctx context.Context, id pragma.SocialID) (*account.Profile, error)
	// ProfileOfPlayer returns a player's account, or [account.ErrNotFound].
	ProfileOfPlayer(ctx context.Context, id pragma.PlayerID) (*account.Profile, error)
}

var (
	_ pragma.Service = (*Service)(nil)
	_ Accounts       = (*account.Service)(nil)
)

// Name returns the prefix of the service's calls.
func (s *Service) Name() string { return "ExternalMatchmakingRpc" }

// Mount implements [pragma.Service].
func (s *Service) Mount(m *pragma.Mount) error {
	if m.Backend() != pragma.Game {
		return errors.New("escs.Service belongs on the Game backend")
	}
	if s.Parties == nil || s.Queue == nil || s.Games == nil {
		return errors.New("escs.Service needs its fields Parties, Queue and Games")
	}
	if s.Parties != s.Queue.Parties || s.Games != s.Queue.Games {
		return errors.New("escs.Service: Parties and Games must be those of its Queue")
	}
	s.m = m
	var errs [5]error
	errs[0] = s.findPlugins()
	s.cfg, errs[1] = mountConfig(m)
	s.metrics, errs[2] = newMetrics(m.Metrics())
	s.slots = slot.For(m)
	s.sets = entity.Of(m, setKind, entity.Options[set]{Due: s.due, OnDue: s.sweep})
	s.of = entity.Of(m, playerKind, entity.Options[playerSets]{})
	s.games = entity.Of(m, gameKind, entity.Options[gameSet]{})
	s.entering = make(chan pragma.PlayerID, maxEntering)
	s.handle(m)
	s.Parties.Watch(s.partyChanged)
	s.Games.Watch(gameWatcher{s})
	m.OnConnect(s.connected)
	m.Go("enter matchmaking", s.enterAll)
	errs[3] = pragma.AcceptDaoConfig(m, "MatchmakingDaoConfig") // sets are committed with parties and games
	errs[4] = s.mountResults(m)
	return errors.Join(errs[:]...)
}

// findPlugins refuses to start when one of the parts is missing (escs §5).
func (s *Service) findPlugins() error {
	var errs []error
	if plugin := partyPluginIn(s.Parties.Plugin); plugin == nil {
		errs = append(errs, errors.New("the party service has no escs.ExternalMatchmakingPartyPlugin: put one around its plugin"))
	} else {
		plugin.service = s
	}
	if fillPluginIn(s.Queue.Plugin) == nil {
		errs = append(errs, errors.New("the matchmaking service has no escs.ExternalMatchmakingFillPartyPlugin: put one around its plugin"))
	}
	return errors.Join(errs...)
}

// handle registers calls, the notification and the plain HTTP door.
func (s *Service) handle(m *pragma.Mount) {
	s.complete = pragma.PlayerNotice[wire.ExternalMatchmakingPartyIsCompleteV1Notification](m, "PartyIsCompleteForMatchmakingV1Notification")
	pragma.HandlePlayer(m, "QueueForMatchmakingV1", s.queueForMatchmakingV1)
	pragma.HandlePartner(m, "SetStartV1", s.setStartV1)
	for _, alias := range s.cfg.Load().SetStartTypeAliases {
		pragma.HandlePartnerType(m, alias, s.setStartV1)
	}
	m.HandleHTTP(pragma.Partner, "POST /escs/v1/set-start", http.HandlerFunc(s.serveSetStart))
	pragma.HandleOperator(m, "ListSetsOperatorV1", s.listSetsOperatorV1)
	pragma.HandleOperator(m, "GetSetOperatorV1", s.getSetOperatorV1)
}

// resultInfo is what operators see of the delivery of results.
type resultInfo struct {
	State       string // PENDING, SENT or DEAD
	Attempts    int
	NextAttempt time.Time // zero: none
	LastError   string
}

// markResult notes, in somebody else's commit, what became of a set: [Ended],
// [ResultsSent] or [ResultsFailed], with the reason of the last. It does nothing
// for a set that is gone, and nothing takes back that results were sent.
func (s *Service) markResult(tx *entity.Tx, setID string, state resultState, reason string) error {
	st, err := s.sets.In(tx, setID)
	if errors.Is(err, entity.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read set %s: %w", setID, err)
	}
	if st.State == ResultsSent || state == Ended && st.State == ResultsFailed {
		return nil
	}
	st.move(state, tx.Now())
	if state == ResultsFailed {
		st.Reason = reason
	}
	return nil
}
