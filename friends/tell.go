package friends

import (
	"errors"
	"fmt"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// tell lets both ends of a pair know what has changed for them, and new friends
// what the other one is doing.
func (s *Service) tell(tx *entity.Tx, p *pair, me, other person) error {
	s.tellOne(tx, &p.me, other)
	s.tellOne(tx, &p.other, me)
	if !p.me.diff.friendAdded {
		return nil
	}
	if err := s.show(tx, me.id, other.id); err != nil {
		return err
	}
	return s.show(tx, other.id, me.id)
}

// tellOne lets one end know what has changed for him.
func (s *Service) tellOne(tx *entity.Tx, e *end, about person) {
	if !e.diff.any() {
		return
	}
	e.list.Version++
	u := wire.FriendListUpdates{Version: wire.Int64(e.list.Version)}
	overview := []wire.FriendOverview{about.overview()}
	id := []wire.UUID{wire.UUID(about.id)}
	if e.diff.friendAdded {
		u.FriendsAdded = overview
	}
	if e.diff.friendRemoved {
		u.FriendsRemoved = id
	}
	if e.diff.receivedAdded {
		u.ReceivedInvitesAdded = overview
	}
	if e.diff.receivedRemoved {
		u.ReceivedInvitesRemoved = id
	}
	if e.diff.sentAdded {
		u.SentInvitesAdded = overview
	}
	if e.diff.sentRemoved {
		u.SentInvitesRemoved = id
	}
	tx.NotifyAccounts(s.listUpdated.Of(&wire.FriendListUpdateV1Notification{Updates: u}), e.id)
}

// show tells viewer the presence of another account, if that has one.
func (s *Service) show(tx *entity.Tx, viewer, of pragma.SocialID) error {
	st, err := s.presences.In(tx, of.String())
	if errors.Is(err, entity.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read presence of %s: %w", of, err)
	}
	if st.Now != nil {
		s.notifyPresence(tx, of, st.wire(), viewer)
	}
	return nil
}

func (s *Service) notifyPresence(tx *entity.Tx, of pragma.SocialID, p wire.Presence, to ...pragma.SocialID) {
	tx.NotifyAccounts(s.friendUpdated.Of(&wire.FriendUpdateV1Notification{SocialID: wire.UUID(of), UpdatedPresence: p}), to...)
}

func (p *person) overview() wire.FriendOverview {
	return wire.FriendOverview{SocialID: wire.UUID(p.id), DisplayName: wire.DisplayName(p.name)}
}
