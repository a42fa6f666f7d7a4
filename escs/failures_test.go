package escs_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// The failure cases of escs §10, one test each. Those of set starts are in
// start_test.go.

func TestF1PlayerQueuesBeforeTheSetStartHasCome(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		_, f := robin.Try(queueCall, obj{})
		alike(t, "refusal", why(f), "ESCS_PARTY_NOT_FOUND NO_SET")
		alike(t, "debug details", f.ServiceError.DebugDetails[0], "ESCS_PARTY_NOT_FOUND: NO_SET")
		alike(t, "application error", f.ServiceError.ApplicationError.Type, "ExternalMatchmakingRpc.ReasonApplicationError")
		s.starts(duel("set1", robin, marian))
		alike(t, "status", s.queue(robin)["status"], any("QUEUED"))
	})
}

func TestF1AfterASetThatWasPlayedTheNextOneMayStillBeOnItsWay(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		s.play("set1", robin, marian)
		alike(t, "without set", s.refused(robin), "ESCS_PARTY_NOT_FOUND NO_SET")
		alike(t, "the set that was played", s.refused(robin, "set1"), "ESCS_CANNOT_JOIN_PARTY SET_FINISHED")
		s.starts(duel("set2", robin, marian))
		alike(t, "next set", s.queue(robin)["setId"], any("set2"))
		alike(t, "next set", s.queue(marian)["setId"], any("set2"))
		alike(t, "set2", s.state("set2"), "COMPLETE 2/2")
	})
}

// complete brings two players into a complete party.
func (s *stage) complete(set string, a, b *pragmatest.Peer) {
	s.T.Helper()
	s.starts(duel(set, a, b))
	s.queue(a, set)
	s.queue(b, set)
}

// plays begins the game of two players.
func (s *stage) begin(set string, a, b *pragmatest.Peer) {
	s.T.Helper()
	s.complete(set, a, b)
	s.ready(a, b)
	a.Call("PartyRpc.EnterMatchmakingV1", nil)
}

// play plays a set to its end.
func (s *stage) play(set string, a, b *pragmatest.Peer) {
	s.T.Helper()
	s.begin(set, a, b)
	s.ends(a)
}

func TestF2NoSetNamesThePlayer(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian, tuck := s.Peer("robin"), s.Peer("marian"), s.Peer("tuck")
		s.starts(duel("set1", robin, marian))
		alike(t, "outsider", s.refused(tuck), "ESCS_PARTY_NOT_FOUND NO_SET")
		alike(t, "unknown set", s.refused(robin, "nope"), "ESCS_PARTY_NOT_FOUND NO_SET")
		alike(t, "huge set id", s.refused(robin, strings.Repeat("x", 5000)), "ESCS_PARTY_NOT_FOUND NO_SET")
	})
}

func TestF3PlayerAsksForASetOfOthers(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian, tuck := s.Peer("robin"), s.Peer("marian"), s.Peer("tuck")
		s.starts(duel("set1", robin, marian))
		got, f := tuck.Try(queueCall, obj{"setId": "set1"})
		if f == nil {
			t.Fatalf("queued: %v", got)
		}
		alike(t, "refusal", why(f), "ESCS_CANNOT_JOIN_PARTY NOT_PARTICIPANT")
		for _, secret := range []string{robin.ID.String(), "m1", "t1"} {
			if strings.Contains(f.Text, secret) {
				t.Errorf("the refusal tells of the set: %s", f.Text)
			}
		}
	})
}

func TestF4SetIsOver(t *testing.T) {
	onStage(t, props{config: "retainAfterEnd: 1h"}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		s.starts(duel("set1", robin, marian))
		s.queue(robin)
		robin.Notes()
		time.Sleep(time.Hour - time.Millisecond)
		s.queue(robin) // just in time
		time.Sleep(2 * time.Second)
		alike(t, "without set", s.refused(marian), "ESCS_CANNOT_JOIN_PARTY SET_EXPIRED")
		alike(t, "with set", s.refused(marian, "set1"), "ESCS_CANNOT_JOIN_PARTY SET_EXPIRED")
		time.Sleep(10 * time.Minute) // cleanInterval
		alike(t, "set", s.state("set1"), "EXPIRED 0/2")
		alike(t, "party", robin.Last("PartyRpc.RemovedV1Notification")["removalReason"], any("PARTY_CLOSED"))
		robin.Call("PartyRpc.CreateV1", nil) // normal play
		time.Sleep(70 * time.Minute)         // retainAfterEnd, and cleanInterval
		alike(t, "sets left", fmt.Sprint(s.operator("ListSetsOperatorV1", obj{})["count"]), "0")
		alike(t, "without set", s.refused(marian), "ESCS_PARTY_NOT_FOUND NO_SET")
	})
}

