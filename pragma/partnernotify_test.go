package pragma_test

import (
	"context"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

func TestNotificationReachesAllServersOfAnAllocation(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		mine, other := pragma.NewID[pragma.AllocationID](), pragma.NewID[pragma.AllocationID]()
		first := w.Raw(gamePartner, w.partner(pragma.NewID[pragma.PartnerID](), mine))
		second := w.Raw(gamePartner, w.partner(pragma.NewID[pragma.PartnerID](), mine))
		strangers := []interface {
			Poll(time.Duration) (f pragmatest.Frame, ok bool)
		}{w.Raw(gamePartner, w.partner(pragma.NewID[pragma.PartnerID](), other)), w.Raw(gamePartner, w.partnerToken()), w.robin().socket()}
		n := w.hail.Of(&said{"over"})
		w.m.NotifyAllocation(t.Context(), n, mine)
		for _, c := range []interface{ Read() pragmatest.Frame }{first, second} {
			if f := c.Read(); f.Notification == nil || f.Notification.Payload["text"] != "over" {
				t.Errorf("a server of the allocation got %s", f)
			}
		}
		for _, c := range strangers {
			if f, ok := c.Poll(time.Second); ok {
				t.Errorf("a stranger got %s", f)
			}
		}
		w.m.NotifyPartner(t.Context(), n, pragma.PartnerID(mine)) // n itself is not for allocations
		if f, ok := first.Poll(time.Second); ok {
			t.Errorf("got %s by the id of the allocation", f)
		}
	})
}

func TestPartnerIsToldWhatItMustKnowWhenItConnects(t *testing.T) {
	id := pragma.NewID[pragma.PartnerID]()
	busy := true
	var hail pragma.Notice[said]
	mount := func(m *pragma.Mount) {
		hail = pragma.PartnerNotice[said](m, "WelcomeV1Notification")
		m.OnPartnerConnect(func(context.Context, *pragma.PartnerSession) error { panic("a mistake") })
		m.OnPartnerConnect(func(ctx context.Context, s *pragma.PartnerSession) error {
			if busy {
				busy = false
				return pragma.ErrUnavailable
			}
			m.NotifyPartner(ctx, hail.Of(&said{s.PartnerID.String()}), s.PartnerID)
			return nil
		})
	}
	runLab(t, "", mount, func(t *testing.T, w *world) {
		token := w.partner(id, pragma.AllocationID{})
		if code := w.Raw(gamePartner, token).Closed(); code != -1 {
			t.Errorf("closed with %d, want a cut: it could not be told", code)
		}
		c := w.Raw(gamePartner, token)
		if f := c.Read(); f.Notification == nil || f.Notification.Payload["text"] != id.String() {
			t.Errorf("got %s, want the notification", f)
		}
		if f := call(c, "LabRpc.SayPartnerV1", said{}); f.Response == nil {
			t.Errorf("got %s, want the answer", f)
		}
	})
}
