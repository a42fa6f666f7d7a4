package wire

import (
	"strconv"
	"strings"
)

// ReconnectHeader is the header of an upgrade that existing clients send empty
// when they come back (wire §3). A client that wants missed frames again gives it
// a value, which [ParseResumption] reads; the answer then has StreamHeader and,
// if the stream goes on, ResumedHeader (ADR 12).
const (
	ReconnectHeader = "Pragma-Reconnect"
	// StreamHeader names the stream that the connection is part of.
	StreamHeader = "Pragma-Stream"
	// ResumedHeader says how many frames of the client the server has taken on the
	// stream before this connection. It is missing when a stream begins.
	ResumedHeader = "Pragma-Resumed"
)

// newStream is the value of [ReconnectHeader] that asks for a stream.
const newStream = "new"

// Resumption is what a client asks for when it opens a connection.
type Resumption struct {
	// Stream is the stream to go on with; zero asks for a new one.
	Stream UUID
	// Last is the number of the last frame of the stream that the client has; -1
	// if it has none.
	Last int64
}

// String returns the value of [ReconnectHeader].
func (r Resumption) String() string {
	if r.Stream.IsZero() {
		return newStream
	}
	return r.Stream.String() + "/" + strconv.FormatInt(r.Last, 10)
}

// ParseResumption reads the value of [ReconnectHeader]. Every other value than
// those of [Resumption.String] is that of a client that asks for nothing.
func ParseResumption(value string) (r Resumption, ok bool) {
	if value == newStream {
		return r, true
	}
	stream, last, ok := strings.Cut(value, "/")
	if !ok {
		return r, false
	}
	id, err := ParseUUID(stream)
	if err != nil || id.IsZero() {
		return r, false
	}
	n, err := strconv.ParseInt(last, 10, 64)
	if err != nil || n < -1 || n > maxFrameNumber {
		return r, false
	}
	return Resumption{id, n}, true
}

// maxFrameNumber is a number no stream reaches; with it no sum overflows.
const maxFrameNumber = 1 << 53
