package party

import (
	"context"
	"errors"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// maxReceived bounds how many received invites a player is shown.
const maxReceived = 100

// sendInviteV1 answers with the invite's id alone. The caller's own new version
// is not told to him, as for every other call (wire §7.2).
func (s *Service) sendInviteV1(ctx context.Context, who *pragma.PlayerSession, req *wire.PartySendInviteV1Request) (*wire.PartySendInviteV1Response, error) {
	resp := &wire.PartySendInviteV1Response{}
	invitee := pragma.PlayerID(req.InviteePlayerID)
	_, err := s.inOwn(ctx, who, req.PartyID, func(c *change, me *PlayerInfo) error {
		if invitee.IsZero() {
			return ErrPlayerNotFound
		}
		if _, _, err := c.identify(c.tx.Context(), invitee); err != nil {
			return err
		}
		err := c.ask("HandlePlayerSendInviteRequest", func(ctx context.Context) error {
			return c.Plugin.HandlePlayerSendInviteRequest(ctx, &PlayerSendInviteRequest{c.party(), c.player(me), invitee})
		})
		if err != nil {
			return err
		}
		resp.InviteID = wire.UUID{}
		for _, e := range c.st.events {
			if e.what == inviteSent && e.invite.InviteePlayerID == invitee {
				resp.InviteID = wire.UUID(e.invite.InviteID)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

func (s *Service) cancelInviteV1(ctx context.Context, who *pragma.PlayerSession, req *wire.PartyCancelInviteV1Request) (*wire.PartyResponse, error) {
	return s.inOwn(ctx, who, req.PartyID, func(c *change, me *PlayerInfo) error {
		inv := c.st.invite(pragma.InviteID(req.InviteID))
		if inv == nil {
			return ErrInviteNotFound
		}
		found := *inv
		return c.ask("HandlePlayerCancelInviteRequest", func(ctx context.Context) error {
			return c.Plugin.HandlePlayerCancelInviteRequest(ctx, &PlayerCancelInviteRequest{c.party(), c.player(me), &found})
		})
	})
}

func (s *Service) respondToInviteV1(ctx context.Context, who *pragma.PlayerSession, req *wire.PartyRespondToInviteV1Request) (*wire.PartyResponse, error) {
	id := pragma.InviteID(req.InviteID)
	ref, err := s.invites.Read(ctx, refID(who.PlayerID, id))
	if errors.Is(err, entity.ErrNotFound) {
		return nil, ErrInviteNotFound
	}
	if err != nil {
		return nil, err
	}
	if !req.Accepted {
		return &wire.PartyResponse{}, s.decline(ctx, who.PlayerID, ref.PartyID, id)
	}
	j, err := s.joiner(ctx, who, JoinInvite, req.RequestExt, req.GameClientVersion, req.GameServerZoneToPing)
	if err != nil {
		return nil, err
	}
	var v *view
	err = s.update(ctx, ref.PartyID, ErrInviteNotFound, func(c *change) (err error) {
		if err := c.answerable(id, who.PlayerID); err != nil {
			return err
		}
		c.st.end(id, inviteAccepted)
		v, err = c.join(j)
		return err
	})
	return answer(v, who.PlayerID, err)
}

func (s *Service) decline(ctx context.Context, player pragma.PlayerID, party pragma.PartyID, id pragma.InviteID) error {
	return s.update(ctx, party, ErrInviteNotFound, func(c *change) error {
		if err := c.answerable(id, player); err != nil {
			return err
		}
		c.st.end(id, inviteDeclined)
		_, err := c.finish(player)
		return err
	})
}

// answerable says whether an invite is open and for this player.
func (c *change) answerable(id pragma.InviteID, player pragma.PlayerID) error {
	inv := c.st.invite(id)
	over := inv != nil && !inv.ExpiresAt.IsZero() && !c.tx.Now().Before(inv.ExpiresAt)
	if inv == nil || over || inv.InviteePlayerID != player {
		return ErrInviteNotFound
	}
	return nil
}

func (s *Service) getReceivedInvitesV1(ctx context.Context, who *pragma.PlayerSession, _ *wire.Empty) (*wire.PartyGetReceivedInvitesV1Response, error) {
	invites, err := s.received(ctx, who.PlayerID)
	if err != nil {
		return nil, err
	}
	return &wire.PartyGetReceivedInvitesV1Response{Invites: invites}, nil
}

// received lists the open invites to a player.
func (s *Service) received(ctx context.Context, id pragma.PlayerID) ([]wire.PartyInvite, error) {
	var all []wire.PartyInvite
	for ref, err := range s.invites.List(ctx, refPrefix(id), "") {
		if err != nil {
			return nil, err
		}
		inviteID, err := pragma.ParseID[pragma.InviteID](ref.ID[len(refPrefix(id)):])
		if err != nil {
			continue // not written by this program
		}
		st, err := s.parties.Read(ctx, ref.State.PartyID.String())
		if errors.Is(err, entity.ErrNotFound) {
			continue // closed meanwhile
		}
		if err != nil {
			return nil, err
		}
		if inv := st.invite(inviteID); inv != nil {
			all = append(all, inv.wire())
		}
		if len(all) == maxReceived {
			break
		}
	}
	return all, nil
}
