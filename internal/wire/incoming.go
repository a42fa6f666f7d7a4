package wire

import "github.com/go-json-experiment/json/jsontext"

// FrameKind says which of its three contents a frame has.
type FrameKind int

// Kinds of frames.
const (
	KindServiceError FrameKind = iota // also of a frame that is neither of the others
	KindResponse
	KindNotification
)

// Frame is what a server sends, as a client reads it.
type Frame struct {
	Kind           FrameKind
	SequenceNumber int64
	RequestID      int64         // of responses and service errors
	Type           string        // of responses and notifications
	Payload        []byte        // of responses and notifications; an object's text
	ServiceError   *ServiceError // of service errors, then not nil
}

// Decode decodes the payload into v, a non-nil pointer; see [UnmarshalReply].
func (f *Frame) Decode(v any) error { return UnmarshalReply(f.Payload, v) }

// ParseFrame reads a frame on the client's side. The error is a [DecodeError].
// The Frame does not share memory with the text.
func ParseFrame(text []byte) (Frame, error) {
	var in struct {
		SequenceNumber Int64         `json:"sequenceNumber"`
		Response       *content      `json:"response"`
		Notification   *content      `json:"notification"`
		ServiceError   *ServiceError `json:"serviceError"`
	}
	if err := UnmarshalReply(text, &in); err != nil {
		return Frame{}, err
	}
	out := Frame{SequenceNumber: int64(in.SequenceNumber)}
	switch {
	case in.Response != nil:
		out.Kind = KindResponse
		out.take(in.Response)
	case in.Notification != nil:
		out.Kind = KindNotification
		out.take(in.Notification)
	case in.ServiceError != nil:
		out.RequestID = in.ServiceError.RequestID
		out.ServiceError = in.ServiceError
	default:
		out.ServiceError = &ServiceError{Error: UnknownError}
	}
	return out, nil
}

// content is what responses and notifications have in common.
type content struct {
	RequestID Int64          `json:"requestId"`
	Type      string         `json:"type"`
	Payload   jsontext.Value `json:"payload"`
}

func (f *Frame) take(c *content) {
	f.RequestID = int64(c.RequestID)
	f.Type = c.Type
	f.Payload = c.Payload
	if k := c.Payload.Kind(); len(c.Payload) == 0 || k == 'n' {
		f.Payload = []byte("{}")
	}
}
