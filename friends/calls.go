package friends

import (
	"context"
	"errors"
	"fmt"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/entity"
)

// handle registers the calls of wire §7.10.
func (s *Service) handle(m *pragma.Mount) {
	pragma.HandlePlayer(m, "GetFriendListAndRegisterOnlineV1", s.register)
	pragma.HandlePlayer(m, "GetFriendListV1", s.getList)
	pragma.HandlePlayer(m, "SendFriendInviteV1", s.inviteByName)
	pragma.HandlePlayer(m, "SendFriendInviteBySocialIdV1", s.inviteByID)
	pragma.HandlePlayer(m, "CancelFriendInviteV1", s.cancel)
	pragma.HandlePlayer(m, "RespondToFriendInviteV1", s.respond)
	pragma.HandlePlayer(m, "RemoveFriendV1", s.remove)
	pragma.HandlePlayer(m, "BlockV1", s.block)
	pragma.HandlePlayer(m, "UnblockV1", s.unblock)
	pragma.HandlePlayer(m, "SetAcceptIncomingFriendInvitesV1", s.setAccept)
	pragma.HandlePlayer(m, "SetPresenceV1", s.setPresence)
	pragma.HandlePartner(m, "SetPresencePartnerV1", s.setPresencePartner)
}

// register answers with the list. A player has a presence from his first
// SetPresenceV1 on and not before (engine §13).
func (s *Service) register(ctx context.Context, p *pragma.PlayerSession, _ *wire.Empty) (*wire.FriendGetFriendListAndRegisterOnlineV1Response, error) {
	return s.getList(ctx, p, &wire.FriendGetFriendListV1Request{})
}

func (s *Service) getList(ctx context.Context, p *pragma.PlayerSession, req *wire.FriendGetFriendListV1Request) (*wire.FriendGetFriendListV1Response, error) {
	l, err := s.list(ctx, p.SocialID)
	if err != nil {
		return nil, err
	}
	shown, err := s.snapshot(ctx, l, pragma.GameShardID(req.GameShardID))
	if err != nil {
		return nil, err
	}
	return &wire.FriendGetFriendListV1Response{FriendList: *shown}, nil
}

