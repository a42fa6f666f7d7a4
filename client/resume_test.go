package client_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// notes is a studio's service that counts what it is told.
type notes struct {
	m    *pragma.Mount
	news pragma.Notice[note]
	hold chan struct{} // HoldV1 waits for it

	mu    sync.Mutex
	taken []string
}

type note struct {
	Text string `json:"text"`
}

func (n *notes) Name() string { return "NoteRpc" }

func (n *notes) Mount(m *pragma.Mount) error {
	n.m = m
	n.news = pragma.PlayerNotice[note](m, "NewsV1Notification")
	add := func(r *note) (*note, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.taken = append(n.taken, r.Text)
		return r, nil
	}
	pragma.HandlePlayer(m, "AddV1", func(_ context.Context, _ *pragma.PlayerSession, r *note) (*note, error) { return add(r) })
	pragma.HandlePlayer(m, "HoldV1", func(_ context.Context, _ *pragma.PlayerSession, r *note) (*note, error) {
		<-n.hold
		return add(r)
	})
	return nil
}

func (n *notes) tell(t *testing.T, p *client.Player, text string) {
	t.Helper()
	n.m.NotifyPlayers(t.Context(), n.news.Of(&note{text}), p.ID())
}

func (n *notes) has() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.taken)
}

// withNotes runs a test with a real server.
func withNotes(t *testing.T, fn func(t *testing.T, w *pragmatest.World, n *notes)) {
	t.Helper()
	var n *notes
	pragmatest.Run(t, func() *pragma.Server {
		n = &notes{hold: make(chan struct{})}
		return &pragma.Server{
			Game:   []pragma.Service{n},
			Config: pragmatest.Config(t, "core: {session: {playerRatePerSecond: 100000, playerBurst: 100000}}"),
		}
	}, func(w *pragmatest.World) { fn(w.T, w, n) })
}

// news collects what a player is told.
type news struct {
	mu  sync.Mutex
	all []string
	ups []client.Connected
}

func (o *news) take(e client.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch e := e.(type) {
	case client.Connected:
		if e.Backend == pragma.Game {
			o.ups = append(o.ups, e)
		}
	case client.Notification:
		var n note
		if e.Decode(&n) == nil {
			o.all = append(o.all, n.Text)
		}
	}
}

func (o *news) texts() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.all)
}

func (o *news) connects() []client.Connected {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.ups)
}

func addNote(ctx context.Context, p *client.Player, call, text string) error {
	_, err := client.Call[note](ctx, p.GameConn(), "NoteRpc."+call, &note{text})
	return err
}

func TestBreakIsNotNoticedWhenTheServerKeepsTheFrames(t *testing.T) {
	withNotes(t, func(t *testing.T, w *pragmatest.World, n *notes) {
		seen := &news{}
		opts := w.Options(pragma.Player)
		opts.OnEvent = seen.take
		p, err := client.LogIn(t.Context(), opts, client.Unsafe("robin", "robin"))
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		answered := make(chan error, 1)
		go func() { answered <- addNote(t.Context(), p, "HoldV1", "held") }()
		synctest.Wait()
		n.tell(t, p, "one")
		p.GameConn().Break()
		synctest.Wait()
		n.tell(t, p, "two")
		close(n.hold)
		synctest.Wait()
		n.tell(t, p, "three")
		if err := p.WaitConnected(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-answered; err != nil {
			t.Errorf("the call in flight: %v", err)
		}
		if err := addNote(t.Context(), p, "AddV1", "after"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{"one", "two", "three"}, seen.texts()); diff != "" {
			t.Errorf("news (-want +got):\n%s", diff)
		}
		want := []client.Connected{{Backend: pragma.Game}, {Backend: pragma.Game, Again: true, Resumed: true}}
		if diff := cmp.Diff(want, seen.connects()); diff != "" {
			t.Errorf("connections (-want +got):\n%s", diff)
		}
	})
}

func TestCallsInFlightAreOpenWhenTheServerDies(t *testing.T) {
	withNotes(t, func(t *testing.T, w *pragmatest.World, n *notes) {
		p := w.LogIn("robin")
		answered := make(chan error, 1)
		go func() { answered <- addNote(t.Context(), p, "HoldV1", "held") }()
		synctest.Wait()
		close(n.hold)
		w.Kill()
		w.Start()
		if err := p.WaitConnected(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-answered; err != nil && !errors.Is(err, client.ErrOutcomeUnknown) {
			t.Errorf("the call in flight: %v, want its outcome to be unknown", err)
		}
	})
}

// A server that goes on says how many frames it has taken. What was sent behind
// them never reached it.
func TestCallThatNeverReachedTheServerHadNoEffect(t *testing.T) {
	const stream = "aaaaaaaa-0000-4000-8000-00000000000a"
	inBubble(t, func(t *testing.T, f *fake) {
		grant := func(header http.Header) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				for name := range header {
					w.Header().Set(name, header.Get(name))
				}
				ws, err := websocket.Accept(w, r, nil)
				if err != nil {
					return
				}
				s := &fakeSocket{fake: f, host: "game", ws: ws, gone: make(chan struct{})}
				f.mu.Lock()
				f.sockets["game"] = append(f.sockets["game"], s)
				f.mu.Unlock()
				f.wg.Go(s.read)
			}
		}
		f.refuseUpgrades("game", grant(http.Header{"Pragma-Stream": {stream}}))
		p := f.player(func(o *client.Options) { o.Heartbeat = client.Never })
		f.on("PartyRpc.LeaveV1", silent) // frames 0 and 1 were for the state
		f.on("PartyRpc.AssignPartyLeaderV1", silent)
		results := make(chan error, 2)
		for _, call := range []string{"PartyRpc.LeaveV1", "PartyRpc.AssignPartyLeaderV1"} {
			go func() {
				_, err := client.Call[struct{}](t.Context(), p.GameConn(), call, nil)
				results <- fmt.Errorf("%s: %w", call, err)
			}()
			synctest.Wait()
		}
		f.refuseUpgrades("game", grant(http.Header{"Pragma-Stream": {stream}, "Pragma-Resumed": {"3"}}))
		f.socket("game").cut()
		time.Sleep(3 * time.Second)
		if err := <-results; !errors.Is(err, client.ErrDisconnected) || !strings.Contains(err.Error(), "Assign") {
			t.Errorf("the first to end: %v, want the one the server never got, without effect", err)
		}
		if got := f.all("UPGRADE game")[1].head.Get("Pragma-Reconnect"); got != stream+"/1" {
			t.Errorf("reconnect header = %q, want %s/1", got, stream)
		}
		time.Sleep(10 * time.Second)
		if err := <-results; !errors.Is(err, client.ErrOutcomeUnknown) {
			t.Errorf("the other: %v, want it to wait for its answer until its time is over", err)
		}
	})
}

