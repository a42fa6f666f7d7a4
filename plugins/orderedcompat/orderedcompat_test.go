package orderedcompat_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/plugins/orderedcompat"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

type m = map[string]any

const (
	slot = "game: {pluginConfigs: {PartyService.gameServerCompatibilityPlugin: "
	two  = `{config: {versionCompatibility: {"1": {serverVersion: s1, clientVersions: {"1": c0, "2": c1}}, "2": {serverVersion: s2, clientVersions: {"1": c1, "2": c2}}}}}`
	one  = `{config: {versionCompatibility: {"2": {serverVersion: s2, clientVersions: {"1": c1, "2": c2}}}}}`
)

// world is a server with a configuration that can be rewritten.
type world struct {
	*pragmatest.World
	file string
}

// run runs a test on a server with this entry in pluginConfigs.
func run(t *testing.T, plugin func() *orderedcompat.Plugin, config string, fn func(w *world)) {
	t.Helper()
	w := &world{file: filepath.Join(t.TempDir(), "game.yml")}
	w.write(t, config)
	build := func() *pragma.Server {
		cfg, err := pragma.LoadConfig(w.file)
		if err != nil {
			t.Fatal(err)
		}
		parties := &party.Service{Compatibility: plugin()}
		games := &gameinstance.Service{Parties: parties}
		return &pragma.Server{
			Config: cfg,
			Game:   []pragma.Service{parties, games, &matchmaking.Service{Parties: parties, Games: games}},
		}
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w.World = pw
		fn(w)
	})
}

