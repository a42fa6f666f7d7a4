package client

import (
	"errors"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// keepAlive tells the backend that the server still runs a game (wire §7.5).
type keepAlive struct {
	interval time.Duration
	next     *task
}

// keepAlive follows the backend's wish: it starts, goes on or ends.
func (s *GameServer) keepAlive(id pragma.GameInstanceID, wish *wire.GameInstanceGameKeepAliveV1Response) {
	interval := time.Duration(wish.KeepAliveIntervalMillis) * time.Millisecond
	if !wish.EnableKeepAlive || interval <= 0 {
		s.stopKeepAlive(id)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.alive[id]
	if k == nil {
		k = &keepAlive{}
		s.alive[id] = k
	}
	k.interval = interval
	s.plan(id, k)
}

// plan sets the time of the next sign of life. s.mu is held.
func (s *GameServer) plan(id pragma.GameInstanceID, k *keepAlive) {
	k.next.stop()
	k.next = s.after(k.interval, func() { s.signOfLife(id, k) })
}

func (s *GameServer) stopKeepAlive(id pragma.GameInstanceID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.alive[id]; k != nil {
		k.next.stop()
		delete(s.alive, id)
	}
}

// signOfLife sends one. Without a connection, and when it stays unanswered, the
// next one is due after the same interval.
func (s *GameServer) signOfLife(id pragma.GameInstanceID, k *keepAlive) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.alive[id] != k {
		return
	}
	s.plan(id, k)
	err := s.game.post("GameInstanceRpc.GameKeepAliveV1", request(id), func(f *wire.Frame, err error) {
		s.keptAlive(id, k, f, err)
	})
	if err != nil {
		s.log.Debug("no sign of life sent", "game", id, "err", err)
	}
}

func (s *GameServer) keptAlive(id pragma.GameInstanceID, k *keepAlive, f *wire.Frame, err error) {
	var wish wire.GameInstanceGameKeepAliveV1Response
	if err == nil {
		err = f.Decode(&wish)
	}
	s.mu.Lock()
	current := s.alive[id] == k
	s.mu.Unlock()
	switch {
	case !current:
	case err == nil:
		s.keepAlive(id, &wish)
	case errors.Is(err, errUnknownGame):
		s.lost(id)
	default:
		s.log.Warn("sign of life failed", "game", id, "err", err)
	}
}

// connected sends signs of life at once after a break, which may have lasted long.
func (s *GameServer) connected(c *Conn, again, resumed bool) {
	if c != s.game || !again {
		return
	}
	if !resumed {
		s.catchUp()
	}
	s.mu.Lock()
	games := make(map[pragma.GameInstanceID]*keepAlive, len(s.alive))
	for id, k := range s.alive {
		games[id] = k
	}
	s.mu.Unlock()
	for id, k := range games {
		s.signOfLife(id, k)
	}
}

func (s *GameServer) confused(*Conn) {}

// notified takes a notification to the server.
func (s *GameServer) notified(c *Conn, f *wire.Frame) error {
	switch f.Type {
	case "GameInstanceRpc.AddPlayersV1Notification":
		return told(s, f, func(n *wire.GameInstanceAddPlayersV1Notification) Event {
			e := PlayersAdded{pragma.GameInstanceID(n.GameInstanceID), each(n.GameServerPlayers, serverPlayerOf)}
			s.ofLink(e.GameInstanceID, func(k *linked) {
				for _, p := range e.Players {
					k.players[p.PlayerID] = true
				}
			})
			return e
		})
	case "GameInstanceRpc.PlayerDeclinedReconnectV1Notification":
		return told(s, f, func(n *wire.GameInstancePlayerDeclinedReconnectV1Notification) Event {
			return PlayerDeclined{pragma.GameInstanceID(n.GameInstanceID), pragma.PlayerID(n.PlayerID)}
		})
	case "GameInstanceRpc.GameInstanceOverPartnerV1Notification":
		return told(s, f, func(n *wire.GameInstanceOverPartnerV1Notification) Event {
			s.forget(pragma.GameInstanceID(n.GameInstanceID))
			return GameOver{pragma.GameInstanceID(n.GameInstanceID), GameEndReason(n.Reason.String())}
		})
	case "GameInstanceRpc.GameInstanceEnteredMatchmakingV1Notification":
		return told(s, f, func(n *wire.GameInstanceRequest) Event {
			s.ofLink(pragma.GameInstanceID(n.GameInstanceID), func(k *linked) { k.inMatchmaking = true })
			return BackfillStarted{pragma.GameInstanceID(n.GameInstanceID)}
		})
	case "GameInstanceRpc.GameInstanceLeftMatchmakingV1Notification":
		return told(s, f, func(n *wire.GameInstanceRequest) Event {
			s.ofLink(pragma.GameInstanceID(n.GameInstanceID), func(k *linked) { k.inMatchmaking = false })
			return BackfillStopped{pragma.GameInstanceID(n.GameInstanceID)}
		})
	}
	s.hub.publish(Notification{Backend: c.backend, Type: f.Type, payload: f.Payload})
	return nil
}

// told decodes a notification and publishes what it means.
func told[T any](s *GameServer, f *wire.Frame, convert func(*T) Event) error {
	n := new(T)
	if err := f.Decode(n); err != nil {
		return err
	}
	s.hub.publish(convert(n))
	return nil
}
