package party_test

import (
	"context"
	"slices"
	"sync"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma/ext"
)

// recorder is a plugin that notes which hooks were called, and does what a test
// puts into its functions.
type recorder struct {
	party.Defaults
	mu    sync.Mutex
	calls []string

	init         func(*party.InitializePartyRequest) error
	add          func(*party.AddPlayerRequest) error
	remove       func(*party.RemovePlayerEvent) error
	updateParty  func(*party.UpdatePartyRequest) error
	updatePlayer func(*party.UpdatePlayerRequest) error
	ready        func(*party.CanChangeReadyRequest) (bool, error)
	backend      func(*party.BackendUpdateRequest) error
	enter        func(*party.PlayerEnterMatchmakingRequest) error
	fromGame     func(*party.ReturnFromGameInstanceEvent) error
	fromQueue    func(*party.ReturnFromMatchmakingEvent) error
	showParty    func(*party.BuildExtBroadcastPartyRequest) (ext.Value, error)
	showPlayer   func(*party.BuildExtBroadcastPlayerRequest) (ext.Value, error)
	showPrivate  func(*party.BuildExtPrivatePlayerRequest) (ext.Value, error)
	key          func(*party.BuildMatchmakingKeyRequest) (ext.Value, error)
}

func (r *recorder) called(hook string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, hook)
}

func (r *recorder) count(hook string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.calls {
		if c == hook {
			n++
		}
	}
	return n
}

// take returns the calls since the last take.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := slices.Clone(r.calls)
	r.calls = nil
	return calls
}

func hook[Q any](r *recorder, name string, q *Q, fn func(*Q) error) error {
	r.called(name)
	if fn == nil {
		return nil
	}
	return fn(q)
}

func build[Q any](q *Q, fn func(*Q) (ext.Value, error)) (ext.Value, error) {
	if fn == nil {
		return ext.Value{}, nil
	}
	return fn(q)
}

func (r *recorder) InitializeParty(_ context.Context, q *party.InitializePartyRequest) error {
	return hook(r, "InitializeParty", q, r.init)
}

func (r *recorder) OnAddPlayer(_ context.Context, q *party.AddPlayerRequest) error {
	return hook(r, "OnAddPlayer "+string(q.Method), q, r.add)
}

func (r *recorder) OnRemovePlayer(_ context.Context, e *party.RemovePlayerEvent) error {
	return hook(r, "OnRemovePlayer "+string(e.Reason), e, r.remove)
}

func (r *recorder) UpdateParty(_ context.Context, q *party.UpdatePartyRequest) error {
	return hook(r, "UpdateParty", q, r.updateParty)
}

func (r *recorder) UpdatePlayer(_ context.Context, q *party.UpdatePlayerRequest) error {
	return hook(r, "UpdatePlayer", q, r.updatePlayer)
}

func (r *recorder) CanChangeReady(ctx context.Context, q *party.CanChangeReadyRequest) (bool, error) {
	r.called("CanChangeReady")
	if r.ready == nil {
		return r.Defaults.CanChangeReady(ctx, q)
	}
	return r.ready(q)
}

func (r *recorder) HandleBackendUpdateRequest(_ context.Context, q *party.BackendUpdateRequest) error {
	return hook(r, "HandleBackendUpdateRequest", q, r.backend)
}

func (r *recorder) HandlePlayerEnterMatchmakingRequest(_ context.Context, q *party.PlayerEnterMatchmakingRequest) error {
	return hook(r, "HandlePlayerEnterMatchmakingRequest", q, r.enter)
}

func (r *recorder) HandlePlayerSendInviteRequest(ctx context.Context, q *party.PlayerSendInviteRequest) error {
	r.called("HandlePlayerSendInviteRequest")
	return r.Defaults.HandlePlayerSendInviteRequest(ctx, q)
}

func (r *recorder) HandlePlayerCancelInviteRequest(ctx context.Context, q *party.PlayerCancelInviteRequest) error {
	r.called("HandlePlayerCancelInviteRequest")
	return r.Defaults.HandlePlayerCancelInviteRequest(ctx, q)
}

func (r *recorder) ReturnFromGameInstance(_ context.Context, e *party.ReturnFromGameInstanceEvent) error {
	return hook(r, "ReturnFromGameInstance", e, r.fromGame)
}

func (r *recorder) ReturnFromMatchmaking(_ context.Context, e *party.ReturnFromMatchmakingEvent) error {
	return hook(r, "ReturnFromMatchmaking "+string(e.Reason), e, r.fromQueue)
}

func (r *recorder) OnPartyExpired(context.Context, *party.PartyExpiredEvent) {
	r.called("OnPartyExpired")
}

func (r *recorder) BuildMatchmakingKey(_ context.Context, q *party.BuildMatchmakingKeyRequest) (ext.Value, error) {
	r.called("BuildMatchmakingKey")
	return build(q, r.key)
}

func (r *recorder) BuildExtBroadcastParty(_ context.Context, q *party.BuildExtBroadcastPartyRequest) (ext.Value, error) {
	return build(q, r.showParty)
}

func (r *recorder) BuildExtBroadcastPlayer(_ context.Context, q *party.BuildExtBroadcastPlayerRequest) (ext.Value, error) {
	return build(q, r.showPlayer)
}

func (r *recorder) BuildExtPrivatePlayer(_ context.Context, q *party.BuildExtPrivatePlayerRequest) (ext.Value, error) {
	return build(q, r.showPrivate)
}
