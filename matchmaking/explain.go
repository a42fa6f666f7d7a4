package matchmaking

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// ExplainRequest is the argument of [PoolPlugin.Explain].
type ExplainRequest struct {
	// QueueKey is the queue.
	QueueKey QueueKey
	// Party is the one that somebody asks about. It is only to be read.
	Party *Party
	// Others are all others who wait, the oldest first, and Games the running
	// games. They are only to be read.
	Others []*Party
	Games  []*GameInstance
	// Most is how many candidates are wanted.
	Most int
	// Now is the present time, by the clock of [Party.EnteredAt].
	Now time.Time
}

// Explanation is why a party waits, for people.
type Explanation struct {
	// Facts are what the plugin knows of the party, such as how wide its window is.
	Facts []Fact
	// NeededPlayers is how many a game needs at least, and AcceptablePlayers how
	// many there are that the party may play with, its own included. Both are zero
	// if that is not known.
	NeededPlayers, AcceptablePlayers int
	// Candidates are the nearest parties, the nearest first.
	Candidates []Candidate
}

// Fact is something to know.
type Fact struct{ Name, Value string }

// Candidate is a party that another might play with.
type Candidate struct {
	// Party is the candidate.
	Party *Party
	// Distance is how far apart the two are, in a measure of the plugin.
	Distance float64
	// Refusals are all reasons why the two are not in a game together, for people.
	// None: they may be.
	Refusals []string
}

// QueueRulesRequest is the argument of [PoolPlugin.QueueRules].
type QueueRulesRequest struct {
	// QueueKey is the queue.
	QueueKey QueueKey
}

// Names of hooks in logs and metrics.
const (
	hookExplain    = "PoolPlugin.Explain"
	hookQueueRules = "PoolPlugin.QueueRules"
)

// waiter is what the index knows of a ticket.
type waiter struct {
	counts
	name     string
	state    entryState
	heldTill time.Time // local time
	failures int
	before   int
	party    *Party // nil for a game
	others   []*Party
	games    []*GameInstance
}

// waiter looks a ticket up, with everybody else in its queue.
func (x *index) waiter(id pragma.TicketID) (waiter, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if g := x.games[id]; g != nil {
		w := waiter{counts: g.queue.counts(), name: g.queue.name, state: g.state, heldTill: g.heldTill, failures: g.refusals}
		w.before = slices.Index(g.queue.games, g)
		return w, true
	}
	e := x.tickets[id]
	if e == nil {
		return waiter{}, false
	}
	w := waiter{counts: e.queue.counts(), name: e.queue.name, state: e.state, heldTill: e.heldTill, failures: e.failures, party: e.party}
	for _, o := range x.tickets {
		if o.queue != e.queue || o == e {
			continue
		}
		w.others = append(w.others, o.party)
		if o.party.EnteredAt.Before(e.party.EnteredAt) {
			w.before++
		}
	}
	for _, g := range e.queue.games {
		w.games = append(w.games, g.game)
	}
	return w, true
}

const (
	usualCandidates   = 10
	largestCandidates = 100
)

// explainTicketOperatorV1 says what is known of a ticket, and lets the plugin say
// why it waits. Running a pair through a [Plugin] would change what it has noted,
// so of those only the facts are told.
func (s *Service) explainTicketOperatorV1(ctx context.Context, _ *pragma.OperatorSession, req *wire.MatchmakingExplainTicketOperatorV1Request) (*wire.MatchmakingExplainTicketOperatorV1Response, error) {
	if req.MaxCandidates < 0 || req.MaxCandidates > largestCandidates {
		return nil, pragma.ErrMalformed.With("maxCandidates is %d, from 0 to %d are possible", req.MaxCandidates, largestCandidates)
	}
	id := pragma.TicketID(req.TicketID)
	t, err := s.tickets.Read(ctx, id.String())
	if err != nil {
		return nil, unknownTicket(err)
	}
	now, err := s.m.Store().Now(ctx)
	if err != nil {
		return nil, err
	}
	info, key := t.operator(id), t.key()
	resp := &wire.MatchmakingExplainTicketOperatorV1Response{
		Ticket: &info, MatchmakingQueueKey: key.wire(), WaitedMillis: wire.Int64(max(now.Sub(t.EnteredAt).Milliseconds(), 0)),
	}
	w, ok := s.index.waiter(id)
	if !ok {
		resp.QueueName = s.queueName(ctx, key)
		return resp, nil
	}
	w.describe(resp)
	if s.Pool == nil {
		return resp, nil
	}
	if resp.Rules, err = s.queueRules(ctx, key); err != nil || w.party == nil {
		return resp, err
	}
	e, err := s.explain(ctx, key, &w, now, cmp.Or(int(req.MaxCandidates), usualCandidates))
	if err == nil && e != nil {
		e.describe(resp, now)
	}
	return resp, err
}

