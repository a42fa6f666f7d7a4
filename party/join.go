package party

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// joiner is a player on his way into a party.
type joiner struct {
	info *PlayerInfo
	ext  ext.Value
	how  JoinMethod
	told bool // he learns of it as the others do: it is not his call that is answered
}

// joiner checks what a client says about itself and reads the inventory.
func (s *Service) joiner(ctx context.Context, who *pragma.PlayerSession, how JoinMethod, request ext.Value, version string, pings map[string]wire.Int32) (*joiner, error) {
	if err := checkText("gameClientVersion", version); err != nil {
		return nil, err
	}
	measured, err := readPings(pings)
	if err != nil {
		return nil, err
	}
	items, err := s.items(ctx, who.PlayerID)
	if err != nil {
		return nil, ErrInventory.Wrap(err)
	}
	return &joiner{
		info: &PlayerInfo{
			PlayerID: who.PlayerID, SocialID: who.SocialID, DisplayName: who.DisplayName,
			GameClientVersion: version, GameServerZoneToPing: measured, Inventory: items,
		},
		ext: request, how: how,
	}, nil
}

// items reads the part of a player's inventory that goes into a snapshot.
func (s *Service) items(ctx context.Context, id pragma.PlayerID) ([]Item, error) {
	cfg := s.cfg.Load()
	if s.Inventory == nil || len(cfg.InventoryTagsToInclude) == 0 {
		return nil, nil
	}
	all, err := s.Inventory.Items(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read inventory of %s: %w", id, err)
	}
	var kept []Item
	for _, item := range all {
		if cfg.wants(item.Tags) {
			kept = append(kept, item)
		}
	}
	return kept, nil
}

// create makes a party with the joiner as its leader.
func (s *Service) create(ctx context.Context, j *joiner, request ext.Value, zones []string) (v *view, err error) {
	id := pragma.NewID[pragma.PartyID]()
	err = s.parties.Create(ctx, id.String(), func(tx *entity.Tx, st *state) error {
		c := s.change(tx, st)
		c.begin(id, zones)
		v, err = c.open(j, request)
		return err
	})
	return v, err
}

// begin makes the state of a new party.
func (c *change) begin(id pragma.PartyID, zones []string) {
	*c.st = state{
		ID: id, MaxPlayerCount: c.cfg.MaxPlayersPerParty, DisableMaxPlayerCount: c.cfg.DisableMaxPlayerCount,
		PreferredGameServerZones: zones, CreatedAt: c.tx.Now(), LastAccess: c.tx.Now(),
	}
}

// open lets the creator into a party that was begun.
func (c *change) open(j *joiner, request ext.Value) (*view, error) {
	if err := c.giveCode(); err != nil {
		return nil, err
	}
	where, err := c.slots.Edit(c.tx, j.info.PlayerID)
	if err != nil {
		return nil, err
	}
	if !where.TicketID.IsZero() {
		return nil, ErrPlayerInMatchmaking
	}
	err = c.ask("InitializeParty", func(ctx context.Context) error {
		return c.Plugin.InitializeParty(ctx, &InitializePartyRequest{c.party(), request, c.cfg, j.info.PlayerID})
	})
	if err != nil {
		return nil, err
	}
	return c.join(j)
}

// join adds a player, and takes him out of the party where he was, in the same
// commit: if the plugin refuses, he stays there. Who creates a party is let in
// before he leaves the old one; who joins a party leaves first (engine §3.4).
func (c *change) join(j *joiner) (*view, error) {
	id := j.info.PlayerID
	where, err := c.slots.Edit(c.tx, id)
	if err != nil {
		return nil, err
	}
	refused := c.st.admit(id, j.how)
	switch {
	case !where.TicketID.IsZero() && !errors.Is(refused, ErrAlreadyInParty):
		return nil, ErrPlayerInMatchmaking
	case refused != nil:
		return nil, refused
	}
	m := j.info.clone()
	if err := c.moveIn(where.PartyID, m, j); err != nil {
		return nil, err
	}
	others := c.st.ids()
	if j.how == JoinCreate {
		m.Leader = true
		others = []pragma.PlayerID{id} // nobody else to tell
	}
	c.st.add(m, j.how)
	where.PartyID = c.st.ID
	c.checkVersions(m, others...)
	if j.how == JoinBackend || j.told {
		return c.finish()
	}
	return c.finish(id)
}

