package matchmaking_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

func TestGamesAreFilledWhateverHappens(t *testing.T) {
	seeds := uint64(8)
	if testing.Short() {
		seeds = 2
	}
	for _, c := range []struct {
		name   string
		faults storetest.Faults
		strict bool
	}{{"passing faults", passing, true}, {"unknown outcomes", unknown, false}} {
		for seed := range seeds {
			t.Run(fmt.Sprintf("%s, seed %d", c.name, seed), func(t *testing.T) {
				c.faults.Seed = seed
				fillChaos(t, seed, c.faults, c.strict)
			})
		}
	}
}

func fillChaos(t *testing.T, seed uint64, faults storetest.Faults, strict bool) {
	rng := rand.New(rand.NewPCG(seed, 17))
	var db *storetest.FaultyDriver
	open := store.Memory()
	o := backfill
	o.config = `game: {serviceConfigs: {GameInstanceServiceConfig: {connectPlayersTimeoutMillis: 86400000, enableKeepAlive: false}}}`
	o.store = func(ctx context.Context) (store.Driver, error) {
		d, err := open(ctx)
		db = storetest.Faulty(d, storetest.Faults{Seed: seed})
		return db, err
	}
	run(t, o, func(w *world) {
		h := &hall{crowd: crowd{world: w, rng: rng, strict: strict}, server: w.server(), games: make(map[string]*shown)}
		for i := range 6 {
			group := []*player{w.player(fmt.Sprintf("leader%d", i))}
			for j := range i % 3 {
				group = append(group, w.player(fmt.Sprintf("friend%d%d", i, j)))
			}
			w.party("a", group...)
			h.add(group)
		}
		for range 3 {
			h.newGame()
		}
		for range 120 {
			db.Set(faults)
			h.moves()
			db.Set(storetest.Faults{})
			h.check()
			if rng.IntN(40) == 0 {
				w.Restart()
				h.back()
			}
		}
		w.arena.setAdd(nil)
		time.Sleep(5 * time.Minute)
		h.finally()
	})
}

// hall is a crowd with games that come and go on one server.
type hall struct {
	crowd
	server *player
	games  map[string]*shown
}

// shown is a game as its server knows it.
type shown struct {
	room    int
	players map[string]int // how often each was added, without how often removed
}

func (h *hall) newGame() {
	room := 1 + h.rng.IntN(4)
	if got, refused := h.server.Try("GameInstanceRpc.CreateGameInstancePartnerV1", m{"requestExt": rules{Key: "a", Room: room}}); refused == nil {
		id := got["gameInstanceId"].(string)
		h.games[id] = &shown{room: room, players: make(map[string]int)}
		h.server.Try("GameInstanceRpc.ConnectPlayersV1", m{"gameInstanceId": id, "playerConnectionDetails": []m{}})
		h.server.Try("GameInstanceRpc.EnterMatchmakingV1", m{"gameInstanceId": id})
	}
}

// anyGame is one that the server knows of, or none.
func (h *hall) anyGame() (string, *shown) {
	ids := slices.Sorted(maps.Keys(h.games))
	if len(ids) == 0 {
		return "", nil
	}
	id := ids[h.rng.IntN(len(ids))]
	return id, h.games[id]
}

// moves has several do something at the same moment, and then waits for all.
func (h *hall) moves() {
	if h.rng.IntN(4) == 0 {
		time.Sleep(time.Duration(h.rng.IntN(4000)) * time.Millisecond)
	}
	var asked []*player
	for _, i := range h.rng.Perm(len(h.groups))[:1+h.rng.IntN(3)] {
		group := h.groups[i]
		who := group[h.rng.IntN(len(group))]
		switch h.rng.IntN(6) {
		case 0:
			who.Request("MatchmakingRpc.LeaveMatchmakingV2", m{})
		default:
			who = group[0]
			who.Request("PartyRpc.EnterMatchmakingV1", m{})
		}
		asked = append(asked, who)
	}
	after := h.serverMoves()
	for _, who := range asked {
		who.Answer()
	}
	_, refused := h.server.Answer()
	after(refused == nil)
	synctest.Wait()
	h.listen()
}

