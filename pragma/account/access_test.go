package account_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// runLimited runs a server whose game servers may ask for events, too.
func runLimited(t *testing.T, yaml string, fn func(t *testing.T, w *world)) {
	t.Helper()
	w := &world{}
	build := func() *pragma.Server {
		w.accounts, w.lab = &account.Service{}, &lab{}
		return &pragma.Server{
			Config: pragmatest.Config(t, yaml),
			Social: []pragma.Service{w.accounts},
			Game:   []pragma.Service{w.lab, &account.GameManagement{Accounts: w.accounts}},
		}
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w.World = pw
		fn(pw.T, w)
	})
}

const management = "GameManagementRpc."

// event returns details of an event that begins and ends at times from now.
func event(name string, from, to time.Duration, groups ...string) object {
	return object{
		"gameShardId": shard, "name": name, "description": "d", "playerGroupIds": groups,
		"startUnixTimeMs": fmt.Sprint(time.Now().Add(from).UnixMilli()), "endUnixTimeMs": fmt.Sprint(time.Now().Add(to).UnixMilli()), "timeZone": "Europe/Berlin",
	}
}

func createEvent(c *pragmatest.Raw, details object) object {
	return c.Call(management+"CreateLimitedAccessEventOperatorV1", object{"limitedAccessEventDetails": details})["limitedAccessEvent"].(object)
}

func setMode(c *pragmatest.Raw, mode string) {
	c.Call(management+"SetAccessModeOperatorV1", object{"gameShardId": shard, "accessMode": mode})
}

// getsIn reports whether a log-in gives a game token.
func (w *world) getsIn(name string) bool {
	w.T.Helper()
	game, social := w.mustLogIn(name, name)
	if social == "" {
		w.T.Errorf("%s got no social token", name)
	}
	return game != ""
}

func TestLimitedShardLetsInTheGroupsOfRunningEvents(t *testing.T) {
	runLimited(t, "", func(t *testing.T, w *world) {
		admin := w.admin()
		testers, others := createGroup(t, admin, "testers"), createGroup(t, admin, "others")
		for group, name := range map[string]string{testers: "robin", others: "marian"} {
			admin.Call("AccountRpc.AddAccountToPlayerGroupOperatorV1", object{"playerGroupId": group, "pragmaSocialId": w.newAccount(name)})
		}
		game, social := w.mustLogIn("marian", "marian")
		player := w.Raw(socialPlayer, social)
		check := func(when string, robin, marian bool) {
			t.Helper()
			if got := w.getsIn("robin"); got != robin {
				t.Errorf("%s: robin gets in: %v", when, got)
			}
			if got := w.getsIn("marian"); got != marian {
				t.Errorf("%s: marian gets in: %v", when, got)
			}
			fresh := player.Call("AccountRpc.RefreshTokensV1", tokens(game, social))["pragmaTokens"].(object)
			if got := fresh["pragmaGameToken"] != ""; got != marian || fresh["pragmaSocialToken"] == "" {
				t.Errorf("%s: marian's refresh lets her in: %v", when, got)
			}
		}
		check("open", true, true)
		e := createEvent(admin, event("closed test", time.Hour, 2*time.Hour, testers))
		check("open with an event", true, true)
		setMode(admin, "LIMITED")
		check("before the event", false, false)
		time.Sleep(time.Hour)
		check("in the event", true, false)
		w.Restart()
		admin, player = w.admin(), w.Raw(socialPlayer, social)
		check("after a restart", true, false)
		admin.Call(management+"UpdateLimitedAccessEventOperatorV1", object{
			"limitedAccessEventId": e["limitedAccessEventId"], "limitedAccessEventDetails": event("both", -time.Hour, time.Hour, testers, others),
		})
		check("for both", true, true)
		time.Sleep(time.Hour)
		check("after the event", false, false)
		setMode(admin, "OPEN")
		check("open again", true, true)
	})
}

func TestConfigurationLimitsAShardUntilAnOperatorDecides(t *testing.T) {
	runLimited(t, "social: {serviceConfigs: {GameManagementServiceConfig: {accessMode: LIMITED}}}", func(t *testing.T, w *world) {
		mode := func() string {
			t.Helper()
			return w.viewer().Call(management+"GetAccessModeOperatorV1", object{"gameShardId": shard})["accessMode"].(string)
		}
		if w.getsIn("robin") || mode() != "LIMITED" {
			t.Errorf("mode %s lets everybody in", mode())
		}
		setMode(w.admin(), "OPEN")
		w.Restart()
		if !w.getsIn("robin") || mode() != "OPEN" {
			t.Errorf("mode %s lets nobody in", mode())
		}
	})
}

