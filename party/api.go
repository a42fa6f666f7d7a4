package party

import (
	"context"
	"errors"
	"fmt"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// API is what a studio's own services do with parties, documented as PartyApi
// (engine §3.4). A [Service] implements it. Name it in a field of your service,
// and put the *Service there in main and something else there in tests:
//
//	type Guilds struct{ Parties party.API }
//
// All methods may be called by any number of goroutines once the server runs,
// but not from hooks of a [Plugin]: those have the party at hand. Nil means that
// the change is durable and that all members are told. Besides the errors named
// below there are those of [entity.Kind.Update], which says when nothing has
// happened.
//
// The interface may get more methods: an implementation in a test should embed
// API.
type API interface {
	// Party returns a copy of a party's newest state, hidden data included, or
	// [ErrPartyNotFound]. Reading does not keep a party from expiring.
	Party(ctx context.Context, id pragma.PartyID) (*ReadOnlyParty, error)
	// PartyOf returns the party that a player is in; the zero id if he is in none.
	PartyOf(ctx context.Context, id pragma.PlayerID) (pragma.PartyID, error)
	// Update has [Plugin.HandleBackendUpdateRequest] change a party, also while it
	// is in matchmaking or in a game. The hook's error is returned as it is. It
	// returns [ErrPartyNotFound] if there is no such party.
	Update(ctx context.Context, id pragma.PartyID, request ext.Value) error
	// AddPlayer puts a player into a party and takes him out of the one where he
	// is, in one commit. He need not be connected; one who is not stays until the
	// end of his next session. That he was kicked, or that the party allows no
	// invites, does not keep him out; the plugin's [Plugin.OnAddPlayer] may. Besides
	// its error, there are [ErrPartyNotFound], [ErrPlayerNotFound],
	// [ErrAlreadyInParty], [ErrPlayerInMatchmaking], [ErrFull], [ErrInventory], and
	// [pragma.ErrMalformed] for a text that is too long.
	AddPlayer(ctx context.Context, id pragma.PartyID, player PlayerToAdd) error
	// RemovePlayer takes a member out of a party, out of matchmaking with it, and
	// tells him the reason; any that is not among the constants is told as
	// unspecified. He may come back. It returns [ErrPartyNotFound] or
	// [ErrPlayerNotFound].
	RemovePlayer(ctx context.Context, id pragma.PartyID, player pragma.PlayerID, reason RemovalReason) error
	// Close removes all members with [Closed] and closes the party. It returns
	// [ErrPartyNotFound].
	Close(ctx context.Context, id pragma.PartyID) error
}

var _ API = (*Service)(nil)

// PlayerToAdd is whom [API.AddPlayer] puts into a party. Only the PlayerID is
// needed.
type PlayerToAdd struct {
	PlayerID pragma.PlayerID
	// SocialID and DisplayName are looked up if there is no name: in
	// [Service.Accounts], or without that in the player's last session.
	SocialID    pragma.SocialID
	DisplayName pragma.DisplayName
	// GameClientVersion, at most 64 bytes, is what his client says it is, and
	// GameServerZoneToPing are its pings in milliseconds. Left out they are those
	// of the party that he leaves.
	GameClientVersion    string
	GameServerZoneToPing map[string]int
	// RequestExt is for [Plugin.OnAddPlayer].
	RequestExt ext.Value
}

// Party implements [API].
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

// PartyOf implements [API].
func (s *Service) PartyOf(ctx context.Context, id pragma.PlayerID) (pragma.PartyID, error) {
	where, err := s.slots.Read(ctx, id)
	return where.PartyID, err
}

// Update implements [API].
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

// AddPlayer implements [API].
func (s *Service) AddPlayer(ctx context.Context, id pragma.PartyID, player PlayerToAdd) error {
	info, err := s.infoOf(ctx, player)
	if err != nil {
		return err
	}
	_, err = s.join(ctx, &joiner{info: info, ext: player.RequestExt, how: JoinBackend}, id, ErrPartyNotFound)
	return err
}

// infoOf completes what the backend knows of a player.
func (s *Service) infoOf(ctx context.Context, p PlayerToAdd) (*PlayerInfo, error) {
	if p.PlayerID.IsZero() {
		return nil, ErrPlayerNotFound
	}
	if err := checkText("GameClientVersion", p.GameClientVersion); err != nil {
		return nil, err
	}
	info := (&PlayerInfo{
		PlayerID: p.PlayerID, SocialID: p.SocialID, DisplayName: p.DisplayName,
		GameClientVersion: p.GameClientVersion, GameServerZoneToPing: p.GameServerZoneToPing,
	}).clone()
	if p.DisplayName == (pragma.DisplayName{}) {
		social, name, err := s.identify(ctx, p.PlayerID)
		if err != nil {
			return nil, err
		}
		info.SocialID, info.DisplayName = social, name
	}
	items, err := s.items(ctx, p.PlayerID)
	if err != nil {
		return nil, ErrInventory.Wrap(err)
	}
	info.Inventory = items
	return info, nil
}

// identify returns who a player is, or [ErrPlayerNotFound] if that can be known.
func (s *Service) identify(ctx context.Context, id pragma.PlayerID) (pragma.SocialID, pragma.DisplayName, error) {
	if s.Accounts == nil {
		session, err := s.m.LatestSession(ctx, id)
		if err != nil || session == nil {
			return pragma.SocialID{}, pragma.DisplayName{}, err
		}
		return session.SocialID, session.DisplayName, nil
	}
	p, err := s.Accounts.ProfileOfPlayer(ctx, id)
	if errors.Is(err, account.ErrNotFound) {
		return pragma.SocialID{}, pragma.DisplayName{}, ErrPlayerNotFound
	}
	if err != nil {
		return pragma.SocialID{}, pragma.DisplayName{}, fmt.Errorf("look up player %s: %w", id, err)
	}
	return p.SocialID, p.DisplayName, nil
}

// RemovePlayer implements [API].
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

// Close implements [API].
func (s *Service) Close(ctx context.Context, id pragma.PartyID) error {
	err := s.update(ctx, id, ErrPartyNotFound, func(c *change) error { return c.closeAll(Closed) })
	if err != nil && !errors.Is(err, ErrPartyNotFound) {
		return fmt.Errorf("close party %s: %w", id, err)
	}
	return err
}
