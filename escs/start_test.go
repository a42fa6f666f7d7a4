package escs_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

const startCall = "ExternalMatchmakingRpc.SetStartV1"

// overview is a set as it is listed.
func (s *stage) overview(set string) obj {
	s.T.Helper()
	return s.set(set)["overview"].(obj)
}

func TestF5TheSameSetStartTenTimes(t *testing.T) { // and acceptance 4
	onStage(t, props{}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		st := duel("set1", robin, marian)
		payload := st.payload()
		for i := range 10 {
			if got := s.tryStart(startCall, payload); got != "" {
				t.Fatalf("start %d: %s", i, got)
			}
			if i == 4 {
				s.queue(robin)
			}
		}
		o := s.overview("set1")
		alike(t, "startCount", o["startCount"], any(float64(10)))
		alike(t, "set", s.state("set1"), "QUEUEING 1/2")
		s.queue(marian)
		s.ready(robin, marian)
		robin.Call("PartyRpc.EnterMatchmakingV1", nil)
		alike(t, "start in a game", s.tryStart(startCall, payload), "")
		s.ends(robin)
		alike(t, "start after the end", s.tryStart(startCall, payload), "")
		alike(t, "set", s.state("set1"), "ENDED 2/2")
	})
}

func TestF6SetStartWithOtherContent(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian, tuck := s.Peer("robin"), s.Peer("marian"), s.Peer("tuck")
		s.starts(duel("set1", robin, marian))
		s.starts(duel("set1", robin, tuck)) // nobody queued: replaced
		alike(t, "replaced", s.refused(marian, "set1"), "ESCS_CANNOT_JOIN_PARTY NOT_PARTICIPANT")
		alike(t, "not listed any more", s.refused(marian), "ESCS_PARTY_NOT_FOUND NO_SET")
		s.queue(robin)
		before := s.overview("set1")["setEndTimeUnix"]
		s.starts(start{set: "set1", ends: 30 * time.Minute, teams: [][]string{{robin.ID.String()}, {marian.ID.String()}}})
		alike(t, "an earlier end", s.overview("set1")["setEndTimeUnix"], before)
		alike(t, "other players", s.refused(marian, "set1"), "ESCS_CANNOT_JOIN_PARTY NOT_PARTICIPANT")
		later := duel("set1", robin, tuck)
		later.ends = 2 * time.Hour
		later.edit = func(p obj) { p["globalMetadata"] = "best of three" }
		s.starts(later)
		if got := s.overview("set1")["setEndTimeUnix"]; got == before {
			t.Error("a later end was not taken")
		}
		s.queue(tuck)
		s.ready(robin, tuck)
		time.Sleep(90 * time.Minute)
		robin.Call("PartyRpc.EnterMatchmakingV1", nil)
		text := s.meadow.created[0].Parties[0].Ext.String()
		if !strings.Contains(text, "best of three") {
			t.Errorf("the game was told %s", text)
		}
	})
}

func TestF7InvalidSetStart(t *testing.T) {
	onStage(t, props{config: "maxPlayersPerSet: 4"}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		with := func(edit func(p obj)) obj {
			st := duel("set1", robin, marian)
			st.edit = edit
			return st.payload()
		}
		long := strings.Repeat("x", 300)
		for name, edit := range map[string]func(p obj){
			"no set id":         func(p obj) { delete(p, "setId") },
			"empty set id":      func(p obj) { p["setId"] = "" },
			"huge set id":       func(p obj) { p["setId"] = long },
			"set id is no text": func(p obj) { p["setId"] = obj{"$oid": "5f158727c9e95137883b8b96"} },
			"player id is none": func(p obj) { p["participants"] = []any{[]any{obj{"ingamePlayerId": []any{robin.ID.String()}}}} },
			"huge round id":     func(p obj) { p["roundId"] = long },
			"no participants":   func(p obj) { delete(p, "participants") },
			"null participants": func(p obj) { p["participants"] = nil },
			"empty teams":       func(p obj) { p["participants"] = []any{[]any{}, obj{}} },
			"participants text": func(p obj) { p["participants"] = "all" },
			"player twice": func(p obj) {
				p["participants"] = []any{[]any{obj{"ingamePlayerId": robin.ID.String()}}, []any{obj{"ingamePlayerId": strings.ToUpper(robin.ID.String())}}}
			},
			"too many": func(p obj) {
				var team []any
				for range 5 {
					team = append(team, obj{"ingamePlayerId": pragma.NewID[pragma.PlayerID]().String()})
				}
				p["participants"] = []any{team}
			},
			"no end":       func(p obj) { delete(p, "setEndTimeUnix") },
			"negative end": func(p obj) { p["setEndTimeUnix"] = -1 },
			"huge end":     func(p obj) { p["setEndTimeUnix"] = "9223372036854775807" },
			"end as word":  func(p obj) { p["setEndTimeUnix"] = "soon" },
			"two lists":    func(p obj) { p["pariticipants"] = p["participants"] },
		} {
			payload := with(edit)
			alike(t, name, s.tryStart(startCall, payload), "Serialization_Error")
			body, err := json.Marshal(payload)
			if err != nil {
				t.Fatal(err)
			}
			status, answer := s.post(string(body), http.Header{"Escs-Game-Secret-Key": {"s3cret-of-the-game"}})
			alike(t, name+", plain", status, http.StatusBadRequest)
			if !strings.Contains(answer, "BAD_PARAM") || strings.Contains(answer, robin.ID.String()) {
				t.Errorf("%s, plain: %s", name, answer)
			}
		}
		alike(t, "sets", fmt.Sprint(s.operator("ListSetsOperatorV1", obj{})["count"]), "0")
	})
}

