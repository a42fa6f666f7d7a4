package gameinstance_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

var (
	projections = flag.Int("projections", 12, "how many random programs run on data stores")
	projection  = flag.Uint64("projection", 0, "the `seed` of the one program to run; 0: random ones")
)

// TestEveryClientSeesExactlyItsProjection runs random programs on an instance:
// create, update, change of visibility, delete, join, leave, change of team and of
// party, by the studio's code, a game server and players; a server that comes and
// goes; clients that lose their connection, for a moment or beyond the grace time,
// and look again in all documented ways; a backend that is stopped or killed. After
// each commit, each client's view must be what a naive model says, with no
// notification too many, and nothing it was ever sent may contain a text that it
// may not see.
func TestEveryClientSeesExactlyItsProjection(t *testing.T) {
	seeds, commits := *projections, 90
	if testing.Short() {
		seeds, commits = 3, 40
	}
	for n := range seeds {
		seed := rand.Uint64()
		if *projection != 0 {
			seed = *projection
		}
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Logf("seed %d", seed)
			run(t, options{
				config:  "connectPlayersTimeoutMillis: 100000000, keepAliveMissesLimit: 100000",
				session: "playerRatePerSecond: 1000000, playerBurst: 1000000",
			}, func(t *testing.T, w *world) {
				newProgram(t, w, rand.New(rand.NewPCG(seed, 0))).run(commits)
			})
		})
	}
}

// program is a random program, the model of what it has done, and its clients.
type program struct {
	t       *testing.T
	w       *world
	rand    *rand.Rand
	id      pragma.GameInstanceID
	screens []*screen
	server  *screen // it never sees any data

	model  model
	before model // the model before the commit that is being made
	linked bool
	marks  int
	at     string // what is going on
}

func newProgram(t *testing.T, w *world, r *rand.Rand) *program {
	p := &program{t: t, w: w, rand: r}
	p.model = model{make(map[pragma.PlayerID]seat), make(map[place]item)}
	w.plug.create = func(*gameinstance.BackendCreateRequest) error { return nil }
	var err error
	if p.id, err = w.games.Create(t.Context(), &gameinstance.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ada", "ben", "cora", "dan", "eve", "finn"} {
		p.screens = append(p.screens, newScreen(w.player(name), p.id))
	}
	w.inParty("red", p.screens[0].peer, p.screens[1].peer, p.screens[2].peer)
	w.inParty("blue", p.screens[3].peer, p.screens[4].peer)
	p.server = newScreen(w.server(), p.id)
	return p
}

func (p *program) run(commits int) {
	for n := range commits {
		p.before = p.model.clone()
		kind := p.commit()
		p.at = fmt.Sprintf("commit %d (%s)", n, kind)
		synctest.Wait()
		p.checkServer()
		for _, s := range p.screens {
			p.check(s, kind)
		}
		if p.t.Failed() {
			return
		}
		p.at += " and then"
		p.disturb()
	}
	p.at = "in the end"
	for _, s := range p.screens {
		if s.away {
			p.comeBack(s)
		}
		if s.blind {
			s.sync()
		}
		p.compare(s)
	}
}

// commit makes one change and says what.
func (p *program) commit() string {
	s := p.screens[p.rand.IntN(len(p.screens))]
	_, in := p.model.players[s.peer.id]
	switch n := p.rand.IntN(16); {
	case n == 0 && !s.away && !in:
		return p.joinByClient(s)
	case n == 1 && !s.away && in:
		return p.leaveByClient(s)
	case n == 2:
		return p.serverComesOrGoes()
	case n == 3 && p.linked:
		return p.serverConnectsSome()
	}
	steps := p.steps()
	switch n := p.rand.IntN(6); {
	case n == 0 && in && !s.away:
		p.w.plug.playerEdits = func(r *gameinstance.PlayerUpdateRequest) error { return steps(r.GameInstance) }
		s.do("GameInstanceRpc.UpdateV1", m{"requestExt": m{}})
		return "update by a player"
	case n == 1:
		p.w.plug.update = func(r *gameinstance.BackendUpdateRequest) error { return steps(r.GameInstance) }
		p.server.do("GameInstanceRpc.UpdateGameInstanceV1", m{"gameInstanceId": p.id.String()})
		return "update by a server"
	}
	p.w.plug.update = func(r *gameinstance.BackendUpdateRequest) error { return steps(r.GameInstance) }
	if err := p.w.games.Update(p.t.Context(), p.id, ext.Value{}); err != nil {
		p.t.Fatalf("update: %v", err)
	}
	return "update"
}

