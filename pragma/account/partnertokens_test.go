package account_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

const terminated = "PartnerSessionRpc.PartnerSessionTerminatedV1Notification"

// operatorSocket opens a socket of an admin on Social.
func (w *world) operatorSocket() *pragmatest.Raw { return w.Raw(socialOperator, w.operator().token) }

// viewerSocket opens a socket of an operator who may only look.
func (w *world) viewerSocket() *pragmatest.Raw { return w.Operator(pragma.Social, pragma.RoleViewer) }

// pair is what CreatePartnerTokenV1 answers.
type pair struct{ id, game, social string }

func create(c *pragmatest.Raw, payload map[string]any) pair {
	p := c.Call("AccountRpc.CreatePartnerTokenV1", payload)
	return pair{p["partnerTokenId"].(string), p["pragmaPartnerGameToken"].(string), p["pragmaPartnerSocialToken"].(string)}
}

func list(c *pragmatest.Raw, payload map[string]any) (tokens []map[string]any, count string) {
	p := c.Call("AccountRpc.ListPartnerTokensOperatorV1", payload)
	for _, t := range p["partnerTokens"].([]any) {
		tokens = append(tokens, t.(map[string]any))
	}
	return tokens, p["count"].(string)
}

func wantError(t *testing.T, name string, f pragmatest.Frame, want string) {
	t.Helper()
	if f.ServiceError == nil || f.ServiceError.Error != want {
		t.Errorf("%s: got %s, want %s", name, f, want)
	}
}

func TestOperatorsListPartnerTokens(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		admin := w.operator()
		c := w.Raw(socialOperator, admin.token)
		first := create(c, map[string]any{"gameShardId": shard, "name": "old", "expirationHours": 2})
		time.Sleep(time.Hour)
		second := create(c, map[string]any{"name": "arena", "allowedTypes": []string{
			"LabRpc.PingPartnerV1Request", "AccountRpc.GetAccountV1Request", "LabRpc.PingPartnerV1Request",
		}})
		made := time.Now()
		c.Call("AccountRpc.RevokePartnerTokenOperatorV1", map[string]any{"partnerTokenId": strings.ToUpper(first.id)})
		got, count := list(w.viewerSocket(), nil)
		if len(got) != 2 || count != "2" {
			t.Fatalf("got %d of %s, want 2 of 2", len(got), count)
		}
		wantTimes(t, got[0], made, 876000*time.Hour)
		wantTimes(t, got[1], made.Add(-time.Hour), 2*time.Hour)
		admins := claims(t, admin.token)["pragmaSocialId"]
		want := []map[string]any{{
			"partnerTokenId": second.id, "name": "arena", "gameShardId": shard,
			"allowedTypes":      []any{"AccountRpc.GetAccountV1Request", "LabRpc.PingPartnerV1Request"},
			"createdBySocialId": admins, "lastUsedTimestampMillis": "0", "revoked": false,
		}, {
			"partnerTokenId": first.id, "name": "old", "gameShardId": shard, "allowedTypes": []any{},
			"createdBySocialId": admins, "lastUsedTimestampMillis": "0", "revoked": true,
		}}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("(-got +want):\n%s", diff)
		}
		text := fmt.Sprint(got)
		for _, secret := range []string{first.game, first.social, second.game, second.social} {
			if strings.Contains(text, secret) || strings.Contains(w.Logs(), secret) {
				t.Error("a token is in the list or in the log")
			}
		}
	})
}

// wantTimes checks when a pair was made and when it expires, and takes both away.
func wantTimes(t *testing.T, token map[string]any, made time.Time, life time.Duration) {
	t.Helper()
	read := func(name string) time.Time {
		ms, err := strconv.ParseInt(token[name].(string), 10, 64)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		delete(token, name)
		return time.UnixMilli(ms)
	}
	created := read("createdTimestampMillis")
	if created.Before(made.Add(-time.Second)) || created.After(made) {
		t.Errorf("created %v, want %v", created, made)
	}
	if expires := read("expiresTimestampMillis"); expires.Sub(created) != life {
		t.Errorf("expires %v after %v, want %v", expires, created, life)
	}
}

