package gameinstance_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// TestEveryClientSeesExactlyItsProjection runs random programs on an instance:
// create, update, change of visibility, delete, join, leave, change of team. After
// each commit, each client's view must be what a naive model says, with no
// notification too many and no text that the player may not see.
func TestEveryClientSeesExactlyItsProjection(t *testing.T) {
	seeds, commits := 12, 60
	if testing.Short() {
		seeds, commits = 3, 30
	}
	for n := range seeds {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Logf("seed %d", seed)
			run(t, options{}, func(t *testing.T, w *world) {
				newProgram(t, w, rand.New(rand.NewPCG(seed, 0))).run(commits)
			})
		})
	}
}

// program is a random program, the model of what it has done, and what clients
// were told.
type program struct {
	t     *testing.T
	w     *world
	rand  *rand.Rand
	id    pragma.GameInstanceID
	peers []*peer

	model model
	views map[*peer]*view
	marks int
}

// model is the naive truth.
type model struct {
	players map[pragma.PlayerID]seat
	entries map[place]item
}

type seat struct {
	party pragma.PartyID
	team  int64
}

type place struct {
	owner pragma.PlayerID // zero: the instance
	key   string
}

type item struct {
	mark string
	sync gameinstance.PlayerSync
}

// view is what a client believes.
type view struct {
	version string
	entries map[string]string // marks
	players map[string]string // team and party
}

func (m model) clone() model { return model{maps.Clone(m.players), maps.Clone(m.entries)} }

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

