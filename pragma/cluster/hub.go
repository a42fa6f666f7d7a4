package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
)

// Hub joins nodes of one process. The zero value is ready for use. It has no
// goroutines and needs no closing.
type Hub struct {
	// Logger reports panics of handlers. Nil is slog.Default. It must not change
	// once a node has joined.
	Logger *slog.Logger

	// mu guards what follows, and is never held while a handler runs. The slices
	// are replaced, not changed, so that a publisher can walk one without it.
	mu       sync.RWMutex
	handlers map[string][]*handler
	servers  map[string]*servers
}

// servers are those of one subject. They take turns.
type servers struct {
	list []*server
	next int
}

// NewHub returns a hub without nodes.
func NewHub() *Hub { return &Hub{} }

// NewLocal returns the bus of a server that runs alone: the only node, "local",
// of a hub of its own.
func NewLocal() Bus { return NewHub().Node("local") }

// Node joins a node. The name appears in its [Status]; two nodes may have the
// same one, as when a test starts a node again.
func (h *Hub) Node(name string) Bus {
	n := &node{hub: h, name: name}
	n.ctx, n.leave = context.WithCancelCause(context.Background())
	return n
}

func (h *Hub) logger() *slog.Logger {
	if h.Logger != nil {
		return h.Logger
	}
	return slog.Default()
}

func (h *Hub) handlersOf(subject string) []*handler {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.handlers[subject]
}

// nextServer returns the server whose turn it is, or nil.
func (h *Hub) nextServer(subject string) *server {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.servers[subject]
	if s == nil {
		return nil
	}
	s.next = (s.next + 1) % len(s.list)
	return s.list[s.next]
}

func (h *Hub) addHandler(a *handler) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a.node.closed() {
		return ErrClosed
	}
	if h.handlers == nil {
		h.handlers = make(map[string][]*handler)
	}
	h.handlers[a.subject] = append(slices.Clip(h.handlers[a.subject]), a)
	a.node.counts.subscriptions.Add(1)
	return nil
}

func (h *Hub) addServer(a *server) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a.node.closed() {
		return ErrClosed
	}
	s := h.servers[a.subject]
	if s == nil {
		s = &servers{}
	}
	if slices.ContainsFunc(s.list, func(b *server) bool { return b.node == a.node }) {
		return fmt.Errorf("serve %s: %w", a.subject, ErrServed)
	}
	if h.servers == nil {
		h.servers = make(map[string]*servers)
	}
	s.list = append(slices.Clip(s.list), a)
	h.servers[a.subject] = s
	a.node.counts.servers.Add(1)
	return nil
}

func (h *Hub) removeHandler(a *handler) {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.handlers[a.subject]
	i := slices.Index(list, a)
	if i < 0 {
		return
	}
	a.closed.Store(true)
	a.node.counts.subscriptions.Add(-1)
	if len(list) == 1 {
		delete(h.handlers, a.subject)
		return
	}
	h.handlers[a.subject] = slices.Concat(list[:i], list[i+1:])
}

func (h *Hub) removeServer(a *server) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.servers[a.subject]
	if s == nil {
		return
	}
	i := slices.Index(s.list, a)
	if i < 0 {
		return
	}
	a.node.counts.servers.Add(-1)
	if len(s.list) == 1 {
		delete(h.servers, a.subject)
		return
	}
	s.list = slices.Concat(s.list[:i], s.list[i+1:])
}

// removeNode forgets everything of a node that has left.
func (h *Hub) removeNode(n *node) {
	var mine []Subscription
	h.mu.RLock()
	for _, list := range h.handlers {
		for _, a := range list {
			if a.node == n {
				mine = append(mine, a)
			}
		}
	}
	for _, s := range h.servers {
		for _, a := range s.list {
			if a.node == n {
				mine = append(mine, a)
			}
		}
	}
	h.mu.RUnlock()
	for _, a := range mine {
		_ = a.Close() // never fails
	}
}
