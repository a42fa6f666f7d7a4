package telemetry

import "github.com/openpragma/engine/pragma"

// Errors of telemetry (wire §11.1). The values are not to be changed.
var (
	// ErrFailedToPersist is a call whose events the plugin did not take; it may
	// be tried again.
	ErrFailedToPersist = &pragma.Error{Code: pragma.Unavailable, Reason: "TelemetryService_FailedToPersistEvent", Message: "the events could not be taken"}
	// ErrBadEvent is an event without a name, or with a name or a source of more
	// than 128 bytes.
	ErrBadEvent = pragma.ErrMalformed.With("an event needs a name, and neither name nor sourceId may be longer than 128 bytes")
	// ErrTooLarge is a call with too many events, or with one that is too long.
	ErrTooLarge = pragma.ErrTooLarge.With("too many events, or one that is too long")
)
