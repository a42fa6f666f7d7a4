package gameinstance_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

// mortal is a store whose process dies with one of its commits: that one is
// applied or not, and nothing gets through afterwards.
type mortal struct {
	store.Driver
	applied bool // the last commit is

	mu   sync.Mutex
	left int // commits until death; less than zero: immortal
	made int
}

func (d *mortal) dead() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.left == 0
}

func (d *mortal) commits() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.made
}

var errDead = fmt.Errorf("%w: dead", store.ErrUnavailable)

func (d *mortal) Commit(ctx context.Context, b *store.Batch) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left == 0 {
		return errDead
	}
	d.made++
	if d.left--; d.left != 0 {
		return d.Driver.Commit(ctx, b)
	}
	if d.applied {
		_ = d.Driver.Commit(ctx, b) // nobody learns what became of it
	}
	return errDead
}

func (d *mortal) Get(ctx context.Context, keys ...store.Key) ([]store.Record, error) {
	if d.dead() {
		return nil, errDead
	}
	return d.Driver.Get(ctx, keys...)
}

func (d *mortal) List(ctx context.Context, q store.Query) iter.Seq2[store.Record, error] {
	if d.dead() {
		return func(yield func(store.Record, error) bool) { yield(store.Record{}, errDead) }
	}
	return d.Driver.List(ctx, q)
}

func (d *mortal) Due(ctx context.Context, kind string, before time.Time, limit int) ([]store.Record, error) {
	if d.dead() {
		return nil, errDead
	}
	return d.Driver.Due(ctx, kind, before, limit)
}

// story is the life of one game whose people do not give up: what fails they try
// again, after a new start of the backend if it has died.
type story struct {
	t      *testing.T
	w      *world
	db     *mortal // nil: the backend does not die
	ada    *peer
	ben    *peer
	cora   *peer // comes later
	server *peer
	id     pragma.GameInstanceID

	alone   bool // the game server dies with the backend
	deaths  int
	endings map[string]int // how often a player was told the result
}

func newStory(t *testing.T, w *world) *story {
	w.custom()
	w.plug.update = func(r *gameinstance.BackendUpdateRequest) error {
		round := gameinstance.Key[m]{Name: "round", Sync: gameinstance.Public()}
		return round.Set(r.GameInstance.Data(), m{"n": 1})
	}
	w.plug.end = func(r *gameinstance.EndGameRequest) error {
		exts := make(map[pragma.PlayerID]ext.Value)
		for _, p := range r.GameInstance.Players() {
			exts[p.ID()] = ext.Of(m{"result": "of " + p.DisplayName().DisplayName})
		}
		r.GameInstance.End(exts)
		return nil
	}
	s := &story{t: t, w: w, ada: w.player("ada"), ben: w.player("ben"), cora: w.player("cora"), endings: make(map[string]int)}
	w.inParty("red", s.ada, s.ben)
	s.server = w.server()
	return s
}

// mend starts the backend again if it has died, and reports whether it had.
func (s *story) mend() bool {
	if s.db == nil || s.deaths > 0 || !s.db.dead() {
		return false
	}
	s.deaths++
	s.listen()
	s.w.Kill()
	time.Sleep(time.Second)
	s.w.Start()
	for _, p := range []*peer{s.ada, s.ben, s.cora} {
		p.connect()
	}
	if !s.alone {
		s.server.connect()
	}
	return true
}

// listen counts what players were told.
func (s *story) listen() {
	synctest.Wait()
	for _, p := range []*peer{s.ada, s.ben, s.cora} {
		for {
			select {
			case f, open := <-p.frames:
				if !open {
					p.frames = nil
				} else if f.Notification != nil {
					p.notes = append(p.notes, f)
				}
				continue
			default:
			}
			break
		}
		for _, f := range p.notes {
			if nameOf(f) == "GameEndedV1" && f.Notification.Payload["gameInstanceId"] == s.id.String() {
				if !s.alone { // otherwise it may have failed for want of a server
					equal(s.t, p.name+"'s result", f.Notification.Payload["ext"], any(m{"result": "of " + p.name}))
				}
				s.endings[p.name]++
			}
		}
		p.notes = nil
	}
}

// insist repeats a call until its answer is one of those that mean that it is done.
func (s *story) insist(p *peer, call string, payload m, done ...string) {
	s.t.Helper()
	for range 40 {
		if s.alone && s.deaths > 0 && p == s.server {
			return
		}
		_, refused := p.attempt("GameInstanceRpc."+call, payload)
		if refused == "" || slices.Contains(done, refused) {
			s.mend()
			return
		}
		if !s.mend() {
			time.Sleep(200 * time.Millisecond)
		}
	}
	s.t.Fatalf("%s never succeeds", call)
}

// attempt is try for a socket that may be closed by the backend.
func (p *peer) attempt(call string, payload m) (m, string) {
	p.w.T.Helper()
	p.Request(call, payload)
	for f := range p.frames {
		switch {
		case f.Response != nil:
			synctest.Wait()
			return f.Response.Payload, ""
		case f.ServiceError != nil:
			return nil, f.ServiceError.Error + f.ServiceError.ExtError
		}
		p.notes = append(p.notes, f)
	}
	p.connect()
	return nil, "closed"
}