func TestF4RunningGameIsLeftAlone(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		s.begin("set1", robin, marian)
		time.Sleep(time.Hour + 12*time.Minute)
		s.game(robin)
		alike(t, "set", s.state("set1"), "RESULTS_FAILED 2/2 NO_RESULT")
		s.ends(robin) // too late, and no trouble
		alike(t, "set", s.state("set1"), "RESULTS_FAILED 2/2 NO_RESULT")
	})
}

func TestF10PlayersQueueAtTheSameInstant(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		var teams [][]string
		var players []*pragmatest.Peer
		for i := range 8 {
			p := s.Peer(fmt.Sprintf("player%d", i))
			players = append(players, p)
			teams = append(teams, []string{p.ID.String()})
		}
		s.starts(start{set: "set1", teams: teams})
		for range 3 { // and doubled
			for _, p := range players {
				p.Request(queueCall, obj{})
			}
		}
		parties, leaders := map[any]bool{}, map[any]bool{}
		for range 3 {
			for _, p := range players {
				got, f := p.Answer()
				if f != nil {
					t.Fatalf("%s: %s", p.Name, why(f))
				}
				parties[got["partyId"]] = true
				if got["isLeader"] == true {
					leaders[p.Name] = true
				}
			}
		}
		alike(t, "parties", len(parties), 1)
		alike(t, "leaders", len(leaders), 1)
		alike(t, "set", s.state("set1"), "COMPLETE 8/8")
	})
}

func TestF11QueuedPlayerLeavesAndComesBack(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		s.complete("set1", robin, marian)
		alike(t, "completions", completions(marian), 1)
		robin.Call("PartyRpc.LeaveV1", nil)
		alike(t, "set", s.state("set1"), "QUEUEING 1/2")
		alike(t, "leader", s.queue(marian)["isLeader"], any(true))
		alike(t, "completions", completions(marian), 0)
		alike(t, "leader", s.queue(robin)["isLeader"], any(false))
		alike(t, "set", s.state("set1"), "COMPLETE 2/2")
		alike(t, "completions", completions(marian), 1)
		alike(t, "completions", completions(robin), 2) // one from before he left
	})
}

func TestF11LeadershipGoesToTheFirstWhoIsConnected(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian, tuck, will := s.Peer("robin"), s.Peer("marian"), s.Peer("tuck"), s.Peer("will")
		s.starts(start{set: "set1", teams: [][]string{{robin.ID.String(), marian.ID.String()}, {tuck.ID.String(), will.ID.String()}}})
		for _, p := range []*pragmatest.Peer{robin, marian, tuck, will} {
			s.queue(p)
		}
		alike(t, "completions", completions(will), 1)
		marian.Cut()
		robin.Cut()
		time.Sleep(61 * time.Second) // the grace time
		alike(t, "set", s.state("set1"), "QUEUEING 2/4")
		alike(t, "tuck leads", s.queue(tuck)["isLeader"], any(true))
		marian.LogIn()
		robin.LogIn()
		s.queue(marian)
		s.queue(robin)
		alike(t, "completions", completions(will), 1)
		alike(t, "set", s.state("set1"), "COMPLETE 4/4")
	})
}

func TestF12NotEverybodyComes(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		s.starts(duel("set1", robin, marian))
		s.queue(robin)
		time.Sleep(time.Hour + 11*time.Minute)
		alike(t, "set", s.state("set1"), "EXPIRED 0/2")
		alike(t, "games", len(s.meadow.created), 0)
	})
}

func TestF13ServerEntersWhenAllAreReady(t *testing.T) {
	onStage(t, props{config: "autoEnterMatchmaking: true"}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		s.complete("set1", robin, marian)
		s.ready(robin)
		alike(t, "set", s.state("set1"), "COMPLETE 2/2")
		s.ready(marian)
		alike(t, "set", s.state("set1"), "IN_MATCH 2/2")
	})
}

