package client

import (
	"context"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// PartyCalls are a player's calls of parties and matchmaking (wire §7.2 to §7.4,
// §16.2). Most answer with the party as it then is; [Player.State] shows the same
// or something newer. Errors are as for [Call].
type PartyCalls struct{ p *Player }

// CreateParty says what a new party is like. The zero value is fine.
type CreateParty struct {
	Ext            ext.Value // for the plugin: about the party
	JoinExt        ext.Value // for the plugin: about the player as its first member
	PreferredZones []string
}

// Create makes a party with the player as its leader.
func (c *PartyCalls) Create(ctx context.Context, r CreateParty) (*Party, error) {
	return c.change(ctx, "CreateV1", &wire.PartyCreateV1Request{
		CreateRequestExt:         r.Ext,
		PlayerJoinRequestExt:     r.JoinExt,
		GameClientVersion:        c.p.opts.ClientVersion,
		PreferredGameServerZones: r.PreferredZones,
		GameServerZoneToPing:     c.p.zonePings(),
	})
}

// JoinWithInviteCode joins the party that shows this code.
func (c *PartyCalls) JoinWithInviteCode(ctx context.Context, code string, request ext.Value) (*Party, error) {
	return c.change(ctx, "JoinWithInviteCodeV1", &wire.PartyJoinWithInviteCodeV1Request{
		RequestExt:           request,
		InviteCode:           code,
		GameClientVersion:    c.p.opts.ClientVersion,
		GameServerZoneToPing: c.p.zonePings(),
	})
}

// JoinWithPartyID joins a party.
func (c *PartyCalls) JoinWithPartyID(ctx context.Context, id pragma.PartyID, request ext.Value) (*Party, error) {
	return c.change(ctx, "JoinWithPartyIdV1", &wire.PartyJoinWithPartyIDV1Request{
		RequestExt:           request,
		GameClientVersion:    c.p.opts.ClientVersion,
		PartyID:              wire.UUID(id),
		GameServerZoneToPing: c.p.zonePings(),
	})
}

// SendInvite invites a player.
func (c *PartyCalls) SendInvite(ctx context.Context, invitee pragma.PlayerID) (pragma.InviteID, error) {
	req := &wire.PartySendInviteV1Request{InviteePlayerID: wire.UUID(invitee)}
	resp, err := invoke[wire.PartySendInviteV1Response](ctx, c.p.game, "PartyRpc.SendInviteV1", req, nil)
	if err != nil {
		return pragma.InviteID{}, err
	}
	c.refresh(ctx)
	return pragma.InviteID(resp.InviteID), nil
}

// refresh brings the cached party up to date after a call that changes it but
// does not answer with it; the server tells only the others. The call has
// succeeded, so a failure here is left to the next synchronisation.
func (c *PartyCalls) refresh(ctx context.Context) { _, _ = c.Sync(ctx) }

// CancelInvite takes an invite back.
func (c *PartyCalls) CancelInvite(ctx context.Context, id pragma.InviteID) (*Party, error) {
	return c.change(ctx, "CancelInviteV1", &wire.PartyCancelInviteV1Request{InviteID: wire.UUID(id)})
}

// AcceptInvite joins the party of a received invite.
func (c *PartyCalls) AcceptInvite(ctx context.Context, id pragma.InviteID, request ext.Value) (*Party, error) {
	return c.respond(ctx, &wire.PartyRespondToInviteV1Request{
		RequestExt:           request,
		InviteID:             wire.UUID(id),
		Accepted:             true,
		GameClientVersion:    c.p.opts.ClientVersion,
		GameServerZoneToPing: c.p.zonePings(),
	})
}

// DeclineInvite refuses a received invite.
func (c *PartyCalls) DeclineInvite(ctx context.Context, id pragma.InviteID) error {
	_, err := c.respond(ctx, &wire.PartyRespondToInviteV1Request{InviteID: wire.UUID(id)})
	return err
}

func (c *PartyCalls) respond(ctx context.Context, req *wire.PartyRespondToInviteV1Request) (*Party, error) {
	return c.changeThen(ctx, "RespondToInviteV1", req, func(k *cache) {
		k.forgetInvite(pragma.InviteID(req.InviteID))
	})
}

// ReceivedInvites asks for the open invites. [State.Invites] has them too.
func (c *PartyCalls) ReceivedInvites(ctx context.Context) ([]Invite, error) {
	var invites []Invite
	_, err := invoke(ctx, c.p.game, "PartyRpc.GetReceivedInvitesV1", nil, func(r *wire.PartyGetReceivedInvitesV1Response) {
		invites = each(r.Invites, inviteOf)
		c.p.apply(func(k *cache) { k.invites = each(r.Invites, inviteOf) })
	})
	if err != nil {
		return nil, err
	}
	return invites, nil
}

// SetReady says whether the player is ready.
func (c *PartyCalls) SetReady(ctx context.Context, ready bool) (*Party, error) {
	return c.change(ctx, "SetReadyStateV1", &wire.PartySetReadyStateV1Request{Ready: ready})
}

// Update asks the plugin to change the party.
func (c *PartyCalls) Update(ctx context.Context, request ext.Value) (*Party, error) {
	return c.change(ctx, "UpdatePartyV1", &wire.PartyUpdatePartyV1Request{RequestExt: request})
}

// UpdatePlayer asks the plugin to change the player's own part of the party.
func (c *PartyCalls) UpdatePlayer(ctx context.Context, request ext.Value) (*Party, error) {
	return c.change(ctx, "UpdatePartyPlayerV1", &wire.PartyUpdatePartyPlayerV1Request{RequestExt: request})
}

// AssignLeader hands the lead to another member.
func (c *PartyCalls) AssignLeader(ctx context.Context, member pragma.PlayerID) (*Party, error) {
	return c.change(ctx, "AssignPartyLeaderV1", &wire.PartyAssignPartyLeaderV1Request{PlayerID: wire.UUID(member)})
}

// Kick removes another member.
func (c *PartyCalls) Kick(ctx context.Context, member pragma.PlayerID) (*Party, error) {
	return c.change(ctx, "KickV1", &wire.PartyKickV1Request{PlayerID: wire.UUID(member)})
}

// SetPreferredZones sets where the party would like to play.
func (c *PartyCalls) SetPreferredZones(ctx context.Context, zones []string) (*Party, error) {
	return c.change(ctx, "SetPreferredGameServerZonesV1", &wire.PartySetPreferredGameServerZonesV1Request{PreferredGameServerZones: zones})
}

// SetZonePings tells the party the player's pings, and sends them with later
// calls in place of [Options.ZonePings].
func (c *PartyCalls) SetZonePings(ctx context.Context, pings map[string]time.Duration) error {
	c.p.setZonePings(pings)
	req := &wire.PartySetGameServerZoneToPingV1Request{GameServerZoneToPing: pingsOf(pings)}
	err := do(ctx, c.p.game, "PartyRpc.SetGameServerZoneToPingV1", req, nil)
	if err == nil {
		c.refresh(ctx)
	}
	return err
}

// OverrideGameServerVersion pins the version of the game server, for development.
func (c *PartyCalls) OverrideGameServerVersion(ctx context.Context, version string) error {
	req := &wire.PartyDevelopmentOverrideGameServerVersionV1Request{GameServerVersion: version}
	err := do(ctx, c.p.game, "PartyRpc.DevelopmentOverrideGameServerVersionV1", req, nil)
	if err == nil {
		c.refresh(ctx)
	}
	return err
}

// Leave leaves the party.
func (c *PartyCalls) Leave(ctx context.Context) error {
	return do(ctx, c.p.game, "PartyRpc.LeaveV1", nil, func() {
		c.p.apply(func(k *cache) {
			id := k.session.PartyID
			if k.party != nil {
				id = k.party.ID
			}
			k.leftParty(id)
		})
	})
}

// EnterMatchmaking puts the party into a queue. [State.InMatchmaking] follows a
// moment later; a game that starts at once follows instead, without a ticket. It
// is refused with party.ErrNotInParty, ErrPlayerNotLeader, ErrPlayersNotReady,
// ErrInvalidSession (somebody is in a game), ErrPlayerInMatchmaking,
// ErrGameServerNoLongerCompatible, or ErrFailedToEnterMatchmaking if the
// matchmaking plugin refuses; its own reason is in the message then.
func (c *PartyCalls) EnterMatchmaking(ctx context.Context) (*Party, error) {
	return c.change(ctx, "EnterMatchmakingV1", nil)
}

// LeaveMatchmaking takes the party out of the queue.
func (c *PartyCalls) LeaveMatchmaking(ctx context.Context) error {
	err := do(ctx, c.p.game, "MatchmakingRpc.LeaveMatchmakingV2", nil, nil)
	if err == nil {
		c.refresh(ctx)
	}
	return err
}

// Queue counts what waits in one queue.
type Queue struct {
	KeyExt            ext.Value
	GameServerVersion string
	Parties           int
	Players           int
	Matchables        int
	GameInstances     int
}

// Queues describes the queues.
func (c *PartyCalls) Queues(ctx context.Context) ([]Queue, error) {
	resp, err := invoke[wire.MatchmakingGetMatchmakingInfoV2Response](ctx, c.p.game, "MatchmakingRpc.GetMatchmakingInfoV2", nil, nil)
	if err != nil {
		return nil, err
	}
	return each(resp.QueueInfo, func(q *wire.QueueInfoV2) Queue {
		return Queue{
			KeyExt:            q.MatchmakingQueueKey.ExtMatchmakingKey,
			GameServerVersion: q.MatchmakingQueueKey.GameServerVersion,
			Parties:           int(q.PartiesInQueue),
			Players:           int(q.PlayersInQueue),
			Matchables:        int(q.MatchablesInQueue),
			GameInstances:     int(q.GameInstancesInQueue),
		}
	}), nil
}

// Sync asks for the whole truth about party and invites. It is done after log-in
// and after every break without being asked. The party is nil without one.
func (c *PartyCalls) Sync(ctx context.Context) (*Party, error) {
	var party *Party
	_, err := invoke(ctx, c.p.game, "MultiplayerRpc.InitializePartyV1", nil, func(r *wire.MultiplayerInitializePartyV1Response) {
		c.p.apply(func(k *cache) {
			k.partySynced(r)
			party = k.party
		})
	})
	if err != nil {
		return nil, err
	}
	return party, nil
}

// change makes a call that answers with the party.
func (c *PartyCalls) change(ctx context.Context, rpc string, req any) (*Party, error) {
	return c.changeThen(ctx, rpc, req, func(*cache) {})
}

func (c *PartyCalls) changeThen(ctx context.Context, rpc string, req any, also func(*cache)) (*Party, error) {
	resp, err := invoke(ctx, c.p.game, "PartyRpc."+rpc, req, func(r *wire.PartyResponse) {
		c.p.apply(func(k *cache) {
			k.partyAnswered(r.Party)
			also(k)
		})
	})
	if err != nil || resp.Party == nil {
		return nil, err
	}
	return partyOf(resp.Party), nil
}
