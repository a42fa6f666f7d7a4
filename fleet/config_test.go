package fleet_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/fleet"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

func service() []pragma.Service {
	games := &gameinstance.Service{}
	servers := &fleet.Service{Games: games}
	games.Provider = servers
	return []pragma.Service{games, servers}
}

func TestPoliciesAreChecked(t *testing.T) {
	tests := map[string]struct{ policies, want string }{
		"documented keys":            {`{default: {serverHeartbeatPeriodMillis: 500, gamesPerServer: 2, minCapacity: 1, maxCapacity: 3, maxServerStartTimeMillis: 1, missedHeartbeatsAllowed: 1}}`, ""},
		"new entry has the defaults": {`{big: {maxCapacity: 1000}}`, ""},
		"default removed":            {`{default: null}`, ""},
		"unknown key":                {`{big: {maximum: 1}}`, "maximum"},
		"period of zero":             {`{big: {serverHeartbeatPeriodMillis: 0}}`, "serverHeartbeatPeriodMillis must be between 1 and"},
		"negative capacity":          {`{big: {minCapacity: -1}}`, "minCapacity must be between 0 and"},
		"huge period":                {`{big: {serverHeartbeatPeriodMillis: 2000000000}}`, "serverHeartbeatPeriodMillis must be between 1 and"},
		"no game per server":         {`{big: {gamesPerServer: 0}}`, "gamesPerServer must be between 1 and"},
		"never gone":                 {`{big: {missedHeartbeatsAllowed: 0}}`, "missedHeartbeatsAllowed must be between 1 and"},
		"more at least than at most": {`{big: {minCapacity: 5, maxCapacity: 4}}`, "minCapacity must not be above maxCapacity"},
		"a list":                     {`[1]`, "serverPoolManagementPolicies"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			srv := &pragma.Server{
				Config: pragmatest.Config(t, "game: {serviceConfigs: {FleetServiceConfig: {serverPoolManagementPolicies: "+tt.policies+"}}}"),
				Game:   service(),
			}
			err := srv.Check()
			if tt.want == "" {
				if err != nil {
					t.Errorf("Check() = %v, want nil", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Check() = %v, want it to say %q", err, tt.want)
			}
		})
	}
}

func TestServiceSaysHowItIsToBeMounted(t *testing.T) {
	alone := &fleet.Service{}
	stranger := &gameinstance.Service{}
	for name, srv := range map[string]*pragma.Server{
		"without games":     {Game: []pragma.Service{alone}},
		"not the provider":  {Game: []pragma.Service{stranger, &fleet.Service{Games: stranger}}},
		"on the wrong side": {Social: service()[1:]},
	} {
		t.Run(name, func(t *testing.T) {
			srv.Config = pragmatest.Config(t)
			if err := srv.Check(); err == nil || !strings.Contains(err.Error(), "fleet.Service") {
				t.Errorf("Check() = %v, want a problem of fleet.Service", err)
			}
		})
	}
}

func TestPolicyChangesWhileTheServerRuns(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fleet.yml")
	write := func(period string) {
		t.Helper()
		text := "game: {serviceConfigs: {FleetServiceConfig: {serverPoolManagementPolicies: {default: {serverHeartbeatPeriodMillis: " + period + "}}}}}"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("1500")
	build := func() *pragma.Server {
		cfg, err := pragma.LoadConfig(file)
		if err != nil {
			t.Fatal(err)
		}
		return &pragma.Server{Config: cfg, Game: service()}
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w := &world{World: pw}
		p := w.server()
		said := func(want string) {
			t.Helper()
			got, _ := p.try("FleetRpc.ReportCapacityV1", m{"serverId": "s", "totalCapacity": 1})
			if diff := cmp.Diff(want, got["nextHeartbeatPeriodMillis"]); diff != "" {
				t.Errorf("period (-want +got):\n%s", diff)
			}
		}
		said("1500")
		write("60000")
		time.Sleep(6 * time.Second)
		said("60000")
		write("-5")
		time.Sleep(6 * time.Second)
		said("60000")
		for range 3 { // servers that do as they are told are not called gone
			time.Sleep(59 * time.Second)
			said("60000")
		}
		if strings.Contains(pw.Logs(), "game server is gone") {
			t.Error("a server that reports as often as it was told is called gone")
		}
	})
}

func TestPluginsAreWellFormed(t *testing.T) {
	pragmatest.CheckPlugin[fleet.Plugin](t, fleet.Defaults{})
	pragmatest.CheckPlugin[gameinstance.ProviderPlugin](t, &fleet.Service{})
}
