package party

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/inventory"
	"github.com/openpragma/engine/pragma/slot"
)

// Service is the party service. Fill in the fields and put it into the list of
// services of a server's Game side, before the services that use it.
type Service struct {
	// Plugin says what parties do. Nil means [Defaults].
	Plugin Plugin
	// Compatibility replaces the rule which game server version fits a party.
	// Nil means the map in [Config].
	Compatibility CompatibilityPlugin
	// Accounts knows who may be invited; an *account.Service does. Nil means
	// that any id is taken for a player's, and that only players who have been
	// here have a name.
	Accounts Accounts
	// Inventory has what players own. Nil means that snapshots are empty.
	Inventory Inventory

	m        *pragma.Mount
	cfg      *pragma.Live[Config]
	slots    *slot.Slots
	queue    Queue
	parties  *entity.Kind[state]
	codes    *entity.Kind[code]
	invites  *entity.Kind[inviteRef]
	guesses  guesses
	recheck  chan struct{}                         // the rules for idle parties may have changed
	watchers []func(tx *entity.Tx, p *Party) error // see Watch
	plain    bool                                  // the plugin is Defaults itself: nothing to build for members

	details          pragma.Notice[wire.PartyDetailsV1Notification]
	removed          pragma.Notice[wire.PartyRemovedV1Notification]
	inviteReceived   pragma.Notice[wire.PartyInviteReceivedV1Notification]
	inviteResponse   pragma.Notice[wire.PartyInviteResponseV1Notification]
	inviteCanceled   pragma.Notice[wire.PartyInviteCanceledV1Notification]
	clientUnknown    pragma.Notice[wire.Empty]
	versionsMismatch pragma.Notice[wire.Empty]
}

// Accounts looks players up.
type Accounts interface {
	// ProfileOfPlayer returns a player's account, or [account.ErrNotFound].
	ProfileOfPlayer(ctx context.Context, id pragma.PlayerID) (*account.Profile, error)
}

// Inventory has what players own; an *inventory.Service does.
type Inventory interface {
	// Items returns everything a player owns; the party keeps what
	// [Config.InventoryTagsToInclude] asks for. It is called when a player joins
	// and when he comes back from a game, and may be called again for the same.
	Items(ctx context.Context, id pragma.PlayerID) ([]Item, error)
}

// Item is something a player owns, as far as parties are concerned.
type Item = inventory.Item

// Queue is where parties wait for a game: package matchmaking. Its methods run
// inside transactions of the party and must not start others.
type Queue interface {
	// Enter creates the ticket e.TicketID. An error keeps the party out.
	Enter(tx *entity.Tx, e *QueueEntry) error
	// Leave removes a ticket; it is no error if it is gone.
	Leave(tx *entity.Tx, id pragma.TicketID) error
	// Expel is Leave for a party whose game server version is gone, and tells
	// its players so.
	Expel(tx *entity.Tx, id pragma.TicketID, players []pragma.PlayerID) error
}

// Name returns the prefix of the service's calls.
func (s *Service) Name() string { return "PartyRpc" }

// UseQueue links the queue that parties enter. Matchmaking calls it when it
// mounts. Without a queue entering is refused.
func (s *Service) UseQueue(q Queue) { s.queue = q }

// Mount implements [pragma.Service].
func (s *Service) Mount(m *pragma.Mount) error {
	s.m = m
	if s.Plugin == nil {
		s.Plugin = Defaults{}
	}
	_, s.plain = s.Plugin.(Defaults)
	var errs []error
	var err error
	s.cfg, err = pragma.ServiceConfig(m, "PartyConfig", DefaultConfig(m.Mode()))
	errs = append(errs, err, pragma.MountPlugin(m, "PartyService.partyPlugin", s.Plugin))
	if s.Compatibility != nil {
		errs = append(errs, pragma.MountPlugin(m, "PartyService.gameServerCompatibilityPlugin", s.Compatibility))
	}
	s.slots = slot.For(m)
	s.parties = entity.Of(m, "party", entity.Options[state]{Due: s.due, OnDue: s.assess})
	s.codes = entity.Of(m, "invite-code", entity.Options[code]{Due: codeDue, OnDue: s.freeCode})
	s.invites = entity.Of(m, "party-invite", entity.Options[inviteRef]{})
	s.notices(m)
	s.handle(m)
	s.handleOperators(m)
	s.watchRules(m)
	m.OnConnect(s.connected)
	m.OnSessionEnd(s.sessionEnded)
	return errors.Join(errs...)
}

