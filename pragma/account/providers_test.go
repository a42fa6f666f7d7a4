package account_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

func TestSettingsSayWhoMayLogIn(t *testing.T) {
	var k *kiosk
	build := func() *account.Service {
		k = newKiosk("STEAM", nil)
		return &account.Service{Providers: []account.IdentityProvider{k, &account.Unsafe{}}}
	}
	runWith(t, build, func(t *testing.T, w *world) {
		for _, players := range []bool{true, false} {
			for _, operators := range []bool{true, false} {
				k.settings.PlayerLoginEnabled, k.settings.OperatorLoginEnabled = players, operators
				for g, allowed := range map[pragma.Gateway]bool{socialPlayer: players, socialOperator: operators} {
					a := w.logIn(g, body("STEAM", "765/Rob", ""))
					switch e := a.Refusal.ServiceError; {
					case allowed && a.Status != 200:
						t.Errorf("%s with %+v: %d %s", g, k.settings, a.Status, a.Body)
					case !allowed && (a.Status != 400 || e.Error != "AccountService_Error" || !contains(a.Body, `"AccountRpc.IdProviderAuthenticationDisabledApplicationError"`)):
						t.Errorf("%s with %+v: %d %s", g, k.settings, a.Status, a.Body)
					}
				}
			}
		}
	})
}

// closed is a provider that lets nobody in, whatever its settings say.
type closed struct{ *kiosk }

func (closed) CanAuthenticate(context.Context, pragma.SessionType) bool { return false }

