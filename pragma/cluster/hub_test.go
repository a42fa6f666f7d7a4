package cluster_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/pragma/cluster"
	"github.com/openpragma/engine/pragma/cluster/clustertest"
)

func quietHub() *cluster.Hub {
	return &cluster.Hub{Logger: slog.New(slog.DiscardHandler)}
}

func TestHubIsABus(t *testing.T) {
	clustertest.Run(t, func(*testing.T) func(string) cluster.Bus { return quietHub().Node })
}

func TestPublishReturnsAfterTheHandlers(t *testing.T) {
	bus := cluster.NewLocal()
	defer bus.Close()
	var got []string // no lock: handlers run in this goroutine
	for _, name := range []string{"first", "second"} {
		mustSubscribe(t, bus, "s", func(_ context.Context, data []byte) { got = append(got, name+" "+string(data)) })
	}
	mustPublish(t, bus, "s", "hi")
	if want := "first hi, second hi"; strings.Join(got, ", ") != want {
		t.Errorf("handlers got %q, want %q", got, want)
	}
}

func TestSubscriptionClosedWhileAMessageIsOnItsWayMissesIt(t *testing.T) {
	hub := cluster.NewHub()
	a, b := hub.Node("a"), hub.Node("b")
	var neighbour cluster.Subscription
	mustSubscribe(t, a, "s", func(context.Context, []byte) {
		if err := errors.Join(neighbour.Close(), b.Close()); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	late := func(context.Context, []byte) { t.Error("a closed subscription got a message") }
	var err error
	neighbour, err = a.Subscribe("s", late)
	if err != nil {
		t.Fatal(err)
	}
	mustSubscribe(t, b, "s", late)
	mustPublish(t, a, "s", "hi")
}

func TestHubsDoNotMeet(t *testing.T) {
	a, b := cluster.NewHub().Node("n"), cluster.NewHub().Node("n")
	mustSubscribe(t, b, "s", func(context.Context, []byte) { t.Error("a message crossed from hub to hub") })
	mustPublish(t, a, "s", "hi")
	if _, err := a.Serve("s", func(context.Context, []byte) ([]byte, error) { return nil, nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Request(t.Context(), "s", nil); !errors.Is(err, cluster.ErrNoServer) {
		t.Errorf("Request = %v, want ErrNoServer", err)
	}
}

func TestServersOfAHubTakeTurns(t *testing.T) {
	hub := cluster.NewHub()
	nodes := []cluster.Bus{hub.Node("a"), hub.Node("b"), hub.Node("c")}
	for _, n := range nodes {
		if _, err := n.Serve("s", func(context.Context, []byte) ([]byte, error) { return nil, nil }); err != nil {
			t.Fatal(err)
		}
	}
	for range 9 {
		if _, err := nodes[0].Request(t.Context(), "s", nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range nodes {
		if s := n.Status(); s.Served != 3 {
			t.Errorf("%s served %d requests, want 3", s.Node, s.Served)
		}
	}
}

func TestPanicOfAHandlerIsLogged(t *testing.T) {
	var log bytes.Buffer
	hub := &cluster.Hub{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	bus := hub.Node("a")
	mustSubscribe(t, bus, "party.changed", func(context.Context, []byte) { panic("on purpose") })
	mustPublish(t, bus, "party.changed", "the message itself")
	for _, want := range []string{"level=ERROR", "node=a", "subject=party.changed", "on purpose", "hub_test.go"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log has no %q:\n%s", want, &log)
		}
	}
	if strings.Contains(log.String(), "the message itself") {
		t.Error("the log has the data of the message")
	}
}

func TestRequestWithoutDeadlineEndsAfterRequestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := cluster.NewLocal()
		defer bus.Close()
		_, err := bus.Serve("s", func(ctx context.Context, _ []byte) ([]byte, error) {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		_, err = bus.Request(t.Context(), "s", nil)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Request = %v, want DeadlineExceeded", err)
		}
		if got := time.Since(begin); got != cluster.RequestTimeout {
			t.Errorf("Request took %v, want %v", got, cluster.RequestTimeout)
		}
	})
}

func TestServerSeesThatTheRequesterGaveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := cluster.NewLocal()
		defer bus.Close()
		left := errors.New("the player left")
		_, err := bus.Serve("s", func(ctx context.Context, _ []byte) ([]byte, error) {
			<-ctx.Done()
			if got := context.Cause(ctx); got != left {
				t.Errorf("cause = %v, want %v", got, left)
			}
			return nil, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(left) })
		if _, err := bus.Request(ctx, "s", nil); err != left {
			t.Errorf("Request = %v, want %v", err, left)
		}
	})
}

func mustPublish(t testing.TB, bus cluster.Bus, subject, data string) {
	t.Helper()
	if err := bus.Publish(t.Context(), subject, []byte(data)); err != nil {
		t.Fatalf("Publish(%s) = %v", subject, err)
	}
}

func mustSubscribe(t testing.TB, bus cluster.Bus, subject string, fn cluster.Handler) {
	t.Helper()
	if _, err := bus.Subscribe(subject, fn); err != nil {
		t.Fatalf("Subscribe(%s) = %v", subject, err)
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, subscribers := range []struct {
		name string
		n    int
	}{{"to nobody", 0}, {"to one", 1}, {"to ten", 10}} {
		b.Run(subscribers.name, func(b *testing.B) {
			bus := cluster.NewLocal()
			for range subscribers.n {
				mustSubscribe(b, bus, "s", func(context.Context, []byte) {})
			}
			data := make([]byte, 256)
			b.ReportAllocs()
			for b.Loop() {
				if err := bus.Publish(b.Context(), "s", data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRequest(b *testing.B) {
	bus := cluster.NewLocal()
	if _, err := bus.Serve("s", func(_ context.Context, data []byte) ([]byte, error) { return data, nil }); err != nil {
		b.Fatal(err)
	}
	data := make([]byte, 256)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := bus.Request(b.Context(), "s", data); err != nil {
			b.Fatal(err)
		}
	}
}
