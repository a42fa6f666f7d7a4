package client

import (
	"context"
	"fmt"
	"sync"

	"github.com/openpragma/engine/pragma"
)

// Client is a [Player] or a [GameServer]. It cannot be implemented elsewhere:
// it grows with them.
type Client interface {
	// Done is closed when the client is over.
	Done() <-chan struct{}
	// Err says why the client is over; nil while it is not.
	Err() error

	events() *session
}

func (s *session) events() *session { return s }

// On calls handle for each event of type E, from now on and until stop is
// called. All handlers of a client run on one goroutine of its own, one event
// after the other in order, so a handler may make calls and wait, but delays the
// others meanwhile; see [Options.EventQueue] for what happens when it falls
// behind. Handlers must not call [Player.Close] or [Player.LogOut], which wait
// for them.
func On[E Event](c Client, handle func(E)) (stop func()) {
	return c.events().handle(func(e Event) {
		if e, ok := e.(E); ok {
			handle(e)
		}
	})
}

// OnNotification is On for a notification of a studio's own service, such as
// "GuildRpc.MemberJoinedV1Notification". One that does not fit T is logged and
// dropped.
func OnNotification[T any](c Client, backend pragma.Backend, typ string, handle func(*T)) (stop func()) {
	return On(c, func(n Notification) {
		if n.Backend != backend || n.Type != typ {
			return
		}
		payload := new(T)
		if err := n.Decode(payload); err != nil {
			c.events().log.Warn("malformed notification", "type", typ, "err", err)
			return
		}
		handle(payload)
	})
}

// Await waits for an event of type E for which match is true; a nil match
// accepts any. Other events of the subscription are passed over.
func Await[E Event](ctx context.Context, sub *Subscription, match func(E) bool) (E, error) {
	for {
		e, err := sub.Next(ctx)
		if err != nil {
			var none E
			return none, fmt.Errorf("await %T: %w", none, err)
		}
		if e, ok := e.(E); ok && (match == nil || match(e)) {
			return e, nil
		}
	}
}

// hub hands events to subscriptions.
type hub struct {
	limit int

	mu       sync.Mutex // guards what follows, and the queues
	subs     []*Subscription
	handlers []*func(Event)
	serving  bool // a goroutine calls the handlers
	err      error
}

func newHub(limit int) *hub { return &hub{limit: limit} }

// Subscription is a queue of a client's events. Use it from one goroutine.
type Subscription struct {
	hub    *hub
	wake   chan struct{} // holds one token after a change
	queue  []Event
	lost   int
	closed bool
}

// Subscribe returns a queue that gets all events from now on. When
// [Options.EventQueue] events wait in it, the oldest is dropped for each new one,
// and [EventsLost] stands in its place; the state of a [Player] loses nothing.
// Close it, or use it until the client is over.
func (s *session) Subscribe() *Subscription { return s.hub.subscribe() }

func (h *hub) subscribe() *Subscription {
	sub := &Subscription{hub: h, wake: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil {
		h.subs = append(h.subs, sub)
	}
	return sub
}

// Next waits for the next event. After the last one, which is [Ended], it
// returns the client's [EndError], and after Close [ErrClosed].
func (s *Subscription) Next(ctx context.Context) (Event, error) {
	for {
		e, err := s.take()
		if e != nil || err != nil {
			return e, err
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// take returns the next event, or an error if there will be none, or neither.
func (s *Subscription) take() (Event, error) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	switch {
	case s.closed:
		return nil, ErrClosed
	case s.lost > 0:
		e := EventsLost{Count: s.lost}
		s.lost = 0
		return e, nil
	case len(s.queue) > 0:
		e := s.queue[0]
		s.queue[0] = nil
		s.queue = s.queue[1:]
		return e, nil
	}
	return nil, s.hub.err
}

// Close ends the subscription and forgets waiting events.
func (s *Subscription) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.closed = true
	s.queue = nil
	s.signal()
	for i, other := range s.hub.subs {
		if other == s {
			s.hub.subs = append(s.hub.subs[:i:i], s.hub.subs[i+1:]...)
			break
		}
	}
}

func (s *Subscription) signal() {
	select {
	case s.wake <- struct{}{}:
	default: // a token is there
	}
}

// publish queues events for everybody. It does not block.
func (h *hub) publish(events ...Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil {
		h.publishLocked(events)
	}
}

func (h *hub) publishLocked(events []Event) {
	for _, sub := range h.subs {
		for _, e := range events {
			if len(sub.queue) >= h.limit {
				sub.queue = sub.queue[1:]
				sub.lost++
			}
			sub.queue = append(sub.queue, e)
		}
		sub.signal()
	}
}

// end publishes the last event.
func (h *hub) end(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.publishLocked([]Event{Ended{Err: err}})
	h.err = err
	h.subs = nil // the queues live on with those who read them
}

// handle adds a handler, and starts the goroutine that calls handlers with the first.
func (s *session) handle(fn func(Event)) (stop func()) {
	h := s.hub
	entry := &fn
	h.mu.Lock()
	h.handlers = append(h.handlers, entry)
	start := !h.serving && h.err == nil
	h.serving = true
	h.mu.Unlock()
	if start {
		sub := h.subscribe()
		s.spawn(func() { h.serve(sub) })
	}
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		for i, other := range h.handlers {
			if other == entry {
				// Into a new array: serve may be walking through the old one.
				h.handlers = append(h.handlers[:i:i], h.handlers[i+1:]...)
				return
			}
		}
	}
}

// serve calls the handlers until the client is over and its last event handled.
func (h *hub) serve(sub *Subscription) {
	for {
		e, err := sub.Next(context.Background())
		if err != nil {
			return
		}
		h.mu.Lock()
		handlers := h.handlers
		h.mu.Unlock()
		for _, handle := range handlers {
			(*handle)(e)
		}
	}
}
