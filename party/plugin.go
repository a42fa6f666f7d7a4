package party

import (
	"context"

	"github.com/openpragma/engine/pragma/ext"
)

// Plugin decides what parties do (engine §3.3, slot PartyService.partyPlugin).
// Embed [Defaults] to implement it.
//
// Every hook gets a working copy of the party. What it changes is kept, and told
// to the members, if it returns without an error; an error, a panic or a hook
// that takes too long (pluginTimeoutMillis) changes nothing. An error of a hook
// that may refuse reaches the client whose call it was. Hooks for one party
// never overlap, hooks for different ones do. A hook may run again for the same
// call, so it must have no effects besides its working copy.
type Plugin interface {
	// InitializeParty is called for a new party, before its first player.
	InitializeParty(ctx context.Context, r *InitializePartyRequest) error
	// OnAddPlayer is called before a player is added, however he joins; an error
	// keeps him out, and in the party where he was.
	OnAddPlayer(ctx context.Context, r *AddPlayerRequest) error
	// OnRemovePlayer is told that a player is gone. It may appoint a leader; if
	// none is left after it, one is chosen at random. An error is logged and
	// drops what the hook changed.
	OnRemovePlayer(ctx context.Context, e *RemovePlayerEvent) error
	// UpdateParty applies a member's request to change the party. Whether only
	// leaders may, it decides itself.
	UpdateParty(ctx context.Context, r *UpdatePartyRequest) error
	// UpdatePlayer applies a member's request to change his own data.
	UpdatePlayer(ctx context.Context, r *UpdatePlayerRequest) error
	// CanChangeReady says whether a player's ready state may change now. False
	// answers the caller with the unchanged party.
	CanChangeReady(ctx context.Context, r *CanChangeReadyRequest) (bool, error)

	// BuildMatchmakingKey returns the data that decides the queue.
	BuildMatchmakingKey(ctx context.Context, r *BuildMatchmakingKeyRequest) (ext.Value, error)
	// BuildExtMatchmakingParty returns what matchmaking knows of the party.
	BuildExtMatchmakingParty(ctx context.Context, r *BuildExtMatchmakingPartyRequest) (ext.Value, error)
	// BuildExtMatchmakingPlayer returns what matchmaking knows of a member.
	BuildExtMatchmakingPlayer(ctx context.Context, r *BuildExtMatchmakingPlayerRequest) (ext.Value, error)

	// BuildExtBroadcastParty returns what every member sees of the party. This
	// and the next two are called whenever the party is shown, share one
	// deadline, and must not change anything; instead of a failed one's result,
	// members see the empty message.
	BuildExtBroadcastParty(ctx context.Context, r *BuildExtBroadcastPartyRequest) (ext.Value, error)
	// BuildExtBroadcastPlayer returns what every member sees of a member.
	BuildExtBroadcastPlayer(ctx context.Context, r *BuildExtBroadcastPlayerRequest) (ext.Value, error)
	// BuildExtPrivatePlayer returns what only this member sees. Empty ones cost
	// nothing: members without one share an encoded message.
	BuildExtPrivatePlayer(ctx context.Context, r *BuildExtPrivatePlayerRequest) (ext.Value, error)

	// ReturnFromGameInstance is told that players are back from a game. An error
	// is logged and drops what the hook changed.
	ReturnFromGameInstance(ctx context.Context, e *ReturnFromGameInstanceEvent) error
	// ReturnFromMatchmaking is told that the party is no longer in matchmaking,
	// without a game; a game server version that is gone is [ReturnFailed] too. An
	// error is logged and drops what the hook changed.
	ReturnFromMatchmaking(ctx context.Context, e *ReturnFromMatchmakingEvent) error

	// HandlePlayerSendInviteRequest is asked to invite a player.
	HandlePlayerSendInviteRequest(ctx context.Context, r *PlayerSendInviteRequest) error
	// HandlePlayerCancelInviteRequest is asked to take an invite back.
	HandlePlayerCancelInviteRequest(ctx context.Context, r *PlayerCancelInviteRequest) error
	// HandleBackendUpdateRequest applies what [API.Update] was called with.
	HandleBackendUpdateRequest(ctx context.Context, r *BackendUpdateRequest) error
	// HandlePlayerEnterMatchmakingRequest is asked before a party enters
	// matchmaking; an error refuses.
	HandlePlayerEnterMatchmakingRequest(ctx context.Context, r *PlayerEnterMatchmakingRequest) error
	// OnPartyExpired is told that an idle party is closed.
	OnPartyExpired(ctx context.Context, e *PartyExpiredEvent)

	mustEmbedDefaults()
}

