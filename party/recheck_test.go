package party_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

// runReloaded runs a test on a server whose PartyConfig the test replaces. Each
// call of write waits until the server has taken or refused it.
func runReloaded(t *testing.T, o options, config string, open store.Opener, fn func(w *world, write func(config string))) {
	t.Helper()
	o.file = filepath.Join(t.TempDir(), "party.yml")
	save := func(config string) {
		if err := os.WriteFile(o.file, []byte(longTokens+"\ngame: {serviceConfigs: {PartyConfig: "+config+"}}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	save(config)
	w := &world{}
	runWith(t, w, o, open, func() {
		fn(w, func(config string) {
			save(config)
			time.Sleep(6 * time.Second)
		})
	})
}

// onlyS3 is the map versions without s1, so that c1 fits nothing.
const onlyS3 = `{gameServerVersionCompatibility: {"12": {serverVersion: s3, clientVersions: {"1": c2, "2": c3}}}}`

func TestAQueuedPartyLeavesWhenItsVersionDisappears(t *testing.T) {
	plugin := &recorder{}
	runReloaded(t, options{plugin: plugin}, versions, nil, func(w *world, write func(string)) {
		robin, marian, will := w.player("robin"), w.player("marian"), w.player("will")
		s := robin.createWith("c1")
		marian.joinWith(s.code(), "c2")
		will.createWith("c3")
		w.ready(robin, marian)
		w.ready(will)
		robin.party("PartyRpc.EnterMatchmakingV1", nil)
		will.party("PartyRpc.EnterMatchmakingV1", nil)
		entry := w.entry(robin)
		for _, p := range []*player{robin, marian, will} {
			p.told()
		}
		before, err := w.parties.Party(w.T.Context(), s.partyID())
		if err != nil {
			t.Fatal(err)
		}
		plugin.take()
		write(onlyS3)
		const details = "PartyDetails robin*+ marian+ v6"
		w.tells("new map", map[*player][]string{
			robin:  {"SessionChanged set[] removed[3]", "MatchmakingFailure", "GameClientNotSupported", "PartyClientVersionMismatch", details},
			marian: {"SessionChanged set[] removed[3]", "MatchmakingFailure", "PartyClientVersionMismatch", details},
			will:   nil,
		})
		if got := plugin.take(); len(got) != 1 || got[0] != "ReturnFromMatchmaking FAILED" {
			t.Errorf("hooks = %v, want ReturnFromMatchmaking FAILED", got)
		}
		if err := w.tryMatch(entry, pragma.NewID[pragma.GameInstanceID]()); err == nil {
			t.Error("the party was matched after it had left")
		}
		will.do("PartyRpc.SendInviteV1", m{"inviteePlayerId": marian.id}) // touches the party
		if s := (seen{will.do("MultiplayerRpc.InitializePartyV1", nil)["party"].(m)}); !s.queued() {
			t.Error("will is not in matchmaking any more, though his version is still there")
		}
		after, err := w.parties.Party(w.T.Context(), s.partyID())
		if err != nil || !after.LastAccess.Equal(before.LastAccess) {
			t.Errorf("last access = %v, %v, want %v: nobody touched the party", after.LastAccess, err, before.LastAccess)
		}
		robin.refused("PartyRpc.EnterMatchmakingV1", nil, "PartyService_GameServerNoLongerCompatible")
		time.Sleep(time.Minute)
		w.tells("later passes", map[*player][]string{robin: nil, marian: {"InviteReceived will"}})
	})
}

func TestAPartyThatWaitsForNothingIsRecomputedToo(t *testing.T) {
	runReloaded(t, options{}, versions, nil, func(w *world, write func(string)) {
		stranded, moved, stays, dev := w.player("stranded"), w.player("moved"), w.player("stays"), w.player("dev")
		stranded.createWith("c1")
		s := moved.createWith("c2")
		stays.createWith("c3")
		dev.createWith("c1")
		dev.do("PartyRpc.DevelopmentOverrideGameServerVersionV1", m{"gameServerVersion": "local"})
		all := []*player{stranded, moved, stays, dev}
		for _, p := range all {
			p.told()
		}
		const onlyS1 = `{gameServerVersionCompatibility: {"1": {serverVersion: s1, clientVersions: {"1": c2, "2": c3}}, "12": {serverVersion: s3, clientVersions: {"1": c3}}}}`
		write(onlyS1)
		w.tells("new map", map[*player][]string{
			stranded: {"GameClientNotSupported", "PartyClientVersionMismatch", "PartyDetails stranded* v2"},
			moved:    {"PartyDetails moved* v2"},
			stays:    nil,
			dev:      nil,
		})
		p, err := w.parties.Party(w.T.Context(), s.partyID())
		if err != nil || p.GameServerVersion != "s1" {
			t.Errorf("version = %q, %v, want s1", p.GameServerVersion, err)
		}
		write(`{gameServerVersionCompatibility: {"x": {serverVersion: s9, clientVersions: {"1": c9}}}}`)
		w.tells("bad map", map[*player][]string{stranded: nil, moved: nil, stays: nil})
		if !strings.Contains(w.Logs(), "integer above 0") {
			t.Error("the bad map is not in the log")
		}
	})
}

func TestAMapThatChangedWhileNothingRanCounts(t *testing.T) {
	runReloaded(t, options{}, versions, nil, func(w *world, write func(string)) {
		robin := w.player("robin")
		s := robin.createWith("c1")
		w.ready(robin)
		robin.party("PartyRpc.EnterMatchmakingV1", nil)
		w.Kill()
		write(onlyS3)
		w.Start()
		time.Sleep(time.Second)
		p, err := w.parties.Party(w.T.Context(), s.partyID())
		if err != nil || p.InMatchmaking || p.GameServerVersion != "" {
			t.Errorf("party = %+v, %v; want it out of matchmaking, without a version", p, err)
		}
	})
}

func TestAStoreThatFailsOnlyDelaysANewMap(t *testing.T) {
	faulty := storetest.Faulty(store.NewMemory(), storetest.Faults{Seed: 7})
	open := func(context.Context) (store.Driver, error) { return faulty, nil }
	runReloaded(t, options{}, versions, open, func(w *world, write func(string)) {
		var all []*player
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			p := w.player(name)
			p.createWith("c1")
			w.ready(p)
			p.party("PartyRpc.EnterMatchmakingV1", nil)
			all = append(all, p)
		}
		faulty.Set(storetest.Faults{Seed: 7, Conflict: 0.3, UnknownBefore: 0.2, UnknownAfter: 0.2, Unavailable: 0.5, Read: 0.2})
		write(onlyS3)
		time.Sleep(time.Minute)
		faulty.Set(storetest.Faults{})
		time.Sleep(10 * time.Minute)
		for _, p := range all {
			id, err := w.parties.PartyOf(w.T.Context(), p.id)
			if err != nil {
				t.Fatal(err)
			}
			now, err := w.parties.Party(w.T.Context(), id)
			if err != nil || now.InMatchmaking {
				t.Errorf("party of %s = %+v, %v; want it out of matchmaking", p.name, now, err)
			}
		}
	})
}

func TestAnExpirationThatIsLoweredReachesIdleParties(t *testing.T) {
	tests := []struct {
		name    string
		restart bool
	}{{"while the server runs", false}, {"while nothing runs", true}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			runReloaded(t, options{}, "{stalePartyExpirationMinutes: 600}", nil, func(w *world, write func(string)) {
				robin := w.player("robin")
				s := robin.create()
				if tt.restart {
					w.Kill()
				}
				write("{stalePartyExpirationMinutes: 5}")
				if tt.restart {
					w.Start()
					robin.Connect()
				}
				time.Sleep(4 * time.Minute)
				if _, err := w.parties.Party(w.T.Context(), s.partyID()); err != nil {
					t.Fatalf("after four minutes: %v, want the party", err)
				}
				time.Sleep(time.Minute)
				if p, err := w.parties.Party(w.T.Context(), s.partyID()); err == nil {
					t.Errorf("after five minutes: %+v, want no party", p)
				}
			})
		})
	}
}