// frail is a network whose connections break after some bytes.
type frail struct {
	mu   sync.Mutex
	n    *rand.Rand
	bad  bool
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func (f *frail) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := f.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.bad {
		return c, nil
	}
	return &frailConn{Conn: c, left: f.n.IntN(3000)}, nil
}

// frailConn breaks after a number of bytes of both directions. What came before the
// break has arrived, as on a real line.
type frailConn struct {
	net.Conn
	mu   sync.Mutex
	left int
}

func (c *frailConn) spend(n int) (ok bool) { return c.within(n) == n }

// within returns how many of n bytes come before the break.
func (c *frailConn) within(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left -= n
	return max(0, n+min(c.left, 0))
}

func (c *frailConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if arrived := c.within(n); arrived < n {
		c.Conn.Close()
		return arrived, errors.New("broken line")
	}
	return n, err
}

func (c *frailConn) Write(p []byte) (int, error) {
	if !c.spend(len(p)) {
		n, _ := c.Conn.Write(p[:len(p)/2])
		c.Conn.Close()
		return n, errors.New("broken line")
	}
	return c.Conn.Write(p)
}

// On a line that breaks everywhere all news arrive once and in order, and every
// call has a definite outcome.
func TestNothingIsLostOrDoubledOnAFrailLine(t *testing.T) {
	seeds := 12
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			withNotes(t, func(t *testing.T, w *pragmatest.World, n *notes) {
				line := &frail{n: rand.New(rand.NewPCG(uint64(seed), 3)), dial: w.Dial}
				seen := &news{}
				opts := w.Options(pragma.Player)
				opts.Dial, opts.OnEvent = line.Dial, seen.take
				opts.CallTimeout = time.Hour
				opts.Reconnect = client.Reconnect{Initial: 10 * time.Millisecond, Jitter: client.Never, Max: 20 * time.Millisecond}
				p, err := client.LogIn(t.Context(), opts, client.Unsafe("robin", "robin"))
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				synctest.Wait()
				line.mu.Lock()
				line.bad = true
				line.mu.Unlock()
				p.GameConn().Break()

				var want, done []string
				var mu sync.Mutex
				var callers sync.WaitGroup
				for c := range 3 {
					callers.Go(func() {
						for i := range 60 {
							text := fmt.Sprintf("caller %d call %d", c, i)
							err := addNote(t.Context(), p, "AddV1", text)
							switch {
							case err == nil:
								mu.Lock()
								done = append(done, text)
								mu.Unlock()
							case !errors.Is(err, client.ErrDisconnected):
								t.Errorf("%s: %v", text, err)
							}
							time.Sleep(7 * time.Millisecond)
						}
					})
				}
				for i := range 100 {
					text := fmt.Sprint("news ", i)
					want = append(want, text)
					n.tell(t, p, text)
					time.Sleep(5 * time.Millisecond)
				}
				callers.Wait()
				line.mu.Lock()
				line.bad = false
				line.mu.Unlock()
				time.Sleep(3 * time.Second)
				if err := p.WaitConnected(t.Context()); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if diff := cmp.Diff(want, seen.texts()); diff != "" {
					t.Errorf("news (-want +got):\n%s", diff)
				}
				slices.Sort(done)
				if diff := cmp.Diff(done, slices.Sorted(slices.Values(n.has()))); diff != "" {
					t.Errorf("calls that took effect, against those that were confirmed (-confirmed +effects):\n%s", diff)
				}
				ups := seen.connects()
				t.Logf("%d connections", len(ups))
				for _, up := range ups[1:] {
					if !up.Resumed {
						t.Error("a connection did not go on")
					}
				}
			})
		})
	}
}
