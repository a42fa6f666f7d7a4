package pragma

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/internal/keylock"
	"github.com/openpragma/engine/pragma/store"
)

// sessions keeps the one live session of each player of a backend in the store,
// so that it survives the death of the process.
//
//	          ┌──── connect ────┐
//	          ▼                 │
//	(none) ─► connected ─lost─► detached ─grace over─► ending ─told─► ended
//	              └───────┬────────┘                     ▲
//	                      └──── log-out, clean close ────┘
//
// A record stays when its session has ended, so that tokens of that session and
// of older ones are refused for ever. A later log-in begins in any state, but
// from ending only after the services were told of the end.
type sessions struct {
	side  *side
	wake  chan struct{}       // a due came closer
	locks keylock.Map[string] // by record id: one connection comes, goes or ends at a time
	alive atomic.Int64        // live sessions; those of other nodes as of the last recount

	mu   sync.Mutex
	lost map[string]departure // those that the store did not take, by record id
}

// departure is the end of a connection.
type departure struct {
	session *PlayerSession
	ended   bool // by the player, who closed the socket himself
}

// liveDue is the due of a connected session: so far ahead that it never fires.
// It is set only so that a starting node finds its connected sessions through
// the due index, without reading every player that ever was.
const liveDue = 100 * 365 * 24 * time.Hour

type sessionState string

const (
	sessionConnected sessionState = "CONNECTED"
	sessionDetached  sessionState = "DETACHED"
	sessionEnding    sessionState = "ENDING" // ended, but not every OnSessionEnd is done
	sessionEnded     sessionState = "ENDED"
)

// sessionRecord is the body of a record, and its due.
type sessionRecord struct {
	Session  PlayerSession `json:"session"`
	State    sessionState  `json:"state"`
	Reason   EndReason     `json:"reason,omitzero"`
	Node     string        `json:"node,omitzero"` // which last had to do with it
	Since    time.Time     `json:"since"`         // of the state
	LastCall time.Time     `json:"lastCall,omitzero"`
	// Barred is the latest session that EndSessions has shut out, whether it had
	// begun or not. A session that is let in later replaces the record.
	Barred  SessionID `json:"barred,omitzero"`
	Opened  time.Time `json:"opened,omitzero"`  // when the session began
	Address string    `json:"address,omitzero"` // of the client

	due time.Time
}

func (r *sessionRecord) live() bool {
	return r.State == sessionConnected || r.State == sessionDetached
}

// accepts reports whether a token of the session may be used. Session ids grow
// with time, so a lower one was taken over.
func (r *sessionRecord) accepts(id SessionID) bool {
	if r.Barred.Compare(id) >= 0 {
		return false
	}
	switch r.Session.SessionID.Compare(id) {
	case 0:
		return r.live()
	case -1:
		return true
	}
	return false
}

func newSessions(s *side) *sessions {
	return &sessions{side: s, wake: make(chan struct{}, 1), lost: make(map[string]departure)}
}

// kind is the record kind: one per backend. Ids are those of subject.
func (s *sessions) kind() string { return "session-" + strings.ToLower(string(s.side.backend)) }

// subject is the id that names a player on this backend (engine §1.2, pragmaId).
func (s *sessions) subject(p *PlayerSession) [16]byte {
	if s.side.backend == Social {
		return p.SocialID
	}
	return p.PlayerID
}

func (s *sessions) key(id [16]byte) store.Key {
	return store.Key{Kind: s.kind(), ID: ID[struct{}](id).String()}
}

func (s *sessions) keyOf(p *PlayerSession) store.Key { return s.key(s.subject(p)) }

func (s *sessions) load(ctx context.Context, key store.Key) (r sessionRecord, rev int64, err error) {
	recs, err := s.side.store.Get(ctx, key)
	if err != nil {
		return r, 0, fmt.Errorf("load session: %w", err)
	}
	if !recs[0].Exists() {
		return r, 0, nil
	}
	if err := json.Unmarshal(recs[0].Body, &r); err != nil {
		return r, 0, fmt.Errorf("decode session %s: %w", key.ID, err)
	}
	r.due = recs[0].Due
	return r, recs[0].Rev, nil
}