// play is the story from the match to the end.
func (s *story) play() {
	s.t.Helper()
	s.beMatched()
	const gone, out = "GameInstanceService_UnknownGameInstanceId", "GameInstanceService_PlayerNotInGameInstance"
	named := func(more m) m {
		more["gameInstanceId"] = s.id.String()
		return more
	}
	s.insist(s.server, "LinkV1", named(m{}))
	s.insist(s.server, "ConnectPlayersV1", named(m{"hostname": "h", "port": 1, "playerConnectionDetails": details(s.ada, s.ben)}))
	s.insist(s.server, "UpdateGameInstanceV1", named(m{}))
	s.insist(s.cora, "JoinGameInstanceV1", named(m{"requestExt": m{}}), "GameInstanceService_PlayerJoinFailed")
	s.insist(s.server, "ConnectMorePlayersV1", named(m{"hostname": "h", "port": 1, "playerConnectionDetails": details(s.cora)}))
	s.insist(s.ada, "UpdateV1", named(m{"requestExt": m{}}))
	s.insist(s.server, "RemovePlayersV2", named(m{"players": []m{{"playerId": s.cora.id.String()}}}), out)
	s.insist(s.server, "EndGameV1", named(m{"playerGameResults": []m{{"playerId": s.ada.id.String()}, {"playerId": s.cora.id.String()}}}), gone)
}

func (s *story) beMatched() {
	for range 40 {
		id, err := s.w.tryMatch(s.ada, s.ben)
		s.id = id
		dead := s.mend()
		if err == nil {
			return
		}
		if in, listed := s.w.games.InstancesOf(s.t.Context(), s.ada.id); listed == nil && len(in) == 1 {
			s.id = in[0] // it was made, and nobody heard of it
			return
		}
		if errors.Is(err, gameinstance.ErrPlayerJoinFailed) {
			s.t.Fatalf("match: %v, and ada is in no game", err)
		}
		if !dead {
			time.Sleep(200 * time.Millisecond)
		}
	}
	s.t.Fatal("the match is never made")
}

// check looks at what the game has left behind.
func (s *story) check() {
	s.t.Helper()
	s.listen()
	for _, p := range []*peer{s.ada, s.ben, s.cora} {
		if in, err := s.w.games.InstancesOf(s.t.Context(), p.id); err != nil || len(in) > 0 {
			s.t.Errorf("%s is still in %v, %v", p.name, in, err)
		}
	}
	if state := s.w.state(s.id); state != gameinstance.State(gameinstance.ErrUnknownGameInstanceID.Error()) {
		s.t.Errorf("the game is %s", state)
	}
	s.w.custom()
	s.ada.game() // everybody is free for the next one
}

// The backend dies with each of the commits of a game, before or after it is
// applied. Nobody is stuck, nobody is in two games, and every player learns his
// result, at least once.
func TestADeathAtAnyCommitLosesNothing(t *testing.T) {
	total := 0
	run(t, options{}, func(t *testing.T, w *world) {
		w.WrapStore(func(d store.Driver) store.Driver { return &mortal{Driver: d, left: -1} })
		db := dying(w, -1, false)
		s := newStory(t, w)
		before := (*db).commits()
		s.db = nil
		s.play()
		s.check()
		total = (*db).commits() - before
	})
	if total < 10 {
		t.Fatalf("the story has %d commits", total)
	}
	step := 1
	if testing.Short() {
		step = 5
	}
	for at := 1; at <= total; at += step {
		for _, applied := range []bool{false, true} {
			for _, alone := range []bool{false, true} {
				t.Run(fmt.Sprintf("commit %d, applied %v, server gone %v", at, applied, alone), func(t *testing.T) {
					run(t, options{}, func(t *testing.T, w *world) { deathAt(t, w, at, applied, alone) })
				})
			}
		}
	}
}

// dying has the next backend use a store that can die, and starts it.
func dying(w *world, left int, applied bool) **mortal {
	db := new(*mortal)
	w.WrapStore(func(d store.Driver) store.Driver {
		*db = &mortal{Driver: d, left: left, applied: applied}
		left = -1 // the next one lives
		return *db
	})
	w.Restart()
	return db
}

func deathAt(t *testing.T, w *world, at int, applied, alone bool) {
	db := dying(w, -1, applied)
	s := newStory(t, w)
	s.alone, s.db = alone, *db
	s.db.mu.Lock()
	s.db.left = at
	s.db.mu.Unlock()
	s.play()
	s.mend() // it may die with the last commit
	time.Sleep(10 * time.Minute)
	s.mend() // or with what it does afterwards
	s.listen()
	for _, p := range []*peer{s.ada, s.ben, s.cora} {
		p.token, _ = w.Tokens(p.name)
		p.connect()
	}
	s.check()
	if !alone {
		for _, name := range []string{"ada", "ben"} {
			if s.endings[name] == 0 {
				t.Errorf("%s was not told the result", name)
			}
		}
	}
	if back := slices.Compact(w.clubs.returned); !slices.Equal(back, []string{"red"}) && !(applied && back == nil) {
		t.Errorf("parties that got their players back: %v", back) // the note of it dies with the backend
	}
}

// A store that refuses, forgets to answer and invents conflicts costs time, and
// nothing else.
func TestAStoreThatFailsAtTimesLosesNothing(t *testing.T) {
	seeds := 30
	if testing.Short() {
		seeds = 5
	}
	for n := range seeds {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Logf("seed %d", seed)
			run(t, options{}, func(t *testing.T, w *world) {
				var db *storetest.FaultyDriver
				w.WrapStore(func(d store.Driver) store.Driver {
					db = storetest.Faulty(d, storetest.Faults{Seed: seed})
					return db
				})
				w.Restart()
				s := newStory(t, w)
				db.Set(storetest.Faults{Conflict: 0.1, UnknownBefore: 0.1, UnknownAfter: 0.1, Unavailable: 0.1, Read: 0.02})
				s.play()
				db.Set(storetest.Faults{})
				time.Sleep(10 * time.Minute)
				for _, p := range []*peer{s.ada, s.ben, s.cora} {
					p.token, _ = w.Tokens(p.name)
					p.connect()
				}
				s.check()
			})
		})
	}
}
