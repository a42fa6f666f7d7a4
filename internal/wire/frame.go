package wire

import (
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// A frame has a head that belongs to the connection, the sequence number, and a
// body that does not: `"notification":{…}`. Encode a body once with one of the
// functions below and frame it for each connection with AppendFrame.

// AppendFrame appends the frame with this sequence number around a body. It
// does not fail and does not look into the body.
func AppendFrame(dst []byte, sequenceNumber int64, body []byte) []byte {
	dst = append(dst, `{"sequenceNumber":`...)
	dst = strconv.AppendInt(dst, sequenceNumber, 10)
	dst = append(dst, ',')
	dst = append(dst, body...)
	return append(dst, '}')
}

// AppendRequest appends a whole frame with a client's call. The payload is a
// message of this package or of a title; nil stands for {}. After an error dst is
// returned as it was.
func AppendRequest(dst []byte, requestID int64, requestType string, payload any) ([]byte, error) {
	out := append(dst, `{"requestId":`...)
	out = strconv.AppendInt(out, requestID, 10)
	out = append(out, ',')
	return appendMessage(dst, out, requestType, payload)
}

// AppendResponse appends the body of an answer. The payload is a message of this
// package or of a title; nil stands for {}. After an error dst is returned as it
// was.
func AppendResponse(dst []byte, requestID int64, responseType string, payload any) ([]byte, error) {
	out := append(dst, `"response":{"requestId":`...)
	out = strconv.AppendInt(out, requestID, 10)
	out = append(out, ',')
	return appendMessage(dst, out, responseType, payload)
}

// AppendNotification appends the body of a notification; see [AppendResponse].
func AppendNotification(dst []byte, notificationType string, payload any) ([]byte, error) {
	out := append(dst, `"notification":{`...)
	return appendMessage(dst, out, notificationType, payload)
}

// appendMessage appends type, payload and the closing brace to out. It returns
// dst if that fails.
func appendMessage(dst, out []byte, typ string, payload any) ([]byte, error) {
	if payload == nil {
		payload = Empty{}
	}
	text, err := Marshal(payload) // first, so that the rest has room for it at once
	if err != nil {
		return dst, err
	}
	out = slices.Grow(out, len(`"type":"","payload":}`)+len(typ)+len(text))
	out = append(out, `"type":`...)
	if out, err = jsontext.AppendQuote(out, typ); err != nil {
		return dst, err
	}
	out = append(out, `,"payload":`...)
	out = append(out, text...)
	return append(out, '}'), nil
}

// AppendServiceError appends the body of a refusal. It always has at least one
// of the debug details, without which one client stops working, and exactly one
// of the two error names (wire §4): UNKNOWN_ERROR if e has none. After an error,
// which only text that is not UTF-8 causes, dst is returned as it was.
func AppendServiceError(dst []byte, e *ServiceError) ([]byte, error) {
	sent := *e
	switch {
	case sent.ExtError != "":
		sent.Error = ""
	case sent.Error == "":
		sent.Error = UnknownError
	}
	if len(sent.DebugDetails) == 0 {
		sent.DebugDetails = []string{sent.Name()}
	}
	out, err := AppendJSON(append(dst, `"serviceError":`...), &sent)
	if err != nil {
		return dst, err
	}
	return out, nil
}