var (
	// errUnchanged is returned by an update function that has nothing to change.
	errUnchanged = errors.New("unchanged")
	// errEnding is returned when the services have to be told of an end first.
	errEnding = errors.New("the last session is still ending")
)

// update changes the session of a player by compare-and-set. fn may run again
// after a conflict.
func (s *sessions) update(ctx context.Context, key store.Key, fn func(r *sessionRecord, now time.Time) error) error {
	for try := 0; ; try++ {
		r, rev, err := s.load(ctx, key)
		if err != nil {
			return err
		}
		now, err := s.side.store.Now(ctx)
		if err != nil {
			return err
		}
		was := r.live()
		switch err := fn(&r, now); {
		case errors.Is(err, errUnchanged):
			return nil
		case err != nil:
			return err
		}
		body, err := json.Marshal(&r)
		if err != nil {
			return fmt.Errorf("encode session: %w", err)
		}
		put := store.Put{Key: key, Expect: rev, Due: r.due, Body: body}
		err = store.Commit(ctx, s.side.store, &store.Batch{Puts: []store.Put{put}})
		if err == nil {
			s.count(was, r.live())
			return nil
		}
		if !errors.Is(err, store.ErrConflict) || try == 7 {
			return fmt.Errorf("store session: %w", err)
		}
	}
}

// lock waits for the player's lock. Who holds it is bounded by requestTimeout.
func (s *sessions) lock(ctx context.Context, key store.Key) (unlock func(), err error) {
	if err := s.locks.Lock(ctx, key.ID, maxWaitingForSession); err != nil {
		return nil, ErrUnavailable.Wrap(fmt.Errorf("wait for session %s: %w", key.ID, err))
	}
	return func() { s.locks.Unlock(key.ID) }, nil
}

// maxWaitingForSession bounds those who wait for one player: a client that opens
// sockets in a loop.
const maxWaitingForSession = 64

// connect makes sock the connection of its session, and the session the player's
// live one: first in the store, then here. It refuses tokens of older and of
// ended sessions. The error is for the client.
func (s *sessions) connect(ctx context.Context, sock *socket) error {
	ctx, cancel := context.WithTimeout(ctx, s.side.core.requestTimeout())
	defer cancel()
	p := sock.who.player
	key := s.keyOf(p)
	unlock, err := s.lock(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()
	change := func(r *sessionRecord, now time.Time) error {
		if !r.accepts(p.SessionID) {
			return ErrSessionReplaced
		}
		if r.State == sessionEnding {
			return errEnding
		}
		opened := now
		if r.Session.SessionID == p.SessionID {
			opened = r.Opened
		}
		*r = sessionRecord{
			Session: *p, State: sessionConnected, Node: s.side.core.node, Since: now,
			Opened: opened, Address: shownAddress(sock.client), due: now.Add(liveDue),
		}
		return nil
	}
	err = s.update(ctx, key, change)
	if errors.Is(err, errEnding) {
		if err = s.settle(ctx, key); err == nil {
			err = s.update(ctx, key, change)
		}
	}
	if err != nil {
		return err
	}
	s.forget(key)
	var was Whereabouts
	if former := s.side.sockets.player(s.subject(p)); former != nil && former.who.player.SessionID != p.SessionID {
		was = s.side.where(ctx, former.who.player)
	}
	s.side.sockets.add(sock, was)
	return nil
}

// disconnect is the counterpart of connect for a socket that is gone: the
// session has the grace time to come back, or ends if the player wanted it to.
// A socket that another one has replaced changes nothing.
func (s *sessions) disconnect(sock *socket, ended bool) {
	ctx := context.WithoutCancel(sock.ctx)
	key := s.keyOf(sock.who.player)
	_ = s.locks.Lock(ctx, key.ID, 1<<30) // cannot fail: nothing ends ctx
	defer s.locks.Unlock(key.ID)
	if !s.side.sockets.remove(sock, ended) {
		return
	}
	gone := departure{sock.who.player, ended}
	if err := s.depart(ctx, gone); err != nil {
		s.side.core.log.ErrorContext(ctx, "cannot store the end of a connection; it is tried again",
			"session", gone.session.SessionID, "err", err)
		s.mu.Lock()
		s.lost[key.ID] = gone
		s.mu.Unlock()
	}
}

func (s *sessions) depart(ctx context.Context, gone departure) error {
	ctx, cancel := context.WithTimeout(ctx, s.side.core.requestTimeout())
	defer cancel()
	if gone.ended {
		_, err := s.end(ctx, gone.session, EndAsRequested)
		return err
	}
	return s.detach(ctx, gone.session)
}

// forget drops a departure that a new connection has made meaningless.
func (s *sessions) forget(key store.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.lost, key.ID)
}