func TestF8ParticipantIsUnknown(t *testing.T) {
	for name, id := range map[string]string{"empty": "", "no id": "nobody", "an id of nobody": "8e7d6c5b-4a39-4281-9706-f5e4d3c2b1a0"} {
		t.Run(name, func(t *testing.T) {
			onStage(t, props{}, func(s *stage) {
				robin, marian := s.Peer("robin"), s.Peer("marian")
				s.starts(start{set: "set1", teams: [][]string{{robin.ID.String()}, {id}}})
				alike(t, "set", s.state("set1"), "UNPLAYABLE 0/2")
				alike(t, "refusal", s.refused(robin), "ESCS_CANNOT_JOIN_PARTY SET_UNPLAYABLE")
				s.starts(duel("set1", robin, marian)) // a better one helps
				s.queue(robin)
				alike(t, "set", s.state("set1"), "QUEUEING 1/2")
			})
		})
	}
}

func TestF8UnplayableSetIsKeptForAWhile(t *testing.T) {
	onStage(t, props{config: "retainAfterEnd: 2h"}, func(s *stage) {
		robin := s.Peer("robin")
		s.starts(start{set: "set1", teams: [][]string{{robin.ID.String()}, {""}}})
		time.Sleep(2 * time.Hour)
		alike(t, "set", s.state("set1"), "UNPLAYABLE 0/2")
		time.Sleep(time.Hour + 11*time.Minute)
		alike(t, "sets", fmt.Sprint(s.operator("ListSetsOperatorV1", obj{})["count"]), "0")
	})
}

func TestF9SetStartComesAfterTheEnd(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		st := duel("set1", robin, marian)
		st.ends = -time.Minute
		s.starts(st)
		alike(t, "set", s.state("set1"), "EXPIRED 0/2")
		alike(t, "refusal", s.refused(robin), "ESCS_CANNOT_JOIN_PARTY SET_EXPIRED")
		st = duel("set2", robin, marian)
		st.ends = -10 * time.Second // within clockSkew
		s.starts(st)
		if !strings.Contains(s.Logs(), "outcome=new set=set2") {
			t.Error("a set start within clockSkew was not taken as a new one")
		}
	})
}

func TestSetStartInEveryShapeIsTheSame(t *testing.T) { // acceptance 2
	onStage(t, props{config: "setStartTypeAliases: [EscsRpc.SetStarted.NowRequest, ExternalMatchmakingRpc.GameSetStartV1Request]"}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		base := start{set: "set1", teams: [][]string{{robin.ID.String()}, {marian.ID.String()}}}
		plain := base.payload()
		ends := plain["setEndTimeUnix"].(int64)
		edited := func(fn func(p obj)) obj {
			st := base
			st.edit = fn
			return st.payload()
		}
		objects := base
		objects.message = true
		snake := obj{
			"set_id": "set1", "tournament_id": "t1", "match_id": "m1", "round_id": "r-set1", "set_end_time_unix": fmt.Sprint(ends),
			"global_metadata": "best of one", "unknown_field": obj{"x": 1},
		}
		var teams []any
		for _, p := range []*pragmatest.Peer{robin, marian} {
			id := p.ID.String()
			teams = append(teams, obj{"players": []any{obj{
				"player_id": "escs-" + id, "ingame_player_id": id, "username": "user of " + id, "first_name": "Firstname",
				"last_name": "Lastname", "ingame_metadata": "secret-metadata", "avatar": "https://a.test/x.png",
			}}})
		}
		snake["participants"] = teams
		for name, payload := range map[string]obj{
			"bare":             plain,
			"setStart":         {"setStart": plain},
			"payload":          {"payload": plain},
			"data":             {"data": plain},
			"wrapped twice":    {"payload": obj{"set_start": plain}},
			"teams as lists":   plain,
			"teams as objects": objects.payload(),
			"misspelt":         edited(func(p obj) { p["pariticipants"] = p["participants"]; delete(p, "participants") }),
			"milliseconds":     edited(func(p obj) { p["setEndTimeUnix"] = ends*1000 + 999 }),
			"text":             edited(func(p obj) { p["setEndTimeUnix"] = fmt.Sprint(ends) }),
			"text, millis":     edited(func(p obj) { p["setEndTimeUnix"] = fmt.Sprint(ends * 1000) }),
			"fraction":         edited(func(p obj) { p["setEndTimeUnix"] = float64(ends) + 0.5 }),
			"snake case":       snake,
			"round of a player": edited(func(p obj) {
				p["roundId"] = ""
				p["participants"].([]any)[0].([]any)[0].(obj)["roundId"] = "r-set1"
			}),
		} {
			before := s.startCount("set1")
			alike(t, name, s.tryStart(startCall, payload), "")
			o := s.overview("set1")
			alike(t, name+": end", o["setEndTimeUnix"], any(fmt.Sprint(ends)))
			alike(t, name+": round", o["roundId"], any("r-set1"))
			alike(t, name+": count", s.startCount("set1"), before+1)
		}
		alike(t, "alias", s.tryStart("EscsRpc.SetStarted.Now", plain), "")
		alike(t, "alias", s.tryStart("ExternalMatchmakingRpc.GameSetStartV1", plain), "")
		if strings.Contains(s.Logs(), "outcome=replaced") || strings.Contains(s.Logs(), "outcome=conflict") {
			t.Errorf("some shapes were not the same:\n%s", s.Logs())
		}
	})
}

