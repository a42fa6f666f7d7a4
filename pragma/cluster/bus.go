package cluster

import (
	"context"
	"time"
)

// Limits of every driver.
const (
	// MaxData is the largest message or answer in bytes.
	MaxData = 1 << 20
	// MaxSubject is the longest subject in bytes.
	MaxSubject = 200
	// RequestTimeout ends a request whose context has no deadline.
	RequestTimeout = 5 * time.Second
)

// Bus is the connection of one node to the others. It is safe for concurrent
// use.
//
// A subject is one or more names joined by dots, such as "session.notify" or
// "node.a.call"; see [CheckSubject]. Messages to a subject reach the handlers
// of exactly this subject; there are no wildcards.
//
// Order: if one Publish to a subject returned before another one to the same
// subject and through the same bus began, every subscriber gets them in this
// order. Nothing is promised across subjects or nodes.
//
// Every method returns [ErrClosed] after Close, [ErrSubject] for a subject that
// breaks the rules and [ErrTooLarge] for data beyond [MaxData].
type Bus interface {
	// Publish sends data to all subscribers of subject, those of this node
	// included. Having none is no error. It returns when the message is on its
	// way; nil does not mean that anyone got it. If ctx has ended, nothing is sent
	// and the cause of its end is returned. The caller keeps data.
	Publish(ctx context.Context, subject string, data []byte) error

	// Subscribe calls fn with each message to subject that is published after
	// Subscribe returned. A node may subscribe to a subject more than once.
	Subscribe(subject string, fn Handler) (Subscription, error)

	// Request sends data to one of the servers of subject, whichever, and returns
	// its answer. It gives up when ctx ends, or after [RequestTimeout] if ctx has
	// no deadline, with the cause of that end; the server may still have done the
	// work. Without a server it fails at once with [ErrNoServer]. An error of the
	// server is a [ServerError]. The caller keeps data and owns the answer.
	Request(ctx context.Context, subject string, data []byte) ([]byte, error)

	// Serve calls fn with requests to subject. A second Serve for a subject that
	// this node serves already returns [ErrServed]; other nodes may serve it too,
	// and share the requests.
	Serve(subject string, fn Server) (Subscription, error)

	// Status says how this node is doing. It is cheap and works after Close.
	Status() Status

	// Close leaves the cluster. After it no call of a handler of this node
	// begins; those that have begun see their context end with the cause
	// [ErrClosed], and are not waited for. A second Close does nothing.
	Close() error
}

// Handler receives published messages. It owns data. ctx lives until the node
// leaves; it has no values and no deadline of the publisher.
//
// Calls may overlap when several goroutines or nodes publish. A handler returns
// quickly and does not panic; a panic is logged, counted in [Status.Failed] and
// the message is lost for this handler alone.
type Handler func(ctx context.Context, data []byte)

// Server answers requests. It owns data and gives away its answer. Calls may
// overlap. ctx ends with the node, and with the deadline of the requester or
// before; it has no values of the requester. A server returns soon after ctx
// ended, because a local requester waits for it.
//
// Only the text of an error travels, at most [MaxErrorText] bytes of it. Put
// errors that the requester shall tell apart into the answer. A panic is logged
// and counted, and the requester gets a [ServerError].
type Server func(ctx context.Context, data []byte) ([]byte, error)

// Subscription is a registered [Handler] or [Server].
type Subscription interface {
	// Close ends it. No call begins afterwards; those that have begun are not
	// waited for, so a handler may close its own subscription. It never fails for
	// a subscription that is closed already, or whose bus is.
	Close() error
}

// Status is a snapshot of one node's bus. Counters start at 0 when the node
// joins and only grow.
type Status struct {
	Node  string // the name of this node
	Ready bool   // connected to the others; false after Close
	Err   error  // why it is not ready, else nil

	Subscriptions int // handlers of this node
	Servers       int // servers of this node

	Published uint64 // messages sent by this node
	Requested uint64 // requests sent by this node
	Delivered uint64 // messages given to handlers of this node
	Served    uint64 // requests given to servers of this node
	Dropped   uint64 // messages and requests known to be lost on the way from this node
	Failed    uint64 // panics of handlers and servers, and errors of servers, of this node
}
