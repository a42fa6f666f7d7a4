package pragma_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
)

func TestInfoNamesTheGatewaysOfTheAskersKind(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		for g, ports := range map[pragma.Gateway][2]float64{
			gamePlayer: {10000, 11000}, gamePartner: {10100, 11100}, gameOperator: {10200, 11200}, socialPlayer: {10000, 11000},
		} {
			status, got := w.get(g, "/v1/info", "")
			if status != http.StatusOK {
				t.Fatalf("%s: status = %d", g, status)
			}
			backend := func(port float64) map[string]any {
				return map[string]any{"host": "127.0.0.1", "port": port, "protocol": "http", "webSocketProtocol": "ws"}
			}
			want := map[string]any{
				"name": "local", "version": "0.4.0", "platformVersion": "0.4.0", "backendMode": "DEVELOPMENT",
				"authenticateBackend": map[string]any{"host": "127.0.0.1", "port": ports[1], "protocol": "http", "scheme": "http"},
				"socialBackend":       backend(ports[1]),
				"gameBackend":         backend(ports[0]),
				"gameShardId":         "00000000-0000-0000-0000-000000000001",
				"backends":            map[string]any{"GAME": backend(ports[0]), "SOCIAL": backend(ports[1])},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", g, diff)
			}
		}
	})
}

func TestInfoTellsThePublicAddress(t *testing.T) {
	run(t, `core: {gatewayManager: {game: {player: {publicURL: "https://game.example.com"}}, social: {player: {publicURL: "http://social.example.com:8080"}}}}`,
		func(t *testing.T, w *world) {
			_, got := w.get(gamePlayer, "/v1/info", "")
			want := map[string]any{
				"gameBackend":   map[string]any{"host": "game.example.com", "port": 443.0, "protocol": "https", "webSocketProtocol": "wss"},
				"socialBackend": map[string]any{"host": "social.example.com", "port": 8080.0, "protocol": "http", "webSocketProtocol": "ws"},
			}
			for name := range want {
				if diff := cmp.Diff(want[name], got[name]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
		})
}

func TestTypesNumberEveryNameOnce(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		_, player := w.get(gamePlayer, "/v1/types", "")
		_, operator := w.get(gameOperator, "/v1/types", "")
		seen := make(map[any]string)
		for name, id := range player {
			if other, ok := seen[id]; ok {
				t.Errorf("%s and %s are both %v", name, other, id)
			}
			seen[id] = name
			if strings.Contains(name, "Operator") {
				t.Errorf("players see %s", name)
			}
		}
		for _, name := range []string{
			"LabRpc.SayV1Request", "LabRpc.SayV1Response", "LabRpc.PokeV1Notification", "LabRpc.SayPartnerV1Request",
			"AccountRpc.GetAccountV1Request", "PlayerSessionRpc.HeartbeatV1Response", "PlayerSessionRpc.SessionTerminatedV1Notification",
		} {
			if player[name] == nil {
				t.Errorf("players do not see %s", name)
			}
		}
		if operator["LabRpc.SayOperatorV1Request"] == nil {
			t.Error("operators do not see their calls")
		}
	})
}

func TestHealthcheck(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		for _, g := range []pragma.Gateway{socialPlayer, gamePlayer} {
			_, got := w.get(g, "/v1/healthcheck", "")
			want := map[string]any{
				"isHealthy": true, "version": "0.4.0", "platformVersion": "0.4.0", "portalVersion": "", "contentVersion": "",
				"configVersion": "", "launchTimeUnixMillis": float64(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()),
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", g, diff)
			}
		}
		if _, got := w.get(gamePlayer, "/instance-healthcheck", ""); got["alive"] != true {
			t.Errorf("instance-healthcheck = %v", got)
		}
	})
}

func TestGatewayDiscoveryNeedsATokenOfTheGateway(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		token, _ := w.robin().login()
		if status, got := w.get(gamePlayer, "/v1/gateway", token); status != http.StatusOK || got["gateway"] != "0" {
			t.Errorf("got %d %v, want the text 0", status, got)
		}
		if status, _ := w.get(gamePlayer, "/v1/gateway", ""); status != http.StatusUnauthorized {
			t.Errorf("without a token: status = %d, want 401", status)
		}
		if status, _ := w.get(gamePartner, "/v1/gateway", token); status != http.StatusForbidden {
			t.Errorf("at another gateway: status = %d, want 403", status)
		}
	})
}

func TestLogInQueueLetsEverybodyIn(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		status, got := w.get(gamePlayer, "/v1/loginqueue/getinqueuev1", "")
		if status != http.StatusOK || got["isAllowedIn"] != true || strings.Count(got["token"].(string), ".") != 2 {
			t.Errorf("GET: got %d %v, want to be let in with a token", status, got)
		}
		// The pass token of the queue opens nothing else.
		wantRefusal(t, "queue token", w.refuseUpgrade(gamePlayer, got["token"].(string)), refusal{401, "BAD_SESSION", "AccountService_TokenDecodeFailed"})
	})
}

func TestAnswersHaveTheDocumentedHeaders(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		resp, err := w.HTTP().Get("http://" + w.Address(gamePlayer) + "/v1/types")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if got := resp.Header.Get("Content-Type"); got != "application/json; charset=UTF-8" {
			t.Errorf("Content-Type = %q", got)
		}
		if got := resp.Header.Get("Vary"); got != "Origin" {
			t.Errorf("Vary = %q", got)
		}
		if resp.ContentLength <= 0 {
			t.Errorf("ContentLength = %d, want it set", resp.ContentLength)
		}
	})
}

func TestServiceAnswersPlainHTTP(t *testing.T) {
	mount := func(m *pragma.Mount) {
		m.HandleHTTP(pragma.Player, "POST /v1/lab/echo", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			req, err := pragma.ReadHTTP[said](rw, r)
			if err != nil {
				m.RefuseHTTP(rw, http.StatusTeapot, err)
				return
			}
			m.AnswerHTTP(rw, req)
		}))
	}
	runLab(t, "", mount, func(t *testing.T, w *world) {
		post := func(g pragma.Gateway, body string) (int, string) {
			resp, err := w.HTTP().Post("http://"+w.Address(g)+"/v1/lab/echo", "application/json", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			return resp.StatusCode, string(text)
		}
		for _, tt := range []struct {
			name, body, want string
			gateway          pragma.Gateway
			status           int
		}{
			{"fits", `{"text":"hi"}`, `{"text":"hi"}`, gamePlayer, 200},
			{"does not fit", `{"text":1}`, "Serialization_Error", gamePlayer, 418},
			{"too large", `{"text":"` + strings.Repeat("x", 64<<10) + `"}`, "SessionService_RequestTooLarge", gamePlayer, 418},
			{"another gateway", `{}`, "INVALID_REQUEST_TYPE", gamePartner, 404},
		} {
			if status, text := post(tt.gateway, tt.body); status != tt.status || !strings.Contains(text, tt.want) {
				t.Errorf("%s: got %d %s, want %d %s", tt.name, status, text, tt.status, tt.want)
			}
		}
	})
}
