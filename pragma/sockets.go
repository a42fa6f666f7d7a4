package pragma

import (
	"sync"

	"github.com/openpragma/engine/internal/wire"
)

// sockets are the connections of one backend on this node. Messages reach them
// only through the bus, so that it makes no difference on which node a player is.
type sockets struct {
	side *side

	mu      sync.RWMutex
	players map[[16]byte]*socket              // by player or social id
	others  map[[16]byte]map[*socket]struct{} // partners and operators: any number each
}

func newSockets(side *side) *sockets {
	return &sockets{
		side:    side,
		players: make(map[[16]byte]*socket),
		others:  make(map[[16]byte]map[*socket]struct{}),
	}
}

// subject names whom a socket belongs to on this backend.
func (s *sockets) subject(c *caller) [16]byte {
	switch {
	case c.player != nil:
		return s.side.sessions.subject(c.player)
	case c.partner != nil:
		return c.partner.PartnerID
	}
	return c.operator.SocialID
}

// add registers a socket before it is accepted; messages wait in its queue. A
// player's former socket is over from here on: told USURPED if it belongs to an
// earlier log-in, just cut if it is a leftover of the same one. For players the
// caller holds the lock of the session, which keeps earlier log-ins out.
func (s *sockets) add(sock *socket) {
	id := s.subject(sock.who)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.side.core.metrics.sockets.WithLabelValues(string(s.side.backend), string(sock.gw.id.Type)).Inc()
	if sock.who.player == nil {
		if s.others[id] == nil {
			s.others[id] = make(map[*socket]struct{})
		}
		s.others[id][sock] = struct{}{}
		return
	}
	if former := s.players[id]; former != nil {
		if former.who.player.SessionID == sock.who.player.SessionID {
			former.close(closeCause{name: "replaced", cut: true})
		} else {
			former.terminate(EndUsurped)
		}
	}
	s.players[id] = sock
}

// player returns the player's socket on this node, or nil.
func (s *sockets) player(id [16]byte) *socket {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.players[id]
}

// has reports whether a partner or operator has a socket on this node.
func (s *sockets) has(id [16]byte) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.others[id]) > 0
}

// remove forgets a socket and reports whether it was the player's current one.
func (s *sockets) remove(sock *socket) (current bool) {
	id := s.subject(sock.who)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.side.core.metrics.sockets.WithLabelValues(string(s.side.backend), string(sock.gw.id.Type)).Dec()
	if sock.who.player == nil {
		delete(s.others[id], sock)
		if len(s.others[id]) == 0 {
			delete(s.others, id)
		}
		return false
	}
	if s.players[id] != sock {
		return false
	}
	delete(s.players, id)
	return true
}

// terminations says how the reasons travel (wire §2.4, §16.8).
var terminations = map[EndReason]struct {
	wire  wire.SessionTerminationReason
	close closeCause
}{
	EndUsurped: {wire.SessionTerminationUsurped, closeCause{name: "usurped", code: 4001}},
	EndKicked:  {wire.SessionTerminationKicked, closeCause{name: "kicked", code: 4002}},
	EndExpired: {wire.SessionTerminationExpired, closeCause{name: "expired", code: 4003}},
}

// terminate tells a player that his session is over and closes the socket.
func (s *socket) terminate(reason EndReason) {
	end := terminations[reason]
	p := s.who.player
	body, err := wire.AppendNotification(nil, terminatedType, &wire.PlayerSessionTerminatedV1Notification{
		PlayerSession: wire.PlayerSession{
			PragmaID:    wire.UUID(s.gw.side.sessions.subject(p)),
			SessionID:   wire.UUID(p.SessionID),
			SocialID:    wire.UUID(p.SocialID),
			DisplayName: wire.DisplayName(p.DisplayName),
		},
		Reason: end.wire,
	})
	if err != nil {
		s.gw.side.core.log.Error("cannot encode a notification", "type", terminatedType, "err", err)
	}
	s.close(end.close, body)
}

// snapshot returns all sockets.
func (s *sockets) snapshot() []*socket {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]*socket, 0, len(s.players))
	for _, sock := range s.players {
		all = append(all, sock)
	}
	for _, socks := range s.others {
		for sock := range socks {
			all = append(all, sock)
		}
	}
	return all
}

// deliver queues a message for those of its receivers that are connected here.
func (s *sockets) deliver(t SessionType, m message) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, id := range m.ids {
		if t == Player {
			if sock := s.players[id]; sock != nil {
				sock.notify(m.body, m.beforeAnswer)
			}
			continue
		}
		for sock := range s.others[id] {
			sock.notify(m.body, m.beforeAnswer)
		}
	}
}
