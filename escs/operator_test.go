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
			st.edit = func(p obj) { p["tournamentId"] = fmt.Sprintf("t%d", i%2) }
			s.starts(st)
		}
		s.starts(duel("other", robin, tuck))
		s.queue(tuck)
		for name, tt := range map[string]struct {
			request obj
			want    string
		}{
			"all":                  {obj{}, "6: other set0 set1 set2 set3 set4"},
			"one":                  {obj{"filter": obj{"setId": "set1"}}, "1: set1"},
			"beginning of an id":   {obj{"filter": obj{"setId": "set"}}, "0:"},
			"tournament":           {obj{"filter": obj{"tournamentId": "t0"}}, "3: set0 set2 set4"},
			"player here":          {obj{"filter": obj{"playerId": strings.ToUpper(tuck.ID.String())}}, "1: other"},
			"player there":         {obj{"filter": obj{"playerId": "escs-" + tuck.ID.String()}}, "1: other"},
			"state":                {obj{"filter": obj{"state": "QUEUEING"}}, "1: other"},
			"page":                 {obj{"pageSize": 2, "pageIndex": 1}, "6: set1 set2"},
			"page behind the last": {obj{"pageSize": 500, "pageIndex": 9}, "6:"},
			"several filters":      {obj{"filter": obj{"tournamentId": "t1", "state": "RECEIVED"}}, "2: set1 set3"},
		} {
			got := s.operator("ListSetsOperatorV1", tt.request)
			text := fmt.Sprintf("%v:", got["count"])
			for _, set := range got["sets"].([]any) {
				text += " " + set.(obj)["setId"].(string)
			}
			alike(t, name, text, tt.want)
		}
	})
}

func TestOperatorsAreRefusedWithAReason(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		op := s.Operator(pragma.Game, pragma.RoleViewer)
		for name, tt := range map[string]struct {
			call    string
			request obj
			want    string
		}{
			"unknown state":  {"ListSetsOperatorV1", obj{"filter": obj{"state": "LOST"}}, "Serialization_Error"},
			"negative page":  {"ListSetsOperatorV1", obj{"pageIndex": -1}, "Serialization_Error"},
			"huge page":      {"ListSetsOperatorV1", obj{"pageSize": 5000}, "Serialization_Error"},
			"unknown set":    {"GetSetOperatorV1", obj{"setId": "nope"}, "ESCS_PARTY_NOT_FOUND"},
			"no set":         {"GetSetOperatorV1", obj{}, "ESCS_PARTY_NOT_FOUND"},
			"huge id of set": {"GetSetOperatorV1", obj{"setId": strings.Repeat("x", 4000)}, "ESCS_PARTY_NOT_FOUND"},
		} {
			_, refused := op.Try("ExternalMatchmakingRpc."+tt.call, tt.request)
			alike(t, name, refused, tt.want)
		}
	})
}

func TestOperatorsSeeASetWithoutNames(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		s.starts(duel("set1", robin, marian))
		s.queue(marian)
		got := s.set("set1")
		o := got["overview"].(obj)
		alike(t, "overview", fmt.Sprint(o["setId"], o["tournamentId"], o["matchId"], o["roundId"], o["state"], o["queued"], o["required"], o["startCount"]),
			"set1t1m1r-set1QUEUEING1 2 1")
		alike(t, "received", o["receivedTimestampMillis"], any(fmt.Sprint(time.Now().UnixMilli())))
		first := got["players"].([]any)[0].(obj)
		alike(t, "player", fmt.Sprint(first["ingamePlayerId"], first["escsPlayerId"], first["team"], first["state"]),
			fmt.Sprint(robin.ID, "escs-"+robin.ID.String(), 1, "EXPECTED"))
	})
}
