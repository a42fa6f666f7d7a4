package friends

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// presence is what an account shows its friends, kind "presence", by social id.
type presence struct {
	Version int64   `json:"version,omitzero"` // changes so far; never goes back
	Now     *status `json:"now,omitzero"`     // nil: offline
	// Over is the last session whose end is known. Calls of it, or of older ones,
	// that were slower than its end change nothing.
	Over pragma.SessionID `json:"over,omitzero"`
	entity.Unknown
}

// status is a presence that somebody has.
type status struct {
	Session     pragma.SessionID   `json:"session"` // which it lives and ends with
	PlayerID    pragma.PlayerID    `json:"playerId"`
	GameShardID pragma.GameShardID `json:"gameShardId"`
	Basic       Basic              `json:"basic"`
	Ext         ext.Value          `json:"ext"`
	entity.Unknown
}

// Basic is the part of a presence that every client understands (wire §7.10).
type Basic string

// The basic presences.
const (
	Online Basic = "Online"
	Away   Basic = "Away"
	// Offline removes a presence: to friends the player looks as if he was gone.
	Offline Basic = "Offline"
	// Unknown in a request keeps what is; so does an empty text.
	Unknown Basic = "Unknown"
)

// maxExt is how large a rich presence may be.
const maxExt = 16 << 10

// parseBasic reads a basic presence in any case.
func parseBasic(text string) (Basic, error) {
	for _, b := range []Basic{Online, Away, Offline, Unknown} {
		if strings.EqualFold(text, string(b)) {
			return b, nil
		}
	}
	if text == "" {
		return Unknown, nil
	}
	return "", ErrBadPresence
}

// wire is the presence as it travels; there must be one.
func (st *presence) wire() wire.Presence {
	return wire.Presence{
		PlayerID:      wire.UUID(st.Now.PlayerID),
		GameShardID:   wire.UUID(st.Now.GameShardID),
		BasicPresence: string(st.Now.Basic),
		Version:       wire.Int64(st.Version),
		Ext:           st.Now.Ext,
	}
}

// request is a change of a presence.
type request struct {
	origin Origin
	id     pragma.SocialID
	shard  pragma.GameShardID // zero: any
	basic  Basic
	ext    ext.Value
	// Of a player, who may come online with it:
	session pragma.SessionID
	player  pragma.PlayerID
}

// set changes a presence.
func (s *Service) set(ctx context.Context, r *request) error {
	return s.changePresence(ctx, r.id, func(tx *entity.Tx, st *presence) error {
		before := st.Now
		now, err := r.begin(st)
		if err != nil {
			return err
		}
		if r.basic != Unknown {
			now.Basic = r.basic
		}
		if now.Ext, err = s.enrich(tx, r, now); err != nil {
			return err
		}
		st.Version++
		st.Now = now
		told := st.wire()
		tx.NotifyAccounts(s.presenceUpdated.Of(&wire.FriendPresenceUpdateV1Notification{NewPresence: told}), r.id)
		if now.Basic == Offline {
			return s.conceal(tx, r.id, st, before)
		}
		friends, err := s.friendsOf(tx, r.id)
		s.notifyPresence(tx, r.id, told, friends...)
		return err
	})
}

// begin returns the status to change: a copy of the present one, or a new one
// for a player who comes online.
func (r *request) begin(st *presence) (*status, error) {
	fromPlayer := r.origin == FromPlayer
	if fromPlayer && (r.session.Compare(st.Over) <= 0 || st.Now != nil && r.session.Compare(st.Now.Session) < 0) {
		return nil, pragma.ErrSessionReplaced
	}
	if st.Now == nil {
		if !fromPlayer || r.basic == Unknown {
			return nil, ErrNoPresence
		}
		return &status{Session: r.session, PlayerID: r.player, GameShardID: r.shard}, nil
	}
	now := *st.Now
	switch {
	case fromPlayer:
		now.Session, now.PlayerID, now.GameShardID = r.session, r.player, r.shard
	case !r.shard.IsZero() && r.shard != now.GameShardID:
		return nil, ErrNoPresence
	}
	return &now, nil
}

