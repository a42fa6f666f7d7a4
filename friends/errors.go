package friends

import "github.com/openpragma/engine/pragma"

// Errors of friends and presence. Most refusals are no errors but texts in the
// answer, such as InviteeNotFound (wire §7.10). The values are not to be changed.
var (
	// ErrInternal is a plugin that failed (wire §11.1).
	ErrInternal = &pragma.Error{Code: pragma.Internal, Reason: "FriendService_InternalError", Message: "the presence could not be made"}
	// ErrBadPresence is a basic presence that does not exist.
	ErrBadPresence = pragma.ErrMalformed.With("basicPresence must be Online, Away, Offline or Unknown")
	// ErrPresenceTooLarge is a rich presence of more than 16 KiB, which all
	// friends would be sent.
	ErrPresenceTooLarge = pragma.ErrTooLarge.With("the rich presence is too large")
	// ErrNoPresence is an update of the presence of an account that has none. On
	// the wire it is the text PresenceNotFound.
	ErrNoPresence = &pragma.Error{Code: pragma.NotFound, Reason: "PresenceNotFound", Message: "the account has no presence"}
)
