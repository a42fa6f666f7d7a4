package matchmaking

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openpragma/engine/pragma"
)

// Names of hooks in logs and metrics.
const (
	hookInitialize   = "MatchmakingPlugin.Initialize"
	hookGetQueueName = "MatchmakingPlugin.GetQueueName"
)

// run keeps a loop for each queue until ctx ends.
func (s *Service) run(ctx context.Context) {
	var loops sync.WaitGroup
	defer loops.Wait()
	t := time.NewTicker(reconcileEvery)
	defer t.Stop()
	for {
		for _, q := range s.index.takeIdle() {
			loops.Go(func() { s.serve(ctx, q) })
		}
		select {
		case <-s.index.ready:
		case <-t.C:
			if err := s.reconcile(ctx); err != nil && ctx.Err() == nil {
				s.m.Log().WarnContext(ctx, "cannot compare the queues with the store", "err", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// serve is the loop of one queue. It ends with ctx, or when the queue is empty.
func (s *Service) serve(ctx context.Context, q *queue) {
	l := &loop{Service: s, queue: q, name: q.named(s.queueName(ctx, q.key))}
	defer l.commits.Wait()
	cfg := s.cfg.Load()
	full := time.NewTimer(cfg.delay())
	defer full.Stop()
	for ctx.Err() == nil && !s.index.retire(q) {
		select {
		case <-q.wake:
			l.pass(ctx, false)
		case <-full.C:
			l.pass(ctx, true)
			cfg = s.cfg.Load()
			full.Reset(cfg.delay())
		case <-ctx.Done():
		}
	}
}

// queueName asks the plugin; what goes wrong there costs only the name.
func (s *Service) queueName(ctx context.Context, key QueueKey) string {
	var name string
	err := pragma.RunHook(ctx, s.m, hookGetQueueName, func(ctx context.Context) error {
		if r := (&GetQueueNameRequest{key}); s.Pool != nil {
			name = s.Pool.GetQueueName(ctx, r)
		} else {
			name = s.Plugin.GetQueueName(ctx, r)
		}
		return nil
	})
	if err != nil || name == "" {
		return Defaults{}.GetQueueName(ctx, &GetQueueNameRequest{key})
	}
	return name
}

// loop makes the passes of one queue.
type loop struct {
	*Service
	queue   *queue
	name    string
	commits sync.WaitGroup
	stuck   atomic.Int32 // hooks that were given up and have not returned
}

// maxStuck is how many hooks of a queue may hang. A queue with more waits for one
// to return; each costs memory, and perhaps a processor.
const maxStuck = 3

// pass makes one pass and watches over it. Hooks are too many and too short to
// run each in a goroutine of its own, as [pragma.RunHook] does; instead the
// whole pass does, and a hook that does not return in time takes the pass, but
// neither this loop nor its queue.
func (l *loop) pass(ctx context.Context, full bool) {
	if l.stuck.Load() >= maxStuck || l.queue.idle() {
		return
	}
	start := time.Now()
	cfg := l.cfg.Load()
	passing, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &run{loop: l, pool: l.queue.pool, ctx: passing, until: start.Add(cfg.budget())}
	done := make(chan bool, 1)
	go func() { done <- r.do(full) }()
	if !l.watch(r, done) {
		cancel(errOverrun)
		l.abandon(ctx, r, done)
		return
	}
	l.queue.end(r.pool)
	l.queue.passed(time.Since(start))
	l.metrics.passes.WithLabelValues(l.name).Observe(time.Since(start).Seconds())
}

var errOverrun = errors.New("a matchmaking hook took too long")

// watch waits for the end of a pass. It reports false if a hook overran, or if
// the pass broke.
func (l *loop) watch(r *run, done <-chan bool) bool {
	limit := l.m.HookTimeout()
	look := time.NewTicker(max(limit/4, time.Millisecond))
	defer look.Stop()
	seen, since := uint64(0), time.Now()
	for {
		select {
		case finished := <-done:
			return finished
		case <-look.C:
		}
		if n := r.calls.Load(); n != seen || n%2 == 0 {
			seen, since = n, time.Now()
		} else if time.Since(since) >= limit {
			return false
		}
	}
}

// abandon goes on without a pass whose hook hangs. The hook's anchor loses its
// place. The hook itself cannot be stopped; it is waited for no longer.
func (l *loop) abandon(ctx context.Context, r *run, done <-chan bool) {
	l.stuck.Add(1)
	go func() {
		<-done
		l.stuck.Add(-1)
	}()
	parties, stuck := l.queue.abandon(r.shown.Load())
	if stuck != nil {
		l.expel(ctx, stuck)
	}
	if l.Pool != nil {
		r.failPropose(errOverrun)
		return
	}
	l.fail(ctx, "MatchmakingPlugin", parties, errOverrun)
}

// now is the time of the store, on whose clock tickets are stamped.
func (l *loop) now(ctx context.Context) time.Time {
	now, err := l.m.Store().Now(ctx)
	if err != nil {
		return time.Now().UTC()
	}
	return now
}

// goCommit runs fn beside the loop as soon as there is a place. It outlives the
// server's stop: what is decided is finished. It reports false if ctx ended
// first.
func (l *loop) goCommit(ctx context.Context, fn func(ctx context.Context)) bool {
	select {
	case l.Service.commits <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	l.commits.Go(func() {
		defer func() { <-l.Service.commits }()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
		defer cancel()
		fn(ctx)
	})
	return true
}

// commitTimeout ends a commit that the store does not answer.
const commitTimeout = 10 * time.Second

// fail sends parties back that lost their place because of a hook.
func (l *loop) fail(ctx context.Context, hook string, parties []*Party, err error) {
	attrs := []any{"hook", hook, "queue", l.name, "parties", len(parties), "err", err}
	if p, ok := errors.AsType[*panicError](err); ok {
		attrs = append(attrs, slog.String("stack", string(p.stack)))
	}
	l.m.Log().ErrorContext(ctx, "matchmaking hook failed; its anchor leaves the queue", attrs...)
	l.metrics.failed.WithLabelValues(l.name).Add(float64(len(parties)))
	for _, p := range parties {
		if !l.goCommit(ctx, func(ctx context.Context) { l.giveUp(ctx, l.queue, p) }) {
			l.queue.giveBack([]*Party{p}, 0, 0)
		}
	}
}

// run takes what one pass decides.
type run struct {
	*loop
	pool  *pool
	ctx   context.Context
	until time.Time
	calls atomic.Uint64
	shown atomic.Pointer[GameInstance] // to a hook that runs now
}

var _ outcomes = (*run)(nil)

// do makes the pass and reports whether it came to an end of its own.
func (r *run) do(full bool) (ended bool) {
	defer func() {
		if v := recover(); v != nil {
			r.m.Log().Error("matchmaking pass panicked", "queue", r.name, "panic", v, slog.String("stack", string(debug.Stack())))
		}
	}()
	if r.Pool != nil {
		r.whole(full)
		return true
	}
	p := &pass{pool: r.pool, ctx: r.ctx, plugin: r.Plugin, now: r.now(r.ctx), out: r, calls: &r.calls, shown: &r.shown}
	p.pair.QueueKey, p.pair.Now = p.key, p.now
	if full {
		p.full()
	} else {
		p.news()
	}
	return true
}

func (r *run) next() bool {
	return r.ctx.Err() == nil && time.Now().Before(r.until) && r.queue.begin(r.pool)
}

func (r *run) serving(parties []*Party) { r.queue.anchor(r.pool, parties) }

func (r *run) match(game *NewGameInstance, parties []*Party) bool {
	if !r.queue.claim(r.pool, parties) {
		return false
	}
	ok := r.beside(func(ctx context.Context) {
		err := r.commit(ctx, r.queue, game, parties)
		switch {
		case err == nil:
			r.count(resultStarted)
		case expected(err):
			r.count(resultContested)
			r.m.Log().DebugContext(ctx, "match not made", "queue", r.name, "err", err)
		default:
			r.count(resultFailed)
			r.m.Log().WarnContext(ctx, "match failed; its parties wait on", "queue", r.name, "parties", len(parties), "err", err)
		}
	})
	if !ok {
		r.queue.giveBack(parties, 0, 0)
	}
	return ok
}

// beside is goCommit for what the pass has decided. The pass has a budget for what
// hooks and the loop take; the store's time is not theirs.
func (r *run) beside(fn func(ctx context.Context)) bool {
	begin := time.Now()
	ok := r.goCommit(r.ctx, fn)
	r.until = r.until.Add(time.Since(begin))
	return ok
}

func (r *run) fail(hook string, parties []*Party, err error) {
	if r.queue.claim(r.pool, parties) {
		r.loop.fail(r.ctx, hook, parties, err)
	}
}

func (r *run) refuse(hook string, err error) {
	r.count(resultRefused)
	r.m.Log().ErrorContext(r.ctx, "matchmaking hook returned a game that cannot be made", "hook", hook, "queue", r.name, "err", err)
}

func (r *run) count(result string) { r.metrics.games.WithLabelValues(r.name, result).Inc() }
