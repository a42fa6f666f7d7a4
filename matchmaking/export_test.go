package matchmaking

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/openpragma/engine/pragma"
)

// Pool is a pool with what its passes decided, without a server.
type Pool struct {
	*pool
	Plugin Plugin
	Now    time.Time
	// Anchors is how many anchors a pass may take; below 0: any number.
	Anchors int
	// Refuse has matches fail as if a party had left.
	Refuse func(parties []*Party) bool
	// Before is called before each anchor.
	Before func()

	Started []Started
	Joined  []Started
	Failed  []*Party
	Refused []error
	Errors  []error
	Dropped []*GameInstance

	left int
}

// Started is a game that a pass started, or that it added players to.
type Started struct {
	Players []Assignment
	Parties []*Party
	Zone    string
}

// NewPool returns an empty pool.
func NewPool(p Plugin) *Pool {
	return &Pool{pool: newPool(QueueKey{}), Plugin: p, Anchors: -1}
}

// Add lets parties wait; it sets what NewMatchable would.
func (p *Pool) Add(parties ...*Party) {
	for _, party := range parties {
		NewMatchable(party).remove(party)
	}
	p.add(slices.Clone(parties))
}

// Remove takes parties out.
func (p *Pool) Remove(parties ...*Party) { p.remove(parties) }

// AddGame puts a running game into the queue.
func (p *Pool) AddGame(g *GameInstance) { p.setGames(append(slices.Clone(p.games), g)) }

// Games returns the games in the queue.
func (p *Pool) Games() []*GameInstance { return p.games }

// Waiting returns the parties of each matchable, in order.
func (p *Pool) Waiting() [][]*Party {
	var all [][]*Party
	for m := p.head; m != nil; m = m.next {
		all = append(all, m.parties)
	}
	return all
}

// Len returns the number of matchables.
func (p *Pool) Len() int { return p.size }

// Full makes a full pass, and News one for those who are new.
func (p *Pool) Full() bool { return p.pass().full() }
func (p *Pool) News() bool { return p.pass().news() }

func (p *Pool) pass() *pass {
	p.left = p.Anchors
	ps := &pass{pool: p.pool, ctx: context.Background(), plugin: p.Plugin, now: p.Now, out: p, calls: new(atomic.Uint64), shown: new(atomic.Pointer[GameInstance])}
	ps.pair.QueueKey, ps.pair.Now = p.key, p.Now
	return ps
}

var _ outcomes = (*Pool)(nil)

func (p *Pool) next() bool {
	if p.Before != nil {
		p.Before()
	}
	return p.left != 0
}

func (p *Pool) serving([]*Party) { p.left-- }

func (p *Pool) match(game *NewGameInstance, parties []*Party) bool {
	if p.Refuse != nil && p.Refuse(parties) {
		return false
	}
	p.Started = append(p.Started, Started{game.Players(), parties, game.GameServerZone})
	return true
}

func (p *Pool) join(_ *GameInstance, update *GameInstanceUpdate, parties []*Party) bool {
	if p.Refuse != nil && p.Refuse(parties) {
		return false
	}
	p.Joined = append(p.Joined, Started{update.Players(), parties, ""})
	return true
}

func (p *Pool) fail(_ string, parties []*Party, err error) {
	p.Failed = append(p.Failed, parties...)
	p.Errors = append(p.Errors, err)
}

func (p *Pool) failGame(g *GameInstance) { p.Dropped = append(p.Dropped, g) }

func (p *Pool) refuse(_ string, err error) { p.Refused = append(p.Refused, err) }

// Why results are refused.
var (
	ErrNobody      = errNobody
	ErrOutsider    = errOutsider
	ErrPlayerTwice = errPlayerTwice
	ErrSplit       = errSplit
	ErrBadKey      = errBadKey
)

// ReconcileEvery is how often the index is compared with the store.
const ReconcileEvery = reconcileEvery

// Forget loses a ticket from memory, as a commit of unknown outcome does.
func (s *Service) Forget(id pragma.TicketID) { s.index.remove(id) }