func TestUnknownAccessModeInTheConfigurationStopsTheStart(t *testing.T) {
	cfg := pragmatest.Config(t, "social: {serviceConfigs: {GameManagementServiceConfig: {accessMode: CLOSED}}}")
	srv := &pragma.Server{Config: cfg, Social: []pragma.Service{&account.Service{}}, Listen: freePort}
	if err := srv.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "want OPEN or LIMITED") {
		t.Errorf("got %v", err)
	}
}

func TestGameManagementNeedsTheAccountsOfItsServer(t *testing.T) {
	for name, tt := range map[string]struct {
		social, game []pragma.Service
		want         string
	}{
		"none":               {nil, []pragma.Service{&account.GameManagement{}}, "Accounts is nil"},
		"another server's":   {nil, []pragma.Service{&account.GameManagement{Accounts: &account.Service{}}}, "is not a service of this server"},
		"on the wrong place": {[]pragma.Service{&account.GameManagement{}}, nil, "belongs on the Game backend"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := &pragma.Server{Social: tt.social, Game: tt.game, Config: pragmatest.Config(t), Listen: freePort}
			if err := srv.Run(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestEventsAreSeenByGameServersAndOperators(t *testing.T) {
	runLimited(t, "", func(t *testing.T, w *world) {
		admin, viewer := w.admin(), w.viewer()
		game, _ := w.PartnerTokens()
		server := w.Raw(gamePartner, game)
		group := createGroup(t, admin, "testers")
		details := event("first", 0, time.Hour, group)
		first := createEvent(admin, details)
		details["playerGroupIds"] = []any{group}
		if want := (object{"limitedAccessEventId": first["limitedAccessEventId"], "limitedAccessEventDetails": details}); !cmp.Equal(first, want) {
			t.Errorf("created (-got +want):\n%s", cmp.Diff(first, want))
		}
		second := createEvent(admin, event("second", 0, time.Hour))
		third := createEvent(admin, event("third", 0, time.Hour))
		admin.Call(management+"DeleteLimitedAccessEventOperatorV1", object{"limitedAccessEventId": second["limitedAccessEventId"]})
		got := server.Call(management+"GetAllLimitedAccessEventsPartnerV1", object{"gameShardId": shard})
		if want := (object{"limitedAccessEvent": []any{first, third}}); !cmp.Equal(got, want) {
			t.Errorf("partner (-got +want):\n%s", cmp.Diff(got, want))
		}
		got = viewer.Call(management+"GetAllLimitedAccessEventsOperatorV1", object{"gameShardId": shard, "pageIndex": 1, "pageSize": 1})
		if want := (object{"limitedAccessEvent": []any{third}, "count": "2"}); !cmp.Equal(got, want) {
			t.Errorf("operator (-got +want):\n%s", cmp.Diff(got, want))
		}
		for _, id := range []string{"", "00000000-0000-0000-0000-000000000002"} {
			if got := refused(t, server, management+"GetAllLimitedAccessEventsPartnerV1", object{"gameShardId": id}); got != "GameManagementService_GameShardInvalid" {
				t.Errorf("events of shard %q: %s", id, got)
			}
		}
	})
}

func TestEventRequestsAreChecked(t *testing.T) {
	runLimited(t, "", func(t *testing.T, w *world) {
		admin, viewer := w.admin(), w.viewer()
		e := createEvent(admin, event("closed test", 0, time.Hour))["limitedAccessEventId"]
		nobody := pragma.NewID[pragma.SocialID]().String()
		with := func(member string, value any) object {
			d := event("closed test", 0, time.Hour)
			d[member] = value
			return d
		}
		for _, tt := range []struct {
			name    string
			details object
			want    string
		}{
			{"nothing", object{}, "GameManagementService_GameShardInvalid"},
			{"another shard", with("gameShardId", nobody), "GameManagementService_GameShardInvalid"},
			{"no name", with("name", " "), "GameManagementService_LimitedAccessEventNameMissing"},
			{"long name", with("name", strings.Repeat("x", 101)), "GameManagementService_BadRequest"},
			{"long description", with("description", strings.Repeat("x", 501)), "GameManagementService_BadRequest"},
			{"long time zone", with("timeZone", strings.Repeat("x", 65)), "GameManagementService_BadRequest"},
			{"no end", with("endUnixTimeMs", "0"), "GameManagementService_LimitedAccessEventTimeInvalid"},
			{"negative start", with("startUnixTimeMs", "-1"), "GameManagementService_LimitedAccessEventTimeInvalid"},
			{"end before start", event("x", 2*time.Hour, time.Hour), "GameManagementService_LimitedAccessEventTimeInvalid"},
			{"end at start", event("x", time.Hour, time.Hour), "GameManagementService_LimitedAccessEventTimeInvalid"},
			{"over already", event("x", -2*time.Hour, 0), "GameManagementService_LimitedAccessEventTimeInvalid"},
			{"unknown group", with("playerGroupIds", []string{nobody}), "GameManagementService_BadRequest"},
			{"many groups", with("playerGroupIds", manyIDs(51)), "GameManagementService_BadRequest"},
			{"no time", with("endUnixTimeMs", "soon"), "Serialization_Error"},
		} {
			if got := refused(t, admin, management+"CreateLimitedAccessEventOperatorV1", object{"limitedAccessEventDetails": tt.details}); got != tt.want {
				t.Errorf("create, %s: got %s, want %s", tt.name, got, tt.want)
			}
			if got := refused(t, admin, management+"UpdateLimitedAccessEventOperatorV1", object{"limitedAccessEventId": e, "limitedAccessEventDetails": tt.details}); got != tt.want {
				t.Errorf("update, %s: got %s, want %s", tt.name, got, tt.want)
			}
		}
		for _, tt := range []struct {
			call    string
			payload object
			want    string
		}{
			{"UpdateLimitedAccessEvent", object{"limitedAccessEventId": nobody, "limitedAccessEventDetails": event("x", 0, time.Hour)}, "GameManagementService_LimitedAccessEventNotFound"},
			{"DeleteLimitedAccessEvent", object{"limitedAccessEventId": nobody}, "GameManagementService_LimitedAccessEventNotFound"},
			{"DeleteLimitedAccessEvent", object{}, "GameManagementService_LimitedAccessEventNotFound"},
			{"SetAccessMode", object{"accessMode": "OPEN"}, "GameManagementService_GameShardInvalid"},
			{"SetAccessMode", object{"gameShardId": shard, "accessMode": "Closed"}, "GameManagementService_BadRequest"},
			{"SetAccessMode", object{"gameShardId": shard}, "GameManagementService_BadRequest"},
			{"GetAccessMode", object{"gameShardId": nobody}, "GameManagementService_GameShardInvalid"},
			{"GetAllLimitedAccessEvents", object{}, "GameManagementService_GameShardInvalid"},
			{"GetAllLimitedAccessEvents", object{"gameShardId": shard, "pageIndex": -1}, "GameManagementService_BadRequest"},
			{"GetAllLimitedAccessEvents", object{"gameShardId": shard, "pageSize": 501}, "GameManagementService_BadRequest"},
		} {
			if got := refused(t, admin, management+tt.call+"OperatorV1", tt.payload); got != tt.want {
				t.Errorf("%s %v: got %s, want %s", tt.call, tt.payload, got, tt.want)
			}
		}
		for call, payload := range map[string]object{
			"CreateLimitedAccessEvent": {"limitedAccessEventDetails": event("x", 0, time.Hour)},
			"UpdateLimitedAccessEvent": {"limitedAccessEventId": e, "limitedAccessEventDetails": event("x", 0, time.Hour)},
			"DeleteLimitedAccessEvent": {"limitedAccessEventId": e},
			"SetAccessMode":            {"gameShardId": shard, "accessMode": "LIMITED"},
		} {
			if got := refused(t, viewer, management+call+"OperatorV1", payload); got != "AccountService_Unauthorized" {
				t.Errorf("%s by a viewer: %s", call, got)
			}
		}
		time.Sleep(time.Hour)
		if got := refused(t, admin, management+"UpdateLimitedAccessEventOperatorV1", object{"limitedAccessEventId": e, "limitedAccessEventDetails": event("x", 0, time.Hour)}); got != "GameManagementService_LimitedAccessEventCannotModifyExistingEvent" {
			t.Errorf("update of an event that is over: %s", got)
		}
		got := viewer.Call(management+"GetAllLimitedAccessEventsOperatorV1", object{"gameShardId": shard})
		if got["count"] != "1" || got["limitedAccessEvent"].([]any)[0].(object)["limitedAccessEventDetails"].(object)["name"] != "closed test" {
			t.Errorf("afterwards: %v", got)
		}
	})
}

func manyIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = pragma.NewID[pragma.SocialID]().String()
	}
	return ids
}

func TestThereIsALimitOfEvents(t *testing.T) {
	runLimited(t, "", func(t *testing.T, w *world) {
		admin := w.admin()
		var last object
		for range 100 {
			last = createEvent(admin, event("x", 0, time.Hour))
		}
		if got := refused(t, admin, management+"CreateLimitedAccessEventOperatorV1", object{"limitedAccessEventDetails": event("x", 0, time.Hour)}); got != "GameManagementService_BadRequest" {
			t.Errorf("event 101: %s", got)
		}
		admin.Call(management+"DeleteLimitedAccessEventOperatorV1", object{"limitedAccessEventId": last["limitedAccessEventId"]})
		createEvent(admin, event("x", 0, time.Hour))
	})
}
