package matchmaking_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestPlayersWhoComeBackFindTheirQueueState(t *testing.T) {
	run(t, setup{plugin: duel{}}, func(w *world) {
		robin, marian := w.player("robin"), w.player("marian")
		w.party("a", robin, marian)
		robin.enter()
		for _, p := range []*player{robin, marian} {
			p.told()
			p.Cut()
			time.Sleep(5 * time.Second)
			p.Connect()
			expect(w.T, p.name+" comes back", p.told(), []string{"SessionChanged set[2 3] removed[]", "PartyDetails"})
			if parties, players, _ := p.info(); parties != 1 || players != 2 {
				w.T.Errorf("%s finds %v parties and %v players, want 1 and 2", p.name, parties, players)
			}
		}
		w.queued("a", "will")
		for _, p := range []*player{robin, marian} {
			expect(w.T, p.name+" is matched", p.told(), found)
		}
	})
}

func TestEveryMemberIsToldInTheDocumentedOrder(t *testing.T) {
	left := []string{"SessionChanged set[] removed[3]"}
	see := append(slices.Clone(left), "PartyDetails")
	tests := []struct {
		name          string
		then          func(w *world, robin, marian *player)
		robin, marian []string
	}{
		{"the leader leaves the queue", func(_ *world, robin, _ *player) { robin.do("MatchmakingRpc.LeaveMatchmakingV2", nil) },
			left, see},
		{"a member leaves the queue", func(_ *world, _, marian *player) { marian.do("MatchmakingRpc.LeaveMatchmakingV2", nil) },
			see, left},
		{"a member leaves the party", func(_ *world, _, marian *player) { marian.do("PartyRpc.LeaveV1", nil) },
			see, []string{"SessionChanged set[] removed[3 2]"}},
		{"a hook fails", func(w *world, _, _ *player) { w.queued("error", "will"); time.Sleep(5 * time.Second) }, failed, failed},
		{"time is up", func(*world, *player, *player) { time.Sleep(61 * time.Second) }, failed, failed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			const config = "game: {serviceConfigs: {MatchmakingConfig: {queueTimeoutSeconds: 60}}}"
			run(t, setup{plugin: picky{}, config: config}, func(w *world) {
				robin, marian := w.player("robin"), w.player("marian")
				w.party("error", robin, marian)
				robin.enter()
				robin.told()
				marian.told()
				tt.then(w, robin, marian)
				expect(w.T, "the leader", robin.told(), tt.robin)
				expect(w.T, "the member", marian.told(), tt.marian)
			})
		})
	}
}

func TestTheQueueTimeoutChangesLive(t *testing.T) {
	file := filepath.Join(t.TempDir(), "matchmaking.yml")
	write := func(config string) {
		if err := os.WriteFile(file, []byte("game: {serviceConfigs: {MatchmakingConfig: "+config+"}}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("{queueTimeoutSeconds: 0}")
	run(t, setup{file: file}, func(w *world) {
		robin := w.queued("a", "robin")[0]
		write("{queueTimeoutSeconds: 30}")
		time.Sleep(10 * time.Second)
		will := w.queued("a", "will")[0]
		time.Sleep(31 * time.Second)
		expect(w.T, "who entered after the change", will.told(), failed)
		expect(w.T, "who entered before it", robin.told(), nil)
		write("{queueTimeoutSeconds: -1}") // refused
		time.Sleep(10 * time.Second)
		will.enter()
		will.told()
		time.Sleep(31 * time.Second)
		expect(w.T, "after a bad change", will.told(), failed)
	})
}
