package clustertest

import (
	"context"
	"testing"

	"github.com/openpragma/engine/pragma/cluster"
)

func lifeCases() []testCase {
	return []testCase{
		{"status counts", statusCounts},
		{"a closed bus refuses everything", closedBus},
		{"a closed node gets and serves nothing more", closedNode},
		{"closing ends the context of running handlers", closeEndsContext},
		{"a handler may close its bus", handlerClosesBus},
		{"a node may come back under its name", nodeComesBack},
	}
}

func statusCounts(t *testing.T, join joiner) {
	a, b := join("a"), join("b")
	if s := a.Status(); s.Node != "a" || !s.Ready || s.Err != nil {
		t.Errorf("Status() = %+v, want node a, ready", s)
	}
	in := newInbox()
	sub := subscribe(t, b, "s", in.handle)
	subscribe(t, b, "t", in.handle)
	srv := serve(t, b, "s", echo("b"))
	publish(t, a, "s", "one")
	publish(t, a, "nobody", "two")
	in.want(t, "one")
	request(t, a, "s", "")
	eventually(t, "b counts what it got", func() bool {
		s := b.Status()
		return s.Subscriptions == 2 && s.Servers == 1 && s.Delivered == 1 && s.Served == 1
	})
	if s := a.Status(); s.Published != 2 || s.Requested != 1 || s.Delivered != 0 || s.Dropped != 0 {
		t.Errorf("Status() of the sender = %+v", s)
	}
	closeAll(t, sub, sub, srv, srv)
	if s := b.Status(); s.Subscriptions != 1 || s.Servers != 0 {
		t.Errorf("Status() = %+v, want one subscription and no server", s)
	}
}

func closedBus(t *testing.T, join joiner) {
	a := join("a")
	sub := subscribe(t, a, "s", ignore)
	srv := serve(t, a, "s", echo("a"))
	closeAll(t, a, a, sub, srv)
	wantError(t, "Publish", a.Publish(t.Context(), "s", nil), cluster.ErrClosed)
	_, err := a.Request(t.Context(), "s", nil)
	wantError(t, "Request", err, cluster.ErrClosed)
	_, err = a.Subscribe("s", ignore)
	wantError(t, "Subscribe", err, cluster.ErrClosed)
	_, err = a.Serve("s", echo("a"))
	wantError(t, "Serve", err, cluster.ErrClosed)
	s := a.Status()
	if s.Node != "a" || s.Ready || s.Err == nil || s.Subscriptions != 0 || s.Servers != 0 {
		t.Errorf("Status() = %+v, want node a, not ready, an error, nothing registered", s)
	}
}

func closedNode(t *testing.T, join joiner) {
	a, b, c := join("a"), join("b"), join("c")
	gone, stays := newInbox(), newInbox()
	subscribe(t, b, "s", gone.handle)
	subscribe(t, c, "s", stays.handle)
	serve(t, b, "s", echo("b"))
	closeAll(t, b)
	publish(t, a, "s", "hi")
	stays.want(t, "hi")
	if len(gone) != 0 {
		t.Errorf("a closed node got %q", <-gone)
	}
	_, err := a.Request(t.Context(), "s", nil)
	wantError(t, "Request", err, cluster.ErrNoServer)
}

func closeEndsContext(t *testing.T, join joiner) {
	a, b := join("a"), join("b")
	begun, causes := make(chan struct{}), make(chan error, 1)
	subscribe(t, b, "s", func(ctx context.Context, _ []byte) {
		close(begun)
		<-ctx.Done()
		causes <- context.Cause(ctx)
	})
	published := make(chan struct{})
	go func() {
		defer close(published)
		if err := a.Publish(t.Context(), "s", nil); err != nil {
			t.Errorf("Publish = %v", err)
		}
	}()
	<-begun
	closeAll(t, b)
	wantError(t, "cause of the handler's context", <-causes, cluster.ErrClosed)
	<-published
}

func handlerClosesBus(t *testing.T, join joiner) {
	a, b := join("a"), join("b")
	done := make(chan struct{})
	subscribe(t, b, "s", func(context.Context, []byte) {
		closeAll(t, b)
		close(done)
	})
	publish(t, a, "s", "bye")
	<-done
	publish(t, a, "s", "anyone?")
}

func nodeComesBack(t *testing.T, join joiner) {
	a, b := join("a"), join("b")
	old, fresh := newInbox(), newInbox()
	subscribe(t, b, "s", old.handle)
	publish(t, a, "s", "before")
	old.want(t, "before")
	closeAll(t, b)
	publish(t, a, "s", "meanwhile") // lost: nothing is kept
	b = join("b")
	subscribe(t, b, "s", fresh.handle)
	publish(t, a, "s", "after")
	fresh.want(t, "after")
	if len(old) != 0 {
		t.Errorf("the old subscription got %q", <-old)
	}
}