func TestF13NobodyEntersByItselfUnlessConfigured(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		s.complete("set1", robin, marian)
		s.ready(robin, marian)
		alike(t, "set", s.state("set1"), "COMPLETE 2/2")
		robin.Cut() // the leader goes, and with him his party's completeness
		time.Sleep(61 * time.Second)
		robin.LogIn()
		s.queue(robin)
		s.ready(robin)
		marian.Call("PartyRpc.EnterMatchmakingV1", nil)
		alike(t, "set", s.state("set1"), "IN_MATCH 2/2")
	})
}

func TestF14SomebodyIsNotReady(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		s.complete("set1", robin, marian)
		s.ready(robin)
		_, f := robin.Try("PartyRpc.EnterMatchmakingV1", nil)
		alike(t, "refusal", why(f), "PartyService_PlayersNotReady")
		_, f = marian.Try("PartyRpc.EnterMatchmakingV1", nil)
		alike(t, "refusal", why(f), "PartyService_PlayerNotLeader")
	})
}

func TestF15LeaderEntersWithAnIncompleteParty(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		s.starts(duel("set1", robin, marian))
		s.queue(robin)
		s.ready(robin)
		_, f := robin.Try("PartyRpc.EnterMatchmakingV1", nil)
		alike(t, "refusal", why(f), "PartyService_FailedToEnterMatchmaking")
		if !strings.Contains(f.ServiceError.DebugDetails[0], "ESCS_CANNOT_JOIN_PARTY: PARTY_INCOMPLETE") {
			t.Errorf("details = %v", f.ServiceError.DebugDetails)
		}
		alike(t, "set", s.state("set1"), "QUEUEING 1/2")
		s.queue(marian) // the party is still there
		alike(t, "set", s.state("set1"), "COMPLETE 2/2")
	})
}

func TestF16OutsiderTriesToJoinThePartyOfASet(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian, tuck := s.Peer("robin"), s.Peer("marian"), s.Peer("tuck")
		s.starts(duel("set1", robin, marian))
		party := s.queue(robin)["partyId"]
		synctest.Wait()
		code := robin.Last("PartyRpc.PartyDetailsV1Notification")["party"].(obj)["inviteCode"]
		_, f := tuck.Try("PartyRpc.JoinWithPartyIdV1", obj{"partyId": party})
		alike(t, "by id", why(f), "ESCS_CANNOT_JOIN_PARTY NOT_PARTICIPANT")
		_, f = tuck.Try("PartyRpc.JoinWithInviteCodeV1", obj{"inviteCode": code})
		alike(t, "by code", why(f), "ESCS_CANNOT_JOIN_PARTY NOT_PARTICIPANT")
		_, f = robin.Try("PartyRpc.SendInviteV1", obj{"inviteePlayerId": tuck.ID})
		alike(t, "invite", why(f), "PartyService_InviteNotFound")
		marian.Call("PartyRpc.JoinWithPartyIdV1", obj{"partyId": party}) // who belongs there may
		alike(t, "set", s.state("set1"), "COMPLETE 2/2")
	})
}

func TestF17PartyIsGone(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		s.complete("set1", robin, marian)
		id, err := s.parties.PartyOf(s.T.Context(), robin.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.parties.Close(s.T.Context(), id); err != nil {
			t.Fatal(err)
		}
		alike(t, "set", s.state("set1"), "QUEUEING 0/2")
		if got := s.queue(marian); got["partyId"] == id.String() || got["isLeader"] != true {
			t.Errorf("after the party was closed: %v", got)
		}
		s.queue(robin)
		alike(t, "set", s.state("set1"), "COMPLETE 2/2")
	})
}

func TestF18NoServerIsToBeHad(t *testing.T) {
	onStage(t, props{serve: true, config: "autoEnterMatchmaking: true"}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		s.complete("set1", robin, marian)
		s.ready(robin, marian)
		synctest.Wait()
		time.Sleep(time.Minute)
		alike(t, "games", len(s.meadow.created), 1) // the server does not try again and again
		alike(t, "set", s.state("set1"), "COMPLETE 2/2")
		alike(t, "completions", completions(robin), 1)
		s.ready(robin, marian)
		robin.Call("PartyRpc.EnterMatchmakingV1", nil)
		time.Sleep(time.Minute)
		alike(t, "games", len(s.meadow.created), 2)
		if set := escs.SetOfGame(s.meadow.created[1].Parties); set == nil || set.SetID != "set1" {
			t.Errorf("set of the second game = %+v", set)
		}
		time.Sleep(time.Hour + 11*time.Minute)
		alike(t, "set", s.state("set1"), "EXPIRED 0/2")
	})
}

