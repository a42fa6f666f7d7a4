package party

import (
	"context"
	"errors"
	"fmt"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// The methods below are the documented PartyApi: what a studio's own services do
// with parties. They may be called by any number of goroutines once the server
// runs, but not from hooks. All members are told of changes.

// Party returns a copy of a party's newest state, or [ErrPartyNotFound].
func (s *Service) Party(ctx context.Context, id pragma.PartyID) (*ReadOnlyParty, error) {
	st, err := s.parties.Read(ctx, id.String())
	if errors.Is(err, entity.ErrNotFound) {
		return nil, ErrPartyNotFound
	}
	if err != nil {
		return nil, err
	}
	p := st.readOnly()
	return &p, nil
}

// PartyOf returns the party a player is in; the zero id if in none.
func (s *Service) PartyOf(ctx context.Context, id pragma.PlayerID) (pragma.PartyID, error) {
	where, err := s.slots.Read(ctx, id)
	return where.PartyID, err
}

// Update has [Plugin.HandleBackendUpdateRequest] change a party. Its error is
// returned; [ErrPartyNotFound] if there is no such party.
func (s *Service) Update(ctx context.Context, id pragma.PartyID, request ext.Value) error {
	return s.update(ctx, id, ErrPartyNotFound, func(c *change) error {
		err := c.ask("HandleBackendUpdateRequest", func(ctx context.Context) error {
			return c.Plugin.HandleBackendUpdateRequest(ctx, &BackendUpdateRequest{c.party(), request, c.cfg})
		})
		if err != nil {
			return err
		}
		_, err = c.finish()
		return err
	})
}

// AddPlayer puts a player into a party, and takes him out of another. A kick does
// not keep him out, but the plugin's [Plugin.OnAddPlayer] may. It gets request.
func (s *Service) AddPlayer(ctx context.Context, id pragma.PartyID, player PlayerInfo, request ext.Value) error {
	items, err := s.items(ctx, player.PlayerID)
	if err != nil {
		return ErrInventory.Wrap(err)
	}
	info := player.clone()
	info.Leader, info.Inventory = false, items
	_, err = s.join(ctx, &joiner{info: info, ext: request, how: JoinBackend}, id, ErrPartyNotFound)
	return err
}

// RemovePlayer takes a member out of a party. It returns [ErrPartyNotFound] or
// [ErrPlayerNotFound].
func (s *Service) RemovePlayer(ctx context.Context, id pragma.PartyID, player pragma.PlayerID, reason RemovalReason) error {
	return s.update(ctx, id, ErrPartyNotFound, func(c *change) error {
		if c.st.find(player) == nil {
			return ErrPlayerNotFound
		}
		if err := c.remove(player, reason); err != nil {
			return err
		}
		c.notifyRemoved(player, reason)
		_, err := c.finish()
		return err
	})
}

// Close removes all members with [Closed] and closes the party. It returns
// [ErrPartyNotFound].
func (s *Service) Close(ctx context.Context, id pragma.PartyID) error {
	err := s.update(ctx, id, ErrPartyNotFound, func(c *change) error { return c.closeAll(Closed) })
	if err != nil && !errors.Is(err, ErrPartyNotFound) {
		return fmt.Errorf("close party %s: %w", id, err)
	}
	return err
}
