package matchmaking

import (
	"errors"

	"github.com/openpragma/engine/pragma"
)

// Errors of matchmaking (engine §4.4). The values are not to be changed.
var (
	// ErrInfoNotAvailable is a question about a queue from a player who is in none.
	ErrInfoNotAvailable = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "MatchmakingService_InfoNotAvailable", Message: "the player is not in matchmaking"}
	// ErrPartyTooBig is a party that no game of its queue has room for. Plugins
	// return it from Initialize.
	ErrPartyTooBig = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "MatchmakingService_PartyTooBig", Message: "the party is too big for this game"}
	// ErrAlreadyInQueue is a ticket that exists already.
	ErrAlreadyInQueue = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "MatchmakingService_PlayerAlreadyInQueue", Message: "the party is in matchmaking already"}
	// ErrTicketNotFound is a ticket that does not exist, or no longer (ours).
	ErrTicketNotFound = &pragma.Error{Code: pragma.NotFound, Reason: "MatchmakingService_TicketNotFound", Message: "no such ticket"}
	// ErrQueueNotFound is a queue that nobody waits in (ours).
	ErrQueueNotFound = &pragma.Error{Code: pragma.NotFound, Reason: "MatchmakingService_QueueNotFound", Message: "no such queue"}
	// ErrPlugin is a hook that failed with an error of its own, or returned a
	// game that cannot be made.
	ErrPlugin = &pragma.Error{Code: pragma.Internal, Reason: "MatchmakingService_PluginException", Message: "the matchmaking plugin failed"}
)

// Why a result of a hook is refused.
var (
	errNobody      = errors.New("the game has no players")
	errOutsider    = errors.New("a player of the game is not in the matchables of the call")
	errPlayerTwice = errors.New("a player is in the game twice")
	errBadKey      = errors.New("the key of the game's queue has no JSON form")
	errSplit       = errors.New("a party is in the game without some of its players")
)
