package pragma

import (
	"slices"
	"sync"
)

// sockets are the connections of one backend on this node. Messages reach them
// only through the bus, so that it makes no difference on which node a player is.
type sockets struct {
	side *side

	mu      sync.RWMutex
	players map[[16]byte]*socket              // by player or social id
	others  map[[16]byte]map[*socket]struct{} // partners and operators: any number each
	away    map[[16]byte][]*stream            // those that wait for another socket, of players and partners
}

func newSockets(side *side) *sockets {
	return &sockets{
		side:    side,
		players: make(map[[16]byte]*socket),
		others:  make(map[[16]byte]map[*socket]struct{}),
		away:    make(map[[16]byte][]*stream),
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

// add registers a socket before it is accepted; messages wait in its queue. It
// goes on with the stream of a former one if the client asks for that. A player's
// former socket is over from here on: told USURPED if it belongs to an earlier
// log-in, else just cut. For players the caller holds the lock of the session,
// which keeps earlier log-ins out, and has asked where the former socket's player
// was.
func (s *sockets) add(sock *socket, was Whereabouts) {
	id := s.subject(sock.who)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.side.core.metrics.sockets.WithLabelValues(string(s.side.backend), string(sock.gw.id.Type)).Inc()
	s.resume(id, sock)
	if sock.who.player == nil {
		if s.others[id] == nil {
			s.others[id] = make(map[*socket]struct{})
		}
		s.others[id][sock] = struct{}{}
		return
	}
	if former := s.players[id]; former != nil && former.stream != sock.stream {
		if former.who.player.SessionID == sock.who.player.SessionID {
			former.end()
			former.close(closeCause{name: "replaced", cut: true})
		} else {
			former.terminate(EndUsurped, was)
		}
	}
	s.players[id] = sock
}

// resume gives a socket the stream its client asks for: the former one of the
// same session, or a new one. What else waited for a player's socket is over.
// s.mu is held.
func (s *sockets) resume(id [16]byte, sock *socket) {
	player := sock.who.player
	if sock.asks != nil {
		for _, st := range s.streams(id) {
			if (player == nil || st.ring.owner == player.SessionID) && sock.resume(st) {
				break
			}
		}
		if !sock.resumed {
			sock.ring = newRing(sock)
		}
	}
	for former := range s.others[id] {
		if former.stream == sock.stream { // or messages would reach the stream twice
			delete(s.others[id], former)
		}
	}
	s.away[id] = slices.DeleteFunc(s.away[id], func(st *stream) bool {
		if player != nil && st != sock.stream {
			st.end()
		}
		return player != nil || st == sock.stream
	})
	if len(s.away[id]) == 0 {
		delete(s.away, id)
	}
}

// streams returns those streams of a player or partner that may have a ring.
func (s *sockets) streams(id [16]byte) []*stream {
	all := slices.Clone(s.away[id])
	if sock := s.players[id]; sock != nil && sock.ring != nil {
		all = append(all, sock.stream)
	}
	for sock := range s.others[id] {
		if sock.ring != nil {
			all = append(all, sock.stream)
		}
	}
	return all
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
// Unless the client has ended it, its stream may wait for the next one.
func (s *sockets) remove(sock *socket, ended bool) (current bool) {
	id := s.subject(sock.who)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.side.core.metrics.sockets.WithLabelValues(string(s.side.backend), string(sock.gw.id.Type)).Dec()
	if sock.who.player == nil {
		delete(s.others[id], sock)
		if len(s.others[id]) == 0 {
			delete(s.others, id)
		}
	} else if current = s.players[id] == sock; current {
		delete(s.players, id)
	}
	if sock.leave(!ended && (current || sock.who.partner != nil)) {
		s.away[id] = append(s.away[id], sock.stream)
	}
	return current
}

// expire gives up streams that have waited for the grace time, or that were given
// up already.
func (s *sockets) expire() {
	session := s.side.core.session.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, streams := range s.away {
		s.away[id] = slices.DeleteFunc(streams, func(st *stream) bool {
			grace := session.PartnerGraceSeconds
			if st.ring.who.player != nil {
				grace = session.PlayerGraceSeconds
			}
			return st.expired(seconds(grace))
		})
		if len(s.away[id]) == 0 {
			delete(s.away, id)
		}
	}
}

// forget gives up the streams of a session that has ended.
func (s *sockets) forget(id [16]byte, session SessionID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.away[id] { // expire takes them out
		if st.ring.owner == session {
			st.end()
		}
	}
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

// forgetPartners gives up the streams of a partner, or of an allocation, whose
// tokens were revoked.
func (s *sockets) forgetPartners(id [16]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, streams := range s.away {
		for _, st := range streams {
			if p := st.ring.who.partner; p != nil && (p.PartnerID == id || p.AllocationID == id) {
				st.end()
			}
		}
	}
}

// deliver queues a message for those of its receivers that are connected here.
func (s *sockets) deliver(t SessionType, m message) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, id := range m.ids {
		if m.allocation {
			s.deliverToAllocation(AllocationID(id), m)
			continue
		}
		if t == Player {
			if sock := s.players[id]; sock != nil && m.isFor(sock.who.player.SessionID) {
				sock.notify(m.body, m.beforeAnswer)
			}
		} else {
			for sock := range s.others[id] {
				sock.notify(m.body, m.beforeAnswer)
			}
		}
		for _, st := range s.away[id] {
			if t == Partner || m.isFor(st.ring.owner) {
				st.notify(m.body, m.beforeAnswer)
			}
		}
	}
}
