package party_test

import (
	"context"
	"strings"
	"testing"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
)

// versions is a map in which c1 fits s1, c3 fits s3, and c2 fits both.
const versions = `{gameServerVersionCompatibility: {
  "1": {serverVersion: s1, clientVersions: {"1": c1, "2": c2}},
  "12": {serverVersion: s3, clientVersions: {"1": c2, "2": c3}},
}}`

func TestBestVersion(t *testing.T) {
	supported := map[string]party.ServerVersion{
		"9":  {ServerVersion: "s9", ClientVersions: map[string]string{"1": "a", "2": "b"}},
		"10": {ServerVersion: "s10", ClientVersions: map[string]string{"1": "b"}},
	}
	tests := []struct {
		name    string
		clients []string
		want    string
		ok      bool
	}{
		{"one version fits", []string{"a"}, "s9", true},
		{"the greatest number wins, not the greatest text", []string{"b"}, "s10", true},
		{"only a lower one fits all", []string{"a", "b"}, "s9", true},
		{"an unknown client", []string{"a", "x"}, "", false},
		{"nobody", nil, "s10", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := party.BestVersion(supported, tt.clients); got != tt.want || ok != tt.ok {
				t.Errorf("BestVersion = %q, %v, want %q, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
	if got, ok := party.BestVersion(nil, []string{"x"}); got != "" || !ok {
		t.Errorf("BestVersion without a map = %q, %v, want versions not in use", got, ok)
	}
}

func TestAllowsVersion(t *testing.T) {
	supported := map[string]party.ServerVersion{
		"9":  {ServerVersion: "s9", ClientVersions: map[string]string{"1": "a", "2": "b"}},
		"10": {ServerVersion: "s10", ClientVersions: map[string]string{"1": "b"}},
	}
	tests := []struct {
		name    string
		version string
		clients []string
		want    bool
	}{
		{"it serves all", "s9", []string{"a", "b"}, true},
		{"there is a better one", "s9", []string{"b"}, true},
		{"it does not serve all", "s10", []string{"a", "b"}, false},
		{"it is gone", "s8", []string{"a"}, false},
		{"from a time without versions", "", []string{"a"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := party.AllowsVersion(supported, tt.version, tt.clients); got != tt.want {
				t.Errorf("AllowsVersion = %v, want %v", got, tt.want)
			}
		})
	}
	if !party.AllowsVersion(nil, "", []string{"x"}) || party.AllowsVersion(nil, "s9", []string{"a"}) {
		t.Error("AllowsVersion without a map does not want the empty version alone")
	}
}

func TestKnowsClientVersion(t *testing.T) {
	supported := map[string]party.ServerVersion{"1": {ServerVersion: "s", ClientVersions: map[string]string{"1": "a"}}}
	for client, want := range map[string]bool{"a": true, "b": false, "": false} {
		if got := party.KnowsClientVersion(supported, client); got != want {
			t.Errorf("KnowsClientVersion(%q) = %v, want %v", client, got, want)
		}
	}
	if !party.KnowsClientVersion(nil, "b") {
		t.Error("KnowsClientVersion without a map does not know all")
	}
}

func (p *player) createWith(version string) seen {
	p.w.T.Helper()
	return p.party("PartyRpc.CreateV1", m{"gameClientVersion": version})
}

func (p *player) joinWith(code, version string) seen {
	p.w.T.Helper()
	return p.party("PartyRpc.JoinWithInviteCodeV1", m{"inviteCode": code, "gameClientVersion": version})
}

func TestTheServerVersionFollowsTheMembers(t *testing.T) {
	run(t, options{config: versions}, func(w *world) {
		robin, marian, will := w.player("robin"), w.player("marian"), w.player("will")
		s := robin.createWith("c2")
		if got := s.m["gameServerVersion"]; got != "s3" {
			t.Errorf("version of c2 = %v, want s3", got)
		}
		if got := marian.joinWith(s.code(), "c1").m["gameServerVersion"]; got != "s1" {
			t.Errorf("version of c2 and c1 = %v, want s1", got)
		}
		robin.told()
		marian.told()
		if got := will.joinWith(s.code(), "c3").m["gameServerVersion"]; got != "" {
			t.Errorf("version of c1, c2 and c3 = %v, want none", got)
		}
		w.tells("mismatch", map[*player][]string{
			robin:  {"PartyClientVersionMismatch", "PartyDetails robin* marian will v3"},
			marian: {"PartyClientVersionMismatch", "PartyDetails robin* marian will v3"},
			will:   {"SessionChanged set[2] removed[]"},
		})
		w.ready(robin, marian, will)
		robin.refused("PartyRpc.EnterMatchmakingV1", nil, "PartyService_GameServerNoLongerCompatible")
		marian.do("PartyRpc.LeaveV1", nil)
		if got := robin.party("PartyRpc.EnterMatchmakingV1", nil).m["gameServerVersion"]; got != "s3" {
			t.Errorf("version of c2 and c3 = %v, want s3", got)
		}
	})
}

func TestAnUnknownClientIsTold(t *testing.T) {
	run(t, options{config: versions}, func(w *world) {
		robin, marian := w.player("robin"), w.player("marian")
		robin.createWith("c9")
		w.tells("create", map[*player][]string{
			robin: {"SessionChanged set[2] removed[]", "GameClientNotSupported", "PartyClientVersionMismatch"},
		})
		s := robin.createWith("c1")
		robin.told()
		marian.joinWith(s.code(), "c9")
		w.tells("join", map[*player][]string{
			robin:  {"PartyClientVersionMismatch", "PartyDetails robin* marian v2"},
			marian: {"SessionChanged set[2] removed[]", "GameClientNotSupported"},
		})
		robin.refused("PartyRpc.CreateV1", m{"gameClientVersion": strings.Repeat("x", 65)}, "Serialization_Error")
	})
}

func TestADeveloperMayOverrideTheVersion(t *testing.T) {
	run(t, options{config: versions}, func(w *world) {
		robin := w.player("robin")
		robin.createWith("c9")
		w.ready(robin)
		robin.refused("PartyRpc.EnterMatchmakingV1", nil, "PartyService_GameServerNoLongerCompatible")
		robin.do("PartyRpc.DevelopmentOverrideGameServerVersionV1", m{"gameServerVersion": "dev"})
		robin.party("PartyRpc.EnterMatchmakingV1", nil)
		if got := w.entry(robin).GameServerVersion; got != "dev" {
			t.Errorf("version = %q, want dev", got)
		}
	})
	run(t, options{config: "{enableLocalGameServerVersions: false}"}, func(w *world) {
		robin := w.player("robin")
		robin.refused("PartyRpc.DevelopmentOverrideGameServerVersionV1", m{"gameServerVersion": "dev"}, "PartyService_NotInParty")
		robin.create()
		robin.refused("PartyRpc.DevelopmentOverrideGameServerVersionV1", m{"gameServerVersion": "dev"}, "PartyService_OverrideGameServerVersionDisabled")
	})
}

// sameOnly lets only players with the same client version play together.
type sameOnly struct{ party.CompatibilityDefaults }

func (sameOnly) CalculateGameServerVersion(_ context.Context, r *party.CalculateGameServerVersionRequest) (string, bool, error) {
	all := r.ClientVersions()
	return "for " + all[0], len(all) == 1, nil
}

func TestAStudioMayReplaceTheRule(t *testing.T) {
	run(t, options{compat: sameOnly{}}, func(w *world) {
		robin, marian := w.player("robin"), w.player("marian")
		s := robin.createWith("x")
		if got := s.m["gameServerVersion"]; got != "for x" {
			t.Errorf("version = %v, want %q", got, "for x")
		}
		robin.told()
		marian.joinWith(s.code(), "y")
		w.tells("join", map[*player][]string{robin: {"PartyClientVersionMismatch", "PartyDetails robin* marian v2"}})
	})
}

func TestConfigIsChecked(t *testing.T) {
	tests := []struct{ name, config, want string }{
		{"no players", "{maxPlayersPerParty: 0}", "maxPlayersPerParty"},
		{"a negative delay", "{repeatInviteDelaySeconds: -1}", "repeatInviteDelaySeconds"},
		{"a negative life", "{inviteExpirationMinutes: -1}", "inviteExpirationMinutes"},
		{"no interval", "{assessTimeoutsIntervalSeconds: 0}", "assessTimeoutsIntervalSeconds"},
		{"an unknown key", "{maxPlayerPerParty: 1}", "maxPlayerPerParty"},
		{"a key that is no number", `{gameServerVersionCompatibility: {"x": {serverVersion: s, clientVersions: {"1": c}}}}`, "integer above 0"},
		{"a key of zero", `{gameServerVersionCompatibility: {"0": {serverVersion: s, clientVersions: {"1": c}}}}`, "integer above 0"},
		{"no server version", `{gameServerVersionCompatibility: {"1": {clientVersions: {"1": c}}}}`, "serverVersion"},
		{"a server version twice", `{gameServerVersionCompatibility: {"1": {serverVersion: s, clientVersions: {"1": c}}, "2": {serverVersion: s, clientVersions: {"1": c}}}}`, "too"},
		{"no client versions", `{gameServerVersionCompatibility: {"1": {serverVersion: s}}}`, "at least one"},
		{"an empty client version", `{gameServerVersionCompatibility: {"1": {serverVersion: s, clientVersions: {"1": ""}}}}`, "clientVersions"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := pragma.ParseConfig("game: {serviceConfigs: {PartyConfig: " + tt.config + "}}")
			if err != nil {
				t.Fatal(err)
			}
			srv := &pragma.Server{Config: cfg, Game: []pragma.Service{&party.Service{}}}
			if err := srv.Run(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Run = %v, want an error about %q", err, tt.want)
			}
		})
	}
	for _, mode := range []pragma.Mode{pragma.Development, pragma.Production} {
		cfg := party.DefaultConfig(mode)
		if err := cfg.Validate(); err != nil {
			t.Errorf("defaults of %s: %v", mode, err)
		}
		if got, want := cfg.EnableGameServerVersionDevelopmentOverride, mode == pragma.Development; got != want {
			t.Errorf("override in %s = %v, want %v", mode, got, want)
		}
	}
}
