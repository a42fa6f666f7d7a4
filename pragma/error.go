package pragma

import (
	"context"
	"errors"
	"fmt"

	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/store"
)

// Code says what the caller of a refused call can do about it.
type Code int

const (
	// Internal is an unexpected failure: nothing the caller can do. It is the
	// code of errors that have none.
	Internal Code = iota
	// InvalidArgument is a request that does not fit its type; repeating it is useless.
	InvalidArgument
	// FailedPrecondition is a request that does not fit the present state.
	FailedPrecondition
	// NotFound is a request that names something that does not exist.
	NotFound
	// PermissionDenied is a request this caller may not make.
	PermissionDenied
	// Unauthenticated is a request without a valid session.
	Unauthenticated
	// ResourceExhausted is a request beyond a limit; it may work later.
	ResourceExhausted
	// Unavailable is a request that failed for a passing reason; it may be repeated.
	Unavailable
)

// String returns the name of the code in words.
func (c Code) String() string {
	names := [...]string{"internal", "invalid argument", "failed precondition", "not found",
		"permission denied", "unauthenticated", "resource exhausted", "unavailable"}
	if c < 0 || int(c) >= len(names) {
		return fmt.Sprintf("code %d", int(c))
	}
	return names[c]
}

// Error is a refusal that reaches the client. [errors.Is] compares Reason, so
// the same test works in the server and, after a round trip, in a client:
//
//	if errors.Is(err, party.ErrFull) { … }
//
// An error without an *Error in its chain becomes [Internal] with the reason
// UNKNOWN_ERROR and a trace id that the client sees and the log explains.
// Errors are values: use [Error.With] and [Error.Wrap] to say more, never
// change a shared one.
type Error struct {
	// Code says what the caller can do.
	Code Code
	// Reason is the documented name, such as PartyService_PartyFull (wire §11.1).
	Reason string
	// Title marks a reason that the studio defined; it travels as extError
	// instead of error (wire §11.2).
	Title bool
	// Message is for people and reaches the client.
	Message string
	// Type and Detail are an application error's typed payload (engine §10.3).
	// They reach the client when Type is not empty.
	Type   string
	Detail ext.Value
	// HTTPStatus is the status with which a call over HTTP is refused, for the few
	// refusals that must be told by it too; 0 means the usual one, which is mostly
	// 200 (wire §16.8).
	HTTPStatus int

	cause error
}

// Error implements error: the reason and the message, without the cause.
func (e *Error) Error() string {
	if e.Message == "" {
		return e.Reason
	}
	return e.Reason + ": " + e.Message
}

// Is reports whether target is an *Error with the same reason.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Reason == e.Reason && t.Title == e.Title
}

// Unwrap returns the cause, which never reaches the client.
func (e *Error) Unwrap() error { return e.cause }

// With returns a copy with another message.
func (e *Error) With(format string, args ...any) *Error {
	c := *e
	c.Message = fmt.Sprintf(format, args...)
	return &c
}

// Wrap returns a copy with a cause for the log.
func (e *Error) Wrap(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// WithDetail returns a copy that carries a typed payload to the client as an
// application error.
func (e *Error) WithDetail(typ string, detail ext.Value) *Error {
	c := *e
	c.Type, c.Detail = typ, detail
	return &c
}

// Errors of the gateways and of every service (wire §16.8). The sentinel values
// are not to be changed.
var (
	// ErrInternal is what a client gets for an error without a reason.
	ErrInternal = &Error{Code: Internal, Reason: "UNKNOWN_ERROR", Message: "internal error"}
	// ErrUnavailable is overload, a store that cannot be reached, or a call
	// that ran out of time.
	ErrUnavailable = &Error{Code: Unavailable, Reason: "Service_OperatingError", Message: "the service cannot answer now"}
	// ErrMalformed is a payload that does not fit its type.
	ErrMalformed = &Error{Code: InvalidArgument, Reason: "Serialization_Error", Message: "malformed request"}
	// ErrUnknownType is a type that no service handles.
	ErrUnknownType = &Error{Code: InvalidArgument, Reason: "INVALID_REQUEST_TYPE", Message: "no such call"}
	// ErrWrongSessionType is a call, or a token, on the wrong gateway.
	ErrWrongSessionType = &Error{Code: Unauthenticated, Reason: "SessionService_WrongSessionType", Message: "not for this gateway"}
	// ErrSessionReplaced is a token of a session that has ended or was replaced.
	ErrSessionReplaced = &Error{Code: Unauthenticated, Reason: "SessionService_TokenDoesNotMatchCurrentSession", Message: "the session is over"}
	// ErrTokenDecode is a missing token, or one that cannot be read.
	ErrTokenDecode = &Error{Code: Unauthenticated, Reason: "AccountService_TokenDecodeFailed", Message: "token missing or unreadable"}
	// ErrTokenSignature is a token this cluster did not sign.
	ErrTokenSignature = &Error{Code: Unauthenticated, Reason: "AccountService_TokenSignatureVerificationFailed", Message: "token has a bad signature"}
	// ErrTokenExpired is a token that was valid once.
	ErrTokenExpired = &Error{Code: Unauthenticated, Reason: "AccountService_TokenExpired", Message: "token has expired"}
	// ErrRateLimited is a connection that calls too often.
	ErrRateLimited = &Error{Code: ResourceExhausted, Reason: "SessionService_RateLimited", Message: "too many calls"}
	// ErrTooLarge is a frame or body beyond the gateway's limit.
	ErrTooLarge = &Error{Code: InvalidArgument, Reason: "SessionService_RequestTooLarge", Message: "request is too large"}
	// ErrShuttingDown is a call to a node that is going away.
	ErrShuttingDown = &Error{Code: Unavailable, Reason: "SessionService_SessionUnavailable", Message: "the server is shutting down"}
)

// asError returns what a client may see of err. Errors without a reason are
// classified by where they come from; the rest is internal.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	var undecodable *ext.DecodeError
	switch {
	case errors.As(err, &undecodable):
		return ErrMalformed.With("%v", undecodable).Wrap(err)
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrFull),
		errors.Is(err, store.ErrUnknown), errors.Is(err, store.ErrConflict),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return ErrUnavailable.Wrap(err)
	}
	return ErrInternal.Wrap(err)
}
