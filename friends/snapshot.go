package friends

import (
	"context"
	"errors"
	"fmt"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// snapshot is a list as its owner sees it, with presences on one shard, or on
// all. Accounts that were deleted stand in it without a name, so that the owner
// can remove them.
func (s *Service) snapshot(ctx context.Context, l *list, shard pragma.GameShardID) (*wire.FriendList, error) {
	shown := &wire.FriendList{Version: wire.Int64(l.Version), AcceptNewFriendInvites: !l.Closed}
	for _, id := range l.Friends {
		f, err := s.friend(ctx, id, shard)
		if err != nil {
			return nil, err
		}
		shown.Friends = append(shown.Friends, *f)
	}
	for _, part := range []struct {
		ids  []pragma.SocialID
		into *[]wire.FriendOverview
	}{{l.Sent, &shown.SentInvites}, {l.Received, &shown.ReceivedInvites}, {l.Blocked, &shown.Blocked}} {
		for _, id := range part.ids {
			p, err := s.person(ctx, id)
			if err != nil {
				return nil, err
			}
			*part.into = append(*part.into, p.overview())
		}
	}
	return shown, nil
}

// friend is a friend with his presence. On another node the presence may be a
// bit older than what the player is told of it; its version says so.
func (s *Service) friend(ctx context.Context, id pragma.SocialID, shard pragma.GameShardID) (*wire.Friend, error) {
	p, err := s.person(ctx, id)
	if err != nil {
		return nil, err
	}
	f := &wire.Friend{SocialID: wire.UUID(id), PlayerID: wire.UUID(p.player), DisplayName: wire.DisplayName(p.name)}
	st, err := s.presences.Read(ctx, id.String())
	switch {
	case errors.Is(err, entity.ErrNotFound):
		return f, nil
	case err != nil:
		return nil, fmt.Errorf("read presence of %s: %w", id, err)
	}
	if st.Now != nil && (shard.IsZero() || shard == st.Now.GameShardID) {
		f.Presences = []wire.Presence{st.wire()}
	}
	return f, nil
}