func TestAnExpirationThatIsRaisedReachesIdleParties(t *testing.T) {
	runReloaded(t, options{}, "{stalePartyExpirationMinutes: 5}", nil, func(w *world, write func(string)) {
		s := w.player("robin").create()
		write("{stalePartyExpirationMinutes: 60}")
		time.Sleep(50 * time.Minute)
		if _, err := w.parties.Party(w.T.Context(), s.partyID()); err != nil {
			t.Errorf("after fifty minutes: %v, want the party", err)
		}
		time.Sleep(10 * time.Minute)
		if _, err := w.parties.Party(w.T.Context(), s.partyID()); err == nil {
			t.Error("after an hour the party is still there")
		}
	})
}

// strict computes a version that it does not allow.
type strict struct{ party.CompatibilityDefaults }

func (strict) AllowsGameServerVersion(context.Context, *party.AllowsGameServerVersionRequest) (bool, error) {
	return false, nil
}

func TestAPluginThatContradictsItselfKeepsPartiesOutOfMatchmaking(t *testing.T) {
	run(t, options{compat: strict{}}, func(w *world) {
		robin := w.player("robin")
		robin.create()
		w.ready(robin)
		robin.refused("PartyRpc.EnterMatchmakingV1", nil, "PartyService_GameServerNoLongerCompatible")
		w.tells("enter", map[*player][]string{robin: nil})
	})
}