// startCount is how often a set start has come; 0 if never.
func (s *stage) startCount(set string) int {
	s.T.Helper()
	synctest.Wait()
	list, _ := s.operator("ListSetsOperatorV1", obj{"filter": obj{"setId": set}})["sets"].([]any)
	if len(list) == 0 {
		return 0
	}
	return int(list[0].(obj)["startCount"].(float64))
}

func TestPlainDoorAsksForACredential(t *testing.T) {
	onStage(t, props{config: `setStartAuthToken: "t0ken"`}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		body, err := json.Marshal(duel("set1", robin, marian).payload())
		if err != nil {
			t.Fatal(err)
		}
		for name, tt := range map[string]struct {
			header http.Header
			want   int
		}{
			"nothing":        {http.Header{}, http.StatusUnauthorized},
			"empty secret":   {http.Header{"Escs-Game-Secret-Key": {""}}, http.StatusUnauthorized},
			"wrong secret":   {http.Header{"Escs-Game-Secret-Key": {"t0ken"}}, http.StatusUnauthorized},
			"wrong token":    {http.Header{"Authorization": {"Bearer s3cret-of-the-game"}}, http.StatusUnauthorized},
			"another scheme": {http.Header{"Authorization": {"Basic t0ken"}}, http.StatusUnauthorized},
			"token":          {http.Header{"Authorization": {"Bearer t0ken"}}, http.StatusOK},
			"secret":         {http.Header{"Escs-Game-Secret-Key": {"s3cret-of-the-game"}}, http.StatusOK},
			"as form":        {http.Header{"Authorization": {"bearer t0ken"}, "Content-Type": {"text/plain"}}, http.StatusOK},
		} {
			status, answer := s.post(string(body), tt.header)
			alike(t, name, status, tt.want)
			if tt.want == http.StatusOK {
				alike(t, name, answer, "{}")
			}
			if strings.Contains(answer, "t0ken") || strings.Contains(answer, "s3cret") {
				t.Errorf("%s: the answer has a secret: %s", name, answer)
			}
		}
		alike(t, "starts", s.startCount("set1"), 3)
	})
}

func TestPlainDoorIsShutWithoutToken(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		for _, header := range []http.Header{{"Authorization": {"Bearer "}}, {"Authorization": {"Bearer"}}, {}} {
			status, _ := s.post("{}", header)
			alike(t, fmt.Sprint(header), status, http.StatusUnauthorized)
		}
	})
}

func TestSetStartIsLimited(t *testing.T) {
	onStage(t, props{config: "maxSetStartBytes: 2000"}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		st := duel("set1", robin, marian)
		st.edit = func(p obj) { p["other"] = strings.Repeat("x", 3000) }
		alike(t, "call", s.tryStart(startCall, st.payload()), "Serialization_Error")
		body, err := json.Marshal(st.payload())
		if err != nil {
			t.Fatal(err)
		}
		status, _ := s.post(string(body), http.Header{"Escs-Game-Secret-Key": {"s3cret-of-the-game"}})
		alike(t, "plain", status, http.StatusRequestEntityTooLarge)
	})
}

func TestSetStartsComeFromAllowedNetworksOnly(t *testing.T) {
	for cidrs, want := range map[string]bool{"[192.0.2.0/24]": false, "[0.0.0.0/0]": true, "[]": true} {
		t.Run(cidrs, func(t *testing.T) {
			onStage(t, props{config: "allowedCallerCIDRs: " + cidrs}, func(s *stage) {
				robin, marian := s.Peer("robin"), s.Peer("marian")
				payload := duel("set1", robin, marian).payload()
				body, err := json.Marshal(payload)
				if err != nil {
					t.Fatal(err)
				}
				status, _ := s.post(string(body), http.Header{"Escs-Game-Secret-Key": {"s3cret-of-the-game"}})
				alike(t, "plain", status == http.StatusOK, want)
				alike(t, "call", s.tryStart(startCall, payload) == "", want)
			})
		})
	}
}
