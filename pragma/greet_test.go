package pragma_test

import (
	"context"
	"testing"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// A player who connects is told the present truth. What others tell him in the
// meantime comes after it, except what the truth has overtaken.
func TestGreetingComesBeforeWhatOthersTell(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		w.mu.Lock()
		w.onConnect = func(ctx context.Context, s *pragma.PlayerSession) error {
			w.m.NotifyPlayers(context.Background(), w.poke.Of(&said{"news, older than the truth"}), s.PlayerID)
			w.m.NotifyPlayers(context.Background(), w.wink.Of(&said{"news of another type"}), s.PlayerID)
			w.m.NotifyPlayers(ctx, w.poke.Of(&said{"the truth"}), s.PlayerID)
			w.m.NotifyPlayers(context.Background(), w.poke.Of(&said{"news, younger than the truth"}), s.PlayerID)
			return nil
		}
		w.mu.Unlock()
		c := w.robin().socket()
		for _, want := range []string{"the truth", "news of another type", "news, younger than the truth"} {
			if f := c.Read(); f.Notification == nil || f.Notification.Payload["text"] != want {
				t.Errorf("got %v, want %q", f.Notification, want)
			}
		}
	})
}

func TestGreetingReachesOthersThroughTheBus(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		first := w.robin()
		a := first.socket()
		w.mu.Lock()
		w.onConnect = func(ctx context.Context, s *pragma.PlayerSession) error {
			w.m.NotifyPlayers(ctx, w.poke.Of(&said{"somebody is here"}), first.id, s.PlayerID)
			return nil
		}
		w.mu.Unlock()
		b := w.robin().socket()
		for _, c := range []interface{ Read() pragmatest.Frame }{a, b} {
			if f := c.Read(); f.Notification == nil || f.Notification.Payload["text"] != "somebody is here" {
				t.Errorf("got %s, want the notification", f)
			}
		}
	})
}

func TestNotificationMayComeBeforeTheAnswer(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		c := w.robin().socket()
		c.Request("LabRpc.WinkMeV1", said{"first"})
		if f := c.Read(); f.Notification == nil || f.Notification.Payload["text"] != "first" {
			t.Errorf("got %s first, want the notification", f)
		}
		if f := c.Read(); f.Response == nil {
			t.Errorf("got %s second, want the answer", f)
		}
	})
}
