package client

import (
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// each converts a list. An empty one becomes nil.
func each[W, T any](in []W, convert func(*W) T) []T {
	if len(in) == 0 {
		return nil
	}
	out := make([]T, len(in))
	for i := range in {
		out[i] = convert(&in[i])
	}
	return out
}

func partyOf(w *wire.BroadcastParty) *Party {
	return &Party{
		ID:                pragma.PartyID(w.PartyID),
		Version:           int64(w.Version),
		InviteCode:        w.InviteCode,
		Members:           each(w.PartyMembers, memberOf),
		Ext:               w.ExtBroadcastParty,
		PrivateExt:        w.ExtPrivatePlayer,
		PreferredZones:    w.PreferredGameServerZones,
		Invites:           each(w.Invites, inviteOf),
		InMatchmaking:     w.InMatchmaking,
		GameServerVersion: w.GameServerVersion,
	}
}

func memberOf(w *wire.BroadcastPartyMember) PartyMember {
	return PartyMember{
		PlayerID:    pragma.PlayerID(w.PlayerID),
		SocialID:    pragma.SocialID(w.SocialID),
		DisplayName: pragma.DisplayName(w.DisplayName),
		Ready:       w.IsReady,
		Leader:      w.IsLeader,
		Ext:         w.Ext,
	}
}

func inviteOf(w *wire.PartyInvite) Invite {
	return Invite{
		ID:          pragma.InviteID(w.InviteID),
		PartyID:     pragma.PartyID(w.PartyID),
		InviterID:   pragma.PlayerID(w.InviterInfo.PlayerID),
		InviterName: pragma.DisplayName(w.InviterInfo.DisplayName),
		InviteeID:   pragma.PlayerID(w.InviteeInfo.PlayerID),
		InviteeName: pragma.DisplayName(w.InviteeInfo.DisplayName),
		Created:     timeOf(w.CreatedTimestampMillis),
		Expires:     timeOf(w.ExpiresTimestampMillis),
	}
}

func timeOf(millis wire.Int64) time.Time {
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(millis))
}

func gameOf(w *wire.BroadcastGameInstance) *GameInstance {
	g := &GameInstance{
		ID:                pragma.GameInstanceID(w.GameInstanceID),
		Version:           int64(w.Version),
		State:             GameState(w.State.String()),
		GameServerVersion: w.GameServerVersion,
		Zone:              w.GameServerZone,
		InMatchmaking:     w.IsInMatchmaking,
		Players:           each(w.Players, gamePlayerOf),
		data:              make(map[DataKey]ext.Value, len(w.Data)),
	}
	for i := range w.Data {
		e := entryOf(&w.Data[i])
		g.data[e.DataKey] = e.Data
	}
	if w.HostConnectionDetails != nil {
		g.Host = hostOf(w.HostConnectionDetails)
	}
	return g
}

func gamePlayerOf(w *wire.BroadcastGamePlayer) GamePlayer {
	return GamePlayer{
		PlayerID:    pragma.PlayerID(w.PlayerID),
		SocialID:    pragma.SocialID(w.SocialID),
		DisplayName: pragma.DisplayName(w.DisplayName),
		Team:        int(w.TeamNumber),
		PartyID:     pragma.PartyID(w.PartyID),
	}
}

func entryOf(w *wire.DataEntry) DataEntry {
	return DataEntry{keyOf(&wire.DataKey{Scope: w.Scope, PlayerID: w.PlayerID, Key: w.Key}), w.Data}
}

func keyOf(w *wire.DataKey) DataKey {
	k := DataKey{Key: w.Key}
	if w.Scope == wire.DataScopePlayer {
		k.PlayerID = pragma.PlayerID(w.PlayerID)
	}
	return k
}

func hostOf(w *wire.HostConnectionDetails) *Host {
	h := &Host{
		GameInstanceID: pragma.GameInstanceID(w.GameInstanceID),
		Hostname:       w.Hostname,
		Port:           int(w.Port),
		Token:          w.ConnectionToken,
	}
	if w.ExtConnectionDetails != nil {
		h.Ext = *w.ExtConnectionDetails
	}
	return h
}

func removalReasonOf(w wire.PartyRemovalReason) PartyRemovalReason {
	if w == wire.PartyRemovalUnspecified {
		return RemovedUnknown
	}
	return PartyRemovalReason(w.String())
}

// pingsOf converts pings to whole milliseconds.
func pingsOf(pings map[string]time.Duration) map[string]wire.Int32 {
	out := make(map[string]wire.Int32, len(pings))
	for zone, ping := range pings {
		out[zone] = wire.Int32(min(ping.Milliseconds(), 1<<31-1))
	}
	return out
}