func (w *world) write(t *testing.T, config string) {
	t.Helper()
	if err := os.WriteFile(w.file, []byte(slot+config+"}}"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// reload rewrites the configuration and waits until the server has seen it.
func (w *world) reload(config string) {
	w.write(w.T, config)
	time.Sleep(6 * time.Second)
}

// create logs a player in who creates a party with this client, and returns the
// party's game server version.
func (w *world) create(name, client string) (*pragmatest.Raw, any) {
	w.T.Helper()
	token, _ := w.Tokens(name)
	c := w.Raw(pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}, token)
	return c, c.Call("PartyRpc.CreateV1", m{"gameClientVersion": client})["party"].(m)["gameServerVersion"]
}

func configured() *orderedcompat.Plugin { return &orderedcompat.Plugin{} }

func TestTheHighestVersionThatFitsIsChosen(t *testing.T) {
	run(t, configured, two, func(w *world) {
		for client, want := range map[string]string{"c0": "s1", "c1": "s2", "c2": "s2", "c3": ""} {
			if _, got := w.create("player "+client, client); got != want {
				t.Errorf("version of %s = %v, want %q", client, got, want)
			}
		}
		plugin := w.plugin()
		for clients, want := range map[string]string{"c0 c1": "s1", "c1 c2": "s2", "c0 c2": "none"} {
			r := &party.CalculateGameServerVersionRequest{Party: partyOf(strings.Fields(clients)...)}
			got, ok, err := plugin.CalculateGameServerVersion(w.T.Context(), r)
			if !ok {
				got = "none"
			}
			if got != want || err != nil {
				t.Errorf("version of %s = %s, %v, want %s", clients, got, err, want)
			}
		}
		valid, err := plugin.GetValidGameClientVersions(w.T.Context())
		if diff := cmp.Diff([]string{"c0", "c1", "c2"}, valid); diff != "" || err != nil {
			t.Errorf("%v; valid clients (-want +got):\n%s", err, diff)
		}
	})
}

// plugin is one that is not mounted and has the map two.
func (w *world) plugin() *orderedcompat.Plugin {
	return &orderedcompat.Plugin{VersionCompatibility: map[string]party.ServerVersion{
		"1": {ServerVersion: "s1", ClientVersions: map[string]string{"1": "c0", "2": "c1"}},
		"2": {ServerVersion: "s2", ClientVersions: map[string]string{"1": "c1", "2": "c2"}},
	}}
}

func partyOf(clients ...string) *party.Party {
	var players []*party.Player
	for _, c := range clients {
		players = append(players, party.NewPlayer(party.PlayerInfo{PlayerID: pragma.NewID[pragma.PlayerID](), GameClientVersion: c}))
	}
	return party.NewParty(pragma.NewID[pragma.PartyID](), players...)
}

func TestAVersionIsAllowedWhileTheMapHasItForAllClients(t *testing.T) {
	plugin := (&world{}).plugin()
	for _, c := range []struct {
		version string
		clients []string
		want    bool
	}{
		{"s1", []string{"c1"}, true}, // though there is a better one
		{"s1", []string{"c0", "c1"}, true},
		{"s1", []string{"c0", "c2"}, false},
		{"s3", []string{"c1"}, false},
		{"", []string{"c1"}, false},
	} {
		got, err := plugin.AllowsGameServerVersion(t.Context(), &party.AllowsGameServerVersionRequest{Party: partyOf(c.clients...), Version: c.version})
		if got != c.want || err != nil {
			t.Errorf("AllowsGameServerVersion(%q, %v) = %v, %v, want %v", c.version, c.clients, got, err, c.want)
		}
	}
}

func TestAWaitingPartyLeavesWhenItsVersionIsTakenOut(t *testing.T) {
	run(t, configured, two, func(w *world) {
		old, _ := w.create("old", "c0")
		young, _ := w.create("young", "c2")
		for _, c := range []*pragmatest.Raw{old, young} {
			c.Call("PartyRpc.SetReadyStateV1", m{"ready": true})
			c.Call("PartyRpc.EnterMatchmakingV1", m{})
		}
		w.reload(one)
		synctest.Wait()
		if got := names(old); !strings.Contains(got, "SessionChanged MatchmakingFailure:GAME_SERVER_VERSION_NO_LONGER_COMPATIBLE GameClientNotSupported PartyClientVersionMismatch PartyDetails") {
			t.Errorf("old is told %s", got)
		}
		if got := names(young); strings.Contains(got, "MatchmakingFailure") {
			t.Errorf("young is told %s", got)
		}
	})
}

// names returns what a player was told until now, briefly.
func names(c *pragmatest.Raw) string {
	c.Request("PlayerSessionRpc.HeartbeatV1", m{})
	var all []string
	for {
		f := c.Read()
		if f.Notification == nil {
			return strings.Join(all, " ")
		}
		_, name, _ := strings.Cut(f.Notification.Type, ".")
		name = strings.TrimSuffix(name, "V1Notification")
		if reason, ok := f.Notification.Payload["reason"].(string); ok {
			name += ":" + reason
		}
		all = append(all, name)
	}
}

func TestABadMapIsLoggedAndTheOldOneStays(t *testing.T) {
	run(t, configured, two, func(w *world) {
		for i, config := range []string{bad[0].config, bad[3].config} {
			w.reload(config)
			if _, got := w.create([]string{"robin", "marian"}[i], "c0"); got != "s1" {
				t.Errorf("version = %v after %s, want s1", got, config)
			}
		}
		if got := strings.Count(w.Logs(), "the last good one stays"); got != 2 {
			t.Errorf("%d warnings in the log, want 2", got)
		}
	})
}

// bad are maps that cannot be meant.
var bad = []struct{ name, config, want string }{
	{"a key that is no number", `{config: {versionCompatibility: {"one": {serverVersion: s1, clientVersions: {"1": c1}}}}}`, "integer above 0"},
	{"a key of zero", `{config: {versionCompatibility: {"0": {serverVersion: s1, clientVersions: {"1": c1}}}}}`, "integer above 0"},
	{"one number in two ways", `{config: {versionCompatibility: {"1": {serverVersion: s1, clientVersions: {"1": c1}}, "01": {serverVersion: s2, clientVersions: {"1": c1}}}}}`, "integer above 0"},
	{"a server version twice", `{config: {versionCompatibility: {"1": {serverVersion: s1, clientVersions: {"1": c1}}, "2": {serverVersion: s1, clientVersions: {"1": c1}}}}}`, "too"},
	{"an empty server version", `{config: {versionCompatibility: {"1": {serverVersion: "", clientVersions: {"1": c1}}}}}`, "serverVersion"},
	{"no client versions", `{config: {versionCompatibility: {"1": {serverVersion: s1}}}}`, "at least one version"},
	{"an empty client version", `{config: {versionCompatibility: {"1": {serverVersion: s1, clientVersions: {"1": ""}}}}}`, "clientVersions"},
	{"an empty map", `{config: {versionCompatibility: {}}}`, "at least one game server version"},
	{"nothing", `{}`, "at least one game server version"},
	{"a misspelt key", `{config: {versionCompatability: {}}}`, "versionCompatability"},
}

func TestABadMapStopsTheStart(t *testing.T) {
	for _, tt := range bad {
		t.Run(tt.name, func(t *testing.T) {
			if err := start(t, &orderedcompat.Plugin{}, tt.config); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Run() = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

// start runs a server until it is up.
func start(t *testing.T, plugin *orderedcompat.Plugin, config string) error {
	t.Helper()
	cfg, err := pragma.ParseConfig(`core: {gatewayManager: {game: {player: {address: "127.0.0.1:0"}, partner: {enabled: false}, operator: {enabled: false}}}}` + "\n" + slot + config + "}}")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	srv := &pragma.Server{
		Config: cfg, Game: []pragma.Service{&party.Service{Compatibility: plugin}},
		Ready: func(pragma.Addresses) { stop() },
	}
	return srv.Run(ctx)
}

func TestTheFieldHoldsWhereTheConfigurationIsSilent(t *testing.T) {
	run(t, func() *orderedcompat.Plugin { return (&world{}).plugin() }, "{}", func(w *world) {
		if _, got := w.create("robin", "c0"); got != "s1" {
			t.Errorf("version = %v, want s1 of the field", got)
		}
	})
	run(t, func() *orderedcompat.Plugin { return (&world{}).plugin() }, one, func(w *world) {
		if _, got := w.create("robin", "c0"); got != "" {
			t.Errorf("version = %v, want none: the configuration replaces the field", got)
		}
	})
}

func TestNoHookIsMisspelt(t *testing.T) {
	pragmatest.CheckPlugin[party.CompatibilityPlugin](t, &orderedcompat.Plugin{})
}