func TestCanAuthenticateRefusesBesideTheSettings(t *testing.T) {
	build := func() *account.Service {
		return &account.Service{Providers: []account.IdentityProvider{closed{newKiosk("STEAM", linkable)}, &account.Unsafe{}}}
	}
	runWith(t, build, func(t *testing.T, w *world) {
		if a := w.logIn(socialPlayer, body("STEAM", "765/Rob", "")); a.Status != 400 || a.Refusal.ServiceError.Error != "AccountService_Error" {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		c, _ := w.openAs("UNSAFE", unsafeToken("robin"))
		c.Call(linkCall, linkRequest("STEAM", "765/Rob")) // linking does not ask
	})
}

func TestProvidersAreFoundByNameAndNumber(t *testing.T) {
	build := func() *account.Service {
		tower, quest := newKiosk("TOWER_EXT", nil), newKiosk("META_QUEST", nil)
		tower.number = 101
		return &account.Service{Providers: []account.IdentityProvider{tower, quest, newKiosk("UNNUMBERED_EXT", nil)}}
	}
	runWith(t, build, func(t *testing.T, w *world) {
		for _, tt := range []struct{ provider, want string }{
			{`101`, "TOWER_EXT"}, {`"101"`, "TOWER_EXT"}, {`"TOWER_EXT"`, "TOWER_EXT"}, {`13`, "META_QUEST"}, {`"META_QUEST"`, "META_QUEST"},
			{`"UNNUMBERED_EXT"`, "UNNUMBERED_EXT"},
			{`102`, ""}, {`0`, ""}, {`-101`, ""}, {`1`, ""}, {`"tower_ext"`, ""}, {`null`, ""}, {`1e999`, ""}, {`99999999999999999999`, ""},
		} {
			a := w.logIn(socialPlayer, `{"providerId":`+tt.provider+`,"providerToken":"a/b"}`)
			got := ""
			if a.Status == 200 {
				got, _ = claims(t, a.Tokens.PragmaTokens.PragmaSocialToken)["idProvider"].(string)
			} else if a.Status != 400 {
				t.Errorf("%s: status %d", tt.provider, a.Status)
			}
			if got != tt.want {
				t.Errorf("%s: got %q, want %q: %s", tt.provider, got, tt.want, a.Body)
			}
		}
	})
}

func TestProvidersAreCheckedAtTheStart(t *testing.T) {
	numbered := func(name string, number int) *kiosk {
		k := newKiosk(name, nil)
		k.number = number
		return k
	}
	for _, tt := range []struct {
		name      string
		providers []account.IdentityProvider
		want      string
	}{
		{"empty name", []account.IdentityProvider{numbered("", 0)}, "must be named like STEAM"},
		{"name with a colon", []account.IdentityProvider{numbered("A:B", 0)}, "must be named like STEAM"},
		{"name of digits", []account.IdentityProvider{numbered("101", 0)}, "must be named like STEAM"},
		{"long name", []account.IdentityProvider{numbered(strings.Repeat("X", 25), 0)}, "must be named like STEAM"},
		{"reserved number", []account.IdentityProvider{numbered("TOWER", 100)}, "begin at 101"},
		{"negative number", []account.IdentityProvider{numbered("TOWER", -1)}, "begin at 101"},
		{"number of a documented one", []account.IdentityProvider{numbered("STEAM", 101)}, "has its documented number"},
		{"one number twice", []account.IdentityProvider{numbered("A", 101), numbered("B", 101)}, "identity providers A and B have the same number, 101"},
	} {
		srv := &pragma.Server{Social: []pragma.Service{&account.Service{Providers: tt.providers}}, Listen: freePort}
		if err := srv.Run(t.Context()); err == nil || !contains(err.Error(), tt.want) {
			t.Errorf("%s: Run = %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestProviderSeesTheLogInAndKeepsItsNamesCurrent(t *testing.T) {
	var got account.ValidateRequest
	build := func() *account.Service {
		k := newKiosk("STEAM", nil)
		k.seen = func(r *account.ValidateRequest) { got = *r }
		return &account.Service{Providers: []account.IdentityProvider{k}}
	}
	runWith(t, build, func(t *testing.T, w *world) {
		for _, token := range []string{"765/Rob", "765/Robert"} {
			a := w.logIn(socialPlayer, `{"providerId":4,"providerToken":"`+token+`","gameShardId":"`+shard+`","loginOptions":{"hardwareClass":"PC"}}`)
			want := account.ValidateRequest{ProviderToken: token, GameShardID: w.lab.m.ShardID(), Type: pragma.Player, Options: account.LoginOptions{HardwareClass: "PC"}}
			if diff := cmp.Diff(want, got); diff != "" || a.Status != 200 {
				t.Errorf("%d (-want +got):\n%s", a.Status, diff)
			}
		}
		c, _ := w.openAs("STEAM", "765/")
		acc := c.Call("AccountRpc.GetAccountV1", nil)
		if diff := cmp.Diff([]any{at("STEAM", "765", "Robert", "7")}, acc["idProviderAccounts"]); diff != "" || acc["displayName"].(object)["displayName"] != "Rob" {
			t.Errorf("%v (-want +got):\n%s", acc["displayName"], diff)
		}
	})
}

func TestLogInTakesJSONOnly(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		for _, path := range []string{"authenticateorcreatev2", "verifyemailv1"} {
			for contentType, want := range map[string]int{
				"": 400, "application/json": 400, "application/json; charset=UTF-8": 400, "Application/JSON": 400,
				"text/plain": 415, "application/x-www-form-urlencoded": 415, "application/jsonp": 415, ";": 415, "application/json;;x": 415,
			} {
				req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+w.Address(socialPlayer)+"/v1/account/"+path, strings.NewReader("{}"))
				if err != nil {
					t.Fatal(err)
				}
				if contentType != "" {
					req.Header.Set("Content-Type", contentType)
				}
				resp, err := w.HTTP().Do(req)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != want {
					t.Errorf("%s with %q: %d, want %d", path, contentType, resp.StatusCode, want)
				}
			}
		}
	})
}

func TestLogInOptionsHaveBounds(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		for _, tt := range []struct {
			options string
			want    int
		}{
			{`{}`, 200}, {`null`, 200}, {`{"hardwareDevice":null,"unknown":[1]}`, 200},
			{fmt.Sprintf(`{"hardwareDevice":%q}`, strings.Repeat("x", 128)), 200},
			{fmt.Sprintf(`{"hardwareDevice":%q}`, strings.Repeat("x", 129)), 400},
			{fmt.Sprintf(`{"distribution_platform":%q}`, strings.Repeat("ä", 65)), 400},
			{`"PC"`, 400}, {`{"hardwareClass":1}`, 400}, {`{"hardwareClass":"a","hardwareClass":"b"}`, 400},
		} {
			a := w.logIn(socialPlayer, `{"providerId":"UNSAFE","providerToken":"{\"accountId\":\"robin\"}","loginOptions":`+tt.options+`}`)
			if a.Status != tt.want {
				t.Errorf("%.40s: %d %s, want %d", tt.options, a.Status, a.Body, tt.want)
			}
		}
	})
}
