package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// anyPort lets a server with all gateways run beside others.
const anyPort = `
core:
  gatewayManager:
    social: {player: {address: "127.0.0.1:0"}, partner: {address: "127.0.0.1:0"}, operator: {address: "127.0.0.1:0"}}
    game:   {player: {address: "127.0.0.1:0"}, partner: {address: "127.0.0.1:0"}, operator: {address: "127.0.0.1:0"}}
`

// object is what is in a message.
type object = map[string]any

// loadTest is the set-up of the load test (wire §14) against a running server.
type loadTest struct {
	*serving
	t  *testing.T
	hc *http.Client
}

// post makes one HTTP request and returns what is at the path in the answer.
func (l *loadTest) post(gateway, path, token string, body any, at ...string) string {
	l.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		l.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(l.t.Context(), http.MethodPost, l.addresses[gateway]+path, bytes.NewReader(text))
	if err != nil {
		l.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := l.hc.Do(req)
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		l.t.Fatalf("%s %s: %s %s %v", gateway, text, resp.Status, answer, err)
	}
	if len(at) == 0 {
		return ""
	}
	var v any
	if err := json.Unmarshal(answer, &v); err != nil {
		l.t.Fatal(err)
	}
	for _, name := range at {
		if list, ok := v.([]any); ok {
			v = list[0]
		}
		v = v.(object)[name]
	}
	return v.(string)
}

func (l *loadTest) logIn(gateway, name, token string) string {
	l.t.Helper()
	return l.post(gateway, "/v1/account/authenticateorcreatev2", "", object{
		"providerId": 1, "gameShardId": developmentShard, "providerToken": `{"accountId":"` + name + `","displayName":"` + name + `"}`,
	}, "pragmaTokens", token)
}

// rpc makes a call as an operator or a player, over HTTP.
func (l *loadTest) rpc(gateway, token, call string, payload object, at ...string) string {
	l.t.Helper()
	body := object{"requestId": 1, "type": call + "Request", "payload": payload}
	if len(at) > 0 {
		at = append([]string{"response", "payload"}, at...)
	}
	return l.post(gateway, "/v1/rpc", token, body, at...)
}

func (l *loadTest) dial(gateway, token string) *rawSocket {
	l.t.Helper()
	s, err := dialRaw(l.t.Context(), strings.TrimPrefix(l.addresses[gateway], "http://"), token)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(s.close)
	return s
}

func (l *loadTest) call(s *rawSocket, name string, payload object, out any) {
	l.t.Helper()
	if payload == nil {
		payload = object{}
	}
	if err := s.call(name, payload, out); err != nil {
		l.t.Fatal(err)
	}
}

// hear reads until a notification comes.
func (l *loadTest) hear(s *rawSocket, name string) {
	l.t.Helper()
	for {
		text, err := s.read()
		if err != nil {
			l.t.Fatalf("wait for %s: %v", name, err)
		}
		f, err := wire.ParseFrame(text)
		if err != nil {
			l.t.Fatal(err)
		}
		if f.Kind == wire.KindNotification && f.Type == "GameInstanceRpc."+name+"Notification" {
			return
		}
	}
}

