package pragma_test

import (
	"context"
	"strings"
	"testing"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/cluster"
	"github.com/openpragma/engine/pragma/pragmatest"
)

func TestNotificationReachesManyReceivers(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		first, last := w.robin(), w.robin()
		a, b := first.socket(), last.socket()
		to := []pragma.PlayerID{first.id}
		for range 1498 {
			to = append(to, pragma.NewID[pragma.PlayerID]()) // not connected
		}
		to = append(to, last.id)
		for _, tt := range []struct {
			name string
			size int
			to   []pragma.PlayerID
		}{
			{"small body", 10, to},
			// Ids and body together are more than the bus takes at once.
			{"large body", cluster.MaxData - 4096, to},
			{"largest body", cluster.MaxData - 100, []pragma.PlayerID{first.id, last.id}},
		} {
			w.m.NotifyPlayers(t.Context(), w.poke.Of(&said{strings.Repeat("x", tt.size)}), tt.to...)
			for _, c := range []interface{ Read() pragmatest.Frame }{a, b} {
				if f := c.Read(); f.Notification == nil || len(f.Notification.Payload["text"].(string)) != tt.size {
					t.Errorf("%s: got %s", tt.name, f)
				}
			}
		}
	})
}

func TestNotificationThatIsTooLargeIsLoggedAndLost(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		c := r.socket()
		w.m.NotifyPlayers(t.Context(), w.poke.Of(&said{strings.Repeat("x", cluster.MaxData)}), r.id)
		w.m.NotifyPlayers(t.Context(), w.poke.Of(&said{"small"}), r.id)
		if f := c.Read(); f.Notification == nil || f.Notification.Payload["text"] != "small" {
			t.Errorf("got %s, want the small one alone", f)
		}
		if log := w.Logs(); !strings.Contains(log, "cannot notify") || !strings.Contains(log, "LabRpc.PokeV1Notification") {
			t.Error("the log does not say what could not be sent")
		}
	})
}

func TestNotificationThatCannotBeEncodedIsLogged(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		w.m.NotifyPlayers(t.Context(), w.poke.Of(&said{"\xff"}), w.robin().id)
		if !strings.Contains(w.Logs(), "cannot notify") {
			t.Error("nothing was logged")
		}
	})
}

func TestNotificationIsSentAfterTheCallerIsGone(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		c := r.socket()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w.m.NotifyPlayers(ctx, w.poke.Of(&said{"committed"}), r.id)
		if f := c.Read(); f.Notification == nil {
			t.Errorf("got %s", f)
		}
	})
}

func TestNotificationsReachOnlyTheirReceivers(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		player, other := r.socket(), w.robin().socket()
		partner := pragma.NewID[pragma.PartnerID]()
		token, err := w.m.SignPartnerToken(pragma.Game, &pragma.PartnerSession{PartnerID: partner, GameShardID: w.m.ShardID()}, 0)
		if err != nil {
			t.Fatal(err)
		}
		s1, s2 := w.Raw(gamePartner, token), w.Raw(gamePartner, token)
		w.m.NotifyPlayers(t.Context(), w.poke.Of(&said{"to robin"}), r.id)
		w.m.NotifyPartner(t.Context(), w.hail.Of(&said{"to the server"}), partner)
		if f := player.Read(); f.String() != "LabRpc.PokeV1Notification" {
			t.Errorf("the player got %s", f)
		}
		for _, c := range []interface{ Read() pragmatest.Frame }{s1, s2} {
			if f := c.Read(); f.String() != "LabRpc.HailV1Notification" {
				t.Errorf("the partner got %s", f)
			}
		}
		if f, ok := other.Poll(1e9); ok {
			t.Errorf("the other player got %s", f)
		}
	})
}

func TestNoticeKnowsItsType(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		if got := w.poke.Of(&said{}).Type(); got != "LabRpc.PokeV1Notification" {
			t.Errorf("Type() = %s", got)
		}
	})
}

func TestNotificationForASessionReachesNoOther(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		token, first := r.login()
		tell := func() {
			w.m.NotifyPlayers(t.Context(), w.poke.Of(&said{"for the first"}).ForSession(first), r.id)
			w.m.NotifyPlayers(t.Context(), w.poke.Of(&said{"for any"}).ForSession(pragma.SessionID{}), r.id)
			w.m.NotifyPlayers(t.Context(), w.poke.Of(&said{"for another"}).ForSession(pragma.NewOrderedID[pragma.SessionID]()), r.id)
		}
		k := w.walker(gamePlayer, token)
		tell()
		wantTexts(t, "the first session", k.texts(), "for the first", "for any")
		k.ws.CloseNow()
		settle()
		tell()
		wantResumed(t, "the first session", k.back(), true)
		wantTexts(t, "the first session, later", k.texts(), "for the first", "for any")
		next, _ := r.login()
		k = w.walker(gamePlayer, next)
		tell()
		wantTexts(t, "the next session", k.texts(), "for any")
	})
}
