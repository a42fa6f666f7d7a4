package pragma

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/pragma/store"
)

// sessions keeps the one live session of each player of a backend in the store,
// so that it survives the death of the process. Sockets are not its business.
//
//	(none) ──open──► connected ──socket gone──► detached ──grace over──► ended
//	                     ▲  └──────log-out, clean close──────────────────┘ ▲
//	                     └──open── detached ──log-out─────────────────────┘
//
// A record stays when its session has ended, so that tokens of that session and
// of older ones are refused for ever.
type sessions struct {
	side *side
	wake chan struct{} // a due came closer
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

// sessionRecord is the body of a record.
type sessionRecord struct {
	Session  PlayerSession `json:"session"`
	State    sessionState  `json:"state"`
	Reason   EndReason     `json:"reason,omitzero"`
	Node     string        `json:"node,omitzero"` // where the socket is
	Since    time.Time     `json:"since"`         // of the state
	LastCall time.Time     `json:"lastCall,omitzero"`
}

func (r *sessionRecord) live() bool {
	return r.State == sessionConnected || r.State == sessionDetached
}

// accepts reports whether a token of the session may be used. Session ids grow
// with time, so a lower one was taken over.
func (r *sessionRecord) accepts(id SessionID) bool {
	switch r.Session.SessionID.Compare(id) {
	case 0:
		return r.live() || r.State == ""
	case -1:
		return true
	}
	return false
}

func (s *sessions) key(id [16]byte) store.Key {
	return store.Key{Kind: s.kind(), ID: ID[struct{}](id).String()}
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

func (s *sessions) load(ctx context.Context, key store.Key) (sessionRecord, int64, error) {
	recs, err := s.side.store.Get(ctx, key)
	if err != nil {
		return sessionRecord{}, 0, fmt.Errorf("load session: %w", err)
	}
	var r sessionRecord
	if recs[0].Rev == 0 {
		return r, 0, nil
	}
	if err := json.Unmarshal(recs[0].Body, &r); err != nil {
		return r, 0, fmt.Errorf("decode session: %w", err)
	}
	return r, recs[0].Rev, nil
}

// errUnchanged is returned by an update function that has nothing to change.
var errUnchanged = errors.New("unchanged")

// update changes the session of a player by compare-and-set. fn returns the due
// of the record; it may run again after a conflict.
func (s *sessions) update(ctx context.Context, key store.Key, fn func(r *sessionRecord, now time.Time) (due time.Time, err error)) error {
	for try := 0; ; try++ {
		r, rev, err := s.load(ctx, key)
		if err != nil {
			return err
		}
		now, err := s.side.store.Now(ctx)
		if err != nil {
			return err
		}
		due, err := fn(&r, now)
		if errors.Is(err, errUnchanged) {
			return nil
		}
		if err != nil {
			return err
		}
		body, err := json.Marshal(&r)
		if err != nil {
			return fmt.Errorf("encode session: %w", err)
		}
		put := store.Put{Key: key, Expect: rev, Due: due, Body: body}
		err = store.Commit(ctx, s.side.store, &store.Batch{Puts: []store.Put{put}})
		if err == nil {
			return nil
		}
		if !errors.Is(err, store.ErrConflict) || try == 7 {
			return fmt.Errorf("store session: %w", err)
		}
	}
}

// open makes the token's session the player's live one, connected to this node.
// It refuses tokens of older or ended sessions. The error is for the client.
func (s *sessions) open(ctx context.Context, p *PlayerSession) error {
	return s.update(ctx, s.key(s.subject(p)), func(r *sessionRecord, now time.Time) (time.Time, error) {
		if !r.accepts(p.SessionID) {
			return time.Time{}, ErrSessionReplaced
		}
		*r = sessionRecord{Session: *p, State: sessionConnected, Node: s.side.core.node, Since: now}
		return now.Add(liveDue), nil
	})
}

// touch is an HTTP call: a sign of life that starts a session, or keeps a
// detached one, but disturbs no connected one. It writes at most every quarter
// of the grace time.
func (s *sessions) touch(ctx context.Context, p *PlayerSession) error {
	grace := s.grace()
	return s.update(ctx, s.key(s.subject(p)), func(r *sessionRecord, now time.Time) (time.Time, error) {
		newer := r.Session.SessionID.Compare(p.SessionID) < 0
		switch {
		case !r.accepts(p.SessionID):
			return time.Time{}, ErrSessionReplaced
		case r.State == sessionConnected:
			return time.Time{}, errUnchanged
		case r.live() && !newer && now.Sub(r.LastCall) < grace/4:
			return time.Time{}, errUnchanged
		case newer && r.State == sessionDetached && r.Session.SessionID != (SessionID{}):
			// a log-in without a socket does not displace a session that may come back
			return time.Time{}, errUnchanged
		}
		*r = sessionRecord{Session: *p, State: sessionDetached, Since: now, LastCall: now}
		return now.Add(grace), nil
	})
}

// detach starts the grace time of a session whose socket is gone.
func (s *sessions) detach(ctx context.Context, p *PlayerSession) error {
	return s.update(ctx, s.key(s.subject(p)), func(r *sessionRecord, now time.Time) (time.Time, error) {
		if r.Session.SessionID != p.SessionID || r.State != sessionConnected {
			return time.Time{}, errUnchanged
		}
		r.State, r.Node, r.Since = sessionDetached, "", now
		return now.Add(s.grace()), nil
	})
}

// end ends the session at once, if it is still the live one.
func (s *sessions) end(ctx context.Context, p *PlayerSession, reason EndReason) error {
	err := s.update(ctx, s.key(s.subject(p)), func(r *sessionRecord, now time.Time) (time.Time, error) {
		if r.Session.SessionID != p.SessionID || !r.live() {
			return time.Time{}, errUnchanged
		}
		r.State, r.Reason, r.Node, r.Since = sessionEnding, reason, "", now
		return now, nil
	})
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return err
}

// live reports whether the player has a session that is connected or detached.
func (s *sessions) live(ctx context.Context, id [16]byte) (bool, error) {
	r, _, err := s.load(ctx, s.key(id))
	return r.live(), err
}

// recover detaches the sessions that were connected to this node when it died,
// so that their players have the grace time to come back.
func (s *sessions) recover(ctx context.Context) error {
	now, err := s.side.store.Now(ctx)
	if err != nil {
		return err
	}
	live, err := s.side.store.Due(ctx, s.kind(), now.Add(2*liveDue), 1<<30)
	if err != nil {
		return fmt.Errorf("list live sessions: %w", err)
	}
	for _, rec := range live {
		err := s.update(ctx, rec.Key, func(r *sessionRecord, now time.Time) (time.Time, error) {
			if r.State != sessionConnected || r.Node != s.side.core.node {
				return time.Time{}, errUnchanged
			}
			r.State, r.Node, r.Since = sessionDetached, "", now
			return now.Add(s.grace()), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *sessions) grace() time.Duration {
	return time.Duration(s.side.core.session.Load().PlayerGraceSeconds) * time.Second
}

// expireInterval is how often detached sessions are looked at when nothing
// happens: a grace time ends at most this much late.
const expireInterval = time.Second

// run ends detached sessions when their grace time is over and finishes ended
// ones, until ctx ends.
func (s *sessions) run(ctx context.Context) {
	tick := time.NewTicker(expireInterval)
	defer tick.Stop()
	for {
		if err := s.sweep(ctx); err != nil && ctx.Err() == nil {
			s.side.core.log.WarnContext(ctx, "cannot end sessions", "backend", s.side.backend, "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.wake:
		}
	}
}

const sweepBatch = 256

func (s *sessions) sweep(ctx context.Context) error {
	for {
		now, err := s.side.store.Now(ctx)
		if err != nil {
			return err
		}
		due, err := s.side.store.Due(ctx, s.kind(), now, sweepBatch)
		if err != nil {
			return err
		}
		for _, rec := range due {
			if err := s.finish(ctx, rec.Key); err != nil {
				return err
			}
		}
		if len(due) < sweepBatch {
			return nil
		}
	}
}

// finish moves one due session on: detached to ending, ending to ended.
func (s *sessions) finish(ctx context.Context, key store.Key) error {
	var told *sessionRecord
	err := s.update(ctx, key, func(r *sessionRecord, now time.Time) (time.Time, error) {
		told = nil
		if r.State == sessionDetached {
			r.State, r.Reason, r.Since = sessionEnding, EndExpired, now
		}
		if r.State != sessionEnding {
			return time.Time{}, errUnchanged
		}
		told = r
		// if telling the services fails or this process dies, it is tried again then
		return now.Add(5 * time.Second), nil
	})
	if err != nil || told == nil {
		return err
	}
	for _, fn := range s.side.onSessionEnd {
		if err := fn(ctx, &told.Session, told.Reason); err != nil {
			s.side.core.log.ErrorContext(ctx, "cannot finish an ended session; it is tried again",
				"session", told.Session.SessionID, "err", err)
			return nil
		}
	}
	return s.update(ctx, key, func(r *sessionRecord, now time.Time) (time.Time, error) {
		if r.State != sessionEnding || r.Session.SessionID != told.Session.SessionID {
			return time.Time{}, errUnchanged
		}
		r.State = sessionEnded
		return time.Time{}, nil
	})
}
