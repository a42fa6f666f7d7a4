package cluster

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// node is one node of a [Hub].
type node struct {
	hub   *Hub
	name  string
	ctx   context.Context // the life of the node, given to its handlers
	leave context.CancelCauseFunc

	counts struct {
		subscriptions, servers          atomic.Int64
		published, requested, delivered atomic.Uint64
		served, failed                  atomic.Uint64
	}
}

var _ Bus = (*node)(nil)

// handler and server are the two kinds of [Subscription].
type handler struct {
	node    *node
	subject string
	fn      Handler
	closed  atomic.Bool // a publisher may hold a list that still has it
}

type server struct {
	node    *node
	subject string
	fn      Server
}

func (a *handler) Close() error { a.node.hub.removeHandler(a); return nil }
func (a *server) Close() error  { a.node.hub.removeServer(a); return nil }

func (n *node) closed() bool { return n.ctx.Err() != nil }

func (n *node) Publish(ctx context.Context, subject string, data []byte) error {
	if err := n.checkSend(ctx, subject, data); err != nil {
		return err
	}
	n.counts.published.Add(1)
	for _, a := range n.hub.handlersOf(subject) {
		if !a.closed.Load() && !a.node.closed() {
			a.deliver(bytes.Clone(data))
		}
	}
	return nil
}

func (n *node) Subscribe(subject string, fn Handler) (Subscription, error) {
	if err := CheckSubject(subject); err != nil {
		return nil, err
	}
	if fn == nil {
		return nil, ErrNoHandler
	}
	a := &handler{node: n, subject: subject, fn: fn}
	if err := n.hub.addHandler(a); err != nil {
		return nil, err
	}
	return a, nil
}

func (n *node) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	if err := n.checkSend(ctx, subject, data); err != nil {
		return nil, err
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, RequestTimeout)
		defer cancel()
	}
	a := n.hub.nextServer(subject)
	if a == nil {
		return nil, fmt.Errorf("request to %s: %w", subject, ErrNoServer)
	}
	n.counts.requested.Add(1)
	answer, err := a.answer(ctx, bytes.Clone(data))
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx) // as if the answer had come too late
	case err != nil && past(ctx):
		return nil, context.DeadlineExceeded // the server saw it a moment before us
	case err != nil:
		return nil, err
	}
	return bytes.Clone(answer), nil
}

// past reports whether the deadline of ctx is over, even if ctx has not noticed.
func past(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && !time.Now().Before(deadline)
}

func (n *node) Serve(subject string, fn Server) (Subscription, error) {
	if err := CheckSubject(subject); err != nil {
		return nil, err
	}
	if fn == nil {
		return nil, ErrNoHandler
	}
	a := &server{node: n, subject: subject, fn: fn}
	if err := n.hub.addServer(a); err != nil {
		return nil, err
	}
	return a, nil
}

func (n *node) Status() Status {
	s := Status{
		Node:          n.name,
		Ready:         !n.closed(),
		Subscriptions: int(n.counts.subscriptions.Load()),
		Servers:       int(n.counts.servers.Load()),
		Published:     n.counts.published.Load(),
		Requested:     n.counts.requested.Load(),
		Delivered:     n.counts.delivered.Load(),
		Served:        n.counts.served.Load(),
		Failed:        n.counts.failed.Load(),
	}
	if !s.Ready {
		s.Err = ErrClosed
	}
	return s
}

func (n *node) Close() error {
	n.leave(ErrClosed) // first, so that the hub accepts nothing more of this node
	n.hub.removeNode(n)
	return nil
}

func (n *node) checkSend(ctx context.Context, subject string, data []byte) error {
	if n.closed() {
		return ErrClosed
	}
	if err := CheckMessage(subject, data); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// deliver calls the handler. A panic ends here: the publisher is not to blame.
func (a *handler) deliver(data []byte) {
	defer func() {
		if r := recover(); r != nil {
			a.node.panicked(a.subject, r)
		}
	}()
	a.node.counts.delivered.Add(1)
	a.fn(a.node.ctx, data)
}

// answer calls the server with a context that has the deadline of the requester
// and ends with either side, but has no values of the requester.
func (a *server) answer(ctx context.Context, data []byte) (answer []byte, err error) {
	serving, cancel := context.WithCancelCause(a.node.ctx)
	defer cancel(nil)
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	defer stop()
	if deadline, ok := ctx.Deadline(); ok {
		var cancelDeadline context.CancelFunc
		serving, cancelDeadline = context.WithDeadline(serving, deadline)
		defer cancelDeadline()
	}
	defer func() {
		if r := recover(); r != nil {
			a.node.panicked(a.subject, r)
			answer, err = nil, &ServerError{Subject: a.subject, Text: "panic"}
		}
	}()
	a.node.counts.served.Add(1)
	answer, err = a.fn(serving, data)
	if err != nil {
		a.node.counts.failed.Add(1)
		return nil, NewServerError(a.subject, err)
	}
	if err := CheckMessage(a.subject, answer); err != nil {
		return nil, err
	}
	return answer, nil
}

func (n *node) panicked(subject string, r any) {
	n.counts.failed.Add(1)
	n.hub.logger().Error("cluster handler panicked", slog.String("node", n.name),
		slog.String("subject", subject), slog.Any("panic", r), slog.String("stack", string(debug.Stack())))
}