// enrich asks the plugin for the rich presence.
func (s *Service) enrich(tx *entity.Tx, r *request, now *status) (ext.Value, error) {
	switch {
	case now.Basic == Offline:
		return ext.Value{}, nil
	case r.ext.IsEmpty():
		return now.Ext, nil
	}
	ask := &RichPresenceRequest{SocialID: r.id, PlayerID: now.PlayerID, Origin: r.origin, RequestExt: r.ext, Current: now.Ext}
	var made ext.Value
	err := pragma.RunHook(tx.Context(), s.m, "PresencePlugin.HandleRichPresenceRequest", func(ctx context.Context) (err error) {
		made, err = s.Plugin.HandleRichPresenceRequest(ctx, ask)
		return err
	})
	if e, known := errors.AsType[*pragma.Error](err); err != nil && (!known || e.Code == pragma.Internal) {
		err = ErrInternal.Wrap(err)
	}
	if err != nil {
		return ext.Value{}, err
	}
	if err := made.Err(); err != nil {
		return ext.Value{}, ErrInternal.Wrap(fmt.Errorf("encode rich presence: %w", err))
	}
	if made.Len() > maxExt {
		return ext.Value{}, ErrPresenceTooLarge
	}
	return made, nil
}

// conceal removes the presence, whose version has been raised already, and tells
// those who saw the one before.
func (s *Service) conceal(tx *entity.Tx, id pragma.SocialID, st *presence, before *status) error {
	st.Now = nil
	if before == nil {
		return nil
	}
	friends, err := s.friendsOf(tx, id)
	if err != nil {
		return err
	}
	s.notifyPresence(tx, id, wire.Presence{
		PlayerID:      wire.UUID(before.PlayerID),
		GameShardID:   wire.UUID(before.GameShardID),
		BasicPresence: string(Offline),
		Version:       wire.Int64(st.Version),
	}, friends...)
	tx.NotifyAccounts(s.presenceRemoved.Of(&wire.FriendPresenceRemoveV1Notification{
		SocialID:    wire.UUID(id),
		PlayerID:    wire.UUID(before.PlayerID),
		GameShardID: wire.UUID(before.GameShardID),
		Version:     wire.Int64(st.Version),
	}), friends...)
	return nil
}

func (s *Service) friendsOf(tx *entity.Tx, id pragma.SocialID) ([]pragma.SocialID, error) {
	l, err := s.lists.In(tx, id.String())
	if errors.Is(err, entity.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read friends of %s: %w", id, err)
	}
	return l.Friends, nil
}

func (s *Service) changePresence(ctx context.Context, id pragma.SocialID, fn func(tx *entity.Tx, st *presence) error) error {
	end, err := s.turn(ctx, id)
	if err != nil {
		return err
	}
	defer end()
	if err := s.presences.Upsert(ctx, id.String(), fn); err != nil {
		return fmt.Errorf("change presence of %s: %w", id, err)
	}
	return nil
}

// connected removes the presence of an older session, which a later log-in has
// taken over.
func (s *Service) connected(ctx context.Context, p *pragma.PlayerSession) error {
	return s.changePresence(ctx, p.SocialID, func(tx *entity.Tx, st *presence) error {
		if st.Now == nil || st.Now.Session.Compare(p.SessionID) >= 0 {
			return nil
		}
		st.Version++
		return s.conceal(tx, p.SocialID, st, st.Now)
	})
}

// sessionEnded removes the presence of a session that is over. It notes the end
// even if there is none, so that a call of the session that runs at the same
// time on another node does not bring it back.
func (s *Service) sessionEnded(ctx context.Context, p *pragma.PlayerSession, _ pragma.EndReason) error {
	return s.changePresence(ctx, p.SocialID, func(tx *entity.Tx, st *presence) error {
		if st.Over.Compare(p.SessionID) < 0 {
			st.Over = p.SessionID
		}
		if st.Now == nil {
			return nil
		}
		if st.Now.Session.Compare(p.SessionID) > 0 {
			// A log-in that only made calls over HTTP does not take over a session
			// with a socket, but ends with it.
			live, err := s.m.Connected(tx.Context(), pragma.PlayerID(p.SocialID))
			if live || err != nil {
				return err
			}
		}
		st.Version++
		return s.conceal(tx, p.SocialID, st, st.Now)
	})
}

// PresenceUpdate is a change of a presence by the studio's own code.
type PresenceUpdate struct {
	SocialID pragma.SocialID
	// Basic is the new basic presence; empty keeps it.
	Basic Basic
	// RequestExt goes to the plugin, with [FromService]; empty asks for nothing.
	RequestExt ext.Value
}

// UpdatePresence changes the presence of an account that has one, and tells the
// player and his friends. It returns [ErrNoPresence] for one who is not online,
// and the plugin's error. It may be called by any number of goroutines, but not
// inside an update of an entity.
func (s *Service) UpdatePresence(ctx context.Context, u *PresenceUpdate) error {
	basic, err := parseBasic(string(u.Basic))
	if err != nil {
		return err
	}
	return s.set(ctx, &request{origin: FromService, id: u.SocialID, basic: basic, ext: u.RequestExt})
}
