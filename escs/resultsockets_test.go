package escs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/escs/escstest"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

// The cases below are told again over TCP, with a store on disk and in real time.

// hall is an arena with real sockets.
type hall struct {
	*arena
	dir  string
	logs *syncBuffer
	stop func()
}

// syncBuffer is a buffer for many.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

const quick = "resultRequestTimeout: 3s, resultRetryMin: 5ms, resultRetryMax: 50ms"

func inHall(t *testing.T) *hall {
	t.Helper()
	platform, err := escstest.Start(escstest.Options{GameID: gameID, Secret: oldSecret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(platform.Close)
	h := &hall{arena: &arena{t: t, platform: platform}, dir: t.TempDir(), logs: &syncBuffer{}}
	h.file = filepath.Join(h.dir, "escs.yml")
	h.write(oldSecret)
	h.start()
	t.Cleanup(func() {
		h.stop()
		for _, word := range []string{oldSecret, newSecret, "Lovelace"} {
			if strings.Contains(h.logs.String(), word) {
				t.Errorf("%q is in the log", word)
			}
		}
	})
	return h
}

func (h *hall) write(secret string) {
	h.t.Helper()
	text := "core: {backendMode: DEVELOPMENT}\n" + section(h.platform.URL, secret, quick) + "\n"
	if err := os.WriteFile(h.file, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// start starts the server, on the store of the one before.
func (h *hall) start() {
	h.t.Helper()
	srv := h.server(resultOptions{transformer: escs.TransformerOf(kills)})
	cfg, err := pragma.LoadConfig(h.file)
	if err != nil {
		h.t.Fatal(err)
	}
	ready := make(chan pragma.Addresses, 1)
	srv.Config, srv.Logger = cfg, slog.New(slog.NewTextHandler(h.logs, nil))
	srv.Store = sqlite.File(filepath.Join(h.dir, "hall.db"))
	srv.Ready = func(a pragma.Addresses) { ready <- a }
	srv.Listen = func(context.Context, pragma.Gateway, string) (net.Listener, error) {
		return net.Listen("tcp", "127.0.0.1:0")
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	select {
	case <-ready:
	case err := <-done:
		cancel()
		h.t.Fatalf("start: %v", err)
	}
	h.stop = func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Errorf("stop: %v", err)
		}
	}
}

// finish ends a game.
func (h *hall) finish(b *bout, kills ...float64) {
	h.t.Helper()
	if err := h.games.End(h.t.Context(), b.game, ext.Value{}, b.report(kills...)); err != nil {
		h.t.Fatal(err)
	}
}

// becomes waits until the result of a set is in a state.
func (h *hall) becomes(b *bout, want string) {
	h.t.Helper()
	state := ""
	for range 1500 {
		row, err := h.escs.Row(h.t.Context(), b.start.SetID, b.start.RoundID)
		if err == nil {
			if state = string(row.State); state == want {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	h.t.Fatalf("set %s: the result is %q for 15 s, want %s", b.start.SetID, state, want)
}

// set is arena.set without virtual time.
func (h *hall) set(id string) *bout { return h.begin(cup(id, time.Hour)) }

func TestOverRealSocketsEveryPassingFaultIsOvercome(t *testing.T) {
	h := inHall(t)
	for i, fault := range []escstest.Fault{
		{}, escstest.Status(503), escstest.Hang(), escstest.Late(200 * time.Millisecond), escstest.LateAnswer(200 * time.Millisecond), escstest.LoseAnswer(),
		escstest.LoseHalf(), escstest.Cut(), escstest.RetryAfter(429, "1"), escstest.NotJSON(502), escstest.Huge(500, 3<<20), escstest.Huge(200, 3<<20),
	} {
		h.platform.Script(fault)
		b := h.set(fmt.Sprint("set-", i))
		h.finish(b, 3, 5)
		h.becomes(b, "SENT")
	}
	if got := len(h.platform.Results()); got != 12 {
		t.Errorf("%d results, want 12", got)
	}
	h.violates()
}

// violates fails the test if the server has done what a sender must not do.
func (h *hall) violates() {
	h.t.Helper()
	for _, v := range h.platform.Violations() {
		h.t.Errorf("violation: %s", v)
	}
}

func TestOverRealSocketsARefusalIsFinalUntilSomebodyAsks(t *testing.T) {
	h := inHall(t)
	for i, fault := range []escstest.Fault{escstest.Status(400), escstest.ErrorInBody("CLOSED", "no")} {
		h.platform.Script(fault)
		b := h.set(fmt.Sprint("set-", i))
		h.finish(b, 3, 5)
		h.becomes(b, "DEAD")
		if err := h.escs.ResendResults(t.Context(), b.start.SetID, b.start.RoundID); err != nil {
			t.Fatal(err)
		}
		h.becomes(b, "SENT")
		if err := h.escs.ResendResults(t.Context(), b.start.SetID, b.start.RoundID); !errors.Is(err, escs.ErrResultsSent) {
			t.Errorf("got %v, want ErrResultsSent", err)
		}
	}
	h.violates()
}

func TestOverRealSocketsARotatedSecretIsTakenUp(t *testing.T) {
	h := inHall(t)
	h.platform.Rotate(newSecret)
	b := h.set("final")
	h.finish(b, 3, 5)
	for len(h.platform.Requests()) == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	h.write(newSecret) // noticed within five seconds
	h.becomes(b, "SENT")
	equal(t, "requests", len(h.platform.Requests()), 2)
	h.violates()
}

func TestOverRealSocketsResultsOutliveTheServer(t *testing.T) {
	h := inHall(t)
	h.platform.Always(escstest.LoseAnswer())
	b := h.set("final")
	h.finish(b, 3, 5)
	for len(h.platform.Requests()) < 2 {
		time.Sleep(10 * time.Millisecond)
	}
	h.stop()
	h.platform.Recover()
	h.start()
	h.becomes(b, "SENT")
	equal(t, "results", len(h.platform.Results()), 1)
	h.violates()
}

func TestOverRealSocketsManySetsEndAtOnce(t *testing.T) {
	h := inHall(t)
	h.platform.Always(escstest.Late(20 * time.Millisecond))
	var bouts []*bout
	for i := range 40 {
		bouts = append(bouts, h.set(fmt.Sprint("set-", i)))
	}
	for i := range 10 {
		h.platform.Script(escstest.Status(500+i%4), escstest.LoseAnswer())
	}
	var wg sync.WaitGroup
	for _, b := range bouts {
		wg.Go(func() { _ = h.games.End(t.Context(), b.game, ext.Value{}, b.report(1, 2)) }) // becomes tells
	}
	wg.Wait()
	for _, b := range bouts {
		h.becomes(b, "SENT")
	}
	equal(t, "results", len(h.platform.Results()), 40)
	h.violates()
}
