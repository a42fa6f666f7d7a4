package entity_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
)

// node stands in for one running server: it has a store, runs the background
// work and writes down what is sent to whom.
type node struct {
	tb     testing.TB
	called string
	driver store.Driver
	engine *entity.Engine
	log    *slog.Logger
	lines  *logBuffer

	problems []error
	work     []func(ctx context.Context)
	stop     func()

	mu    sync.Mutex
	sent  []string
	names map[*pragma.Notification]string
}

var _ entity.Host = (*node)(nil)

// newNode returns a node that has not started; register kinds, then call start.
func newNode(tb testing.TB, d store.Driver) *node {
	lines := &logBuffer{}
	n := &node{
		tb: tb, driver: d, lines: lines, stop: func() {},
		log:   slog.New(slog.NewTextHandler(lines, nil)),
		names: make(map[*pragma.Notification]string),
	}
	n.engine = entity.NewEngine(n)
	return n
}

// start runs the background work until the test ends or stopNow is called.
func (n *node) start() *node {
	if err := errors.Join(n.problems...); err != nil {
		n.tb.Fatalf("problems while mounting: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, run := range n.work {
		wg.Go(func() { run(ctx) })
	}
	n.stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	n.tb.Cleanup(n.stop)
	return n
}

func (n *node) Store() store.Driver { return n.driver }
func (n *node) Log() *slog.Logger   { return n.log }

// Node is the name of a node. Two nodes have the same one only if a test says so,
// as when a node starts again.
func (n *node) Node() string { return cmp.Or(n.called, fmt.Sprintf("%p", n)) }

func (n *node) Problem(err error) { n.problems = append(n.problems, err) }

func (n *node) Go(_ string, fn func(ctx context.Context)) { n.work = append(n.work, fn) }

func (n *node) NotifyPlayers(ctx context.Context, m *pragma.Notification, to ...pragma.PlayerID) {
	for _, id := range to {
		n.note(ctx, fmt.Sprintf("player %d: %s", id[0], n.name(m)))
	}
}

func (n *node) NotifyAccounts(ctx context.Context, m *pragma.Notification, to ...pragma.SocialID) {
	for _, id := range to {
		n.note(ctx, fmt.Sprintf("account %d: %s", id[0], n.name(m)))
	}
}

func (n *node) NotifyPartner(ctx context.Context, m *pragma.Notification, to pragma.PartnerID) {
	n.note(ctx, fmt.Sprintf("partner %d: %s", to[0], n.name(m)))
}

func (n *node) note(ctx context.Context, what string) {
	if ctx.Err() != nil {
		n.tb.Errorf("effect %q got a context that has ended", what)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sent = append(n.sent, what)
}

// message returns a notification that shows up under the name.
func (n *node) message(format string, args ...any) *pragma.Notification {
	m := new(pragma.Notification)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.names[m] = fmt.Sprintf(format, args...)
	return m
}

func (n *node) name(m *pragma.Notification) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.names[m]
}

// took returns what was sent since the last call.
func (n *node) took() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	sent := n.sent
	n.sent = nil
	return sent
}

func player(n byte) pragma.PlayerID   { return pragma.PlayerID{n} }
func partner(n byte) pragma.PartnerID { return pragma.PartnerID{n} }

// logBuffer keeps what was logged. It may be used by any number of goroutines.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

var _ io.Writer = (*logBuffer)(nil)

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) count(part string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.text.String(), part)
}

// memory returns a store in memory that is closed when the test ends.
func memory(tb testing.TB) store.Driver {
	d := store.NewMemory()
	tb.Cleanup(func() { closeStore(tb, d) })
	return d
}

func closeStore(tb testing.TB, d store.Driver) {
	if err := d.Close(); err != nil {
		tb.Errorf("close the store: %v", err)
	}
}

// record reads what the store has.
func record(tb testing.TB, d store.Driver, kind, id string) store.Record {
	tb.Helper()
	recs, err := d.Get(context.Background(), store.Key{Kind: kind, ID: id})
	if err != nil {
		tb.Fatalf("read %s/%s: %v", kind, id, err)
	}
	return recs[0]
}

// put writes a record as another node or a person would.
func put(tb testing.TB, d store.Driver, kind, id, body string) {
	tb.Helper()
	have := record(tb, d, kind, id)
	b := &store.Batch{Puts: []store.Put{{Key: have.Key, Expect: have.Rev, Due: have.Due, Body: []byte(body)}}}
	if err := store.Commit(context.Background(), d, b); err != nil {
		tb.Fatalf("put %s/%s: %v", kind, id, err)
	}
}