func (s *Service) notices(m *pragma.Mount) {
	s.details = pragma.PlayerNotice[wire.PartyDetailsV1Notification](m, "PartyDetailsV1Notification")
	s.removed = pragma.PlayerNotice[wire.PartyRemovedV1Notification](m, "RemovedV1Notification")
	s.inviteReceived = pragma.PlayerNotice[wire.PartyInviteReceivedV1Notification](m, "InviteReceivedV1Notification")
	s.inviteResponse = pragma.PlayerNotice[wire.PartyInviteResponseV1Notification](m, "InviteResponseV1Notification")
	s.inviteCanceled = pragma.PlayerNotice[wire.PartyInviteCanceledV1Notification](m, "InviteCanceledV1Notification")
	s.clientUnknown = pragma.PlayerNotice[wire.Empty](m, "GameClientNotSupportedV1Notification")
	s.versionsMismatch = pragma.PlayerNotice[wire.Empty](m, "PartyClientVersionMismatchV1Notification")
}

// change is one run of one change of one party.
type change struct {
	*Service
	tx     *entity.Tx
	st     *state
	cfg    Config
	closed bool // the party is gone
}

func (s *Service) change(tx *entity.Tx, st *state) *change {
	return &change{Service: s, tx: tx, st: st, cfg: s.cfg.Load()}
}

// party is the working copy for a hook.
func (c *change) party() *Party { return &Party{st: c.st, cfg: &c.cfg, now: c.tx.Now()} }

// player is a member for a hook.
func (c *change) player(m *PlayerInfo) *Player { return &Player{m: m} }

// ask runs a hook that may refuse: its error ends the change.
func (c *change) ask(hook string, fn func(ctx context.Context) error) error {
	return pragma.RunHook(c.tx.Context(), c.m, "PartyPlugin."+hook, fn)
}

// tell runs a hook that may change the party but cannot refuse. It works on a
// copy, so that a hook that fails, or is still running when its time is over,
// leaves no trace.
func (c *change) tell(hook string, fn func(ctx context.Context, p *Party) error) {
	work := c.st.clone()
	p := &Party{st: work, cfg: &c.cfg, now: c.tx.Now()}
	if err := c.ask(hook, func(ctx context.Context) error { return fn(ctx, p) }); err != nil {
		c.m.Log().ErrorContext(c.tx.Context(), "party hook failed; its changes are dropped", "hook", hook, "party", c.st.ID, "err", err)
		return
	}
	*c.st = *work
}

// finish ends an accepted change: there is a leader, invites are settled, the
// version goes up and everybody but the caller is told. It returns what members
// now see. It does nothing for a party that is closed.
func (c *change) finish(caller ...pragma.PlayerID) (*view, error) {
	if c.closed {
		return nil, nil
	}
	c.st.succeed(rand.IntN)
	if err := c.recheckVersions(); err != nil {
		return nil, err
	}
	if err := c.settleInvites(caller...); err != nil {
		return nil, err
	}
	c.st.Version++
	c.st.LastAccess = c.tx.Now()
	v := c.view()
	c.broadcast(v, caller...)
	return v, c.watched()
}

// remove takes a member out, whatever the reason, and the party out of its
// queue. The last member closes the party. It tells the plugin, not the players.
func (c *change) remove(id pragma.PlayerID, reason RemovalReason) error {
	where, err := c.slots.Edit(c.tx, id)
	if err != nil {
		return err
	}
	gone := c.st.remove(id)
	if gone == nil {
		return nil
	}
	where.PartyID = pragma.PartyID{}
	was := c.player(gone.clone())
	c.tell("OnRemovePlayer", func(ctx context.Context, p *Party) error {
		return c.Plugin.OnRemovePlayer(ctx, &RemovePlayerEvent{was, p, c.cfg, reason})
	})
	if len(c.st.Members) > 0 {
		c.st.succeed(rand.IntN)
	}
	if c.st.queued() {
		if where.TicketID == c.st.Ticket {
			where.TicketID = pragma.TicketID{}
		}
		if err := c.leaveQueue(ReturnLeft); err != nil {
			return err
		}
	}
	if len(c.st.Members) == 0 {
		return c.close()
	}
	return nil
}

