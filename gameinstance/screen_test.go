package gameinstance_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// model is the naive truth about one instance.
type model struct {
	players map[pragma.PlayerID]seat
	entries map[place]item
}

type seat struct {
	party     pragma.PartyID
	team      int64
	connected bool // he was told where the server is
}

type place struct {
	owner pragma.PlayerID // zero: the instance
	key   string
}

type item struct {
	mark string
	sync gameinstance.PlayerSync
}

func (p place) String() string { return p.owner.String() + " " + p.key }

func (m model) clone() model { return model{maps.Clone(m.players), maps.Clone(m.entries)} }

// leave takes a player out, with his data.
func (m model) leave(id pragma.PlayerID) {
	delete(m.players, id)
	maps.DeleteFunc(m.entries, func(at place, _ item) bool { return at.owner == id })
}

// sees is the definition of visibility, written once more.
func (s seat) sees(id pragma.PlayerID, sync gameinstance.PlayerSync) bool {
	switch sync {
	case gameinstance.Public(), gameinstance.Player(id), gameinstance.Team(s.team):
		return true
	case gameinstance.Party(s.party):
		return !s.party.IsZero()
	}
	return false
}

// view is what a client believes of an instance, or should.
type view struct {
	version int64
	host    bool
	entries map[string]string // marks
	players map[string]string // team and party
}

// project returns what a player must see, without a version.
func (m model) project(id pragma.PlayerID) view {
	me := m.players[id]
	v := view{host: me.connected, entries: make(map[string]string), players: make(map[string]string)}
	for at, e := range m.entries {
		if me.sees(id, e.sync) {
			v.entries[at.String()] = e.mark
		}
	}
	for other, s := range m.players {
		known := pragma.PartyID{}
		if s.party == me.party {
			known = s.party
		}
		v.players[other.String()] = fmt.Sprint(s.team, " ", known)
	}
	return v
}

func (v *view) same(w *view) bool {
	return v.host == w.host && maps.Equal(v.entries, w.entries) && maps.Equal(v.players, w.players)
}

func number(text any) int64 {
	n, err := strconv.ParseInt(text.(string), 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func viewOf(instance m) *view {
	v := &view{version: number(instance["version"]), entries: make(map[string]string), players: make(map[string]string)}
	_, v.host = instance["hostConnectionDetails"]
	for _, e := range instance["data"].([]any) {
		v.entries[placeOf(e.(m))] = markOf(e.(m))
	}
	for _, e := range instance["players"].([]any) {
		v.add(e.(m))
	}
	return v
}

func (v *view) add(player m) {
	party, known := player["partyId"].(string)
	if !known {
		party = pragma.PartyID{}.String()
	}
	v.players[player["playerId"].(string)] = player["teamNumber"].(string) + " " + party
}

// apply takes over what a notification says (wire §16.3).
func (v *view) apply(n m) {
	v.version = number(n["version"])
	v.host = n["hostConnectionDetailsPresent"].(bool)
	for _, e := range n["changed"].([]any) {
		v.entries[placeOf(e.(m))] = markOf(e.(m))
	}
	for _, e := range n["removed"].([]any) {
		delete(v.entries, placeOf(e.(m)))
	}
	for _, e := range n["playersAdded"].([]any) {
		v.add(e.(m))
	}
	for _, id := range n["playersRemoved"].([]any) {
		delete(v.players, id.(string))
	}
}

func markOf(e m) string { return e["data"].(m)["mark"].(string) }

// placeOf returns the place of an entry as String does.
func placeOf(e m) string {
	owner, mine := e["playerId"].(string)
	if !mine {
		owner = pragma.PlayerID{}.String()
	}
	if mine != (e["scope"] == "PLAYER") {
		return "wrong scope"
	}
	return owner + " " + e["key"].(string)
}

// screen is a client that follows an instance by the documented rules: it applies
// a notification that fits, drops an old one, and asks when it has missed one.
type screen struct {
	*peer
	id    string // of the instance
	view  *view  // nil: it believes that it is not in the game
	away  bool   // has no connection
	blind bool   // was away, and has not looked since
	last  int64  // version of the last change it was told, if it has missed none since
	syncs int    // because of a gap

	mu    sync.Mutex // guards texts
	texts []string   // frames as they came, since somebody looked
}

func newScreen(p *peer, id pragma.GameInstanceID) *screen {
	s := &screen{peer: p, id: id.String()}
	p.tap = func(text string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.texts = append(s.texts, text)
	}
	p.connect() // again, with the tap
	return s
}

// sent returns the frames that came since it was last called.
func (s *screen) sent() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	texts := s.texts
	s.texts = nil
	return texts
}

// follow applies what came and returns how many notifications said something of
// the game.
func (s *screen) follow() (told int, problem string) {
	for _, f := range s.news() {
		p, counts := s.take(f)
		problem += p
		if counts {
			told++
		}
	}
	return told, problem
}

func (s *screen) take(f pragmatest.Frame) (problem string, counts bool) {
	n := f.Notification.Payload
	switch nameOf(f) {
	case "AddedToGameV1":
		s.view, s.blind = viewOf(n["gameInstance"].(m)), false
		s.last = s.view.version
		return "", true
	case "RemovedFromGameV1":
		s.view, s.blind = nil, false
		return "", true
	case "GameInstanceUpdatedV1":
		return s.update(n), true
	}
	return "", false
}

// update is the rule of GameInstanceUpdatedV1Notification.
func (s *screen) update(n m) (problem string) {
	if s.last != 0 && s.last != number(n["previousVersion"]) {
		problem = fmt.Sprintf("%s is told that he has seen version %v, and saw %d last; ", s.name, n["previousVersion"], s.last)
	}
	s.last = number(n["version"])
	switch before, after := number(n["previousVersion"]), number(n["version"]); {
	case before >= after:
		problem += fmt.Sprintf("%s: a change leads from version %d to %d; ", s.name, before, after)
	case s.view != nil && s.view.version >= after:
		if !s.blind && s.syncs == 0 {
			problem += fmt.Sprintf("%s at version %d is told of version %d; ", s.name, s.view.version, after)
		}
	case s.view != nil && s.view.version >= before:
		s.view.apply(n)
		s.blind = false
	default:
		if !s.blind {
			problem += fmt.Sprintf("%s has missed something before version %d; ", s.name, before)
		}
		s.syncs++
		s.sync()
	}
	return problem
}

// sync asks for what the client lacks.
func (s *screen) sync() {
	s.w.T.Helper()
	known := []m{}
	if s.view != nil {
		known = append(known, m{"gameInstanceId": s.id, "clientVersion": fmt.Sprint(s.view.version)})
	}
	got := s.do("MultiplayerRpc.SyncGameInstanceV1", m{"clientGameInstances": known})
	if !slices.Contains(got["currentGameInstanceIds"].([]any), any(s.id)) {
		s.view = nil
	}
	s.show(got["gameInstances"].([]any))
}

// initialize asks for everything.
func (s *screen) initialize() {
	s.w.T.Helper()
	s.view = nil
	s.show(s.do("MultiplayerRpc.InitializeGameInstanceV1", nil)["gameInstances"].([]any))
}

func (s *screen) show(instances []any) {
	for _, e := range instances {
		if instance := e.(m); instance["gameInstanceId"] == s.id {
			s.view = viewOf(instance)
		}
	}
	s.blind = false
}

// drop loses the connection.
func (s *screen) drop() {
	s.Cut()
	s.away, s.blind, s.last = true, true, 0
}

// back opens the connection again.
func (s *screen) back() {
	s.connect()
	s.away = false
}
