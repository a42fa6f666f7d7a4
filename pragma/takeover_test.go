package pragma_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// ledger is a service whose calls change one entity, one after the other, so that
// they queue for it.
type ledger struct {
	m     *pragma.Mount
	books *entity.Kind[book]
}

type book struct {
	Entries []string `json:"entries"` // of calls that took effect
}

func (l *ledger) Name() string { return "LabRpc" }

func (l *ledger) Mount(m *pragma.Mount) error {
	l.m = m
	l.books = entity.Of(m, "book", entity.Options[book]{})
	pragma.HandlePlayer(m, "AddV1", func(ctx context.Context, _ *pragma.PlayerSession, r *said) (*said, error) {
		return r, l.books.Upsert(ctx, "one", func(_ *entity.Tx, b *book) error {
			b.Entries = append(b.Entries, r.Text)
			return nil
		})
	})
	return nil
}

func (l *ledger) token(t testing.TB, player pragma.PlayerID) string {
	t.Helper()
	token, err := l.m.SignPlayerToken(pragma.Game, &pragma.PlayerSession{
		PlayerID: player, SocialID: pragma.SocialID(player), SessionID: pragma.NewOrderedID[pragma.SessionID](), GameShardID: l.m.ShardID(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// takeover is one round: a player whose first session calls as fast as it can, in
// every way there is, while he logs in again.
type takeover struct {
	t       *testing.T
	url     string // of the gateway, without the scheme
	older   string // token
	over    atomic.Bool
	mu      sync.Mutex
	late    []string // calls that began after the new log-in was acknowledged
	next    atomic.Int64
	callers sync.WaitGroup
	open    chan struct{} // closed when the older session has its socket
}

// name makes the name of a call, which is about to begin.
func (o *takeover) name() (frame string) {
	late := o.over.Load()
	text := fmt.Sprint("call ", o.next.Add(1))
	if late {
		o.mu.Lock()
		o.late = append(o.late, text)
		o.mu.Unlock()
	}
	return fmt.Sprintf(`{"requestId":1,"type":"LabRpc.AddV1Request","payload":{"text":%q}}`, text)
}

// lateCalls reports whether there were enough of them.
func (o *takeover) lateCalls() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.late)
}

func (o *takeover) bySocket(header string) {
	h := http.Header{"Authorization": {"Bearer " + o.older}}
	if header != "" {
		h.Set("Pragma-Reconnect", header)
	}
	ws, _, err := websocket.Dial(o.t.Context(), "ws://"+o.url, &websocket.DialOptions{HTTPHeader: h})
	if err != nil {
		o.t.Error(err)
		close(o.open)
		return
	}
	close(o.open)
	defer ws.CloseNow()
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			if _, _, err := ws.Read(context.Background()); err != nil {
				return
			}
		}
	})
	for o.lateCalls() < 60 {
		ctx, cancel := context.WithTimeout(o.t.Context(), time.Second)
		err := ws.Write(ctx, websocket.MessageText, []byte(o.name()))
		cancel()
		if err != nil {
			break
		}
	}
	ws.CloseNow()
	reading.Wait()
}

func (o *takeover) byHTTP() {
	for o.lateCalls() < 60 {
		req, err := http.NewRequestWithContext(o.t.Context(), http.MethodPost, "http://"+o.url, strings.NewReader(o.name()))
		if err != nil {
			o.t.Error(err)
			return
		}
		req.Header.Set("Authorization", "Bearer "+o.older)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			o.t.Error(err)
			return
		}
		resp.Body.Close()
	}
}

// None of the calls of an older session that begin after the new log-in was
// acknowledged takes effect: not on a socket, not on one that may be resumed, not
// over HTTP, however long they queue for the entity.
func TestNoCallThatBeginsAfterATakeoverHasAnEffect(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	l := &ledger{}
	url := serve(t, unlimited, l)[gamePlayer] + "/v1/rpc"
	for round := range rounds {
		player := pragma.NewID[pragma.PlayerID]()
		o := &takeover{t: t, url: url, older: l.token(t, player), open: make(chan struct{})}
		header := ""
		if round%2 == 1 {
			header = "new"
		}
		o.callers.Go(func() { o.bySocket(header) })
		for range 4 {
			o.callers.Go(o.byHTTP)
		}
		<-o.open
		time.Sleep(time.Duration(5+rand.IntN(15)) * time.Millisecond)
		newer := l.token(t, player)
		ws, _, err := websocket.Dial(t.Context(), "ws://"+url, &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + newer}}})
		if err != nil {
			t.Fatal(err)
		}
		o.over.Store(true)
		o.callers.Wait()
		ws.CloseNow()
		b, err := l.books.Read(t.Context(), "one")
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Entries) == 0 || len(o.late) < 60 {
			t.Errorf("round %d: %d calls took effect, %d came late; the race was none", round, len(b.Entries), len(o.late))
		}
		effects := make(map[string]bool)
		for _, text := range b.Entries {
			effects[text] = true
		}
		for _, text := range o.late {
			if effects[text] {
				t.Fatalf("round %d: %s began after the new log-in and took effect", round, text)
			}
		}
		if err := l.books.Update(t.Context(), "one", func(_ *entity.Tx, b *book) error { b.Entries = nil; return nil }); err != nil {
			t.Fatal(err)
		}
	}
}
