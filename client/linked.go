package client

import (
	"errors"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// linked is a game that the server has taken over, as far as it was told of it.
type linked struct {
	call          string // the one it was taken over with
	players       map[pragma.PlayerID]bool
	inMatchmaking bool
	leaving       bool // the server has ended it or given it back, and may have been heard
}

// Refusals that mean that a game is not this server's any more.
var (
	errUnknownGame   = &pragma.Error{Reason: "GameInstanceService_UnknownGameInstanceId"}
	errAlreadyLinked = &pragma.Error{Reason: "GameInstanceService_AlreadyLinked"}
)

// catchUpPause is the pause before a server that is busy is asked again.
const catchUpPause = time.Second

// link notes that the server has taken a game over.
func (s *GameServer) link(call string, start *wire.GameStart) {
	k := &linked{call: call, players: make(map[pragma.PlayerID]bool), inMatchmaking: start.IsInMatchmaking}
	for i := range start.Players {
		k.players[pragma.PlayerID(start.Players[i].PlayerID)] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.links[pragma.GameInstanceID(start.GameInstanceID)] = k
}

// ofLink does something with what is known of a game, if it is linked.
func (s *GameServer) ofLink(id pragma.GameInstanceID, fn func(k *linked)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.links[id]; k != nil {
		fn(k)
	}
}

// parting makes a call after which a game is no longer this server's. As long as
// nobody knows whether it was heard, the game is neither taken back nor missed.
func (s *GameServer) parting(id pragma.GameInstanceID, call func(done func()) error) error {
	leaving := func(yes bool) { s.ofLink(id, func(k *linked) { k.leaving = yes }) }
	leaving(true)
	err := call(func() { s.forget(id) })
	if e, refused := errors.AsType[*pragma.Error](err); refused && e.Code != pragma.Unavailable && e.Code != pragma.ResourceExhausted {
		leaving(false)
	}
	return err
}

// forget ends what the server does for a game on its own account. It reports
// whether that is news.
func (s *GameServer) forget(id pragma.GameInstanceID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	alive, link := s.alive[id], s.links[id]
	if alive != nil {
		alive.next.stop()
	}
	delete(s.alive, id)
	delete(s.links, id)
	return (alive != nil || link != nil) && (link == nil || !link.leaving)
}

// lost takes the answer that the backend does not know a game.
func (s *GameServer) lost(id pragma.GameInstanceID) {
	if s.forget(id) {
		s.hub.publish(GameLost{id})
	}
}

// catchUp asks for the games again when the backend could not go on where the last
// connection broke: what it sent meanwhile is gone, but linking again tells the
// same (wire §16.5).
func (s *GameServer) catchUp() {
	s.mu.Lock()
	links := make(map[pragma.GameInstanceID]*linked)
	for id, k := range s.links {
		if !k.leaving {
			links[id] = k
		}
	}
	s.mu.Unlock()
	for id, k := range links {
		s.relink(id, k)
	}
}

func (s *GameServer) relink(id pragma.GameInstanceID, k *linked) {
	err := s.game.post(k.call, request(id), func(f *wire.Frame, err error) { s.relinked(id, k, f, err) })
	if err != nil { // the next connection asks again
		s.log.Debug("cannot ask for a game again", "game", id, "err", err)
	}
}

// relinked compares what the backend knows of a game with what it told before.
func (s *GameServer) relinked(id pragma.GameInstanceID, k *linked, f *wire.Frame, err error) {
	var resp wire.GameInstanceLinkV1Response
	if err == nil {
		err = f.Decode(&resp)
	}
	s.mu.Lock()
	current := s.links[id] == k && !k.leaving
	s.mu.Unlock()
	if _, refused := errors.AsType[*pragma.Error](err); !current || err != nil && !refused {
		return // it is over, or the next connection asks again
	}
	switch {
	case err == nil:
		s.compare(id, k, &resp.GameStart)
	case errors.Is(err, errUnknownGame), errors.Is(err, errAlreadyLinked):
		s.lost(id)
	default:
		s.log.Warn("asking for a game again failed", "game", id, "err", err)
		s.after(catchUpPause, func() {
			s.mu.Lock()
			current := s.links[id] == k && !k.leaving
			s.mu.Unlock()
			if current {
				s.relink(id, k)
			}
		})
	}
}

func (s *GameServer) compare(id pragma.GameInstanceID, k *linked, start *wire.GameStart) {
	var events []Event
	var added []GameServerPlayer
	players := make(map[pragma.PlayerID]bool)
	s.mu.Lock()
	for i := range start.Players {
		p := serverPlayerOf(&start.Players[i])
		players[p.PlayerID] = true
		if !k.players[p.PlayerID] {
			added = append(added, p)
		}
	}
	if len(added) > 0 {
		events = append(events, PlayersAdded{id, added})
	}
	switch {
	case start.IsInMatchmaking && !k.inMatchmaking:
		events = append(events, BackfillStarted{id})
	case !start.IsInMatchmaking && k.inMatchmaking:
		events = append(events, BackfillStopped{id})
	}
	k.players, k.inMatchmaking = players, start.IsInMatchmaking
	s.mu.Unlock()
	for _, e := range events {
		s.hub.publish(e)
	}
}