func (p *program) joinByClient(s *screen) string {
	team := int64(p.rand.IntN(3))
	p.model.players[s.peer.id] = seat{party: s.party, team: team}
	p.w.plug.join = func(r *gameinstance.PlayerJoinRequest) error {
		_, err := r.GameInstance.AddPlayer(gameinstance.PlayerToAdd{PlayerID: r.RequestingPlayerID, TeamNumber: team})
		return err
	}
	got := s.do("GameInstanceRpc.JoinGameInstanceV1", m{"gameInstanceId": p.id.String(), "requestExt": m{}})
	want := p.model.project(s.peer.id)
	if v := viewOf(got["gameInstance"].(m)); !v.same(&want) {
		p.t.Errorf("%s joins and is answered %v, want %v", s.name, *v, want)
	}
	return "join by a client"
}

func (p *program) leaveByClient(s *screen) string {
	p.model.leave(s.peer.id)
	p.w.plug.leave = func(r *gameinstance.PlayerLeaveRequest) error {
		return r.GameInstance.RemovePlayer(r.RequestingPlayer.ID(), ext.Value{})
	}
	s.do("GameInstanceRpc.LeaveV1", m{"requestExt": m{}})
	return "leave by a client"
}

func (p *program) serverComesOrGoes() string {
	named := m{"gameInstanceId": p.id.String()}
	p.linked = !p.linked
	if p.linked {
		p.server.do("GameInstanceRpc.LinkV1", named)
		p.connect(p.screens...)
		return "link"
	}
	p.server.do("GameInstanceRpc.UnlinkV1", named)
	for id, s := range p.model.players {
		s.connected = false
		p.model.players[id] = s
	}
	return "unlink"
}

func (p *program) serverConnectsSome() string {
	p.connect(p.screens[:1+p.rand.IntN(len(p.screens))]...)
	return "connect"
}

// connect has the server connect those of the clients who play.
func (p *program) connect(some ...*screen) {
	var list []m
	for _, s := range some {
		if seat, in := p.model.players[s.peer.id]; in {
			list = append(list, m{"playerId": s.peer.id.String(), "extPlayerConnectionDetails": m{"seat": "seat-" + s.name + "."}})
			seat.connected = true
			p.model.players[s.peer.id] = seat
		}
	}
	p.server.do("GameInstanceRpc.ConnectPlayersV1", m{"gameInstanceId": p.id.String(), "hostname": "h", "port": 1, "playerConnectionDetails": list})
}

// steps makes a few random changes of the model and returns the same for the
// instance.
func (p *program) steps() func(i *gameinstance.Instance) error {
	var all []func(i *gameinstance.Instance) error
	for range 1 + p.rand.IntN(4) {
		all = append(all, p.step())
	}
	return func(i *gameinstance.Instance) error {
		for _, step := range all {
			if err := step(i); err != nil {
				return err
			}
		}
		return nil
	}
}

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
	s := p.screens[p.rand.IntN(len(p.screens))]
	team := int64(p.rand.IntN(3))
	_, in := p.model.players[s.peer.id]
	_, was := p.before.players[s.peer.id]
	if in || was { // who has left may not come back in the same commit
		return nothing
	}
	p.model.players[s.peer.id] = seat{party: s.party, team: team}
	return func(i *gameinstance.Instance) error {
		_, err := i.AddPlayer(gameinstance.PlayerToAdd{PlayerID: s.peer.id, TeamNumber: team})
		return err
	}
}

func (p *program) leave() func(i *gameinstance.Instance) error {
	s := p.screens[p.rand.IntN(len(p.screens))]
	if _, there := p.model.players[s.peer.id]; !there {
		return nothing
	}
	p.model.leave(s.peer.id)
	return func(i *gameinstance.Instance) error { return i.RemovePlayer(s.peer.id, ext.Value{}) }
}

func (p *program) changeTeam() func(i *gameinstance.Instance) error {
	id := p.screens[p.rand.IntN(len(p.screens))].peer.id
	s, there := p.model.players[id]
	if !there {
		return nothing
	}
	s.team = int64(p.rand.IntN(3))
	p.model.players[id] = s
	return func(i *gameinstance.Instance) error {
		i.Player(id).SetTeamNumber(s.team)
		return nil
	}
}

func (p *program) place() place {
	at := place{key: []string{"phase", "score", "secret", "key/with a slash", "ключ"}[p.rand.IntN(5)]}
	if s := p.screens[p.rand.IntN(len(p.screens))]; p.rand.IntN(2) == 0 {
		if _, there := p.model.players[s.peer.id]; there {
			at.owner = s.peer.id
		}
	}
	return at
}

func (p *program) sync() gameinstance.PlayerSync {
	s := p.screens[p.rand.IntN(len(p.screens))]
	switch p.rand.IntN(5) {
	case 0:
		return gameinstance.Public()
	case 1:
		return gameinstance.Team(int64(p.rand.IntN(3)))
	case 2:
		return gameinstance.Party(s.party)
	case 3:
		return gameinstance.Player(s.peer.id)
	}
	return gameinstance.Hidden()
}

