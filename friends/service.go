package friends

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/openpragma/engine/internal/keylock"
	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/entity"
)

// Service is the service of friends and presence (wire §7.10). Fill in the
// fields and put it into the list of services of a server's Social side.
type Service struct {
	// Plugin says what a rich presence is. Nil means [Defaults].
	Plugin PresencePlugin
	// Accounts knows everybody; an *account.Service does. It is required.
	Accounts Accounts

	m         *pragma.Mount
	cfg       *pragma.Live[Config]
	lists     *entity.Kind[list]
	presences *entity.Kind[presence]
	// turns lets one change of an account run at a time in this process, with all
	// it tells, whichever of its records it is about; so its player is told
	// everything in order. Correct without it.
	turns keylock.Map[pragma.SocialID]

	listUpdated     pragma.Notice[wire.FriendListUpdateV1Notification]
	friendUpdated   pragma.Notice[wire.FriendUpdateV1Notification]
	presenceUpdated pragma.Notice[wire.FriendPresenceUpdateV1Notification]
	presenceRemoved pragma.Notice[wire.FriendPresenceRemoveV1Notification]
}

// Accounts looks accounts up. Its methods may be called by any number of
// goroutines.
type Accounts interface {
	// Profile returns an account, or [account.ErrNotFound].
	Profile(ctx context.Context, id pragma.SocialID) (*account.Profile, error)
	// ProfileByDisplayName returns the account with this name and discriminator,
	// or [account.ErrNotFound].
	ProfileByDisplayName(ctx context.Context, name pragma.DisplayName) (*account.Profile, error)
}

var _ Accounts = (*account.Service)(nil)

// Name returns the prefix of the service's calls.
func (s *Service) Name() string { return "FriendRpc" }

// Mount implements [pragma.Service].
func (s *Service) Mount(m *pragma.Mount) error {
	if m.Backend() != pragma.Social {
		return errors.New("friends.Service belongs on the Social backend")
	}
	if s.Accounts == nil {
		return errors.New("friends.Service.Accounts is nil: set it to the account service")
	}
	s.m = m
	if s.Plugin == nil {
		s.Plugin = Defaults{}
	}
	var err error
	s.cfg, err = pragma.ServiceConfig(m, "FriendConfig", DefaultConfig())
	err = errors.Join(err, pragma.MountPlugin(m, "PresenceService.presencePlugin", s.Plugin))
	s.lists = entity.Of(m, "friends", entity.Options[list]{})
	s.presences = entity.Of(m, "presence", entity.Options[presence]{})
	s.listUpdated = pragma.PlayerNotice[wire.FriendListUpdateV1Notification](m, "FriendListUpdateV1Notification")
	s.friendUpdated = pragma.PlayerNotice[wire.FriendUpdateV1Notification](m, "FriendUpdateV1Notification")
	s.presenceUpdated = pragma.PlayerNotice[wire.FriendPresenceUpdateV1Notification](m, "PresenceUpdateV1Notification")
	s.presenceRemoved = pragma.PlayerNotice[wire.FriendPresenceRemoveV1Notification](m, "PresenceRemoveV1Notification")
	s.handle(m)
	m.OnConnect(s.connected)
	m.OnSessionEnd(s.sessionEnded)
	return err
}

// Friends returns the friends of an account, in the order in which they became
// that. It may be called by any number of goroutines.
func (s *Service) Friends(ctx context.Context, id pragma.SocialID) ([]pragma.SocialID, error) {
	l, err := s.list(ctx, id)
	if err != nil {
		return nil, err
	}
	return l.Friends, nil
}

// list returns the newest list of an account, also if another node changed it.
func (s *Service) list(ctx context.Context, id pragma.SocialID) (*list, error) {
	var newest list
	err := s.lists.Upsert(ctx, id.String(), func(_ *entity.Tx, l *list) error {
		newest = l.clone()
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read friends of %s: %w", id, err)
	}
	return &newest, nil
}

// person is an account as others see it.
type person struct {
	id     pragma.SocialID
	player pragma.PlayerID
	name   pragma.DisplayName
	exists bool // or has been deleted
}

func (s *Service) person(ctx context.Context, id pragma.SocialID) (person, error) {
	p := person{id: id}
	profile, err := s.Accounts.Profile(ctx, id)
	switch {
	case errors.Is(err, account.ErrNotFound):
		return p, nil
	case err != nil:
		return p, fmt.Errorf("look up account %s: %w", id, err)
	}
	p.player, p.name, p.exists = profile.PlayerID, profile.DisplayName, true
	return p, nil
}

// maxWaiting is how many changes wait for one account.
const maxWaiting = 256

// turn waits for the turn of accounts, and returns how to end it. The order of
// the ids is the order of waiting, so nobody waits for each other.
func (s *Service) turn(ctx context.Context, ids ...pragma.SocialID) (end func(), err error) {
	slices.SortFunc(ids, pragma.SocialID.Compare)
	ids = slices.Compact(ids)
	var held []pragma.SocialID
	end = func() {
		for _, id := range held {
			s.turns.Unlock(id)
		}
	}
	for _, id := range ids {
		if err := s.turns.Lock(ctx, id, maxWaiting); err != nil {
			end()
			return nil, pragma.ErrUnavailable.Wrap(fmt.Errorf("wait for account %s: %w", id, err))
		}
		held = append(held, id)
	}
	return end, nil
}

// change lets me do something with other, in both lists or in none.
func (s *Service) change(ctx context.Context, me, other person, fn func(p *pair) answer) (answer, error) {
	end, err := s.turn(ctx, me.id, other.id)
	if err != nil {
		return "", err
	}
	defer end()
	var a answer
	err = s.lists.Upsert(ctx, me.id.String(), func(tx *entity.Tx, mine *list) error {
		his, err := s.lists.InOrNew(tx, other.id.String())
		if err != nil {
			return err
		}
		p := &pair{limits: s.cfg.Load()}
		p.me.id, p.me.list = me.id, mine
		p.other.id, p.other.list = other.id, his
		a = fn(p)
		return s.tell(tx, p, me, other)
	})
	if err != nil {
		return "", fmt.Errorf("change friends of %s: %w", me.id, err)
	}
	return a, nil
}
