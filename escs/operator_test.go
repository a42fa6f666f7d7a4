package escs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma"
)

func TestOperatorsListSets(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian, tuck := s.Peer("robin"), s.Peer("marian"), s.Peer("tuck")
		for i := range 5 {
			st := duel(fmt.Sprintf("set%d", i), robin, marian)
			st.edit = func(p m) { p["tournamentId"] = fmt.Sprintf("t%d", i%2) }
			s.starts(st)
		}
		s.starts(duel("other", robin, tuck))
		s.queue(tuck)
		for name, tt := range map[string]struct {
			request m
			want    string
		}{
			"all":                  {m{}, "6: other set0 set1 set2 set3 set4"},
			"one":                  {m{"filter": m{"setId": "set1"}}, "1: set1"},
			"beginning of an id":   {m{"filter": m{"setId": "set"}}, "0:"},
			"tournament":           {m{"filter": m{"tournamentId": "t0"}}, "3: set0 set2 set4"},
			"player here":          {m{"filter": m{"playerId": strings.ToUpper(tuck.ID.String())}}, "1: other"},
			"player there":         {m{"filter": m{"playerId": "escs-" + tuck.ID.String()}}, "1: other"},
			"state":                {m{"filter": m{"state": "QUEUEING"}}, "1: other"},
			"page":                 {m{"pageSize": 2, "pageIndex": 1}, "6: set1 set2"},
			"page behind the last": {m{"pageSize": 500, "pageIndex": 9}, "6:"},
			"several filters":      {m{"filter": m{"tournamentId": "t1", "state": "RECEIVED"}}, "2: set1 set3"},
		} {
			got := s.operator("ListSetsOperatorV1", tt.request)
			text := fmt.Sprintf("%v:", got["count"])
			for _, set := range got["sets"].([]any) {
				text += " " + set.(m)["setId"].(string)
			}
			equal(t, name, text, tt.want)
		}
	})
}

func TestOperatorsAreRefusedWithAReason(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		op := s.Operator(pragma.Game, pragma.RoleViewer)
		for name, tt := range map[string]struct {
			call    string
			request m
			want    string
		}{
			"unknown state":  {"ListSetsOperatorV1", m{"filter": m{"state": "LOST"}}, "Serialization_Error"},
			"negative page":  {"ListSetsOperatorV1", m{"pageIndex": -1}, "Serialization_Error"},
			"huge page":      {"ListSetsOperatorV1", m{"pageSize": 5000}, "Serialization_Error"},
			"unknown set":    {"GetSetOperatorV1", m{"setId": "nope"}, "ESCS_PARTY_NOT_FOUND"},
			"no set":         {"GetSetOperatorV1", m{}, "ESCS_PARTY_NOT_FOUND"},
			"huge id of set": {"GetSetOperatorV1", m{"setId": strings.Repeat("x", 4000)}, "ESCS_PARTY_NOT_FOUND"},
		} {
			_, refused := op.Try("ExternalMatchmakingRpc."+tt.call, tt.request)
			equal(t, name, refused, tt.want)
		}
	})
}

func TestOperatorsSeeASetWithoutNames(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		s.starts(duel("set1", robin, marian))
		s.queue(marian)
		got := s.set("set1")
		o := got["overview"].(m)
		equal(t, "overview", fmt.Sprint(o["setId"], o["tournamentId"], o["matchId"], o["roundId"], o["state"], o["queued"], o["required"], o["startCount"]),
			"set1t1m1r-set1QUEUEING1 2 1")
		equal(t, "received", o["receivedTimestampMillis"], any(fmt.Sprint(time.Now().UnixMilli())))
		first := got["players"].([]any)[0].(m)
		equal(t, "player", fmt.Sprint(first["ingamePlayerId"], first["escsPlayerId"], first["team"], first["state"]),
			fmt.Sprint(robin.ID, "escs-"+robin.ID.String(), 1, "EXPECTED"))
	})
}
