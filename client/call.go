package client

import (
	"context"

	"github.com/openpragma/engine/internal/wire"
)

// Caller makes calls: a [Conn], or what [Operator.Social] and [Operator.Game]
// return. It cannot be implemented elsewhere.
type Caller interface {
	call(ctx context.Context, name string, req any, apply func(*wire.Frame) error) error
}

var (
	_ Caller = (*Conn)(nil)
	_ Caller = (*httpCaller)(nil)
)

// Call makes a call by its name, such as "GuildRpc.CreateV1", and decodes the
// answer. It is for a studio's own calls; the others have methods. A nil req
// sends an empty message. Names of members, 64-bit integers and unknown members
// are handled as in wire §5.
//
// The error is a [CallError]. A call is sent at most once and never repeated.
// When ctx ends first the outcome is unknown, see [ErrOutcomeUnknown].
func Call[Resp any](ctx context.Context, c Caller, name string, req any) (*Resp, error) {
	return invoke[Resp](ctx, c, name, req, nil)
}

// invoke is Call with a function for the answer that runs before any later frame
// of the connection is looked at, so that caches see answers and notifications
// in the order of the server.
func invoke[Resp any](ctx context.Context, c Caller, name string, req any, then func(*Resp)) (*Resp, error) {
	resp := new(Resp)
	err := c.call(ctx, name, req, func(f *wire.Frame) error {
		if err := f.Decode(resp); err != nil {
			return err
		}
		if then != nil {
			then(resp)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// do is invoke for calls whose answer is empty.
func do(ctx context.Context, c Caller, name string, req any, then func()) error {
	_, err := invoke(ctx, c, name, req, func(*wire.Empty) {
		if then != nil {
			then()
		}
	})
	return err
}
