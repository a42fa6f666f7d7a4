package gameinstance_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
)

// matchEnd is the end of a game in the words of an older server.
func matchEnd(id string, ends ...m) m {
	return m{
		"matchId":      id,
		"matchEnd":     m{"matchId": id, "playerMatchEnds": ends, "ext": m{"map": "harbor"}},
		"matchMetrics": []m{{"name": "frameMillis", "value": 16.5}, {"name": "", "value": 1}},
	}
}

func TestMatchEndIsTheEndOfAGameInOtherWords(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		players := w.players("robin", "marian")
		id := w.match(players...)
		server := w.server()
		server.play(id, players...)
		ends := 0
		var got *gameinstance.EndGameRequest
		w.plug.end = func(r *gameinstance.EndGameRequest) error {
			ends, got = ends+1, r
			return w.plug.Defaults.OnEndGame(t.Context(), r)
		}
		end := matchEnd(id.String(),
			m{"playerId": players[0].id.String(), "ext": m{"won": true}, "ignored": 1},
			m{"playerId": players[1].id.String(), "kills": 3, "team": "red"})
		for range 3 { // an answer may be lost
			server.do("MatchLifecycleRpc.MatchEndV4", end)
		}
		if ends != 1 {
			t.Fatalf("the game ended %d times, want once", ends)
		}
		results := make(map[pragma.PlayerID]string)
		for _, r := range got.PlayerGameResults {
			results[r.PlayerID] = r.Ext.String()
		}
		want := map[pragma.PlayerID]string{players[0].id: `{"won":true}`, players[1].id: `{"kills":3,"team":"red"}`}
		if diff := cmp.Diff(want, results); diff != "" {
			t.Errorf("results (-want +got):\n%s", diff)
		}
		if got := got.RequestExt.String(); got != `{"map":"harbor"}` {
			t.Errorf("ext = %s", got)
		}
		for _, text := range []string{`msg="match metrics"`, "gameInstanceId=" + id.String(), "metrics.frameMillis=16.5", "metrics.unnamed=1"} {
			if !strings.Contains(w.Logs(), text) {
				t.Errorf("the log does not have %s", text)
			}
		}
	})
}

func TestMatchEndNamesItsGameInOneWay(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		players := w.players("robin", "marian")
		id := w.match(players...)
		server := w.server()
		server.play(id, players...)
		const refusal = "MatchLifecycleRpc.MatchEndV4"
		other := pragma.NewID[pragma.GameInstanceID]().String()
		server.refused(refusal, m{"matchId": id.String(), "matchEnd": m{"matchId": other}}, "Serialization_Error")
		server.refused(refusal, m{"matchId": other}, "GameInstanceService_UnknownGameInstanceId")
		server.refused(refusal, m{}, "GameInstanceService_UnknownGameInstanceId")
		server.refused(refusal, m{"matchId": "{{match}}"}, "Serialization_Error")
		server.refused(refusal, matchEnd(id.String(), m{"playerId": other}), "GameInstanceService_PlayerNotInGameInstance")
		if got := w.state(id); got != gameinstance.StateRunning {
			t.Fatalf("state = %s after refusals", got)
		}
		server.do(refusal, m{"matchEnd": m{"matchId": id.String()}})
		if got := string(w.state(id)); !strings.Contains(got, "UnknownGameInstanceId") {
			t.Errorf("state = %s after the end", got)
		}
	})
}

func TestMatchEndIsForTheServerOfTheGame(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		players := w.players("robin", "marian", "john", "will")
		first := w.match(players[:2]...)
		server := w.allocated()
		second := w.match(players[2:]...)
		server.refused("MatchLifecycleRpc.MatchEndV4", matchEnd(second.String()), "GameInstanceService_UnknownGameInstanceId")
		server.do("MatchLifecycleRpc.MatchEndV4", matchEnd(first.String()))
	})
}

func TestManyMatchMetricsAreCut(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		players := w.players("robin", "marian")
		id := w.match(players...)
		server := w.server()
		server.play(id, players...)
		end := matchEnd(id.String())
		var metrics []m
		for range 500 {
			metrics = append(metrics, m{"name": strings.Repeat("x", 500), "value": 1})
		}
		end["matchMetrics"] = metrics
		server.do("MatchLifecycleRpc.MatchEndV4", end)
		time.Sleep(time.Millisecond)
		if !strings.Contains(w.Logs(), "count=500") || strings.Contains(w.Logs(), strings.Repeat("x", 65)) || strings.Count(w.Logs(), "metrics.x") != 64 {
			t.Error("the log has not the first 64 figures with short names")
		}
	})
}
