package party

import (
	"context"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// PartyToCreate is what [Service.CreateIn] makes.
type PartyToCreate struct {
	// ID is the id of the party.
	ID pragma.PartyID
	// Creator is its first player and leader; JoinMethod tells the plugin that he
	// creates the party.
	Creator PlayerToAdd
	// RequestExt is for [Plugin.InitializeParty].
	RequestExt ext.Value
	// Attach is attached to it from the start, by the names of services, see
	// [Party.Attach].
	Attach map[string]ext.Value
}

// CreateIn makes a party inside the transaction of another service, so that what
// that service notes of it is committed together with it. The creator leaves the
// party he is in. All members are told, the creator included. The errors are those
// of [API.AddPlayer]; one must refuse the whole transaction.
func (s *Service) CreateIn(tx *entity.Tx, o *PartyToCreate) error {
	info, err := s.infoOf(tx.Context(), o.Creator)
	if err != nil {
		return err
	}
	st, err := s.parties.New(tx, o.ID.String())
	if err != nil {
		return err
	}
	c := s.change(tx, st)
	c.begin(o.ID, nil)
	st.Attached = o.Attach
	_, err = c.open(&joiner{info: info, ext: o.Creator.RequestExt, how: JoinCreate, told: true}, o.RequestExt)
	return err
}

// AddPlayerIn is [API.AddPlayer] inside the transaction of another service. An
// error must refuse the whole transaction.
func (s *Service) AddPlayerIn(tx *entity.Tx, id pragma.PartyID, player PlayerToAdd) error {
	info, err := s.infoOf(tx.Context(), player)
	if err != nil {
		return err
	}
	c, err := s.in(tx, id)
	if err != nil {
		return err
	}
	if c == nil {
		return ErrPartyNotFound
	}
	_, err = c.join(&joiner{info: info, ext: player.RequestExt, how: JoinBackend})
	return err
}

// CloseIn is [API.Close] inside the transaction of another service.
func (s *Service) CloseIn(tx *entity.Tx, id pragma.PartyID) error {
	c, err := s.in(tx, id)
	if err != nil {
		return err
	}
	if c == nil {
		return ErrPartyNotFound
	}
	return c.closeAll(Closed)
}

// In returns a party inside the transaction of another service, to read; the
// commit fails if it changes meanwhile. It returns [ErrPartyNotFound].
func (s *Service) In(tx *entity.Tx, id pragma.PartyID) (*Party, error) {
	c, err := s.in(tx, id)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, ErrPartyNotFound
	}
	p := c.party()
	p.frozen = true
	return p, nil
}

// Watch has fn called inside every transaction that changes a party, when it is
// otherwise decided: what fn changes on tx is committed with it, or neither is.
// The party is only to be read. One without players is being closed. A party that
// becomes a game's is not told of here, but to those who watch games. fn must
// not touch parties; its error refuses the change. Services that mount later call
// it while they mount.
func (s *Service) Watch(fn func(tx *entity.Tx, p *Party) error) {
	s.watchers = append(s.watchers, fn)
}

// watched tells those who watch.
func (c *change) watched() error {
	if len(c.watchers) == 0 {
		return nil
	}
	p := c.party()
	p.frozen = true
	for _, fn := range c.watchers {
		if err := fn(c.tx, p); err != nil {
			return err
		}
	}
	return nil
}

// EnterMatchmaking takes a player's party into matchmaking as if he, a leader, had
// asked for it: everybody must be ready, and the plugin is asked. All members are
// told. The errors are those of PartyRpc.EnterMatchmakingV1.
func (s *Service) EnterMatchmaking(ctx context.Context, leader pragma.PlayerID) error {
	return s.inParty(ctx, leader, pragma.PartyID{}, func(c *change, me *PlayerInfo) error {
		_, err := c.enter(me)
		return err
	})
}
