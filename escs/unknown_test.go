package escs_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma"
)

// Players who come to this game shard for the first time after their set has begun
// (escs F8, Q14), and ids that no record can have.

// socialOnly makes an account that has never been on the game shard, and returns
// its id.
func (s *stage) socialOnly(name string) string {
	s.T.Helper()
	body := fmt.Sprintf(`{"providerId":"UNSAFE","providerToken":%q}`, fmt.Sprintf(`{"accountId":%q,"displayName":%q}`, name, name))
	url := "http://" + s.Address(pragma.Gateway{Backend: pragma.Social, Type: pragma.Player}) + "/v1/account/authenticateorcreatev2"
	resp, err := s.HTTP().Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		s.T.Fatal(err)
	}
	defer resp.Body.Close()
	var got struct {
		PragmaTokens struct{ PragmaSocialToken string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || resp.StatusCode != http.StatusOK {
		s.T.Fatalf("log %s in: status %d, %v", name, resp.StatusCode, err)
	}
	parts := strings.Split(got.PragmaTokens.PragmaSocialToken, ".")
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		s.T.Fatal(err)
	}
	var claims struct{ PragmaSocialID string }
	if err := json.Unmarshal(text, &claims); err != nil {
		s.T.Fatal(err)
	}
	return claims.PragmaSocialID
}

func TestF8PlayerWhoComesLaterMakesTheSetPlayable(t *testing.T) {
	for name, named := range map[string][]string{"the newest set": nil, "a set by its id": {"set1"}} {
		t.Run(name, func(t *testing.T) {
			onStage(t, props{}, func(s *stage) {
				robin := s.Peer("robin")
				s.starts(start{set: "set1", teams: [][]string{{robin.ID.String()}, {strings.ToUpper(s.socialOnly("marian"))}}})
				alike(t, "robin", s.refused(robin, named...), "ESCS_CANNOT_JOIN_PARTY SET_UNPLAYABLE")
				marian := s.Peer("marian")
				s.queue(marian, named...)
				s.queue(robin, named...)
				alike(t, "set", s.state("set1"), "COMPLETE 2/2")
				alike(t, "startCount", s.overview("set1")["startCount"], any(float64(1)))
				s.ready(marian, robin)
				marian.Call("PartyRpc.EnterMatchmakingV1", nil)
				alike(t, "set", s.state("set1"), "IN_MATCH 2/2")
			})
		})
	}
}

func TestF8SetWaitsForEverybodyWhoIsUnknown(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		first, second := s.socialOnly("robin"), s.socialOnly("marian")
		s.starts(start{set: "set1", teams: [][]string{{first}, {second}}})
		robin := s.Peer("robin")
		alike(t, "robin", s.refused(robin), "ESCS_CANNOT_JOIN_PARTY SET_UNPLAYABLE")
		alike(t, "robin, by the set", s.refused(robin, "set1"), "ESCS_CANNOT_JOIN_PARTY SET_UNPLAYABLE")
		alike(t, "a stranger", s.refused(s.Peer("tuck"), "set1"), "ESCS_CANNOT_JOIN_PARTY NOT_PARTICIPANT")
		marian := s.Peer("marian")
		s.queue(robin) // he need not wait for her to queue
		s.queue(marian)
		alike(t, "set", s.state("set1"), "COMPLETE 2/2")
	})
}

func TestF8SetOfWhoComesTooLateIsOver(t *testing.T) {
	onStage(t, props{config: "retainAfterEnd: 0s"}, func(s *stage) {
		s.starts(start{set: "set1", ends: time.Minute, teams: [][]string{{s.socialOnly("robin")}, {s.socialOnly("marian")}}})
		time.Sleep(2 * time.Minute)
		robin := s.Peer("robin")
		s.Peer("marian")
		alike(t, "robin", s.refused(robin), "ESCS_CANNOT_JOIN_PARTY SET_UNPLAYABLE")
		alike(t, "set", s.state("set1"), "UNPLAYABLE 0/2")
		time.Sleep(11 * time.Minute) // it is forgotten, and so is whose it was
		alike(t, "robin, later", s.refused(robin), "ESCS_PARTY_NOT_FOUND NO_SET")
	})
}

func TestF8OnePlayerUnderBothHisIDsStaysUnplayable(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		id := s.socialOnly("robin")
		s.starts(start{set: "set1", teams: [][]string{{id}, {""}}})
		robin := s.Peer("robin")
		alike(t, "robin", s.refused(robin), "ESCS_CANNOT_JOIN_PARTY SET_UNPLAYABLE")
		s.starts(start{set: "set2", teams: [][]string{{s.socialOnly("marian")}, {robin.ID.String()}}})
		alike(t, "both", s.refused(robin), "ESCS_CANNOT_JOIN_PARTY SET_UNPLAYABLE")
		alike(t, "set", s.state("set2"), "UNPLAYABLE 0/2")
	})
}

func TestIDsThatNoRecordCanHave(t *testing.T) {
	onStage(t, props{}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		bad := duel("x\x00y", robin, marian)
		alike(t, "set start", s.tryStart(startCall, bad.payload()), "Serialization_Error")
		alike(t, "queue", s.refused(robin, "x\x00y"), "ESCS_PARTY_NOT_FOUND NO_SET")
		op := s.Operator(pragma.Game, pragma.RoleViewer)
		defer op.Close()
		if _, refused := op.Try("ExternalMatchmakingRpc.GetSetOperatorV1", obj{"setId": "x\x00y"}); refused != "ESCS_PARTY_NOT_FOUND" {
			t.Errorf("operator: %s, want ESCS_PARTY_NOT_FOUND", refused)
		}
	})
}
