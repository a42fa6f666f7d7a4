package client

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// Failures that are not the server's refusal. Test for them with [errors.Is].
// A refusal is a [pragma.Error] and is tested for in the same way, such as
// errors.Is(err, pragma.ErrRateLimited).
var (
	// ErrClosed is the use of a client that is over; see [EndError].
	ErrClosed = errors.New("client is closed")
	// ErrDisconnected is a call while its connection is down, or one that was lost
	// with it before the server got it. It had no effect. The client reconnects by
	// itself.
	ErrDisconnected = errors.New("not connected")
	// ErrOutcomeUnknown is a call that was sent and not answered, because the
	// connection broke and the server no longer had the answer, or the caller did
	// not wait: it may have taken effect or not, or may still do so. The state of a
	// player is synchronised after such a break, so look there before calling again.
	ErrOutcomeUnknown = errors.New("outcome unknown")
	// ErrBusy is a call beyond [Options.MaxInFlight]. It was not sent.
	ErrBusy = errors.New("too many calls in flight")
	// ErrGaveUp ends a client that could not reconnect; see [Reconnect].
	ErrGaveUp = errors.New("reconnecting took too long")
	// ErrNoGameAccess is a log-in of an account that exists but may not enter the
	// game (wire §2.2).
	ErrNoGameAccess = errors.New("account has no access to the game")
)

var (
	errCallTimeout    = errors.New("call took longer than the configured time")
	errConnectTimeout = errors.New("connecting took longer than the configured time")
)

// CallError is what a failed call returns. Its cause is a [pragma.Error] if the
// server refused; then nothing was changed by the call.
type CallError struct {
	// Call is the name of the call, such as "PartyRpc.CreateV1".
	Call string
	// TraceID finds the server's log of a refusal. It may be empty.
	TraceID string
	// Err is the cause; it is never nil.
	Err error
}

// Error implements error.
func (e *CallError) Error() string {
	if e.TraceID == "" {
		return fmt.Sprintf("call %s: %v", e.Call, e.Err)
	}
	return fmt.Sprintf("call %s: %v (trace %s)", e.Call, e.Err, e.TraceID)
}

// Unwrap returns the cause.
func (e *CallError) Unwrap() error { return e.Err }

// EndError says why a client is over: after a log-out, a [Player.Close], the end
// of its session at the server, or a failure that reconnecting cannot repair.
// errors.Is(err, ErrClosed) holds for every EndError.
type EndError struct {
	// Reason is what the server said, or empty if the client ended by itself.
	Reason pragma.EndReason
	// Err is the cause, such as [ErrGaveUp] or a refused token; it may be nil.
	Err error
}

// Error implements error.
func (e *EndError) Error() string {
	text := ErrClosed.Error()
	if e.Reason != "" {
		text += ": session ended: " + string(e.Reason)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Is reports whether target is [ErrClosed].
func (e *EndError) Is(target error) bool { return target == ErrClosed }

// Unwrap returns the cause.
func (e *EndError) Unwrap() error { return e.Err }

// HTTPError is an HTTP answer that is neither a success nor a readable refusal.
type HTTPError struct {
	// Status is the HTTP status code.
	Status int
}

// Error implements error.
func (e *HTTPError) Error() string { return fmt.Sprintf("http status %d", e.Status) }

// refusal turns the wire's error into the server's.
func refusal(in *wire.ServiceError) *pragma.Error {
	out := &pragma.Error{Code: codeOf(in), Reason: in.Name(), Title: in.ExtError != ""}
	if out.Reason == "" {
		out.Reason = wire.UnknownError
	}
	if len(in.DebugDetails) > 0 {
		// The first detail is "<name>: <message>" (wire §4), or only the name.
		_, out.Message, _ = strings.Cut(in.DebugDetails[0], out.Reason+": ")
	}
	if in.ApplicationError != nil {
		out.Type, out.Detail = in.ApplicationError.Type, in.ApplicationError.Payload
	}
	return out
}

// codeOf guesses the code, which does not travel, from what does.
func codeOf(in *wire.ServiceError) pragma.Code {
	known := []*pragma.Error{pragma.ErrUnavailable, pragma.ErrRateLimited, pragma.ErrWrongSessionType}
	i := slices.IndexFunc(known, func(e *pragma.Error) bool { return e.Reason == in.Error })
	if i >= 0 {
		return known[i].Code
	}
	switch in.Status {
	case wire.StatusServiceError:
		return pragma.FailedPrecondition
	case wire.StatusBadParam:
		return pragma.InvalidArgument
	case wire.StatusBadSession:
		return pragma.Unauthenticated
	case wire.StatusShuttingDown:
		return pragma.Unavailable
	}
	return pragma.Internal
}

// isBreak reports whether a call has no answer because the connection broke.
func isBreak(err error) bool {
	return errors.Is(err, ErrOutcomeUnknown) || errors.Is(err, ErrDisconnected)
}