// disturb has things happen that change nothing of the game.
func (p *program) disturb() {
	s := p.screens[p.rand.IntN(len(p.screens))]
	_, in := p.model.players[s.peer.id]
	switch n := p.rand.IntN(14); {
	case s.away && n < 7:
		p.comeBack(s)
		p.look(s)
	case !s.away && n < 2:
		s.drop()
		synctest.Wait()
	case n == 2: // longer than a session waits for its player
		time.Sleep(61 * time.Second)
	case n == 3 && !in && !s.away: // he plays with others next time
		p.w.inParty("green", s.peer)
	case n == 4 && !s.away:
		p.look(s)
	case n == 5 && p.rand.IntN(3) == 0:
		p.restart(p.rand.IntN(2) == 0)
	}
	for _, s := range p.screens {
		p.compare(s)
	}
}

func (p *program) comeBack(s *screen) {
	s.token, _ = p.w.Tokens(s.name) // his session may be over
	s.back()
}

// look has a client look at the game, or wait until it hears something.
func (p *program) look(s *screen) {
	switch p.rand.IntN(3) {
	case 0:
		s.initialize()
	case 1:
		s.sync()
	}
}

// restart stops or kills the backend; whoever was connected comes back.
func (p *program) restart(kill bool) {
	if kill {
		p.w.Kill()
	} else {
		p.w.Stop()
	}
	p.w.Start()
	for _, s := range p.screens {
		if !s.away {
			s.blind, s.last = true, 0
			p.comeBack(s)
			p.look(s)
		}
	}
	p.server.connect()
}

// check compares a client's view after a commit.
func (p *program) check(s *screen, kind string) {
	if s.away {
		return
	}
	_, was := p.before.players[s.peer.id]
	_, is := p.model.players[s.peer.id]
	blind := s.blind
	told, problem := s.follow()
	if problem != "" {
		p.t.Errorf("%s: %s", p.at, problem)
	}
	before, want := p.before.project(s.peer.id), p.model.project(s.peer.id)
	connects := slices.Contains([]string{"link", "connect", "unlink"}, kind) // all hear of an unlink, and of the same place again
	switch {
	case !was && !is && told > 0:
		p.t.Errorf("%s: %s, who is not in the game, is told of it", p.at, s.name)
	case was && is && before.same(&want) && told > 0 && !connects:
		p.t.Errorf("%s: nothing has changed for %s, who is told of it", p.at, s.name)
	case told > 1 && !blind:
		p.t.Errorf("%s: %s is told %d times", p.at, s.name, told)
	}
	p.compare(s)
}

// compare looks at what a client believes, and at all it was sent since.
func (p *program) compare(s *screen) {
	synctest.Wait()
	if !s.away {
		if _, problem := s.follow(); problem != "" {
			p.t.Errorf("%s: %s", p.at, problem)
		}
	}
	_, in := p.model.players[s.peer.id]
	want := view{}
	if in {
		want = p.model.project(s.peer.id)
	}
	p.checkTexts(s, slices.Collect(maps.Values(want.entries)))
	switch {
	case s.blind:
	case !in:
		if s.view != nil {
			p.t.Errorf("%s: %s believes he is in the game", p.at, s.name)
		}
	case s.view == nil:
		p.t.Errorf("%s: %s does not know he is in the game", p.at, s.name)
	default:
		equal(p.t, fmt.Sprintf("%s: entries of %s", p.at, s.name), s.view.entries, want.entries)
		equal(p.t, fmt.Sprintf("%s: players of %s", p.at, s.name), s.view.players, want.players)
		equal(p.t, fmt.Sprintf("%s: %s has a server", p.at, s.name), s.view.host, want.host)
	}
}

var (
	markRule = regexp.MustCompile(`mark-\d+\.`)
	seatRule = regexp.MustCompile(`seat-\w+\.`)
)

// checkTexts looks for what a client may not see in frames as they came.
func (p *program) checkTexts(s *screen, allowed []string) {
	for _, text := range s.sent() {
		for _, mark := range markRule.FindAllString(text, -1) {
			if !slices.Contains(allowed, mark) {
				p.t.Errorf("%s: %s was sent %s, which he may not see: %s", p.at, s.name, mark, text)
			}
		}
		for _, seat := range seatRule.FindAllString(text, -1) {
			if seat != "seat-"+s.name+"." {
				p.t.Errorf("%s: %s was sent what is for another player: %s", p.at, s.name, text)
			}
		}
	}
}

func (p *program) checkServer() {
	p.server.quiet()
	p.checkTexts(p.server, nil)
}
