package escs

import (
	"errors"
	"fmt"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// Errors of tournaments (escs §8). They are errors of the title: they travel as
// extError, and why stands in the application error. [errors.Is] tells the two
// apart, [ReasonOf] says why. The values are not to be changed.
var (
	// ErrCannotJoinParty is a set that is there, but the player may not or cannot
	// enter its party: ESCS_CANNOT_JOIN_PARTY, 10004.
	ErrCannotJoinParty = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "ESCS_CANNOT_JOIN_PARTY", Title: true, Message: "the player cannot enter the party of the set"}
	// ErrPartyNotFound is no set, no party or no set information:
	// ESCS_PARTY_NOT_FOUND, 10006. A client may try again: the platform tells clients
	// and servers at the same time (escs F1).
	ErrPartyNotFound = &pragma.Error{Code: pragma.NotFound, Reason: "ESCS_PARTY_NOT_FOUND", Title: true, Message: "no set of this player"}
)

// Reason says why a call was refused, for machines (escs §8).
type Reason string

// The reasons of [ErrCannotJoinParty].
const (
	NotParticipant  Reason = "NOT_PARTICIPANT"
	SetExpired      Reason = "SET_EXPIRED"
	SetFinished     Reason = "SET_FINISHED"
	SetUnplayable   Reason = "SET_UNPLAYABLE"
	AlreadyInMatch  Reason = "ALREADY_IN_MATCH"
	InOtherParty    Reason = "IN_OTHER_PARTY"
	PartyFull       Reason = "PARTY_FULL"
	PartyIncomplete Reason = "PARTY_INCOMPLETE"
)

// The reasons of [ErrPartyNotFound].
const (
	NoSet     Reason = "NO_SET"
	PartyGone Reason = "PARTY_GONE"
	NoSetInfo Reason = "NO_SET_INFO"
)

// reasonPayload is the application error beside a title error.
type reasonPayload struct {
	Reason Reason `json:"reason"`
}

// refusal is an error with its reason.
func refusal(e *pragma.Error, why Reason) *pragma.Error {
	return e.With("%s", why).WithDetail("ExternalMatchmakingRpc.ReasonApplicationError", ext.Of(reasonPayload{why}))
}

func cannotJoin(why Reason) error { return refusal(ErrCannotJoinParty, why) }
func notFound(why Reason) error   { return refusal(ErrPartyNotFound, why) }

// ReasonOf returns the reason of an error of this package, also in a client; empty
// for others.
func ReasonOf(err error) Reason {
	e, ok := errors.AsType[*pragma.Error](err)
	if !ok || !errors.Is(e, ErrCannotJoinParty) && !errors.Is(e, ErrPartyNotFound) {
		return ""
	}
	r, err := ext.As[reasonPayload](e.Detail)
	if err != nil {
		return ""
	}
	return r.Reason
}

// invalid is a set start that cannot be taken (escs F7).
func invalid(format string, args ...any) error {
	return pragma.ErrMalformed.With("set start: %s", fmt.Sprintf(format, args...))
}