// moveIn asks the plugin for a new member, and takes him out of the party from.
func (c *change) moveIn(from pragma.PartyID, m *PlayerInfo, j *joiner) error {
	add := func() error {
		return c.ask("OnAddPlayer", func(ctx context.Context) error {
			return c.Plugin.OnAddPlayer(ctx, &AddPlayerRequest{j.ext, c.player(m), c.party(), c.cfg, j.how})
		})
	}
	if j.how == JoinCreate {
		if err := add(); err != nil {
			return err
		}
		_, err := c.leaveOther(from, m.PlayerID)
		return err
	}
	was, err := c.leaveOther(from, m.PlayerID)
	if err != nil {
		return err
	}
	if j.how == JoinBackend && was != nil { // what the backend does not know of his client
		m.GameClientVersion = cmp.Or(m.GameClientVersion, was.GameClientVersion)
		if m.GameServerZoneToPing == nil {
			m.GameServerZoneToPing = maps.Clone(was.GameServerZoneToPing)
		}
	}
	return add()
}

// leaveOther takes a player out of the party he is in so far, and returns what
// he was there; nil if he was in none.
func (c *change) leaveOther(id pragma.PartyID, player pragma.PlayerID) (was *PlayerInfo, err error) {
	if id.IsZero() {
		return nil, nil
	}
	old, err := c.in(c.tx, id)
	if err != nil || old == nil {
		return nil, err
	}
	was = old.st.find(player)
	if err := old.remove(player, Left); err != nil {
		return nil, err
	}
	old.notifyRemoved(player, Left)
	_, err = old.finish(player)
	return was, err
}

// inviteRef is the record by which a player's received invites are found. Its id
// is that of the invitee and that of the invite.
type inviteRef struct {
	PartyID pragma.PartyID `json:"partyId"`
}

func refID(invitee pragma.PlayerID, id pragma.InviteID) string {
	return refPrefix(invitee) + id.String()
}

func refPrefix(invitee pragma.PlayerID) string { return invitee.String() + "/" }

// settleInvites makes what happened to invites known and findable.
func (c *change) settleInvites(caller ...pragma.PlayerID) error {
	for _, e := range c.st.events {
		var err error
		switch e.what {
		case inviteSent:
			err = c.inviteSent(e.invite)
		case inviteAccepted, inviteDeclined:
			c.tx.NotifyPlayers(c.inviteResponse.Of(&wire.PartyInviteResponseV1Notification{
				InviteID: wire.UUID(e.invite.InviteID), Accepted: e.what == inviteAccepted,
			}), c.membersBut(append(caller, e.invite.InviteePlayerID)...)...)
			err = c.invites.Delete(c.tx, refID(e.invite.InviteePlayerID, e.invite.InviteID))
		default:
			c.tx.NotifyPlayers(c.inviteCanceled.Of(&wire.PartyInviteCanceledV1Notification{
				InviteID: wire.UUID(e.invite.InviteID), PartyID: wire.UUID(c.st.ID), Reason: e.what.canceled(),
			}), e.invite.InviteePlayerID)
			err = c.invites.Delete(c.tx, refID(e.invite.InviteePlayerID, e.invite.InviteID))
		}
		if err != nil && !errors.Is(err, entity.ErrNotFound) {
			return err
		}
	}
	c.st.events = nil
	return nil
}

func (c *change) inviteSent(inv Invite) error {
	_, name, err := c.identify(c.tx.Context(), inv.InviteePlayerID)
	if err != nil {
		return err
	}
	if open := c.st.invite(inv.InviteID); open != nil {
		open.InviteeName = name
	}
	ref, err := c.Service.invites.New(c.tx, refID(inv.InviteePlayerID, inv.InviteID))
	if err != nil {
		return err
	}
	ref.PartyID = c.st.ID
	c.tx.NotifyPlayers(c.inviteReceived.Of(&wire.PartyInviteReceivedV1Notification{
		InviteID: wire.UUID(inv.InviteID), InviterInfo: inv.inviter(), PartyID: wire.UUID(c.st.ID),
	}), inv.InviteePlayerID)
	return nil
}

func (c *change) membersBut(except ...pragma.PlayerID) []pragma.PlayerID {
	ids := c.st.ids()
	for _, id := range except {
		ids = without(ids, id)
	}
	return ids
}
