package pragma

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma/ext"
)

// HandlePlayer registers a call that game clients make. call is the name
// without the service and the ending, such as "CreateV1" for
// PartyRpc.CreateV1Request; a name with a dot is taken as it is, for the few
// services with several prefixes.
//
// Calls of one connection run one after the other; calls of different
// connections at the same time. The context ends after requestTimeoutMillis.
// The request belongs to fn. A nil response is an empty one. An error reaches
// the client as [Error] says; a panic is an internal error.
//
// Req and Resp are structs of the caller, encoded as JSON by their tags (wire
// §5). Names are read in camelCase and in snake_case, unknown members are passed
// over, and numbers are read from text too. Empty lists and maps are written as
// [] and {}; mark what may be unset with omitzero. Clients want 64-bit integers
// as text: use [Int64] for them. Messages that only the other side's own code
// understands are best an [ext.Value].
func HandlePlayer[Req, Resp any](m *Mount, call string, fn func(context.Context, *PlayerSession, *Req) (*Resp, error)) {
	checkCall[Req, Resp](m, call, fn == nil)
	register(m, Player, call, func(ctx context.Context, c *caller, req *Req) (*Resp, error) {
		return fn(ctx, c.player, req)
	})
}

// HandlePartner registers a call that trusted servers make. See [HandlePlayer].
func HandlePartner[Req, Resp any](m *Mount, call string, fn func(context.Context, *PartnerSession, *Req) (*Resp, error)) {
	checkCall[Req, Resp](m, call, fn == nil)
	register(m, Partner, call, func(ctx context.Context, c *caller, req *Req) (*Resp, error) {
		return fn(ctx, c.partner, req)
	})
}

// HandlePartnerType is [HandlePartner] for a call whose name somebody else chose:
// typ is the whole type of the request, such as EscsRpc.SetStartedRequest, and need
// not have a version. The answer is named after it.
func HandlePartnerType[Req, Resp any](m *Mount, typ string, fn func(context.Context, *PartnerSession, *Req) (*Resp, error)) {
	if !foreignCall.MatchString(typ) {
		m.Problem(fmt.Errorf("request type %q must be like EscsRpc.SetStartedRequest", typ))
		return
	}
	checkMessage[Req](m, typ)
	checkMessage[Resp](m, typ)
	register(m, Partner, strings.TrimSuffix(typ, "Request"), func(ctx context.Context, c *caller, req *Req) (*Resp, error) {
		return fn(ctx, c.partner, req)
	})
}

// HandleOperator registers a call that operators make. See [HandlePlayer].
func HandleOperator[Req, Resp any](m *Mount, call string, fn func(context.Context, *OperatorSession, *Req) (*Resp, error)) {
	checkCall[Req, Resp](m, call, fn == nil)
	register(m, Operator, call, func(ctx context.Context, c *caller, req *Req) (*Resp, error) {
		return fn(ctx, c.operator, req)
	})
}

// caller is who makes a call: exactly one of the sessions is set.
type caller struct {
	player   *PlayerSession
	partner  *PartnerSession
	operator *OperatorSession

	socket  *socket   // nil over HTTP
	expires time.Time // of the token
}

// id names the log-in, or the pair of partner tokens, behind the caller.
func (c *caller) id() [16]byte {
	switch {
	case c.player != nil:
		return c.player.SessionID
	case c.partner != nil:
		return c.partner.PartnerID
	}
	return c.operator.SessionID
}

// call is one registered request type of a backend.
type call struct {
	request  string // full name, such as PartyRpc.CreateV1Request
	response string
	session  SessionType
	// inline calls run on the goroutine that reads the socket, so that they are
	// answered while a slow call runs. They must not block.
	inline bool
	handle func(ctx context.Context, c *caller, payload []byte) (response any, err error)
}

func register[Req, Resp any](m *Mount, t SessionType, name string, fn func(context.Context, *caller, *Req) (*Resp, error)) *call {
	name = qualified(m.service, name)
	c := &call{request: name + "Request", response: name + "Response", session: t}
	c.handle = func(ctx context.Context, who *caller, payload []byte) (any, error) {
		req, err := decodeRequest[Req](payload)
		if err != nil {
			return nil, ErrMalformed.With("%v", err).Wrap(err)
		}
		resp, err := fn(ctx, who, req)
		if err != nil {
			return nil, err
		}
		if resp == nil {
			return wire.Empty{}, nil
		}
		return resp, nil
	}
	if _, taken := m.side.calls[c.request]; taken {
		m.Problem(fmt.Errorf("call %s is registered twice", c.request))
		return c
	}
	m.side.calls[c.request] = c
	return c
}

// decodeRequest reads a payload. Messages of our own say which members are read
// leniently; those of a studio are plain structs, for which [ext.As] is.
func decodeRequest[Req any](payload []byte) (*Req, error) {
	if payload[0] != '{' {
		return nil, errors.New("payload is not an object")
	}
	req := new(Req)
	strict := wire.Unmarshal(payload, req)
	if strict == nil {
		return req, nil
	}
	v, err := ext.Parse(payload)
	if err != nil {
		return nil, strict
	}
	lenient, err := ext.As[Req](v)
	if err != nil {
		return nil, strict
	}
	return &lenient, nil
}

