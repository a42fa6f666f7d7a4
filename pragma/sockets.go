package pragma

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
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

// subject names whom a socket belongs to.
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
// earlier log-in, just closed if it is a leftover of the same one. add reports
// false for a socket of an earlier log-in than the one registered.
func (s *sockets) add(sock *socket) bool {
	id := s.subject(sock.who)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.side.core.metrics.sockets.WithLabelValues(string(s.side.backend), string(sock.gw.id.Type)).Inc()
	if sock.who.player == nil {
		if s.others[id] == nil {
			s.others[id] = make(map[*socket]struct{})
		}
		s.others[id][sock] = struct{}{}
		return true
	}
	former := s.players[id]
	if former != nil {
		switch former.who.player.SessionID.Compare(sock.who.player.SessionID) {
		case 1:
			return false
		case 0:
			former.close(closeCause{name: "replaced", cut: true})
		case -1:
			former.terminate(EndUsurped)
		}
	}
	s.players[id] = sock
	return true
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
	s.closeWith(end.close, body)
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

// deliver queues a message for those of the ids that are connected here.
func (s *sockets) deliver(t SessionType, ids [][16]byte, body []byte) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, id := range ids {
		if t == Player {
			if sock := s.players[id]; sock != nil {
				sock.notify(body)
			}
			continue
		}
		for sock := range s.others[id] {
			sock.notify(body)
		}
	}
}

// notifySubject is the bus subject of a backend's messages to one session type.
func (s *side) notifySubject(t SessionType) string {
	return "notify." + strings.ToLower(string(s.backend)+"."+string(t))
}

// notify publishes a message for the sockets of the ids, wherever they are.
func (s *side) notify(ctx context.Context, t SessionType, n *Notification, ids [][16]byte) {
	if len(ids) == 0 {
		return
	}
	err := n.err
	if err == nil {
		err = s.core.bus.Publish(ctx, s.notifySubject(t), packMessage(ids, n.body))
	}
	if err != nil {
		s.core.log.ErrorContext(ctx, "cannot notify", "type", n.typ, "receivers", len(ids), "err", err)
	}
}

// listen delivers what notify publishes, on this and on other nodes.
func (s *side) listen() error {
	for _, t := range []SessionType{Player, Partner} {
		_, err := s.core.bus.Subscribe(s.notifySubject(t), func(ctx context.Context, data []byte) {
			ids, body, err := unpackMessage(data)
			if err != nil {
				s.core.log.ErrorContext(ctx, "unreadable message on the bus", "err", err)
				return
			}
			s.sockets.deliver(t, ids, body)
		})
		if err != nil {
			return fmt.Errorf("subscribe to %s: %w", s.notifySubject(t), err)
		}
	}
	return nil
}

// packMessage is the form on the bus: a count, the ids, the frame body.
func packMessage(ids [][16]byte, body []byte) []byte {
	data := make([]byte, 0, 4+16*len(ids)+len(body))
	data = binary.BigEndian.AppendUint32(data, uint32(len(ids)))
	for _, id := range ids {
		data = append(data, id[:]...)
	}
	return append(data, body...)
}

func unpackMessage(data []byte) (ids [][16]byte, body []byte, err error) {
	if len(data) < 4 || uint64(len(data)-4) < 16*uint64(binary.BigEndian.Uint32(data)) {
		return nil, nil, fmt.Errorf("message of %d bytes is too short", len(data))
	}
	ids = make([][16]byte, binary.BigEndian.Uint32(data))
	data = data[4:]
	for i := range ids {
		data = data[copy(ids[i][:], data):]
	}
	return ids, data, nil
}
