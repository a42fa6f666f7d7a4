package pragma_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

// returner is a client that comes back as the documented ones do, or as ours.
type returner struct {
	url, token string
	player     pragma.PlayerID
	ours       bool // asks for missed frames

	ws     *websocket.Conn
	stream string
	last   int64
	tries  int // of the last return
}

// open opens a socket, with back-off: try n comes after n² times pause, and up to
// one more at random.
func (c *returner) open(ctx context.Context, again bool, pause time.Duration) error {
	header := http.Header{"Authorization": {"Bearer " + c.token}}
	switch {
	case c.ours && again:
		header.Set("Pragma-Reconnect", fmt.Sprintf("%s/%d", c.stream, c.last))
	case c.ours:
		header.Set("Pragma-Reconnect", "new")
	case again:
		header.Set("Pragma-Reconnect", "")
	}
	for c.tries = 1; ; c.tries++ {
		if again {
			time.Sleep(pause*time.Duration(c.tries*c.tries) + rand.N(pause))
		}
		ws, resp, err := websocket.Dial(ctx, c.url, &websocket.DialOptions{HTTPHeader: header})
		if err != nil {
			if again && c.tries < 5 {
				continue
			}
			return fmt.Errorf("try %d: %w", c.tries, err)
		}
		if again && c.ours && resp.Header.Get("Pragma-Resumed") == "" {
			return fmt.Errorf("the stream did not go on")
		}
		c.ws, c.stream = ws, resp.Header.Get("Pragma-Stream")
		return nil
	}
}

// read reads a frame.
func (c *returner) read(ctx context.Context) (f pragmatest.Frame, err error) {
	_, data, err := c.ws.Read(ctx)
	if err == nil {
		err = json.Unmarshal(data, &f)
		c.last = f.SequenceNumber
	}
	return f, err
}

// settle reads what a client that is back is told first, and makes a call.
func (c *returner) settle(ctx context.Context, first string) error {
	f, err := c.read(ctx)
	if err != nil {
		return err
	}
	if f.Notification == nil || f.Notification.Payload["text"] != first {
		return fmt.Errorf("told %s first, want %q", f, first)
	}
	if err := c.ws.Write(ctx, websocket.MessageText, []byte(sayFrame)); err != nil {
		return err
	}
	if f, err = c.read(ctx); err != nil || f.Response == nil {
		return fmt.Errorf("a call got %s: %v", f, err)
	}
	return nil
}

// all runs fn for every client at once and reports errors.
func all(t *testing.T, clients []*returner, fn func(c *returner) error) {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	problems := make(map[string]int)
	for _, c := range clients {
		wg.Go(func() {
			if err := fn(c); err != nil {
				mu.Lock()
				defer mu.Unlock()
				problems[err.Error()]++
			}
		})
	}
	wg.Wait()
	for problem, n := range problems {
		t.Errorf("%d clients: %s", n, problem)
	}
	if t.Failed() {
		t.FailNow()
	}
}

// Every socket is cut at the same moment, and everybody comes back: half of them
// are told the present truth, half get what they have missed. PRAGMA_LONG=1 does it
// with 5,000, with the pauses of real clients.
func TestEverybodyComesBackAfterAStorm(t *testing.T) {
	number, pause := 300, 50*time.Millisecond
	if os.Getenv("PRAGMA_LONG") != "" {
		number, pause = 5000, time.Second
	}
	l := newLab()
	l.onConnect = func(ctx context.Context, s *pragma.PlayerSession) error {
		l.m.NotifyPlayers(ctx, l.poke.Of(&said{"hello"}), s.PlayerID)
		return nil
	}
	log := &safeLog{}
	address := serveWith(t, "", &pragma.Server{
		Game: []pragma.Service{l}, Store: sqlite.File(filepath.Join(t.TempDir(), "storm.db")),
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})[gamePlayer]
	clients := make([]*returner, number)
	for i := range clients {
		id := pragma.NewID[pragma.PlayerID]()
		token, err := l.m.SignPlayerToken(pragma.Game, &pragma.PlayerSession{
			PlayerID: id, SocialID: pragma.SocialID(id), SessionID: pragma.NewOrderedID[pragma.SessionID](), GameShardID: l.m.ShardID(),
		})
		if err != nil {
			t.Fatal(err)
		}
		clients[i] = &returner{url: "ws://" + address + "/v1/rpc", token: token, player: id, ours: i%2 == 0, last: -1}
	}
	for part := range slices.Chunk(clients, 100) {
		all(t, part, func(c *returner) error {
			if err := c.open(t.Context(), false, 0); err != nil {
				return err
			}
			return c.settle(t.Context(), "hello")
		})
	}
	t.Logf("%d connected, heap %d MiB", number, heap()>>20)

	for _, c := range clients { // as when a line in front of the server goes
		c.ws.CloseNow()
	}
	start := time.Now()
	for l.m.PlayerConnected(clients[0].player) {
		time.Sleep(time.Millisecond)
	}
	for _, c := range clients {
		l.m.NotifyPlayers(t.Context(), l.poke.Of(&said{"news"}), c.player)
	}
	all(t, clients, func(c *returner) error {
		if err := c.open(t.Context(), true, pause); err != nil {
			return err
		}
		if c.ours {
			return c.settle(t.Context(), "news")
		}
		return c.settle(t.Context(), "hello")
	})
	took := time.Since(start)
	tries := 0
	for _, c := range clients {
		tries += c.tries
		if ok, err := l.m.Connected(t.Context(), c.player); err != nil || !ok {
			t.Errorf("a session is not live: %v", err)
		}
	}
	t.Logf("all were back and served after %v, with %d tries, heap %d MiB", took.Round(time.Millisecond), tries, heap()>>20)
	if ends := l.ended(); len(ends) > 0 {
		t.Errorf("%d sessions have ended", len(ends))
	}
	if text := log.String(); text != "" {
		t.Errorf("the server complains:\n%.2000s", text)
	}
	for _, c := range clients {
		c.ws.CloseNow()
	}
}

// heap is what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

type safeLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *safeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