// poll reports until the server is given a game.
func (l *loadTest) poll(s *rawSocket, used int) string {
	l.t.Helper()
	for {
		var got wire.MatchCapacityReportCapacityV2Response
		l.call(s, "MatchCapacityRpc.ReportCapacityV2", object{
			"serverId": "load-17", "totalCapacity": "1", "usedCapacity": used, "gameVersion": "1.4.default.none", "gameServerZone": "eu",
		}, &got)
		if used > 0 {
			return ""
		}
		if len(got.GameInstanceIDs) > 0 {
			return pragma.GameInstanceID(got.GameInstanceIDs[0]).String()
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// The load test needs no code of its own: an operator sets it up, players queue,
// and its game server asks for games.
func TestServeRunsTheLoadTest(t *testing.T) {
	l := &loadTest{serving: startServeWith(t, 6, "-config", write(t, "local.yml", anyPort), "-db", ""), t: t, hc: testClient(t)}
	defer func() {
		l.hc.CloseIdleConnections()
		if err := l.stop(); err != nil {
			t.Error(err)
		}
	}()
	ops := l.logIn("SOCIAL/OPERATOR", "test01", "pragmaSocialToken")
	social := l.logIn("SOCIAL/PLAYER", "test01", "pragmaSocialToken")
	account := l.rpc("SOCIAL/PLAYER", social, "AccountRpc.GetPragmaPlayerIdsForProviderIdsV2", object{
		"gameShardId": developmentShard, "providerAccountIds": []object{{"idProviderType": 1, "providerAccountId": "test01"}},
	}, "playerIdentities", "pragmaSocialId")
	l.rpc("SOCIAL/OPERATOR", ops, "AccountRpc.CreateAccountWithUnsafeProviderV2", object{
		"gameShardId": developmentShard, "newAccounts": []object{{"id": "robin", "displayName": "robin"}, {"id": "marian", "displayName": "marian"}},
	})
	l.rpc("SOCIAL/OPERATOR", ops, "AccountRpc.ViewPlayerGroupsOperatorV1", object{})
	group := l.rpc("SOCIAL/OPERATOR", ops, "AccountRpc.CreatePlayerGroupOperatorV1", object{"name": "load", "description": "load test"}, "playerGroup", "playerGroupId")
	l.rpc("SOCIAL/OPERATOR", ops, "AccountRpc.AddAccountsToPlayerGroupOperatorV1", object{"playerGroupId": group, "pragmaSocialIds": []string{account}})
	token := l.rpc("SOCIAL/OPERATOR", ops, "AccountRpc.CreatePartnerTokenV1", object{"gameShardId": developmentShard}, "pragmaPartnerGameToken")

	server := l.dial("GAME/PARTNER", token)
	var players []*rawSocket
	for _, name := range []string{"robin", "marian"} {
		p := l.dial("GAME/PLAYER", l.logIn("SOCIAL/PLAYER", name, "pragmaGameToken"))
		l.call(p, "InventoryRpc.GetInventoryV2", nil, nil)
		l.call(p, "GameDataRpc.GetLoginDataV3", nil, nil)
		l.call(p, "InventoryRpc.SyncEntitlementsV1", nil, nil)
		l.call(p, "PartyRpc.CreateV1", object{"createRequestExt": object{"size": "1"}}, nil)
		l.call(p, "PartyRpc.SetReadyStateV1", object{"ready": true}, nil)
		players = append(players, p)
	}
	for range 2 {
		l.playMatch(server, players)
	}
}

// playMatch plays one game with everybody, from the queue to the end.
func (l *loadTest) playMatch(server *rawSocket, players []*rawSocket) {
	l.t.Helper()
	for _, p := range players {
		l.call(p, "PartyRpc.EnterMatchmakingV1", nil, nil)
	}
	game := l.poll(server, 0)
	l.poll(server, 1)
	var start struct {
		GameStart struct{ Players []struct{ PlayerID string } }
	}
	l.call(server, "GameInstanceRpc.GetGameStartDataV1", object{"gameInstanceId": game}, &start)
	details, results := []object{}, []object{}
	for _, p := range start.GameStart.Players {
		details, results = append(details, object{"playerId": p.PlayerID}), append(results, object{"playerId": p.PlayerID, "ext": object{}})
	}
	if len(details) != len(players) {
		l.t.Fatalf("the game has %d players, want %d", len(details), len(players))
	}
	l.call(server, "GameInstanceRpc.ConnectPlayersV1", object{"gameInstanceId": game, "playerConnectionDetails": details}, nil)
	for _, p := range players {
		l.hear(p, "HostConnectionDetailsV1")
	}
	l.call(server, "GameInstanceRpc.GameKeepAliveV1", object{"gameInstanceId": game}, nil)
	l.call(server, "GameInstanceRpc.EndGameV1", object{"gameInstanceId": game, "playerGameResults": results}, nil)
	for _, p := range players {
		l.hear(p, "GameEndedV1")
	}
}

func TestServeRunsGamesAloneWhenToldTo(t *testing.T) {
	s := startServe(t, "-config", write(t, "local.yml", benchConfig), "-db", "", "-no-game-servers")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a := pragma.Addresses{}
	for _, g := range []pragma.Gateway{gamePlayers, socialPlayers} {
		a[g] = strings.TrimPrefix(s.addresses[g.String()], "http://")
	}
	hc := testClient(t)
	l := &loadTest{serving: s, t: t, hc: hc}
	var last *rawSocket
	for _, name := range []string{"robin", "marian", "john", "tuck"} { // 2 against 2 in benchConfig
		who, err := logIn(ctx, hc, a, name)
		if err != nil {
			t.Fatal(err)
		}
		last = l.dial("GAME/PLAYER", who.game)
		l.call(last, "PartyRpc.CreateV1", nil, nil)
		l.call(last, "PartyRpc.SetReadyStateV1", object{"ready": true}, nil)
		l.call(last, "PartyRpc.EnterMatchmakingV1", nil, nil)
	}
	l.hear(last, "AddedToGameV1")
	for state := ""; state != "RUNNING"; { // nobody is waited for
		var got struct{ GameInstances []struct{ State string } }
		l.call(last, "MultiplayerRpc.InitializeGameInstanceV1", nil, &got)
		if state = got.GameInstances[0].State; ctx.Err() != nil {
			t.Fatalf("the game is %s, want RUNNING", state)
		}
	}
	hc.CloseIdleConnections()
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}
