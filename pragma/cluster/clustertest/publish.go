package clustertest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/openpragma/engine/pragma/cluster"
)

func publishCases() []testCase {
	return []testCase{
		{"a message reaches every subscriber on every node", reachesEverySubscriber},
		{"a message reaches its subject only", reachesItsSubjectOnly},
		{"messages of one publisher arrive in order", arriveInOrder},
		{"a message without subscribers is no error", noSubscribers},
		{"a message may be empty", emptyMessage},
		{"data belongs to whoever gets it", dataIsCopied},
		{"data has a limit", dataLimit},
		{"subjects have rules", subjectRules},
		{"a handler may publish", handlerPublishes},
		{"a handler may subscribe and close itself", handlerChangesSubscriptions},
		{"a handler does not see the publisher's context", handlerContext},
		{"an ended context publishes nothing", endedContext},
		{"a panic of a handler hurts nobody else", handlerPanics},
		{"a closed subscription gets nothing more", closedSubscription},
		{"a nil function is refused", nilFunction},
	}
}

func reachesEverySubscriber(t *testing.T, join joiner) {
	a, b := join("a"), join("b")
	own, twin, other := newInbox(), newInbox(), newInbox()
	subscribe(t, a, "s", own.handle)
	subscribe(t, a, "s", twin.handle)
	subscribe(t, b, "s", other.handle)
	publish(t, a, "s", "from a")
	publish(t, a, "s", "again")
	for _, in := range []inbox{own, twin, other} {
		in.want(t, "from a", "again")
	}
	publish(t, b, "s", "from b")
	for _, in := range []inbox{own, twin, other} {
		in.want(t, "from b")
	}
}

func reachesItsSubjectOnly(t *testing.T, join joiner) {
	a, b := join("a"), join("b")
	in := newInbox()
	subscribe(t, b, "party.changed", in.handle)
	for _, subject := range []string{"party", "party.change", "party.changed.now", "Party.changed", "changed"} {
		publish(t, a, subject, "not for you")
	}
	publish(t, a, "party.changed", "for you")
	in.want(t, "for you")
}

func arriveInOrder(t *testing.T, join joiner) {
	a, b := join("a"), join("b")
	in, own := newInbox(), newInbox()
	subscribe(t, b, "s", in.handle)
	subscribe(t, a, "s", own.handle)
	list := numbers(1000)
	for _, n := range list {
		publish(t, a, "s", n)
	}
	in.want(t, list...)
	own.want(t, list...)
}

func noSubscribers(t *testing.T, join joiner) {
	publish(t, join("a"), "nobody.listens", "hello")
}

func emptyMessage(t *testing.T, join joiner) {
	a, b := join("a"), join("b")
	in := newInbox()
	subscribe(t, b, "s", in.handle)
	serve(t, b, "s", func(_ context.Context, data []byte) ([]byte, error) { return nil, nil })
	publish(t, a, "s", "")
	in.want(t, "")
	if got := request(t, a, "s", ""); got != "" {
		t.Errorf("answer = %q, want it empty", got)
	}
}

func dataIsCopied(t *testing.T, join joiner) {
	a := join("a")
	in := newInbox()
	spoil := func(ctx context.Context, data []byte) {
		in.handle(ctx, data)
		clear(data)
	}
	subscribe(t, a, "s", spoil)
	subscribe(t, a, "s", spoil)
	data := []byte("precious")
	if err := a.Publish(t.Context(), "s", data); err != nil {
		t.Fatal(err)
	}
	clear(data) // Publish returned, so the buffer is ours again
	in.want(t, "precious", "precious")

	kept := []byte("kept answer")
	serve(t, a, "q", func(_ context.Context, data []byte) ([]byte, error) {
		clear(data)
		return kept, nil
	})
	question := []byte("question")
	answer, err := a.Request(t.Context(), "q", question)
	if err != nil || string(question) != "question" {
		t.Fatalf("Request changed the question to %q, error %v", question, err)
	}
	clear(answer)
	if string(kept) != "kept answer" {
		t.Errorf("the answer is shared between server and requester")
	}
}

func dataLimit(t *testing.T, join joiner) {
	a, b := join("a"), join("b")
	sizes := make(chan int, 1)
	subscribe(t, b, "s", func(_ context.Context, data []byte) { sizes <- len(data) })
	serve(t, b, "s", func(_ context.Context, data []byte) ([]byte, error) {
		return bytes.Repeat([]byte("x"), len(data)), nil
	})
	serve(t, b, "greedy", func(context.Context, []byte) ([]byte, error) {
		return make([]byte, cluster.MaxData+1), nil
	})
	most, more := make([]byte, cluster.MaxData), make([]byte, cluster.MaxData+1)
	if err := a.Publish(t.Context(), "s", most); err != nil {
		t.Errorf("Publish(MaxData) = %v", err)
	} else if got := <-sizes; got != cluster.MaxData {
		t.Errorf("got %d bytes, want %d", got, cluster.MaxData)
	}
	answer, err := a.Request(t.Context(), "s", most)
	if err != nil || len(answer) != cluster.MaxData {
		t.Errorf("Request(MaxData) = %d bytes, %v", len(answer), err)
	}
	wantError(t, "Publish(MaxData+1)", a.Publish(t.Context(), "s", more), cluster.ErrTooLarge)
	_, err = a.Request(t.Context(), "s", more)
	wantError(t, "Request(MaxData+1)", err, cluster.ErrTooLarge)
	_, err = a.Request(t.Context(), "greedy", nil)
	wantError(t, "Request with a long answer", err, cluster.ErrTooLarge)
}

