package escs_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// game is the only game that a player is in.
func (s *stage) game(p *pragmatest.Peer) pragma.GameInstanceID {
	s.T.Helper()
	ids, err := s.games.InstancesOf(s.T.Context(), p.ID)
	if err != nil || len(ids) != 1 {
		s.T.Fatalf("games of %s = %v, %v, want one", p.Name, ids, err)
	}
	return ids[0]
}

// ends ends a player's game as a game server would.
func (s *stage) ends(p *pragmatest.Peer) {
	s.T.Helper()
	if err := s.games.End(s.T.Context(), s.game(p), ext.Value{}, nil); err != nil {
		s.T.Fatal(err)
	}
	synctest.Wait()
}

func TestHappyPath(t *testing.T) {
	for size, name := range map[int]string{1: "1v1", 2: "2v2"} {
		t.Run(name, func(t *testing.T) {
			onStage(t, props{}, func(s *stage) {
				var players []*pragmatest.Peer
				teams := make([][]string, 2)
				for i := range 2 * size {
					p := s.Peer(fmt.Sprintf("player%d", i))
					players = append(players, p)
					teams[i/size] = append(teams[i/size], p.ID.String())
				}
				s.starts(start{set: "set1", teams: teams, message: true})
				alike(t, "set", s.state("set1"), fmt.Sprintf("RECEIVED 0/%d", 2*size))
				var party any
				for i, p := range players {
					got := s.queue(p)
					if i == 0 {
						party = got["partyId"]
					}
					alike(t, "status", got["status"], any("QUEUED"))
					alike(t, "party", got["partyId"], party)
					alike(t, "isLeader", got["isLeader"], any(i == 0))
					alike(t, "queued", got["queued"], any(float64(i+1)))
					alike(t, "required", got["required"], any(float64(2*size)))
				}
				for _, p := range players {
					if got := p.Last("ExternalMatchmakingRpc.PartyIsCompleteForMatchmakingV1Notification"); got["leaderPlayerId"] != players[0].ID.String() || got["setId"] != "set1" || got["partyId"] != party {
						t.Errorf("%s was told %v", p.Name, got)
					}
					alike(t, p.Name+" completions", completions(p), 1)
				}
				alike(t, "set", s.state("set1"), fmt.Sprintf("COMPLETE %d/%d", 2*size, 2*size))
				s.ready(players...)
				players[0].Call("PartyRpc.EnterMatchmakingV1", nil)
				alike(t, "set", s.state("set1"), fmt.Sprintf("IN_MATCH %[1]d/%[1]d", 2*size))
				s.checkTeams(t, players, size)
				s.ends(players[0])
				alike(t, "set", s.state("set1"), fmt.Sprintf("ENDED %[1]d/%[1]d", 2*size))
			})
		})
	}
}

// checkTeams compares the teams of a game with those of the set, and what its
// plugin was told.
func (s *stage) checkTeams(t *testing.T, players []*pragmatest.Peer, size int) {
	t.Helper()
	err := s.games.Read(s.T.Context(), s.game(players[0]), func(i *gameinstance.Instance) error {
		for n, p := range players {
			alike(t, "team of "+p.Name, i.Player(p.ID).TeamNumber(), int64(n/size)+1)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	set := escs.SetOfGame(s.meadow.created[0].Parties)
	if set == nil || set.SetID != "set1" || set.Participants[0].Players[0].FirstName != "Firstname" || set.GlobalMetadata != "best of one" {
		t.Errorf("the game's plugin was told %+v", set)
	}
	if own, err := ext.As[struct{ Size int }](s.meadow.created[0].Parties[0].Ext); err != nil || own.Size != 2*size {
		t.Errorf("the party's own ext = %+v, %v", own, err)
	}
}

func TestOrdinaryPartiesDoNotNoticeThePlugins(t *testing.T) { // F29, acceptance 8
	onStage(t, props{}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		party := robin.Call("PartyRpc.CreateV1", nil)["party"].(obj)
		alike(t, "broadcast ext", fmt.Sprint(party["extBroadcastParty"]), "map[mode:ordinary]")
		marian.Call("PartyRpc.JoinWithInviteCodeV1", obj{"inviteCode": party["inviteCode"]})
		s.ready(robin, marian)
		robin.Call("PartyRpc.EnterMatchmakingV1", nil)
		synctest.Wait()
		if got := robin.Last("PartyRpc.PartyDetailsV1Notification"); got == nil {
			t.Log("the leader was not told, as usual")
		}
		alike(t, "games", len(s.meadow.created), 0)
		alike(t, "sets", fmt.Sprint(s.operator("ListSetsOperatorV1", obj{})["count"]), "0")
	})
}

func TestGameServerIsToldWhenTheSetEnds(t *testing.T) {
	w := gameinstance.MatchedParty{Ext: ext.Of(obj{"escsMatchmakingInfo": obj{
		"setId": "set1", "setEndTimeUnix": "1900000000", "participants": []any{obj{"players": []any{obj{"firstName": "Real", "ingamePlayerId": "p"}}}},
	}})}
	got, err := escs.BuildGameStart(t.Context(), []gameinstance.MatchedParty{w}, ext.Of(obj{"map": "glade"}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"setEndTimeUnix":"1900000000"`, `"map":"glade"`, `"ingamePlayerId":"p"`} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("start = %s, want %s", got, want)
		}
	}
	if strings.Contains(got.String(), "Real") {
		t.Errorf("start = %s has a real name", got)
	}
}

func TestTheWholeEveningSurvivesARestartInEachPhase(t *testing.T) { // F34
	onStage(t, props{}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		again := func() {
			s.Kill()
			s.Start()
			robin.LogIn()
			marian.LogIn()
			s.partner, _ = s.PartnerTokens()
		}
		s.starts(duel("set1", robin, marian))
		again()
		alike(t, "received", s.state("set1"), "RECEIVED 0/2")
		party := s.queue(robin)["partyId"]
		again()
		alike(t, "queueing", s.state("set1"), "QUEUEING 1/2")
		alike(t, "party", s.queue(marian)["partyId"], party)
		again()
		alike(t, "complete", s.state("set1"), "COMPLETE 2/2")
		alike(t, "completions after the restart", completions(robin), 1)
		alike(t, "completions after the restart", completions(marian), 1)
		s.ready(robin, marian)
		again()
		robin.Call("PartyRpc.EnterMatchmakingV1", nil)
		again()
		alike(t, "in match", s.state("set1"), "IN_MATCH 2/2")
		alike(t, "completions in a game", completions(robin), 0)
		s.ends(marian)
		again()
		alike(t, "ended", s.state("set1"), "ENDED 2/2")
		time.Sleep(2 * time.Hour)
		alike(t, "no results", s.state("set1"), "RESULTS_FAILED 2/2 NO_RESULT")
	})
}