// serverMoves makes one call of the server; what it returns learns how it went.
func (h *hall) serverMoves() func(ok bool) {
	id, game := h.anyGame()
	ask := func(call string, payload m) { h.server.Request("GameInstanceRpc."+call, payload) }
	switch n := h.rng.IntN(10); {
	case game == nil || n == 0:
		ask("GameKeepAliveV1", m{"gameInstanceId": id})
		return func(bool) {
			h.newGame()
			var add func(*gameinstance.BackendAddPlayersRequest) error
			if h.rng.IntN(3) == 0 {
				add = func(*gameinstance.BackendAddPlayersRequest) error { return errors.New("not these") }
			}
			h.arena.setAdd(add)
		}
	case n < 4:
		ask("EnterMatchmakingV1", m{"gameInstanceId": id})
	case n == 4:
		ask("LeaveMatchmakingV1", m{"gameInstanceId": id})
	case n == 5:
		ask("UpdateGameInstanceV1", m{"gameInstanceId": id, "requestExt": rules{Key: "a", Room: game.room, Stop: h.rng.IntN(2) == 0}})
	case n == 6:
		ask("EndGameV1", m{"gameInstanceId": id})
		return func(ok bool) {
			if ok {
				h.hearServer() // players may have come just before
				delete(h.games, id)
			}
		}
	default:
		gone := slices.Sorted(maps.Keys(game.players))
		gone = slices.DeleteFunc(gone, func(p string) bool { return game.players[p] < 1 })
		if len(gone) > 0 {
			gone = gone[:1]
		}
		var list []m
		for _, p := range gone {
			list = append(list, m{"playerId": p})
		}
		ask("RemovePlayersV2", m{"gameInstanceId": id, "players": list})
		return func(ok bool) {
			for _, p := range gone {
				if ok && h.games[id] != nil {
					h.games[id].players[p]--
				}
			}
		}
	}
	return func(bool) {}
}

// hearServer has the server believe what it was told.
func (h *hall) hearServer() {
	for _, note := range h.server.Notes() {
		if note.Notification.Type != "GameInstanceRpc.AddPlayersV1Notification" {
			continue
		}
		id := note.Notification.Payload["gameInstanceId"].(string)
		game := h.games[id]
		for _, p := range note.Notification.Payload["gameServerPlayers"].([]any) {
			who := p.(m)["playerId"].(string)
			if game == nil {
				continue // the answer to its making was lost, or it ended just now
			}
			game.players[who]++
		}
	}
}

// check checks what must hold at any moment.
func (h *hall) check() {
	h.T.Helper()
	time.Sleep(100 * time.Millisecond) // for commits that are being repeated
	h.hearServer()
	in := make(map[pragma.PlayerID]string)
	for id, game := range h.games {
		told := maps.Clone(game.players)
		err := h.game(id, func(i *gameinstance.Instance) {
			if n := i.PlayerCount(); n > game.room {
				h.T.Errorf("%d players are in a game with room for %d", n, game.room)
			}
			for _, p := range i.Players() {
				if in[p.ID()] != "" {
					h.T.Errorf("player %s is in two games", p.ID())
				}
				in[p.ID()] = id
				told[p.ID().String()]--
			}
			for who, n := range told {
				if h.strict && n != 0 {
					h.T.Errorf("the server was told %d times too often that %s plays", n, who)
				}
			}
		})
		if errors.Is(err, gameinstance.ErrUnknownGameInstanceID) && !h.strict {
			delete(h.games, id) // the end was made, but not answered
		} else if err != nil {
			h.T.Error(err)
		}
	}
}

// back has everybody connect again after a restart.
func (h *hall) back() {
	h.reconnect()
	h.server.Cut()
	h.server.connect()
	h.server.Notes()
	for id, game := range h.games {
		got, refused := h.server.Try("GameInstanceRpc.LinkV1", m{"gameInstanceId": id})
		if refused != nil {
			continue
		}
		game.players = make(map[string]int)
		for _, p := range got["gameStart"].(m)["players"].([]any) {
			game.players[p.(m)["playerId"].(string)] = 1
		}
	}
}

// finally checks that everybody is where he believes to be, and that nobody waits
// whom a game would take.
func (h *hall) finally() {
	h.T.Helper()
	h.listen()
	if !h.strict {
		h.back()
	}
	h.check()
	parties, gamesWaiting := 0, 0
	smallest := 99
	for _, group := range h.groups {
		for _, p := range group {
			b := *h.belief[p]
			_, refused := p.Try("MatchmakingRpc.GetMatchmakingInfoV2", nil)
			where, err := h.crowd.games.InstancesOf(h.T.Context(), p.id)
			if err != nil {
				h.T.Fatal(err)
			}
			if b.queued && b.inGame || b.added || b.lost || (refused == nil) != b.queued || (len(where) == 1) != b.inGame {
				h.T.Errorf("%s believes %+v, but is in %v; asking for the queue gives %v", p.name, b, where, refused)
			}
		}
		if h.belief[group[0]].queued {
			parties++
			smallest = min(smallest, len(group))
		}
	}
	for id, game := range h.games {
		if h.waits(id) {
			gamesWaiting++
			if h.size(id)+smallest <= game.room {
				h.T.Errorf("a party of %d waits for a game with %d of %d players", smallest, h.size(id), game.room)
			}
		}
	}
	stored := len(h.tickets())
	if indexed, _ := h.queue.Index(); indexed != parties || h.strict && stored != parties+gamesWaiting {
		h.T.Errorf("%d parties and %d games wait, %d tickets are stored, %d parties are in memory", parties, gamesWaiting, stored, indexed)
	}
}
