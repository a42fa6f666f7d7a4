package party

import (
	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// JoinMethod says how a player comes into a party.
type JoinMethod string

// The ways into a party.
const (
	JoinCreate     JoinMethod = "CREATE"
	JoinInvite     JoinMethod = "INVITE"
	JoinInviteCode JoinMethod = "INVITE_CODE"
	JoinPartyID    JoinMethod = "PARTY_ID"
	JoinBackend    JoinMethod = "BACKEND"
)

// RemovalReason says why a player is no longer in a party (engine §3.5).
type RemovalReason string

// Reasons for a removal. GameClientsIncompatible is never used by the engine
// itself; a studio may with [API.RemovePlayer].
const (
	Kicked                  RemovalReason = "KICKED"
	Left                    RemovalReason = "LEFT"
	Disconnected            RemovalReason = "DISCONNECTED"
	Expired                 RemovalReason = "EXPIRED"
	GameClientsIncompatible RemovalReason = "GAME_CLIENTS_INCOMPATIBLE_WITH_GAME_SERVER"
	Closed                  RemovalReason = "PARTY_CLOSED"
)

// wire returns the reason as it travels.
func (r RemovalReason) wire() wire.PartyRemovalReason {
	for n := wire.PartyRemovalKicked; n <= wire.PartyRemovalPartyClosed; n++ {
		if n.String() == string(r) {
			return n
		}
	}
	return wire.PartyRemovalUnspecified
}

// ReturnReason says why a party is no longer in matchmaking.
type ReturnReason string

// Reasons for a return from matchmaking without a game.
const (
	ReturnLeft   ReturnReason = "LEFT"   // a member left matchmaking, or the party
	ReturnFailed ReturnReason = "FAILED" // matchmaking gave up, or the game server version is gone
)

// InitializePartyRequest is for [Plugin.InitializeParty].
type InitializePartyRequest struct {
	Party *Party // without players
	// RequestExt is what the client sent; nobody has checked it.
	RequestExt ext.Value
	Config     Config
	Creator    pragma.PlayerID
}

// AddPlayerRequest is for [Plugin.OnAddPlayer].
type AddPlayerRequest struct {
	// RequestExt is what the client sent; nobody has checked it.
	RequestExt ext.Value
	// PlayerToAdd is the player as he will be in the party. The creator of a
	// party becomes leader afterwards.
	PlayerToAdd *Player
	Party       *Party // still without him
	Config      Config
	Method      JoinMethod
}

// RemovePlayerEvent is for [Plugin.OnRemovePlayer].
type RemovePlayerEvent struct {
	RemovedPlayer *Player // to read only
	Party         *Party  // without him, perhaps without anybody
	Config        Config
	Reason        RemovalReason
}

// UpdatePartyRequest is for [Plugin.UpdateParty].
type UpdatePartyRequest struct {
	RequestingPlayer *Player
	// RequestExt is what the client sent; nobody has checked it.
	RequestExt ext.Value
	Party      *Party
	Config     Config
}

// UpdatePlayerRequest is for [Plugin.UpdatePlayer].
type UpdatePlayerRequest struct {
	RequestingPlayer *Player
	// RequestExt is what the client sent; nobody has checked it.
	RequestExt ext.Value
	Party      *Party
	Config     Config
}

// CanChangeReadyRequest is for [Plugin.CanChangeReady].
type CanChangeReadyRequest struct {
	Player        *Player // still in the old state
	NewReadyState bool
	Party         *Party
	Config        Config
}

// BuildMatchmakingKeyRequest is for [Plugin.BuildMatchmakingKey].
type BuildMatchmakingKeyRequest struct{ Party *Party }

// BuildExtMatchmakingPartyRequest is for [Plugin.BuildExtMatchmakingParty].
type BuildExtMatchmakingPartyRequest struct{ Party *Party }

// BuildExtMatchmakingPlayerRequest is for [Plugin.BuildExtMatchmakingPlayer].
type BuildExtMatchmakingPlayerRequest struct {
	Party  *Party
	Player *Player
}

// BuildExtBroadcastPartyRequest is for [Plugin.BuildExtBroadcastParty].
type BuildExtBroadcastPartyRequest struct{ Party *Party }

// BuildExtBroadcastPlayerRequest is for [Plugin.BuildExtBroadcastPlayer].
type BuildExtBroadcastPlayerRequest struct {
	Party  *Party
	Player *Player
}

// BuildExtPrivatePlayerRequest is for [Plugin.BuildExtPrivatePlayer].
type BuildExtPrivatePlayerRequest struct {
	Party  *Party
	Player *Player
}

// ReturnFromGameInstanceEvent is for [Plugin.ReturnFromGameInstance].
type ReturnFromGameInstanceEvent struct {
	Party          *Party
	Config         Config
	GameInstanceID pragma.GameInstanceID
	// Players are the members who come back now; the others come later or were
	// not in that game. Their inventories are fresh.
	Players []*Player
}

// ReturnFromMatchmakingEvent is for [Plugin.ReturnFromMatchmaking].
type ReturnFromMatchmakingEvent struct {
	Party  *Party
	Config Config
	Reason ReturnReason
}

// PlayerSendInviteRequest is for [Plugin.HandlePlayerSendInviteRequest].
type PlayerSendInviteRequest struct {
	Party            *Party
	RequestingPlayer *Player
	InviteePlayerID  pragma.PlayerID // a player who exists
}

// PlayerCancelInviteRequest is for [Plugin.HandlePlayerCancelInviteRequest].
type PlayerCancelInviteRequest struct {
	Party            *Party
	RequestingPlayer *Player
	Invite           *Invite // an open one of this party, sent by anybody
}

// BackendUpdateRequest is for [Plugin.HandleBackendUpdateRequest].
type BackendUpdateRequest struct {
	Party *Party
	// RequestExt is what the studio's own code gave to [API.Update].
	RequestExt ext.Value
	Config     Config
}

// PlayerEnterMatchmakingRequest is for [Plugin.HandlePlayerEnterMatchmakingRequest].
type PlayerEnterMatchmakingRequest struct {
	Party            *Party
	RequestingPlayer *Player // a leader
	Config           Config
}

// PartyExpiredEvent is for [Plugin.OnPartyExpired].
type PartyExpiredEvent struct{ Party ReadOnlyParty }