// errCallTooLong is why the context of a call ends.
var errCallTooLong = ErrUnavailable.With("the call took too long")

// dispatch runs one request and returns the body of the frame that answers it:
// a serviceError if there was trouble, which is then returned too.
func (s *side) dispatch(ctx context.Context, gw SessionType, who *caller, req *wire.Request) ([]byte, error) {
	start := time.Now()
	c, err := s.route(gw, who, req.Type)
	var resp any
	if err == nil {
		ctx, cancel := context.WithTimeoutCause(ctx, s.core.requestTimeout(), errCallTooLong)
		resp, err = s.run(ctx, c, who, req.Payload)
		cancel()
	}
	var body []byte
	if err == nil {
		body, err = wire.AppendResponse(nil, req.RequestID, c.response, resp)
	}
	if err != nil {
		body = s.errorBody(req, err)
	}
	s.core.metrics.observeCall(s.backend, c, err, time.Since(start))
	return body, err
}

// route finds the call of a type and judges whether the caller may make it.
func (s *side) route(gw SessionType, who *caller, typ string) (*call, error) {
	c, ok := s.calls[typ]
	switch {
	case ok && c.session == gw && !who.partner.allows(c):
		return nil, ErrWrongSessionType.With("the partner token does not allow %s", typ)
	case ok && c.session == gw:
		return c, nil
	case ok || s.core.knows(typ):
		return nil, ErrWrongSessionType.With("%s is not a call of this gateway", typ)
	case wire.Documented(typ):
		return nil, ErrUnknownType.With("%s is documented, but this server does not offer it", typ)
	}
	return nil, ErrUnknownType.With("no service handles this type")
}

// allows reports whether the token may be used for a call. Heartbeats keep the
// connection, not the server's data, and need no permission.
func (p *PartnerSession) allows(c *call) bool {
	return p == nil || p.AllowedTypes == nil || c.inline || slices.Contains(p.AllowedTypes, c.request)
}

// run calls the handler and turns a panic into an error.
func (s *side) run(ctx context.Context, c *call, who *caller, payload []byte) (resp any, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.core.log.ErrorContext(ctx, "call panicked", "type", c.request, "panic", p, stack())
			err = ErrInternal.Wrap(fmt.Errorf("panic: %v", p))
		}
	}()
	return c.handle(ctx, who, payload)
}

// errorBody encodes an error for the client and, where the client cannot help
// it, logs the cause under the trace id that the client sees.
func (s *side) errorBody(req *wire.Request, err error) []byte {
	e := asError(err)
	trace := NewID[ID[struct{}]]().String()
	switch {
	case e.Code == Internal:
		s.core.log.Error("call failed", "type", req.Type, "trace", trace, "err", errorChain{err})
	case e.Code == Unavailable && !e.Is(ErrShuttingDown):
		s.core.log.Warn("call cannot be answered now", "type", req.Type, "trace", trace, "err", errorChain{err})
	}
	body, err := wire.AppendServiceError(nil, wireError(e, req.RequestID, trace))
	if err != nil { // a studio's detail that cannot be encoded
		s.core.log.Error("cannot encode an error", "type", req.Type, "trace", trace, "err", err)
		e = &Error{Code: e.Code, Reason: e.Reason, Title: e.Title, Message: e.Message}
		body, _ = wire.AppendServiceError(nil, wireError(e, req.RequestID, trace)) // texts only
	}
	return body
}

// errorChain logs an error with the causes its text leaves out.
type errorChain struct{ err error }

func (c errorChain) LogValue() slog.Value {
	text := c.err.Error()
	if e := asError(c.err); e.cause != nil && e.cause.Error() != text {
		text += " (" + e.cause.Error() + ")"
	}
	return slog.StringValue(text)
}

// statusOf maps a code to the status field of a serviceError (wire §16.8).
func statusOf(e *Error) wire.ResponseStatus {
	switch {
	case e.Title:
		return wire.StatusServiceError
	case e.Is(ErrShuttingDown):
		return wire.StatusShuttingDown
	case e.Code == Internal:
		return wire.StatusInternalError
	case e.Code == Unauthenticated:
		return wire.StatusBadSession
	case e.Is(ErrMalformed), e.Is(ErrUnknownType), e.Is(ErrTooLarge):
		return wire.StatusBadParam
	}
	return wire.StatusServiceError
}

func wireError(e *Error, requestID int64, trace string) *wire.ServiceError {
	details := e.Reason
	if e.Message != "" {
		details += ": " + e.Message
	}
	se := &wire.ServiceError{
		RequestID:    requestID,
		Status:       statusOf(e),
		TraceID:      trace,
		DebugDetails: []string{strings.ToValidUTF8(details, "\uFFFD")},
	}
	if e.Title {
		se.ExtError = e.Reason
	} else {
		se.Error = e.Reason
	}
	if e.Type != "" {
		se.ApplicationError = &wire.ApplicationError{Type: e.Type, Payload: e.Detail}
	}
	return se
}