// notifyRemoved tells a player that he is out, before his session changes. One
// who moves to another party is told before the answer of his call (engine §3.1).
func (c *change) notifyRemoved(id pragma.PlayerID, reason RemovalReason) {
	n := c.removed.Of(&wire.PartyRemovedV1Notification{PartyID: wire.UUID(c.st.ID), RemovalReason: reason.wire()})
	if reason == Left {
		n = n.BeforeAnswer()
	}
	c.tx.NotifyPlayers(n, id)
	c.slots.Announce(c.tx, id)
}

// closeAll removes everybody and closes the party.
func (c *change) closeAll(reason RemovalReason) error {
	if c.st.queued() {
		if err := c.leaveTicket(); err != nil {
			return err
		}
	}
	for _, id := range c.st.ids() {
		where, err := c.slots.Edit(c.tx, id)
		if err != nil {
			return err
		}
		where.PartyID = pragma.PartyID{}
		c.notifyRemoved(id, reason)
	}
	c.st.Members = nil
	return c.close()
}

// close deletes the party, which has no members any more.
func (c *change) close() error {
	c.closed = true
	c.st.endAll(inviteClosed, func(Invite) bool { return true })
	if err := c.settleInvites(); err != nil {
		return err
	}
	if err := c.retireCode(); err != nil {
		return err
	}
	if err := c.watched(); err != nil {
		return err
	}
	return c.parties.Delete(c.tx, c.st.ID.String())
}

// tries is how often a call looks for its player's party anew because the player
// has moved meanwhile.
const tries = 4

// errMoved says that a player is no longer where his slot said.
var errMoved = errors.New("the player has moved")

// inParty changes the party of a player who is a member. named is the party the
// client thinks he is in, or zero.
func (s *Service) inParty(ctx context.Context, id pragma.PlayerID, named pragma.PartyID, fn func(c *change, me *PlayerInfo) error) error {
	for range tries {
		where, err := s.slots.Read(ctx, id)
		if err != nil {
			return err
		}
		if where.PartyID.IsZero() || !named.IsZero() && named != where.PartyID {
			return ErrNotInParty
		}
		err = s.update(ctx, where.PartyID, errMoved, func(c *change) error {
			me := c.st.find(id)
			if me == nil {
				return errMoved
			}
			return fn(c, me)
		})
		if !errors.Is(err, errMoved) {
			return err
		}
	}
	return ErrNotInParty
}

// update changes a party, or returns the error gone if there is none.
func (s *Service) update(ctx context.Context, id pragma.PartyID, gone error, fn func(c *change) error) error {
	called := false
	err := s.parties.Update(ctx, id.String(), func(tx *entity.Tx, st *state) error {
		called = true
		return fn(s.change(tx, st))
	})
	if !called && errors.Is(err, entity.ErrNotFound) {
		return gone
	}
	return err
}

// in returns the change of a party inside somebody else's transaction, or nil if
// there is no such party.
func (s *Service) in(tx *entity.Tx, id pragma.PartyID) (*change, error) {
	st, err := s.parties.In(tx, id.String())
	if errors.Is(err, entity.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read party %s: %w", id, err)
	}
	return s.change(tx, st), nil
}

func (s *Service) due(st *state) time.Time {
	cfg := s.cfg.Load()
	return st.due(cfg.staleAfter(), cfg.touchInterval())
}

// assess is called when an invite of a party ends or the party is stale.
func (s *Service) assess(tx *entity.Tx, _ string, st *state) error {
	c := s.change(tx, st)
	if stale := c.cfg.staleAfter(); stale > 0 && !tx.Now().Before(st.LastAccess.Add(stale)) {
		e := &PartyExpiredEvent{Party: st.readOnly()}
		if err := c.ask("OnPartyExpired", func(ctx context.Context) error { c.Plugin.OnPartyExpired(ctx, e); return nil }); err != nil {
			c.m.Log().ErrorContext(tx.Context(), "party hook failed", "hook", "OnPartyExpired", "party", st.ID, "err", err)
		}
		return c.closeAll(Expired)
	}
	before := st.LastAccess
	st.expireInvites(tx.Now())
	if len(st.events) == 0 {
		return nil
	}
	_, err := c.finish()
	st.LastAccess = before // nobody touched the party
	return err
}