func TestF19TheEndNeverComes(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		s.begin("set1", robin, marian)
		op := s.Operator(pragma.Game, pragma.RoleAdmin)
		op.Call("GameInstanceRpc.TerminateGameInstanceOperatorV1", obj{"gameInstanceId": s.game(robin)})
		alike(t, "set", s.state("set1"), "ENDED 2/2")
		s.starts(duel("set2", robin, marian))
		s.queue(robin) // players are free
		time.Sleep(time.Hour + 12*time.Minute)
		alike(t, "set", s.state("set1"), "RESULTS_FAILED 2/2 NO_RESULT")
	})
}

func TestF33PlayerInTwoLivingSets(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian, tuck := s.Peer("robin"), s.Peer("marian"), s.Peer("tuck")
		s.starts(duel("set1", robin, marian))
		time.Sleep(time.Second)
		s.starts(duel("set2", robin, tuck))
		alike(t, "the newest", s.queue(robin)["setId"], any("set2"))
		alike(t, "the one asked for", s.queue(robin, "set1")["setId"], any("set1"))
		alike(t, "set2", s.state("set2"), "QUEUEING 0/2")
		alike(t, "set1", s.state("set1"), "QUEUEING 1/2")
		s.queue(marian)
		s.ready(robin, marian)
		robin.Call("PartyRpc.EnterMatchmakingV1", nil)
		alike(t, "in a game", s.refused(robin, "set2"), "ESCS_CANNOT_JOIN_PARTY ALREADY_IN_MATCH")
		alike(t, "in a game", s.refused(robin), "ESCS_CANNOT_JOIN_PARTY ALREADY_IN_MATCH")
	})
}

func TestPlayerInAnotherParty(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian, tuck := s.Peer("robin"), s.Peer("marian"), s.Peer("tuck")
		s.starts(duel("set1", robin, marian))
		party := robin.Call("PartyRpc.CreateV1", nil)["party"].(obj)
		tuck.Call("PartyRpc.JoinWithInviteCodeV1", obj{"inviteCode": party["inviteCode"]})
		alike(t, "with others", s.refused(robin), "ESCS_CANNOT_JOIN_PARTY IN_OTHER_PARTY")
		tuck.Call("PartyRpc.LeaveV1", nil)
		s.queue(robin) // alone
		marian.Call("PartyRpc.CreateV1", nil)
		s.ready(marian)
		marian.Call("PartyRpc.EnterMatchmakingV1", nil)
		s.queue(marian) // alone, and in matchmaking
		alike(t, "set", s.state("set1"), "COMPLETE 2/2")
	})
}

func TestQ14ClientRegisteredTheSocialID(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		profile, err := s.accounts.ProfileOfPlayer(s.T.Context(), robin.ID)
		if err != nil {
			t.Fatal(err)
		}
		s.starts(start{set: "set1", teams: [][]string{{strings.ToUpper(profile.SocialID.String())}, {marian.ID.String()}}})
		s.queue(robin)
		s.queue(marian)
		s.ready(robin, marian)
		robin.Call("PartyRpc.EnterMatchmakingV1", nil)
		alike(t, "set", s.state("set1"), "IN_MATCH 2/2")
	})
}

func TestNamesAndMetadataStayOnTheServer(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		s.starts(duel("set1", robin, marian))
		s.starts(duel("set1", robin, marian))
		s.tryStart("ExternalMatchmakingRpc.SetStartV1", obj{"setId": "bad", "participants": []any{[]any{obj{"firstName": "Firstname"}}}})
		s.queue(robin)
		s.queue(marian)
		s.ready(robin, marian)
		robin.Call("PartyRpc.EnterMatchmakingV1", nil)
		s.ends(robin)
		var seen strings.Builder
		for _, p := range []*pragmatest.Peer{robin, marian} {
			for _, f := range p.Notes() {
				seen.WriteString(f.Text)
			}
		}
		fmt.Fprint(&seen, s.set("set1"))
		for where, text := range map[string]string{"what players and operators see": seen.String(), "the log": s.Logs()} {
			for _, secret := range []string{"Firstname", "Lastname", "secret-metadata", "s3cret-of-the-game", "user of"} {
				if strings.Contains(text, secret) {
					t.Errorf("%q is in %s", secret, where)
				}
			}
		}
	})
}