func subjectRules(t *testing.T, join joiner) {
	a := join("a")
	for _, good := range []string{"a", "A-b_9", "node.7f3c.call", strings.Repeat("x", cluster.MaxSubject)} {
		in := newInbox()
		subscribe(t, a, good, in.handle)
		publish(t, a, good, "hi")
		in.want(t, "hi")
	}
	bad := []string{
		"", ".", "a.", ".a", "a..b", "a b", "a*", "*", ">", "a.>", "$SYS", "ä", "a/b", "a\x00",
		strings.Repeat("x", cluster.MaxSubject+1),
	}
	for _, subject := range bad {
		wantError(t, "Publish "+subject, a.Publish(t.Context(), subject, nil), cluster.ErrSubject)
		_, err := a.Subscribe(subject, ignore)
		wantError(t, "Subscribe "+subject, err, cluster.ErrSubject)
		_, err = a.Request(t.Context(), subject, nil)
		wantError(t, "Request "+subject, err, cluster.ErrSubject)
		_, err = a.Serve(subject, echo("a"))
		wantError(t, "Serve "+subject, err, cluster.ErrSubject)
	}
}

func handlerPublishes(t *testing.T, join joiner) {
	a, b := join("a"), join("b")
	in := newInbox()
	subscribe(t, b, "first", func(ctx context.Context, data []byte) {
		for _, subject := range []string{"second", "second"} {
			if err := b.Publish(ctx, subject, append(data, '!')); err != nil {
				t.Errorf("Publish in a handler = %v", err)
			}
		}
	})
	subscribe(t, a, "second", in.handle)
	publish(t, a, "first", "hi")
	in.want(t, "hi!", "hi!")
}

func handlerChangesSubscriptions(t *testing.T, join joiner) {
	a := join("a")
	in := newInbox()
	ready := make(chan cluster.Subscription, 1)
	done := make(chan struct{})
	ready <- subscribe(t, a, "s", func(_ context.Context, data []byte) {
		closeAll(t, <-ready)
		subscribe(t, a, "t", in.handle)
		close(done)
	})
	publish(t, a, "s", "once")
	<-done
	publish(t, a, "s", "twice") // would block on ready or close done again
	publish(t, a, "t", "fence")
	in.want(t, "fence")
}

func handlerContext(t *testing.T, join joiner) {
	type key struct{}
	a := join("a")
	done := make(chan struct{})
	subscribe(t, a, "s", func(ctx context.Context, _ []byte) {
		defer close(done)
		if ctx.Value(key{}) != nil {
			t.Error("a value of the publisher reached the handler")
		}
		if _, ok := ctx.Deadline(); ok || ctx.Err() != nil {
			t.Error("the handler's context has a deadline or has ended")
		}
	})
	ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "secret"), patience)
	defer cancel()
	if err := a.Publish(ctx, "s", nil); err != nil {
		t.Fatal(err)
	}
	<-done
}

func endedContext(t *testing.T, join joiner) {
	a := join("a")
	in := newInbox()
	subscribe(t, a, "s", in.handle)
	serve(t, a, "s", echo("a"))
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("the match is over")
	cancel(cause)
	wantError(t, "Publish", a.Publish(ctx, "s", []byte("late")), cause)
	_, err := a.Request(ctx, "s", nil)
	wantError(t, "Request", err, cause)
	publish(t, a, "s", "fence")
	in.want(t, "fence")
}

func handlerPanics(t *testing.T, join joiner) {
	a, b := join("a"), join("b")
	in := newInbox()
	subscribe(t, b, "s", func(context.Context, []byte) { panic("on purpose") })
	subscribe(t, b, "s", in.handle)
	publish(t, a, "s", "one")
	publish(t, a, "s", "two")
	in.want(t, "one", "two")
	eventually(t, "Failed counts the panics", func() bool { return b.Status().Failed == 2 })
	if got := a.Status().Failed; got != 0 {
		t.Errorf("Failed of the publisher = %d, want 0", got)
	}
}

func closedSubscription(t *testing.T, join joiner) {
	a, b := join("a"), join("b")
	in, fence := newInbox(), newInbox()
	sub := subscribe(t, b, "s", in.handle)
	subscribe(t, b, "s", fence.handle)
	publish(t, a, "s", "one")
	in.want(t, "one")
	closeAll(t, sub, sub)
	publish(t, a, "s", "two")
	fence.want(t, "one", "two")
	if len(in) != 0 {
		t.Errorf("a closed subscription got %q", <-in)
	}
	subscribe(t, b, "s", in.handle)
	publish(t, a, "s", "three")
	in.want(t, "three")
}

func nilFunction(t *testing.T, join joiner) {
	a := join("a")
	_, err := a.Subscribe("s", nil)
	wantError(t, "Subscribe(nil)", err, cluster.ErrNoHandler)
	_, err = a.Serve("s", nil)
	wantError(t, "Serve(nil)", err, cluster.ErrNoHandler)
}
