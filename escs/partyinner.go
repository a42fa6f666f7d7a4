package escs

import (
	"context"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma/ext"
)

// What follows, the game's own plugin decides for all parties alike.

// UpdateParty implements [party.Plugin].
func (p *ExternalMatchmakingPartyPlugin) UpdateParty(ctx context.Context, r *party.UpdatePartyRequest) error {
	return p.inner().UpdateParty(ctx, r)
}

// UpdatePlayer implements [party.Plugin].
func (p *ExternalMatchmakingPartyPlugin) UpdatePlayer(ctx context.Context, r *party.UpdatePlayerRequest) error {
	return p.inner().UpdatePlayer(ctx, r)
}

// CanChangeReady implements [party.Plugin].
func (p *ExternalMatchmakingPartyPlugin) CanChangeReady(ctx context.Context, r *party.CanChangeReadyRequest) (bool, error) {
	return p.inner().CanChangeReady(ctx, r)
}

// BuildExtMatchmakingPlayer implements [party.Plugin].
func (p *ExternalMatchmakingPartyPlugin) BuildExtMatchmakingPlayer(ctx context.Context, r *party.BuildExtMatchmakingPlayerRequest) (ext.Value, error) {
	return p.inner().BuildExtMatchmakingPlayer(ctx, r)
}

// BuildExtBroadcastParty implements [party.Plugin].
func (p *ExternalMatchmakingPartyPlugin) BuildExtBroadcastParty(ctx context.Context, r *party.BuildExtBroadcastPartyRequest) (ext.Value, error) {
	return p.inner().BuildExtBroadcastParty(ctx, r)
}

// BuildExtBroadcastPlayer implements [party.Plugin].
func (p *ExternalMatchmakingPartyPlugin) BuildExtBroadcastPlayer(ctx context.Context, r *party.BuildExtBroadcastPlayerRequest) (ext.Value, error) {
	return p.inner().BuildExtBroadcastPlayer(ctx, r)
}

// BuildExtPrivatePlayer implements [party.Plugin].
func (p *ExternalMatchmakingPartyPlugin) BuildExtPrivatePlayer(ctx context.Context, r *party.BuildExtPrivatePlayerRequest) (ext.Value, error) {
	return p.inner().BuildExtPrivatePlayer(ctx, r)
}

// ReturnFromGameInstance implements [party.Plugin].
func (p *ExternalMatchmakingPartyPlugin) ReturnFromGameInstance(ctx context.Context, e *party.ReturnFromGameInstanceEvent) error {
	return p.inner().ReturnFromGameInstance(ctx, e)
}

// ReturnFromMatchmaking implements [party.Plugin].
func (p *ExternalMatchmakingPartyPlugin) ReturnFromMatchmaking(ctx context.Context, e *party.ReturnFromMatchmakingEvent) error {
	return p.inner().ReturnFromMatchmaking(ctx, e)
}

// HandlePlayerCancelInviteRequest implements [party.Plugin].
func (p *ExternalMatchmakingPartyPlugin) HandlePlayerCancelInviteRequest(ctx context.Context, r *party.PlayerCancelInviteRequest) error {
	return p.inner().HandlePlayerCancelInviteRequest(ctx, r)
}

// HandleBackendUpdateRequest implements [party.Plugin].
func (p *ExternalMatchmakingPartyPlugin) HandleBackendUpdateRequest(ctx context.Context, r *party.BackendUpdateRequest) error {
	return p.inner().HandleBackendUpdateRequest(ctx, r)
}

// OnPartyExpired implements [party.Plugin].
func (p *ExternalMatchmakingPartyPlugin) OnPartyExpired(ctx context.Context, e *party.PartyExpiredEvent) {
	p.inner().OnPartyExpired(ctx, e)
}
