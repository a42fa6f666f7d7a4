package gameinstance

import (
	"errors"

	"github.com/openpragma/engine/internal/keylock"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
)

// Errors of game instances (engine §5.6). Hooks may return them too. The values
// are not to be changed.
var (
	// ErrUnknownGameInstanceID names an instance that does not exist, is over, or
	// is none of the caller's business.
	ErrUnknownGameInstanceID = &pragma.Error{Code: pragma.NotFound, Reason: "GameInstanceService_UnknownGameInstanceId", Message: "no such game instance"}
	// ErrPlayerNotInGameInstance is a call about a player who is not in the instance.
	ErrPlayerNotInGameInstance = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "GameInstanceService_PlayerNotInGameInstance", Message: "the player is not in this game instance"}
	// ErrCreateFailed is an instance that may not be created.
	ErrCreateFailed = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "GameInstanceService_CreateFailed", Message: "the game instance cannot be created"}
	// ErrPlayerJoinFailed is a player who may not join.
	ErrPlayerJoinFailed = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "GameInstanceService_PlayerJoinFailed", Message: "the player cannot join the game instance"}
	// ErrLeaveFailed is a player who may not leave.
	ErrLeaveFailed = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "GameInstanceService_LeaveFailed", Message: "the player cannot leave the game instance"}
	// ErrGameInstanceAlreadyInMatchmaking is an instance that waits for players
	// already.
	ErrGameInstanceAlreadyInMatchmaking = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "GameInstanceService_GameInstanceAlreadyInMatchmaking", Message: "the game instance is in matchmaking already"}
	// ErrGameInstanceNotInMatchmaking is an instance that does not wait.
	ErrGameInstanceNotInMatchmaking = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "GameInstanceService_GameInstanceNotInMatchmaking", Message: "the game instance is not in matchmaking"}
	// ErrFailedToEnterMatchmaking is an instance that cannot wait for players.
	ErrFailedToEnterMatchmaking = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "PartyService_FailedToEnterMatchmaking", Message: "the game instance cannot enter matchmaking"}
	// ErrFailedToLeaveMatchmaking is an instance that matchmaking does not let go.
	ErrFailedToLeaveMatchmaking = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "GameInstanceService_FailedToLeaveMatchmaking", Message: "the game instance cannot leave matchmaking"}
	// ErrFailedToUpdateMatchmakingGameInstance is a change of an instance in
	// matchmaking that its [MatchmakingPlugin] refuses.
	ErrFailedToUpdateMatchmakingGameInstance = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "GameInstanceService_FailedToUpdateMatchmakingGameInstance", Message: "the game instance cannot be changed while it is in matchmaking"}
	// ErrMissingPlayerConnectionDetails is a server that connects its players and
	// forgets one.
	ErrMissingPlayerConnectionDetails = &pragma.Error{Code: pragma.InvalidArgument, Reason: "GameInstanceService_MissingPlayerConnectionDetails", Message: "a player has no connection details"}
	// ErrCannotDeclineReconnect is a refusal to come back that the configuration
	// does not allow.
	ErrCannotDeclineReconnect = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "GameInstanceService_CannotDeclineReconnect", Message: "a reconnect cannot be declined"}
	// ErrAlreadyLinked is a second server for an instance that has one.
	ErrAlreadyLinked = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "GameInstanceService_AlreadyLinked", Message: "another game server is linked"}
	// ErrDataStoreKeyExists is a Create of a key that is there.
	ErrDataStoreKeyExists = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "GameInstanceService_DataStoreKeyExists", Message: "the data store has this key already"}
	// ErrDataStoreKeyNotFound is an update of a key that is not there.
	ErrDataStoreKeyNotFound = &pragma.Error{Code: pragma.NotFound, Reason: "GameInstanceService_DataStoreKeyNotFound", Message: "the data store has no such key"}
	// ErrDataStoreTooLarge is data beyond what one instance may hold.
	ErrDataStoreTooLarge = &pragma.Error{Code: pragma.ResourceExhausted, Reason: "GameInstanceService_DataStoreTooLarge", Message: "the data store is full"}
	// ErrInternal is an instance that too many want to change at the same time: the
	// call has changed nothing and may be repeated.
	ErrInternal = &pragma.Error{Code: pragma.Unavailable, Reason: "GameInstanceService_InternalError", Message: "the game instance is busy"}
)

// outcome gives the failures of an update of an instance their documented reasons.
func outcome(err error) error {
	switch {
	case errors.Is(err, entity.ErrNotFound):
		return ErrUnknownGameInstanceID.Wrap(err)
	case errors.Is(err, keylock.ErrBusy), errors.Is(err, store.ErrConflict):
		return ErrInternal.Wrap(err)
	case errors.Is(err, store.ErrTooLarge): // all players with their exts are one record
		return pragma.ErrTooLarge.Wrap(err)
	}
	return err
}