func (s *Service) inviteByName(ctx context.Context, p *pragma.PlayerSession, req *wire.FriendSendFriendInviteV1Request) (*wire.FriendResponse, error) {
	profile, err := s.Accounts.ProfileByDisplayName(ctx, pragma.DisplayName(req.InviteeDisplayName))
	if errors.Is(err, account.ErrNotFound) {
		return response(inviteeNotFound, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("look up display name: %w", err)
	}
	return response(s.with(ctx, p, profile.SocialID, needs{inviteeNotFound}, (*pair).invite))
}

func (s *Service) inviteByID(ctx context.Context, p *pragma.PlayerSession, req *wire.FriendSendFriendInviteBySocialIDV1Request) (*wire.FriendResponse, error) {
	return response(s.with(ctx, p, pragma.SocialID(req.InviteeSocialID), needs{inviteeNotFound}, (*pair).invite))
}

func (s *Service) cancel(ctx context.Context, p *pragma.PlayerSession, req *wire.FriendCancelFriendInviteV1Request) (*wire.FriendResponse, error) {
	return response(s.with(ctx, p, pragma.SocialID(req.InviteeSocialID), needs{}, (*pair).cancel))
}

func (s *Service) respond(ctx context.Context, p *pragma.PlayerSession, req *wire.FriendRespondToFriendInviteV1Request) (*wire.FriendResponse, error) {
	inviter := pragma.SocialID(req.InviterSocialID)
	if !req.AcceptInvite {
		return response(s.with(ctx, p, inviter, needs{}, (*pair).decline))
	}
	return response(s.with(ctx, p, inviter, needs{inviterNotFound}, (*pair).accept))
}

func (s *Service) remove(ctx context.Context, p *pragma.PlayerSession, req *wire.FriendRemoveFriendV1Request) (*wire.FriendResponse, error) {
	return response(s.with(ctx, p, pragma.SocialID(req.FriendSocialID), needs{}, (*pair).remove))
}

func (s *Service) block(ctx context.Context, p *pragma.PlayerSession, req *wire.FriendBlockV1Request) (*wire.FriendResponse, error) {
	return response(s.with(ctx, p, pragma.SocialID(req.SocialID), needs{friendNotFound}, (*pair).block))
}

func (s *Service) unblock(ctx context.Context, p *pragma.PlayerSession, req *wire.FriendUnblockV1Request) (*wire.FriendResponse, error) {
	return response(s.with(ctx, p, pragma.SocialID(req.SocialID), needs{}, (*pair).unblock))
}

// needs is the answer to a caller who names an account that does not exist. The
// zero value asks for no account: what has to do with one that was deleted can
// still be undone.
type needs struct{ otherwise answer }

// with lets the caller do something with another account.
func (s *Service) with(ctx context.Context, p *pragma.PlayerSession, id pragma.SocialID, n needs, fn func(*pair) answer) (answer, error) {
	me, err := s.person(ctx, p.SocialID)
	if err != nil {
		return "", err
	}
	other, err := s.person(ctx, id)
	if err != nil {
		return "", err
	}
	if !other.exists && n.otherwise != "" {
		return n.otherwise, nil
	}
	return s.change(ctx, me, other, fn)
}

func response(a answer, err error) (*wire.FriendResponse, error) {
	if err != nil {
		return nil, err
	}
	return &wire.FriendResponse{Response: string(a)}, nil
}

func (s *Service) setAccept(ctx context.Context, p *pragma.PlayerSession, req *wire.FriendSetAcceptIncomingFriendInvitesV1Request) (*wire.FriendResponse, error) {
	err := s.lists.Upsert(ctx, p.SocialID.String(), func(_ *entity.Tx, l *list) error {
		l.Closed = !req.AcceptNewFriendInvites
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("change friends of %s: %w", p.SocialID, err)
	}
	return response(ok, nil)
}

func (s *Service) setPresence(ctx context.Context, p *pragma.PlayerSession, req *wire.FriendSetPresenceV1Request) (*wire.FriendResponse, error) {
	basic, err := parseBasic(req.BasicPresence)
	if err != nil {
		return nil, err
	}
	if !s.ours(req.GameShardID) {
		return response(gameIdentityNotFound, nil)
	}
	me, err := s.person(ctx, p.SocialID)
	if err != nil {
		return nil, err
	}
	if me.player.IsZero() {
		return response(gameIdentityNotFound, nil)
	}
	return presenceResponse(s.set(ctx, &request{
		origin: FromPlayer, id: p.SocialID, shard: s.m.ShardID(),
		basic: basic, ext: req.RequestExt, session: p.SessionID, player: me.player,
	}))
}

func (s *Service) setPresencePartner(ctx context.Context, _ *pragma.PartnerSession, req *wire.FriendSetPresencePartnerV1Request) (*wire.FriendResponse, error) {
	basic, err := parseBasic(req.BasicPresence)
	if err != nil {
		return nil, err
	}
	return presenceResponse(s.set(ctx, &request{
		origin: FromPartner, id: pragma.SocialID(req.SocialID), shard: pragma.GameShardID(req.GameShardID),
		basic: basic, ext: req.RequestExt,
	}))
}

// ours reports whether a shard is that of this server, or none.
func (s *Service) ours(shard wire.UUID) bool {
	return shard.IsZero() || pragma.GameShardID(shard) == s.m.ShardID()
}

func presenceResponse(err error) (*wire.FriendResponse, error) {
	if errors.Is(err, ErrNoPresence) {
		return response(presenceNotFound, nil)
	}
	return response(ok, err)
}
