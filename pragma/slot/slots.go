package slot

import (
	"context"
	"errors"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// firstVersion is the version of session attributes that never changed.
const firstVersion = 1

// Slots are the slots of all players of a backend. They are safe for concurrent
// use.
type Slots struct {
	m       *pragma.Mount
	players *entity.Kind[Player]
	notice  pragma.Notice[wire.PlayerSessionChangedV1Notification]
	many    func() bool // nil: no

	receipts chan receipt // notifications that were sent, see NotifyOnce
}

// For returns the slots of the backend. Every service that moves players calls
// it when it mounts, before it registers what it does on connect: the session
// attributes are the first thing a player is told.
func For(m *pragma.Mount) *Slots {
	return pragma.Shared(m, func(m *pragma.Mount) *Slots {
		s := &Slots{
			m:       m,
			players: entity.Of(m, "player", entity.Options[Player]{}),
			notice:  pragma.PlayerNotice[wire.PlayerSessionChangedV1Notification](m, "PlayerSessionRpc.SessionChangedV1Notification"),

			receipts: make(chan receipt, 64*settleBatch),
		}
		m.OnConnect(s.connected)
		m.TellWhereabouts(s.whereabouts)
		m.Go("receipts", s.settleReceipts)
		return s
	})
}

// AllowManyGames has allowed decide whether a player may be in several game
// instances at once. Without it he may not. Call it while mounting.
func (s *Slots) AllowManyGames(allowed func() bool) { s.many = allowed }

// ManyGames reports whether a player may be in several game instances at once.
func (s *Slots) ManyGames() bool { return s.many != nil && s.many() }

// Read returns where a player is: the zero Player if he was never anywhere. The
// answer may be old when it arrives; decide on [Slots.Edit].
func (s *Slots) Read(ctx context.Context, id pragma.PlayerID) (Player, error) {
	p, err := s.players.Read(ctx, id.String())
	if errors.Is(err, entity.ErrNotFound) {
		return Player{}, nil
	}
	if err != nil {
		return Player{}, err
	}
	return *p, nil
}

// Edit returns the working copy of a player's slot in this commit, the same one
// whenever it is asked for. What differs when the commit is made is told to the
// player in one notification, which takes its place among the others of the
// commit where Edit was first called, unless [Slots.Announce] chooses another.
// A slot that is only looked at stays as it is, and the commit checks that.
func (s *Slots) Edit(tx *entity.Tx, id pragma.PlayerID) (*Player, error) {
	p, err := s.players.InOrNew(tx, id.String())
	if err != nil {
		return nil, err
	}
	if p.before == nil {
		p.before = p.clone()
		tx.NotifyLater(place{id, false}, func() *pragma.Notification {
			if p.announced {
				return nil
			}
			return s.change(p)
		}, id)
	}
	// A function of BeforeCommit may edit too; so the version is settled after
	// every edit, and doing it again changes nothing.
	tx.BeforeCommit(new(settling), func() error { p.settle(); return nil })
	return p, nil
}

// Announce puts the notifications about these players' slots at this place among
// the notifications of the commit. Only the first call for a player counts.
func (s *Slots) Announce(tx *entity.Tx, ids ...pragma.PlayerID) {
	for _, id := range ids {
		p, err := s.players.InOrNew(tx, id.String())
		if err != nil {
			continue // then nothing edits the slot either
		}
		p.announced = true
		tx.NotifyLater(place{id, true}, func() *pragma.Notification { return s.change(p) }, id)
	}
}

// settling makes keys that are never equal; it needs a size for that.
type settling byte

// place is the key of a place in the order of notifications.
type place struct {
	player    pragma.PlayerID
	announced bool
}

// settle gives an edited slot its version.
func (p *Player) settle() {
	p.Version = p.before.Version
	if p.before.shown() != p.shown() {
		p.Version = max(p.Version, firstVersion) + 1
	}
}

// change is what the player is told of the commit, or nil.
func (s *Slots) change(p *Player) *pragma.Notification {
	if p.before == nil {
		return nil
	}
	n := changed(p.before, p)
	if n == nil {
		return nil
	}
	n.NewVersion = wire.Int32(p.Version)
	return s.notice.Of(n).ForSession(p.Session) // a version of another one says nothing
}

// connected tells a player everything that is set, in the order of the commits
// of his slot. In a new session the versions start anew.
func (s *Slots) connected(ctx context.Context, who *pragma.PlayerSession) error {
	return s.players.Upsert(ctx, who.PlayerID.String(), func(tx *entity.Tx, p *Player) error {
		p.begin(who.SessionID)
		if set := p.attributes(); len(set) > 0 {
			tx.NotifyPlayers(s.notice.Of(&wire.PlayerSessionChangedV1Notification{
				NewVersion: wire.Int32(p.Version), AttributesSet: set,
			}), who.PlayerID)
		}
		return nil
	})
}

// whereabouts is what the end of a session and operators are told.
func (s *Slots) whereabouts(ctx context.Context, who *pragma.PlayerSession) (pragma.Whereabouts, error) {
	p, err := s.Read(ctx, who.PlayerID)
	w := pragma.Whereabouts{
		Attributes: p.attributes(), PartyID: p.PartyID, MatchmakingID: p.TicketID, GameInstanceIDs: p.GameInstanceIDs,
	}
	if p.Session == who.SessionID {
		w.Version = p.Version
	}
	return w, err
}