func TestListOfPartnerTokensHasPages(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		c := w.operatorSocket()
		for i := range 5 {
			time.Sleep(time.Second)
			create(c, map[string]any{"name": fmt.Sprint(i)})
		}
		for _, tt := range []struct {
			name    string
			payload map[string]any
			want    string
		}{
			{"all", nil, "4 3 2 1 0"},
			{"first page", map[string]any{"pageSize": 2}, "4 3"},
			{"last page", map[string]any{"pageSize": 2, "pageIndex": 2}, "0"},
			{"behind the end", map[string]any{"pageSize": 2, "pageIndex": 1 << 30}, ""},
			{"the largest", map[string]any{"pageSize": 500}, "4 3 2 1 0"},
		} {
			got, count := list(c, tt.payload)
			var names []string
			for _, token := range got {
				names = append(names, token["name"].(string))
			}
			if strings.Join(names, " ") != tt.want || count != "5" {
				t.Errorf("%s: got %v of %s, want %q of 5", tt.name, names, count, tt.want)
			}
		}
		for _, bad := range []map[string]any{{"pageIndex": -1}, {"pageSize": -1}, {"pageSize": 501}} {
			wantError(t, fmt.Sprint(bad), ask(c, "AccountRpc.ListPartnerTokensOperatorV1", bad), "AccountService_BadRequest")
		}
	})
}

func TestRevokedPartnerTokensStopWorkingOnBothBackends(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		c := w.operatorSocket()
		bad, good := create(c, map[string]any{"name": "bad"}), create(c, map[string]any{"name": "good"})
		open := map[pragma.Gateway][2]*pragmatest.Raw{
			gamePartner:   {w.Raw(gamePartner, bad.game), w.Raw(gamePartner, good.game)},
			socialPartner: {w.Raw(socialPartner, bad.social), w.Raw(socialPartner, good.social)},
		}
		second := w.Raw(gamePartner, bad.game)
		c.Call("AccountRpc.RevokePartnerTokenOperatorV1", map[string]any{"partnerTokenId": bad.id})
		for gateway, sockets := range open {
			wantTermination(t, sockets[0], bad.id)
			if f := ask(sockets[1], "PartnerSessionRpc.HeartbeatPartnerV1", nil); f.Response == nil {
				t.Errorf("%s: the other pair's socket got %s", gateway, f)
			}
		}
		wantTermination(t, second, bad.id)
		for gateway, token := range map[pragma.Gateway]string{gamePartner: bad.game, socialPartner: bad.social} {
			for name, got := range map[string]answer{"HTTP": w.heartbeat(gateway, token), "upgrade": w.upgrade(gateway, token)} {
				if e := got.Refusal.ServiceError; got.Status != 401 || e.Status != "BAD_SESSION" || e.Error != "SessionService_TokenDoesNotMatchCurrentSession" {
					t.Errorf("%s, %s: got %d %s", gateway, name, got.Status, got.Body)
				}
			}
		}
		if got := w.heartbeat(gamePartner, good.game); got.Status != 200 {
			t.Errorf("the other pair: %d %s", got.Status, got.Body)
		}
		w.Restart()
		if got := w.heartbeat(socialPartner, bad.social); got.Status != 401 {
			t.Errorf("after a restart: %d %s", got.Status, got.Body)
		}
	})
}

func wantTermination(t *testing.T, c *pragmatest.Raw, id string) {
	t.Helper()
	f := c.Read()
	want := map[string]any{"partnerSession": map[string]any{"pragmaId": id}, "reason": "KICKED"}
	if f.Notification == nil || f.Notification.Type != terminated || !cmp.Equal(f.Notification.Payload, want) {
		t.Errorf("got %s, want %s KICKED", f, terminated)
	}
	if code := c.Closed(); code != 4002 {
		t.Errorf("closed with %d, want 4002", code)
	}
}

func TestRevokeRefusesWhatIsNotThere(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		c := w.operatorSocket()
		p := create(c, nil)
		const call = "AccountRpc.RevokePartnerTokenOperatorV1"
		for _, tt := range []struct {
			name string
			id   any
			want string
		}{
			{"nothing", nil, "AccountService_BadRequest"},
			{"empty", "", "AccountService_BadRequest"},
			{"zero", "00000000-0000-0000-0000-000000000000", "AccountService_BadRequest"},
			{"unknown", "8a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d", "AccountService_NotFound"},
			{"no id", "arena", "Serialization_Error"},
			{"a number", 7, "Serialization_Error"},
			{"huge", strings.Repeat("8", 5000), "Serialization_Error"},
		} {
			wantError(t, tt.name, ask(c, call, map[string]any{"partnerTokenId": tt.id}), tt.want)
		}
		wantError(t, "a viewer", ask(w.viewerSocket(), call, map[string]any{"partnerTokenId": p.id}), "AccountService_Unauthorized")
		if got := w.heartbeat(gamePartner, p.game); got.Status != 200 {
			t.Errorf("after refusals: %d %s", got.Status, got.Body)
		}
		for range 2 { // the second time it is revoked already
			c.Call(call, map[string]any{"partnerTokenId": p.id})
		}
		if got := w.heartbeat(gamePartner, p.game); got.Status != 401 {
			t.Errorf("after the revocation: %d %s", got.Status, got.Body)
		}
		for _, want := range []string{`action="create partner token"`, `action="revoke partner token"`, p.id} {
			if !strings.Contains(w.Logs(), want) {
				t.Errorf("the audit log has no %s", want)
			}
		}
	})
}