// project returns what a player must see, without a version.
func (m model) project(id pragma.PlayerID) view {
	me := m.players[id]
	v := view{entries: make(map[string]string), players: make(map[string]string)}
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

func newProgram(t *testing.T, w *world, r *rand.Rand) *program {
	p := &program{t: t, w: w, rand: r, peers: w.players("ada", "ben", "cora", "dan", "eve", "finn"), views: make(map[*peer]*view)}
	w.inParty("red", p.peers[0], p.peers[1], p.peers[2])
	w.inParty("blue", p.peers[3], p.peers[4])
	p.model = model{make(map[pragma.PlayerID]seat), make(map[place]item)}
	w.plug.create = func(*gameinstance.BackendCreateRequest) error { return nil }
	var err error
	if p.id, err = w.games.Create(t.Context(), &gameinstance.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *program) run(commits int) {
	for n := range commits {
		before := p.model.clone()
		var steps []func(i *gameinstance.Instance) error
		for range 1 + p.rand.IntN(4) {
			steps = append(steps, p.step())
		}
		p.w.plug.update = func(r *gameinstance.BackendUpdateRequest) error {
			for _, step := range steps {
				if err := step(r.GameInstance); err != nil {
					return err
				}
			}
			return nil
		}
		if err := p.w.games.Update(p.t.Context(), p.id, ext.Value{}); err != nil {
			p.t.Fatalf("commit %d: %v", n, err)
		}
		for _, peer := range p.peers {
			p.check(n, peer, before)
		}
		if p.t.Failed() {
			return
		}
	}
}

// step makes one random change of the model and returns the same for the
// instance.
func (p *program) step() func(i *gameinstance.Instance) error {
	switch p.rand.IntN(10) {
	case 0:
		return p.join()
	case 1:
		return p.leave()
	case 2:
		return p.changeTeam()
	}
	at := p.place()
	store := func(i *gameinstance.Instance) *gameinstance.DataStore {
		if at.owner.IsZero() {
			return i.Data()
		}
		return i.Player(at.owner).Data()
	}
	e, there := p.model.entries[at]
	p.marks++
	mark := fmt.Sprintf("mark-%d.", p.marks)
	data := ext.Of(m{"mark": mark})
	sync := p.sync()
	switch n := p.rand.IntN(8); {
	case !there:
		p.model.entries[at] = item{mark, sync}
		return func(i *gameinstance.Instance) error { return store(i).Create(at.key, data, sync) }
	case n < 3:
		p.model.entries[at] = item{mark, e.sync}
		return func(i *gameinstance.Instance) error { return store(i).UpdateData(at.key, data) }
	case n < 4: // the same again
		same := ext.Of(m{"mark": e.mark})
		return func(i *gameinstance.Instance) error { return store(i).UpdateData(at.key, same) }
	case n < 7:
		p.model.entries[at] = item{e.mark, sync}
		return func(i *gameinstance.Instance) error { return store(i).UpdateSync(at.key, sync) }
	}
	delete(p.model.entries, at)
	return func(i *gameinstance.Instance) error {
		if !store(i).Delete(at.key) {
			return fmt.Errorf("%v was not there", at)
		}
		return nil
	}
}

func nothing(*gameinstance.Instance) error { return nil }

func (p *program) join() func(i *gameinstance.Instance) error {
	peer := p.peers[p.rand.IntN(len(p.peers))]
	team := int64(p.rand.IntN(3))
	if _, there := p.model.players[peer.id]; there || p.isLeaving(peer) {
		return nothing
	}
	p.model.players[peer.id] = seat{peer.party, team}
	return func(i *gameinstance.Instance) error {
		_, err := i.AddPlayer(gameinstance.PlayerToAdd{PlayerID: peer.id, PartyID: peer.party, TeamNumber: team})
		return err
	}
}

// isLeaving reports whether a player who is not in the model still has a view: he
// may not come back in the same commit.
func (p *program) isLeaving(peer *peer) bool { return p.views[peer] != nil }

func (p *program) leave() func(i *gameinstance.Instance) error {
	peer := p.peers[p.rand.IntN(len(p.peers))]
	if _, there := p.model.players[peer.id]; !there {
		return nothing
	}
	delete(p.model.players, peer.id)
	maps.DeleteFunc(p.model.entries, func(at place, _ item) bool { return at.owner == peer.id })
	return func(i *gameinstance.Instance) error { return i.RemovePlayer(peer.id, ext.Value{}) }
}

func (p *program) changeTeam() func(i *gameinstance.Instance) error {
	peer := p.peers[p.rand.IntN(len(p.peers))]
	s, there := p.model.players[peer.id]
	if !there {
		return nothing
	}
	s.team = int64(p.rand.IntN(3))
	p.model.players[peer.id] = s
	return func(i *gameinstance.Instance) error {
		i.Player(peer.id).SetTeamNumber(s.team)
		return nil
	}
}

func (p *program) place() place {
	at := place{key: []string{"phase", "score", "secret", "key/with a slash", "ключ"}[p.rand.IntN(5)]}
	if peer := p.peers[p.rand.IntN(len(p.peers))]; p.rand.IntN(2) == 0 {
		if _, there := p.model.players[peer.id]; there {
			at.owner = peer.id
		}
	}
	return at
}

func (p *program) sync() gameinstance.PlayerSync {
	peer := p.peers[p.rand.IntN(len(p.peers))]
	switch p.rand.IntN(5) {
	case 0:
		return gameinstance.Public()
	case 1:
		return gameinstance.Team(int64(p.rand.IntN(3)))
	case 2:
		return gameinstance.Party(peer.party)
	case 3:
		return gameinstance.Player(peer.id)
	}
	return gameinstance.Hidden()
}

var markRule = regexp.MustCompile(`mark-\d+\.`)

// check reads what a client was told of a commit and compares its view.
func (p *program) check(commit int, peer *peer, before model) {
	frames := peer.news()
	_, was := before.players[peer.id]
	_, is := p.model.players[peer.id]
	want := p.model.project(peer.id)
	for _, f := range frames {
		text, _ := json.Marshal(f.Notification.Payload)
		for _, mark := range markRule.FindAllString(string(text), -1) {
			if !slices.Contains(slices.Collect(maps.Values(want.entries)), mark) {
				p.t.Errorf("commit %d: %s was sent %s, which he may not see: %s", commit, peer.name, mark, text)
			}
		}
		p.apply(commit, peer, f)
	}
	switch {
	case !is:
		delete(p.views, peer)
		if !was && len(frames) > 0 {
			p.t.Errorf("commit %d: %s, who is not in the game, hears %v", commit, peer.name, frames)
		}
		return
	case was && same(before.project(peer.id), want) && len(frames) > 0:
		p.t.Errorf("commit %d: nothing has changed for %s, who hears %v", commit, peer.name, frames)
	case was && len(frames) > 1:
		p.t.Errorf("commit %d: %s hears %v, want one notification", commit, peer.name, frames)
	}
	got := p.views[peer]
	if got == nil {
		p.t.Fatalf("commit %d: %s has no view", commit, peer.name)
	}
	equal(p.t, fmt.Sprintf("commit %d: entries of %s", commit, peer.name), got.entries, want.entries)
	equal(p.t, fmt.Sprintf("commit %d: players of %s", commit, peer.name), got.players, want.players)
	if commit%7 == 0 {
		p.compareSync(commit, peer, want)
	}
}

func same(a, b view) bool {
	return maps.Equal(a.entries, b.entries) && maps.Equal(a.players, b.players)
}

// compareSync asks for the whole view.
func (p *program) compareSync(commit int, peer *peer, want view) {
	got := peer.do("MultiplayerRpc.InitializeGameInstanceV1", nil)["gameInstances"].([]any)[0].(m)
	v := viewOf(got)
	equal(p.t, fmt.Sprintf("commit %d: entries of %s by initialize", commit, peer.name), v.entries, want.entries)
	equal(p.t, fmt.Sprintf("commit %d: players of %s by initialize", commit, peer.name), v.players, want.players)
}

// apply does what a client does (wire §16.3).
func (p *program) apply(commit int, peer *peer, f pragmatest.Frame) {
	n := f.Notification.Payload
	switch name := nameOf(f); name {
	case "AddedToGameV1":
		p.views[peer] = viewOf(n["gameInstance"].(m))
	case "RemovedFromGameV1":
		delete(p.views, peer)
	case "GameInstanceUpdatedV1":
		v := p.views[peer]
		if v == nil {
			p.t.Fatalf("commit %d: %s is told of changes before he was added", commit, peer.name)
		}
		if n["previousVersion"] != v.version {
			p.t.Errorf("commit %d: %s: previousVersion is %v, the last one he was told is %v", commit, peer.name, n["previousVersion"], v.version)
		}
		v.apply(n)
	}
}

func viewOf(instance m) *view {
	v := &view{version: instance["version"].(string), entries: make(map[string]string), players: make(map[string]string)}
	for _, e := range instance["data"].([]any) {
		v.entries[placeOf(e.(m))] = e.(m)["data"].(m)["mark"].(string)
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

func (v *view) apply(n m) {
	v.version = n["version"].(string)
	for _, e := range n["changed"].([]any) {
		v.entries[placeOf(e.(m))] = e.(m)["data"].(m)["mark"].(string)
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

func (p place) String() string { return p.owner.String() + " " + p.key }

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
