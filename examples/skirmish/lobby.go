package main

import (
	"context"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// lobby is what parties are in this game: a leader chooses the mode, everybody
// sees it, and the mode decides the queue.
type lobby struct{ party.Defaults }

var _ party.Plugin = lobby{}

// errUnknownMode is a refusal of this game's own; clients compare its reason.
var errUnknownMode = &pragma.Error{
	Code: pragma.InvalidArgument, Reason: "Skirmish_UnknownMode", Title: true, Message: "the mode is duel",
}

// lobbyState is what the plugin keeps on the party. Members see only what
// BuildExtBroadcastParty makes of it.
type lobbyState struct {
	Mode string `json:"mode"`
}

// InitializeParty gives a new party the usual mode.
func (lobby) InitializeParty(_ context.Context, r *party.InitializePartyRequest) error {
	r.Party.SetExt(ext.Of(lobbyState{Mode: "duel"}))
	return nil
}

// UpdateParty lets leaders choose the mode.
func (lobby) UpdateParty(_ context.Context, r *party.UpdatePartyRequest) error {
	wish, err := ext.As[lobbyRequest](r.RequestExt)
	if err != nil {
		return err
	}
	if !r.RequestingPlayer.IsLeader() {
		return party.ErrPlayerNotLeader
	}
	if wish.Mode != "duel" {
		return errUnknownMode.With("there is no mode %q, only duel", wish.Mode)
	}
	r.Party.SetExt(ext.Of(lobbyState(wish)))
	return nil
}

// BuildExtBroadcastParty shows the mode to the members.
func (lobby) BuildExtBroadcastParty(_ context.Context, r *party.BuildExtBroadcastPartyRequest) (ext.Value, error) {
	state, err := ext.As[lobbyState](r.Party.Ext())
	return ext.Of(lobbyView(state)), err
}

// BuildMatchmakingKey makes one queue for each mode.
func (lobby) BuildMatchmakingKey(_ context.Context, r *party.BuildMatchmakingKeyRequest) (ext.Value, error) {
	state, err := ext.As[lobbyState](r.Party.Ext())
	return ext.Of(queueKey(state)), err
}