func TestAllowedTypesAreCallsOfThisServer(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		c := w.operatorSocket()
		for _, tt := range []struct {
			name  string
			types []string
			want  string
		}{
			{"of the game backend", []string{"LabRpc.PingPartnerV1Request"}, ""},
			{"of the social backend", []string{"AccountRpc.GetAccountV1Request"}, ""},
			{"twice", []string{"LabRpc.PingPartnerV1Request", "LabRpc.PingPartnerV1Request"}, ""},
			{"empty", []string{""}, "AccountService_BadRequest"},
			{"unknown", []string{"LabRpc.PingPartnerV1Request", "LabRpc.NopeV1Request"}, "AccountService_BadRequest"},
			{"a response", []string{"LabRpc.PingPartnerV1Response"}, "AccountService_BadRequest"},
			{"without its service", []string{"PingPartnerV1Request"}, "AccountService_BadRequest"},
			{"in other letters", []string{"labrpc.pingpartnerv1request"}, "AccountService_BadRequest"},
			{"everything", []string{"*"}, "AccountService_BadRequest"},
		} {
			f := ask(c, "AccountRpc.CreatePartnerTokenV1", map[string]any{"allowedTypes": tt.types})
			if tt.want != "" {
				wantError(t, tt.name, f, tt.want)
			} else if f.Response == nil {
				t.Errorf("%s: got %s", tt.name, f)
			}
		}
		if _, count := list(c, nil); count != "3" {
			t.Errorf("%s pairs are kept, want those 3 that were made", count)
		}
	})
}

func TestUseOfPartnerTokensIsNoted(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		c := w.operatorSocket()
		p := create(c, nil)
		used := func() time.Duration {
			tokens, _ := list(c, nil)
			ms, err := strconv.ParseInt(tokens[0]["lastUsedTimestampMillis"].(string), 10, 64)
			if ms == 0 || err != nil {
				return -1
			}
			return time.Since(time.UnixMilli(ms)).Round(time.Second)
		}
		time.Sleep(10 * time.Minute)
		if got := used(); got != -1 {
			t.Errorf("used %v ago, want never", got)
		}
		w.heartbeat(socialPartner, p.social)
		time.Sleep(10 * time.Minute)
		if got := used(); got != 10*time.Minute {
			t.Errorf("used %v ago, want 10m", got)
		}
		open := w.Raw(gamePartner, p.game)
		time.Sleep(time.Hour)
		if got := used(); got > 75*time.Second {
			t.Errorf("with an open socket it was used %v ago, want about a minute", got)
		}
		open.Close()
	})
}

// heartbeat makes a call over HTTP that every partner token may make.
func (w *world) heartbeat(g pragma.Gateway, token string) answer {
	w.T.Helper()
	return w.call(g, token, "PartnerSessionRpc.HeartbeatPartnerV1Request")
}

// call makes a call without a payload over HTTP.
func (w *world) call(g pragma.Gateway, token, typ string) answer {
	w.T.Helper()
	return w.request("POST", g, token, `{"requestId":1,"type":"`+typ+`"}`)
}

// upgrade asks for a socket that the test does not want to have.
func (w *world) upgrade(g pragma.Gateway, token string) answer {
	w.T.Helper()
	return w.request("GET", g, token, "")
}

func (w *world) request(method string, g pragma.Gateway, token, body string) (a answer) {
	w.T.Helper()
	req, err := http.NewRequestWithContext(w.T.Context(), method, "http://"+w.Address(g)+"/v1/rpc", strings.NewReader(body))
	if err != nil {
		w.T.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := w.HTTP().Do(req)
	if err != nil {
		w.T.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.T.Fatal(err)
	}
	a.Status, a.Body = resp.StatusCode, string(text)
	_ = json.Unmarshal(text, &a.Refusal) // an answer is no refusal
	return a
}
