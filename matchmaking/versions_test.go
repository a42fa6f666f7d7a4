package matchmaking_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

// seasons has one game server version at a time.
type seasons struct {
	party.CompatibilityDefaults
	now     atomic.Int64
	changed func()
}

func (s *seasons) version() string { return fmt.Sprint("season ", s.now.Load()) }

func (s *seasons) CalculateGameServerVersion(context.Context, *party.CalculateGameServerVersionRequest) (string, bool, error) {
	return s.version(), true, nil
}

func (s *seasons) AllowsGameServerVersion(_ context.Context, r *party.AllowsGameServerVersionRequest) (bool, error) {
	return r.Version == s.version(), nil
}

func (s *seasons) WatchGameServerVersions(changed func()) { s.changed = changed }

func (s *seasons) next() {
	s.now.Add(1)
	s.changed()
}

func TestAPartyWhoseVersionIsGoneLeavesTheQueueWithTheDocumentedReason(t *testing.T) {
	rule := &seasons{}
	run(t, setup{plugin: matchmaking.Defaults{}, compat: rule}, func(w *world) {
		robin := w.queued("a", "robin")[0]
		robin.told()
		rule.next()
		time.Sleep(time.Second)
		want := []string{"SessionChanged set[] removed[3]", "MatchmakingFailure GAME_SERVER_VERSION_NO_LONGER_COMPATIBLE", "PartyDetails"}
		if diff := cmp.Diff(want, robin.told()); diff != "" {
			t.Errorf("robin is told (-want +got):\n%s", diff)
		}
		robin.refused("MatchmakingRpc.GetMatchmakingInfoV2", matchmaking.ErrInfoNotAvailable.Reason)
		robin.enter()
		if parties, _, _ := robin.info(); parties != 1 {
			t.Errorf("%v parties wait on the new version, want 1", parties)
		}
	})
}

func TestVersionsThatDisappearWhileGamesAreMade(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { changeSeasons(t, seed) })
	}
}

// changeSeasons has players enter and leave while versions come and go and the
// store fails. In the end nobody waits on a version that is gone, and nobody both
// waits and plays.
func changeSeasons(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 3))
	rule := &seasons{}
	var db *storetest.FaultyDriver
	open := store.Memory()
	o := setup{plugin: duel{}, compat: rule, store: func(ctx context.Context) (store.Driver, error) {
		d, err := open(ctx)
		db = storetest.Faulty(d, storetest.Faults{Seed: seed})
		return db, err
	}}
	run(t, o, func(w *world) {
		var all []*player
		for i := range 7 {
			p := w.player(fmt.Sprint("player", i))
			w.party("a", p)
			all = append(all, p)
		}
		for range 80 {
			db.Set(unknown)
			p := all[rng.IntN(len(all))]
			switch rng.IntN(6) {
			case 0:
				rule.next()
			case 1:
				p.Try("MatchmakingRpc.LeaveMatchmakingV2", nil)
			case 2:
				p.leaveGame()
			default:
				p.Try("PartyRpc.EnterMatchmakingV1", nil)
			}
			time.Sleep(time.Duration(rng.IntN(1500)) * time.Millisecond)
		}
		db.Set(storetest.Faults{})
		rule.next()
		time.Sleep(10 * time.Minute)
		for _, p := range all {
			w.notStranded(p, rule.version())
		}
		if w.arena.calls() == 0 || !strings.Contains(w.Logs(), "game server version is gone") {
			t.Errorf("%d games were made; want some, and some parties that had to leave", w.arena.calls())
		}
	})
}

// leaveGame leaves the game the player is in, which ends it.
func (p *player) leaveGame() {
	got, refused := p.Try("MultiplayerRpc.InitializePartyV1", nil)
	if refused != nil {
		return // the store
	}
	for _, id := range got["gameInstanceIds"].([]any) {
		p.Try("GameInstanceRpc.LeaveV1", m{"gameInstanceId": id})
	}
}

// notStranded fails the test if a player waits on another version than the present.
func (w *world) notStranded(p *player, present string) {
	w.T.Helper()
	got := p.do("MultiplayerRpc.InitializePartyV1", nil)
	shown, in := got["party"].(m)
	if !in {
		w.T.Errorf("%s is in no party", p.name)
		return
	}
	games := got["gameInstanceIds"].([]any)
	waits := got["isInMatchmaking"] == true
	if waits != (shown["inMatchmaking"] == true) || waits && len(games) > 0 {
		w.T.Errorf("%s waits: %v, his party: %v, games: %v", p.name, waits, shown["inMatchmaking"], games)
	}
	if waits && shown["gameServerVersion"] != present {
		w.T.Errorf("%s waits on %v, want %s or not at all", p.name, shown["gameServerVersion"], present)
	}
	id, err := pragma.ParseID[pragma.PartyID](shown["partyId"].(string))
	if err != nil {
		w.T.Fatal(err)
	}
	truth, err := w.parties.Party(w.T.Context(), id)
	if err != nil || !slices.ContainsFunc(truth.Players, func(m party.PlayerInfo) bool { return m.PlayerID == p.id }) {
		w.T.Errorf("party of %s = %+v, %v", p.name, truth, err)
	}
}
