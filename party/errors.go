package party

import "github.com/openpragma/engine/pragma"

// Errors of parties (engine §3.6). Hooks may return them too. The values are not
// to be changed.
var (
	// ErrNotInParty is a call that needs a party, from a player who has none, or
	// that names another one than his.
	ErrNotInParty = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "PartyService_NotInParty", Message: "the player is not in this party"}
	// ErrPlayerNotLeader is a call that only leaders may make.
	ErrPlayerNotLeader = &pragma.Error{Code: pragma.PermissionDenied, Reason: "PartyService_PlayerNotLeader", Message: "only a leader may do this"}
	// ErrPlayerIsLeader is an attempt to appoint a leader a second time.
	ErrPlayerIsLeader = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "PartyService_PlayerIsLeader", Message: "the player is a leader already"}
	// ErrPlayerNotFound names a player who does not exist, or is not in the party.
	ErrPlayerNotFound = &pragma.Error{Code: pragma.NotFound, Reason: "PartyService_PlayerNotFound", Message: "no such player"}
	// ErrCanNotKickSelf is a leader who kicks himself; he should leave.
	ErrCanNotKickSelf = &pragma.Error{Code: pragma.InvalidArgument, Reason: "PartyService_CanNotKickSelf", Message: "leave the party instead"}
	// ErrPartyNotFound names a party that does not exist (any more).
	ErrPartyNotFound = &pragma.Error{Code: pragma.NotFound, Reason: "PartyService_PartyNotFound", Message: "no such party"}
	// ErrFull is a join of a party that has as many players as it may.
	ErrFull = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "PartyService_PartyFull", Message: "the party is full"}
	// ErrInviteNotFound is an invite or a code that is not, or no longer, valid.
	ErrInviteNotFound = &pragma.Error{Code: pragma.NotFound, Reason: "PartyService_InviteNotFound", Message: "no such invite"}
	// ErrAlreadyInParty is a join of, or an invite to, a party the player is in.
	ErrAlreadyInParty = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "PartyService_AlreadyInParty", Message: "the player is in the party already"}
	// ErrPlayersNotReady is a party that enters matchmaking before all are ready.
	ErrPlayersNotReady = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "PartyService_PlayersNotReady", Message: "not every player is ready"}
	// ErrInvalidSession is a party that enters matchmaking while a member is in a game.
	ErrInvalidSession = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "PartyService_InvalidSession", Message: "a player of the party is in a game"}
	// ErrPlayerInMatchmaking is a call that does not work while the player, or
	// the party he joins, is in matchmaking.
	ErrPlayerInMatchmaking = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "PartyService_PlayerInMatchmaking", Message: "not while in matchmaking"}
	// ErrInvalidState is a change of a party that is in matchmaking.
	ErrInvalidState = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "PartyService_InvalidState", Message: "the party is in matchmaking"}
	// ErrPlayerIsKicked is a join by a player who was kicked and not invited since.
	ErrPlayerIsKicked = &pragma.Error{Code: pragma.PermissionDenied, Reason: "PartyService_PlayerIsKicked", Message: "the player was kicked and needs an invite"}
	// ErrGameServerNoLongerCompatible is a party without a game server version
	// that all its members support.
	ErrGameServerNoLongerCompatible = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "PartyService_GameServerNoLongerCompatible", Message: "no game server version fits all players"}
	// ErrFailedToEnterMatchmaking is a party that matchmaking refused.
	ErrFailedToEnterMatchmaking = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "PartyService_FailedToEnterMatchmaking", Message: "matchmaking refused the party"}
	// ErrFailedToLeaveMatchmaking is a party that could not be taken out of its queue.
	ErrFailedToLeaveMatchmaking = &pragma.Error{Code: pragma.Unavailable, Reason: "PartyService_FailedToLeaveMatchmaking", Message: "the party could not leave matchmaking"}
	// ErrLeavePartyFailed, ErrPlayersAlreadyInGameLoop and
	// ErrPartyClientVersionMismatch have documented names that the engine itself
	// has no use for; hooks may return them.
	ErrLeavePartyFailed           = &pragma.Error{Code: pragma.Unavailable, Reason: "PartyService_LeavePartyFailed", Message: "the player could not leave the party"}
	ErrPlayersAlreadyInGameLoop   = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "PartyService_PlayersAlreadyInGameLoop", Message: "a player is in matchmaking or in a game already"}
	ErrPartyClientVersionMismatch = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "PartyService_PartyClientVersionMismatch", Message: "the players' clients do not fit each other"}
	// ErrOverrideDisabled is a development override that the configuration does not allow.
	ErrOverrideDisabled = &pragma.Error{Code: pragma.PermissionDenied, Reason: "PartyService_OverrideGameServerVersionDisabled", Message: "overriding the game server version is disabled"}
	// ErrRepeatInviteTooSoon is a second invite within repeatInviteDelaySeconds.
	ErrRepeatInviteTooSoon = &pragma.Error{Code: pragma.ResourceExhausted, Reason: "PartyService_RepeatInviteTooSoon", Message: "this player was invited just now"}
	// ErrTooManyInvites is an invite beyond maxOpenInvitesPerParty.
	ErrTooManyInvites = &pragma.Error{Code: pragma.ResourceExhausted, Reason: "PartyService_TooManyInvites", Message: "the party has too many open invites"}
	// ErrInventory is an inventory that could not be read when a player joined.
	ErrInventory = &pragma.Error{Code: pragma.Unavailable, Reason: "InventoryService_GetError", Message: "the player's inventory could not be read"}
)