// Stored returns the tickets in the store.
func (s *Service) Stored(ctx context.Context) (ids []pragma.TicketID, err error) {
	for item, err := range s.tickets.List(ctx, "", "") {
		if err != nil {
			return nil, err
		}
		id, err := pragma.ParseID[pragma.TicketID](item.ID)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// Index returns what is in memory: parties and queues.
func (s *Service) Index() (parties, queues int) {
	s.index.mu.Lock()
	defer s.index.mu.Unlock()
	return len(s.index.tickets), len(s.index.queues)
}

// Waiting is an index with one queue, as its loop sees it.
type Waiting struct {
	index *index
	queue *queue
	pool  *pool
}

// NewWaiting returns the index of a node where parties wait under one key.
func NewWaiting(parties ...*Party) *Waiting {
	w := &Waiting{index: newIndex()}
	w.Enter(parties...)
	w.queue = w.index.takeIdle()[0]
	w.pool = w.queue.pool
	return w
}

// Enter adds parties as the service does after its commit.
func (w *Waiting) Enter(parties ...*Party) {
	for _, p := range parties {
		NewMatchable(p).remove(p)
		w.index.add(QueueKey{}, p)
	}
}

// Leave removes tickets.
func (w *Waiting) Leave(parties ...*Party) {
	for _, p := range parties {
		w.index.remove(p.TicketID)
	}
}

// Begin brings the pool up to date and returns who is in it.
func (w *Waiting) Begin() ([]*Party, bool) {
	ok := w.queue.begin(w.pool)
	return slices.Concat((&Pool{pool: w.pool}).Waiting()...), ok
}

// Claim reserves parties as a match does, and takes them out of the pool.
func (w *Waiting) Claim(parties ...*Party) bool {
	ok := w.queue.claim(w.pool, parties)
	if ok {
		w.pool.remove(parties)
	}
	return ok
}

// GiveBack ends a claim after a match that could not be made.
func (w *Waiting) GiveBack(hold time.Duration, parties ...*Party) {
	w.queue.giveBack(parties, hold, maxHold)
}

// Abandon gives the pool up while a hook works on parties, and returns those
// that lose their place.
func (w *Waiting) Abandon(parties ...*Party) []*Party {
	w.queue.anchor(w.pool, parties)
	stuck, _ := w.queue.abandon(nil)
	return stuck
}

// Renew makes the present pool the one that the methods work on.
func (w *Waiting) Renew() { w.pool = w.queue.pool }

// Retire ends the queue if it is empty.
func (w *Waiting) Retire() bool { return w.index.retire(w.queue) }

// Info returns what players are told of the queue of a party.
func (w *Waiting) Info(p *Party) (parties, players int, ok bool) {
	c, ok := w.index.info(p.TicketID)
	return c.parties, c.players, ok
}

// Reset takes a party out of whatever it is in.
func (p *Party) Reset() { p.in = nil }

// SignOperatorToken makes a token for the game backend's operator gateway.
func (s *Service) SignOperatorToken(role string) (string, error) {
	return s.m.SignOperatorToken(pragma.Game, &pragma.OperatorSession{
		SocialID: pragma.NewID[pragma.SocialID](), SessionID: pragma.NewOrderedID[pragma.SessionID](), Roles: []string{role},
	})
}

// Change lets parties come to a view and others leave it, as a pass does.
func (v *View) Change(added, left []*Party) {
	v.remove(left)
	v.add(added)
	v.flush()
}

// Described sets what a party is found by.
func (p *Party) Described(a *Attributes) error { return p.describe(a) }

// Why proposals are refused.
var (
	ErrNoProposal   = errNoProposal
	ErrProposed     = errProposed
	ErrNoSuchGame   = errNoSuchGame
	ErrRefusedParty = errRefusedParty
)

// PartyOf returns the party of a player.
func PartyOf(p *Player) *Party { return p.party }

// Seen makes the games of the view known ones.
func (v *View) Seen() { v.newGame = nil }
