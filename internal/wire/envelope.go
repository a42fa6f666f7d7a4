package wire

import (
	"bytes"
	"errors"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Request is the envelope in which a client sends a call (wire §4).
type Request struct {
	// RequestID is the client's number for the call, to be echoed. Clients repeat
	// numbers; a missing one is 0.
	RequestID int64
	// Type is the full name, such as PartyRpc.CreateV1Request. A first letter
	// that came in small has been made a capital one (engine §1.3).
	Type string
	// Payload is the text of the payload, {} if it was missing. It shares memory
	// with the frame, and is normally an object: one that is not does not fit any
	// type, but the envelope is none the worse for it.
	Payload []byte
}

// EnvelopeError says that a frame is not a request. What could be read of the
// envelope, above all the RequestID, is in the [Request] returned beside it.
type EnvelopeError struct {
	// Problem says what is wrong, without contents.
	Problem string
	// Err is the cause; it may be nil.
	Err error
}

// Error implements error.
func (e *EnvelopeError) Error() string { return "read envelope: " + e.Problem }

// Unwrap returns the cause.
func (e *EnvelopeError) Unwrap() error { return e.Err }

// ParseRequest reads a request from a text frame or an HTTP body. It checks the
// whole frame: syntax, UTF-8, duplicate members and nesting, so that a payload
// can only fail later by not fitting its type. Members may come in any order;
// unknown ones are ignored. The error is an [EnvelopeError].
func ParseRequest(frame []byte) (Request, error) {
	var in envelope
	in.frame = frame
	if tooDeep(frame, MaxDepth) {
		_ = json.Unmarshal(frame, &in) // for the id; the library has a limit of its own
		return in.request(), &EnvelopeError{Problem: "nested too deep"}
	}
	if err := json.Unmarshal(frame, &in); err != nil {
		return in.request(), &EnvelopeError{Problem: envelopeProblem(err), Err: err}
	}
	switch {
	case in.problem != "":
		return in.request(), &EnvelopeError{Problem: in.problem}
	case in.typ == "":
		return in.request(), &EnvelopeError{Problem: "type is missing"}
	}
	return in.request(), nil
}

func envelopeProblem(err error) string {
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return "duplicate member"
	case errors.Is(err, errNotEnvelope):
		return errNotEnvelope.Error()
	}
	return "not valid JSON"
}

var errNotEnvelope = errors.New("not an object")

// envelope collects the members of a request. A member of the wrong kind is noted
// as a problem and reading goes on, because the request id may follow.
type envelope struct {
	frame   []byte
	seen    [3]bool
	id      int64
	typ     string
	payload []byte
	problem string
}

func (in *envelope) request() Request {
	payload := in.payload
	if payload == nil {
		payload = []byte("{}")
	}
	return Request{RequestID: in.id, Type: in.typ, Payload: payload}
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (in *envelope) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '{' {
		if err := dec.SkipValue(); err != nil {
			return err
		}
		return errNotEnvelope
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadValue()
		if err != nil {
			return err
		}
		member := memberOf(name)
		value, err := dec.ReadValue()
		if err != nil {
			return err
		}
		in.set(member, value, dec.InputOffset())
	}
	_, err := dec.ReadToken()
	return err
}

type member int

const (
	memberUnknown member = iota - 1
	memberRequestID
	memberType
	memberPayload
)

// memberOf knows the members in camelCase, and in any case and with underscores.
func memberOf(quoted jsontext.Value) member {
	switch string(quoted) {
	case `"requestId"`:
		return memberRequestID
	case `"type"`:
		return memberType
	case `"payload"`:
		return memberPayload
	}
	name := bytes.ReplaceAll(unquote(quoted), []byte("_"), nil)
	switch {
	case bytes.EqualFold(name, []byte("requestId")):
		return memberRequestID
	case bytes.EqualFold(name, []byte("type")):
		return memberType
	case bytes.EqualFold(name, []byte("payload")):
		return memberPayload
	}
	return memberUnknown
}

// set takes a member's value, which ends at offset end of the frame.
func (in *envelope) set(m member, value jsontext.Value, end int64) {
	if m == memberUnknown {
		return
	}
	if in.seen[m] {
		in.problem = "duplicate member"
		return
	}
	in.seen[m] = true
	kind := value.Kind()
	if kind == 'n' {
		return
	}
	switch m {
	case memberRequestID:
		id, ok := parseInt(value, 64)
		if !ok {
			in.problem = "requestId is not a whole number of 64 bits"
		}
		in.id = id
	case memberType:
		if kind != '"' {
			in.problem = "type is not text"
			return
		}
		in.typ = typeName(unquote(value))
	case memberPayload:
		in.payload = in.frame[end-int64(len(value)) : end : end]
	}
}

// typeName copies a type's name with a capital first letter.
func typeName(text []byte) string {
	name := string(text)
	if name != "" && 'a' <= name[0] && name[0] <= 'z' {
		return strings.ToUpper(name[:1]) + name[1:]
	}
	return name
}

// ResponseType returns the type of the answer to a request of this type, which
// is the name the caller used with Response for Request (wire §4).
func ResponseType(requestType string) string {
	return strings.TrimSuffix(requestType, "Request") + "Response"
}