// touch is an HTTP call: a sign of life that starts a session, or keeps a
// detached one, but disturbs no other one. It writes at most every quarter of
// the grace time, and lets a session that has only calls live that much longer,
// so that it never ends before the grace time after the last of them.
func (s *sessions) touch(ctx context.Context, p *PlayerSession) error {
	ctx, cancel := context.WithTimeout(ctx, s.side.core.requestTimeout())
	defer cancel()
	grace := s.grace()
	change := func(r *sessionRecord, now time.Time) error {
		newer := r.Session.SessionID.Compare(p.SessionID) < 0
		switch {
		case !r.accepts(p.SessionID):
			return ErrSessionReplaced
		case r.State == sessionEnding:
			return errEnding
		case r.State == sessionConnected, r.live() && now.Sub(r.LastCall) < grace/4:
			return errUnchanged
		case r.live() && newer:
			// A log-in without a socket does not displace a session that may come
			// back: it keeps it.
		case !r.live():
			*r = sessionRecord{Session: *p, State: sessionDetached, Since: now, Opened: now, Address: shownAddress(ClientAddress(ctx))}
		}
		r.Node, r.LastCall, r.due = s.side.core.node, now, now.Add(grace+grace/4)
		return nil
	}
	key := s.keyOf(p)
	err := s.update(ctx, key, change)
	if !errors.Is(err, errEnding) {
		return err
	}
	unlock, err := s.lock(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.settle(ctx, key); err != nil {
		return err
	}
	return s.update(ctx, key, change)
}

// detach starts the grace time of a session whose socket is gone from this node.
func (s *sessions) detach(ctx context.Context, p *PlayerSession) error {
	return s.update(ctx, s.keyOf(p), func(r *sessionRecord, now time.Time) error {
		if r.Session.SessionID != p.SessionID || r.State != sessionConnected || r.Node != s.side.core.node {
			return errUnchanged
		}
		r.State, r.Since, r.due = sessionDetached, now, now.Add(s.grace())
		return nil
	})
}

// end ends the session at once, and reports whether it was still the live one.
func (s *sessions) end(ctx context.Context, p *PlayerSession, reason EndReason) (ended bool, err error) {
	err = s.update(ctx, s.keyOf(p), func(r *sessionRecord, now time.Time) error {
		if ended = r.Session.SessionID == p.SessionID && r.live(); !ended {
			return errUnchanged
		}
		r.State, r.Reason, r.Since, r.due = sessionEnding, reason, now, now
		return nil
	})
	if err != nil {
		return false, err
	}
	s.ended(p)
	return ended, nil
}

// ended sees to what follows the end of a session on this node.
func (s *sessions) ended(p *PlayerSession) {
	s.side.sockets.forget(s.subject(p), p.SessionID)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// live reports whether the player has a session that is connected or detached.
func (s *sessions) live(ctx context.Context, id [16]byte) (bool, error) {
	r, _, err := s.load(ctx, s.key(id))
	return r.live(), err
}

func (s *sessions) grace() time.Duration {
	return seconds(s.side.core.session.Load().PlayerGraceSeconds)
}