func (w *waiter) describe(resp *wire.MatchmakingExplainTicketOperatorV1Response) {
	resp.QueueName = w.name
	resp.FailedMatches, resp.PartiesBefore = wire.Int32(w.failures), wire.Int32(w.before)
	resp.PartiesInQueue, resp.PlayersInQueue = wire.Int32(w.parties), wire.Int32(w.players)
	resp.GameInstancesInQueue = wire.Int32(w.counts.games)
	switch w.state {
	case waiting:
		resp.State = wire.TicketStateWaiting
	case held:
		resp.State = wire.TicketStateHeld
		resp.HeldForMillis = wire.Int64(max(time.Until(w.heldTill).Milliseconds(), 0))
	case claimed:
		resp.State = wire.TicketStateInMatch
	}
}

// explain asks the plugin. Nil means that it says nothing.
func (s *Service) explain(ctx context.Context, key QueueKey, w *waiter, now time.Time, most int) (*Explanation, error) {
	slices.SortFunc(w.others, func(a, b *Party) int {
		return cmp.Or(a.EnteredAt.Compare(b.EnteredAt), a.TicketID.Compare(b.TicketID))
	})
	var e *Explanation
	err := pragma.RunHook(ctx, s.m, hookExplain, func(ctx context.Context) (err error) {
		e, err = s.Pool.Explain(ctx, &ExplainRequest{key, w.party, w.others, w.games, most, now})
		return err
	})
	if err != nil {
		return nil, err
	}
	if e != nil {
		e.Candidates = e.Candidates[:min(len(e.Candidates), most)]
	}
	return e, nil
}

func (e *Explanation) describe(resp *wire.MatchmakingExplainTicketOperatorV1Response, now time.Time) {
	resp.Explained = true
	resp.NeededPlayers, resp.AcceptablePlayers = wire.Int32(e.NeededPlayers), wire.Int32(e.AcceptablePlayers)
	for _, f := range e.Facts {
		resp.Facts = append(resp.Facts, wire.OperatorFact(f))
	}
	for _, c := range e.Candidates {
		if c.Party == nil {
			continue
		}
		if math.IsNaN(c.Distance) || math.IsInf(c.Distance, 0) {
			c.Distance = math.MaxFloat64 // JSON has nothing larger
		}
		resp.Candidates = append(resp.Candidates, wire.OperatorCandidate{
			TicketID: wire.UUID(c.Party.TicketID), PartyID: wire.UUID(c.Party.ID), PlayerCount: wire.Int32(len(c.Party.Players)),
			WaitedMillis: wire.Int64(max(now.Sub(c.Party.EnteredAt).Milliseconds(), 0)), Distance: c.Distance, Refusals: c.Refusals,
		})
	}
}

// queueRules asks the plugin what it goes by.
func (s *Service) queueRules(ctx context.Context, key QueueKey) (rules ext.Value, err error) {
	if s.Pool == nil {
		return ext.Value{}, nil
	}
	err = pragma.RunHook(ctx, s.m, hookQueueRules, func(ctx context.Context) error {
		rules = s.Pool.QueueRules(ctx, &QueueRulesRequest{key})
		return rules.Err()
	})
	return rules, err
}