// Defaults are the documented defaults of [Plugin]. Every implementation embeds
// it; call its methods to extend a default instead of replacing it.
type Defaults struct{}

var _ Plugin = Defaults{}

func (Defaults) mustEmbedDefaults() {}

// InitializeParty does nothing.
func (Defaults) InitializeParty(context.Context, *InitializePartyRequest) error { return nil }

// OnAddPlayer lets everybody in.
func (Defaults) OnAddPlayer(context.Context, *AddPlayerRequest) error { return nil }

// OnRemovePlayer does nothing.
func (Defaults) OnRemovePlayer(context.Context, *RemovePlayerEvent) error { return nil }

// UpdateParty does nothing.
func (Defaults) UpdateParty(context.Context, *UpdatePartyRequest) error { return nil }

// UpdatePlayer does nothing.
func (Defaults) UpdatePlayer(context.Context, *UpdatePlayerRequest) error { return nil }

// CanChangeReady allows every change.
func (Defaults) CanChangeReady(context.Context, *CanChangeReadyRequest) (bool, error) {
	return true, nil
}

// BuildMatchmakingKey returns the empty message: one queue for all.
func (Defaults) BuildMatchmakingKey(context.Context, *BuildMatchmakingKeyRequest) (ext.Value, error) {
	return ext.Value{}, nil
}

// BuildExtMatchmakingParty returns the empty message.
func (Defaults) BuildExtMatchmakingParty(context.Context, *BuildExtMatchmakingPartyRequest) (ext.Value, error) {
	return ext.Value{}, nil
}

// BuildExtMatchmakingPlayer returns the empty message.
func (Defaults) BuildExtMatchmakingPlayer(context.Context, *BuildExtMatchmakingPlayerRequest) (ext.Value, error) {
	return ext.Value{}, nil
}

// BuildExtBroadcastParty returns the empty message.
func (Defaults) BuildExtBroadcastParty(context.Context, *BuildExtBroadcastPartyRequest) (ext.Value, error) {
	return ext.Value{}, nil
}

// BuildExtBroadcastPlayer returns the empty message.
func (Defaults) BuildExtBroadcastPlayer(context.Context, *BuildExtBroadcastPlayerRequest) (ext.Value, error) {
	return ext.Value{}, nil
}

// BuildExtPrivatePlayer returns the empty message.
func (Defaults) BuildExtPrivatePlayer(context.Context, *BuildExtPrivatePlayerRequest) (ext.Value, error) {
	return ext.Value{}, nil
}

// ReturnFromGameInstance does nothing.
func (Defaults) ReturnFromGameInstance(context.Context, *ReturnFromGameInstanceEvent) error {
	return nil
}

// ReturnFromMatchmaking does nothing.
func (Defaults) ReturnFromMatchmaking(context.Context, *ReturnFromMatchmakingEvent) error { return nil }

// HandlePlayerSendInviteRequest sends the invite.
func (Defaults) HandlePlayerSendInviteRequest(_ context.Context, r *PlayerSendInviteRequest) error {
	_, err := r.Party.SendInvite(r.RequestingPlayer.ID(), r.InviteePlayerID)
	return err
}

// HandlePlayerCancelInviteRequest cancels an invite that the caller has sent, and
// knows no other.
func (Defaults) HandlePlayerCancelInviteRequest(_ context.Context, r *PlayerCancelInviteRequest) error {
	if r.Invite.InviterPlayerID != r.RequestingPlayer.ID() {
		return ErrInviteNotFound
	}
	return r.Party.CancelInvite(r.Invite.InviteID)
}

// HandleBackendUpdateRequest does nothing.
func (Defaults) HandleBackendUpdateRequest(context.Context, *BackendUpdateRequest) error { return nil }

// HandlePlayerEnterMatchmakingRequest allows it.
func (Defaults) HandlePlayerEnterMatchmakingRequest(context.Context, *PlayerEnterMatchmakingRequest) error {
	return nil
}

// OnPartyExpired does nothing.
func (Defaults) OnPartyExpired(context.Context, *PartyExpiredEvent) {}