// fickle is a rule of a studio's own that a test changes.
type fickle struct {
	party.CompatibilityDefaults
	allows  atomic.Bool
	broken  atomic.Bool
	changed func()
}

func (f *fickle) CalculateGameServerVersion(context.Context, *party.CalculateGameServerVersionRequest) (string, bool, error) {
	return "v", f.allows.Load(), nil
}

func (f *fickle) AllowsGameServerVersion(context.Context, *party.AllowsGameServerVersionRequest) (bool, error) {
	if f.broken.Load() {
		return false, errors.New("broken")
	}
	return f.allows.Load(), nil
}

func (f *fickle) WatchGameServerVersions(changed func()) { f.changed = changed }

func TestAStudiosRuleMayChangeToo(t *testing.T) {
	rule := &fickle{}
	rule.allows.Store(true)
	run(t, options{compat: rule}, func(w *world) {
		robin, marian := w.player("robin"), w.player("marian")
		for _, p := range []*player{robin, marian} {
			p.create()
			w.ready(p)
			p.party("PartyRpc.EnterMatchmakingV1", nil)
			p.told()
		}
		entry := w.entry(robin)
		game := pragma.NewID[pragma.GameInstanceID]()

		rule.broken.Store(true)
		rule.changed()
		time.Sleep(time.Minute)
		w.tells("a rule that fails", map[*player][]string{robin: nil, marian: nil})
		rule.broken.Store(false)

		rule.allows.Store(false) // and nobody has looked yet
		if err := w.tryMatch(entry, game); !errors.Is(err, party.ErrGameServerNoLongerCompatible) {
			t.Errorf("a match on a version that is gone: %v, want ErrGameServerNoLongerCompatible", err)
		}
		out := []string{"SessionChanged set[] removed[3]", "MatchmakingFailure", "PartyClientVersionMismatch"}
		if err := w.parties.Update(w.T.Context(), entry.PartyID, ext.Value{}); err != nil {
			t.Fatal(err)
		}
		w.tells("a touch", map[*player][]string{robin: append(out, "PartyDetails robin*+ v4"), marian: nil})
		rule.changed()
		time.Sleep(time.Second)
		w.tells("the change", map[*player][]string{robin: nil, marian: append(out, "PartyDetails marian*+ v4")})
	})
}
