package clustertest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma/cluster"
)

func requestCases() []testCase {
	return []testCase{
		{"a request gets the answer of its server", requestIsAnswered},
		{"a request without a server fails at once", noServer},
		{"a request is served once, by any server", servedOnce},
		{"a message is no request", messageIsNoRequest},
		{"a node serves a subject once", serveTwice},
		{"only the text of a server's error travels", serverError},
		{"a panic of a server is an error of the requester", serverPanics},
		{"a request ends with its context", requestEnds},
		{"a server knows the requester's deadline", serverDeadline},
		{"a server may request", serverRequests},
		{"a closed server serves no more", closedServer},
	}
}

func requestIsAnswered(t *testing.T, join joiner) {
	a, b := join("a"), join("b")
	serve(t, b, "s", echo("b"))
	if got, want := request(t, a, "s", "hi"), "b:hi"; got != want {
		t.Errorf("answer = %q, want %q", got, want)
	}
	if got, want := request(t, b, "s", "self"), "b:self"; got != want {
		t.Errorf("answer to its own node = %q, want %q", got, want)
	}
}

func noServer(t *testing.T, join joiner) {
	a, b := join("a"), join("b")
	subscribe(t, b, "s", ignore) // a subscriber is no server
	_, err := a.Request(t.Context(), "s", nil)
	wantError(t, "Request", err, cluster.ErrNoServer)
}

func servedOnce(t *testing.T, join joiner) {
	a, b, c := join("a"), join("b"), join("c")
	for name, bus := range map[string]cluster.Bus{"b": b, "c": c} {
		serve(t, bus, "s", echo(name))
	}
	const n = 50
	for range n {
		if got := request(t, a, "s", ""); got != "b:" && got != "c:" {
			t.Fatalf("answer = %q, want that of b or c", got)
		}
	}
	eventually(t, "each request was served once", func() bool {
		return b.Status().Served+c.Status().Served == n
	})
}

func messageIsNoRequest(t *testing.T, join joiner) {
	a, b := join("a"), join("b")
	in := newInbox()
	subscribe(t, b, "s", in.handle)
	serve(t, b, "s", echo("b"))
	request(t, a, "s", "question")
	publish(t, a, "s", "message")
	in.want(t, "message")
	if got := b.Status().Served; got != 1 {
		t.Errorf("Served = %d, want 1", got)
	}
}

func serveTwice(t *testing.T, join joiner) {
	a, b := join("a"), join("b")
	sub := serve(t, a, "s", echo("a"))
	_, err := a.Serve("s", echo("a"))
	wantError(t, "second Serve", err, cluster.ErrServed)
	serve(t, a, "t", echo("a"))
	serve(t, b, "s", echo("b"))
	closeAll(t, sub)
	serve(t, a, "s", echo("a"))
}

func serverError(t *testing.T, join joiner) {
	a, b := join("a"), join("b")
	cause := errors.New("party is full")
	serve(t, b, "s", func(context.Context, []byte) ([]byte, error) { return []byte("ignored"), cause })
	serve(t, b, "long", func(context.Context, []byte) ([]byte, error) {
		return nil, errors.New(strings.Repeat("é", cluster.MaxErrorText))
	})
	answer, err := a.Request(t.Context(), "s", nil)
	var se *cluster.ServerError
	if !errors.As(err, &se) {
		t.Fatalf("Request = %v, want a ServerError", err)
	}
	if answer != nil || se.Subject != "s" || se.Text != "party is full" {
		t.Errorf("Request = %q, %+v", answer, se)
	}
	if errors.Is(err, cause) {
		t.Error("the cause itself travelled")
	}
	_, err = a.Request(t.Context(), "long", nil)
	if !errors.As(err, &se) || len(se.Text) > cluster.MaxErrorText || len(se.Text) < cluster.MaxErrorText-4 {
		t.Errorf("a long error was not cut to MaxErrorText: %v", err)
	}
	eventually(t, "Failed counts the errors", func() bool { return b.Status().Failed == 2 })
}

func serverPanics(t *testing.T, join joiner) {
	a, b := join("a"), join("b")
	serve(t, b, "s", func(context.Context, []byte) ([]byte, error) { panic("on purpose") })
	for range 2 {
		_, err := a.Request(t.Context(), "s", nil)
		var se *cluster.ServerError
		if !errors.As(err, &se) {
			t.Fatalf("Request = %v, want a ServerError", err)
		}
		if strings.Contains(se.Text, "purpose") {
			t.Error("what the server panicked with travelled")
		}
	}
	eventually(t, "Failed counts the panics", func() bool { return b.Status().Failed == 2 })
}

func requestEnds(t *testing.T, join joiner) {
	a, b := join("a"), join("b")
	begun := make(chan struct{})
	serve(t, b, "s", func(ctx context.Context, _ []byte) ([]byte, error) {
		close(begun)
		<-ctx.Done()
		return []byte("too late"), nil
	})
	// A driver may not tell the server that the requester gave up, only when it
	// would at the latest. So there is a deadline as well.
	deadline, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	ctx, cancel := context.WithCancelCause(deadline)
	cause := errors.New("the player left")
	go func() { <-begun; cancel(cause) }()
	answer, err := a.Request(ctx, "s", nil)
	wantError(t, "Request", err, cause)
	if answer != nil {
		t.Errorf("answer = %q, want none", answer)
	}
}

func serverDeadline(t *testing.T, join joiner) {
	type key struct{}
	a, b := join("a"), join("b")
	deadlines := make(chan time.Time, 1)
	serve(t, b, "s", func(ctx context.Context, _ []byte) ([]byte, error) {
		if ctx.Value(key{}) != nil {
			t.Error("a value of the requester reached the server")
		}
		end, ok := ctx.Deadline()
		if !ok {
			t.Error("the server's context has no deadline")
		}
		deadlines <- end
		return nil, nil
	})
	ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "secret"), time.Hour)
	defer cancel()
	want, _ := ctx.Deadline()
	if _, err := a.Request(ctx, "s", nil); err != nil {
		t.Fatal(err)
	}
	if got := <-deadlines; got.After(want.Add(time.Second)) {
		t.Errorf("deadline = %v, want at most %v", got, want)
	}
	latest := time.Now().Add(cluster.RequestTimeout)
	request(t, a, "s", "")
	if got := <-deadlines; got.Before(latest.Add(-time.Second)) || got.After(latest.Add(patience)) {
		t.Errorf("deadline without one = %v, want about %v", got, latest)
	}
}

func serverRequests(t *testing.T, join joiner) {
	a, b := join("a"), join("b")
	serve(t, a, "inner", echo("a"))
	serve(t, b, "outer", func(ctx context.Context, data []byte) ([]byte, error) {
		return b.Request(ctx, "inner", data)
	})
	if got, want := request(t, a, "outer", "hi"), "a:hi"; got != want {
		t.Errorf("answer = %q, want %q", got, want)
	}
}

func closedServer(t *testing.T, join joiner) {
	a, b, c := join("a"), join("b"), join("c")
	first := serve(t, b, "s", echo("b"))
	second := serve(t, c, "s", echo("c"))
	closeAll(t, first, first)
	for range 5 {
		if got := request(t, a, "s", ""); got != "c:" {
			t.Fatalf("answer = %q, want that of the server that is left", got)
		}
	}
	closeAll(t, second)
	_, err := a.Request(t.Context(), "s", nil)
	wantError(t, "Request", err, cluster.ErrNoServer)
}
