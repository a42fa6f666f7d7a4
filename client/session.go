package client

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/openpragma/engine/internal/wire"
)

// A role is what a kind of client adds to its connections. Its methods are
// called on the goroutines that read sockets and must not block.
type role interface {
	// connected is told of each new socket; again after a break, and resumed if
	// nothing was missed then.
	connected(c *Conn, again, resumed bool)
	// notified takes a notification; the error says that it cannot be read.
	notified(c *Conn, f *wire.Frame) error
	// confused is told that a frame could not be read.
	confused(c *Conn)
}

// closing says how sockets end.
type closing int

const (
	closeCleanly closing = iota // with a close frame: the server ends the session
	closeAbruptly
)

// session is what all kinds of clients have in common: connections that live and
// die together, events, timers, and the waiting for all of them.
type session struct {
	opts  Options
	log   *slog.Logger
	http  *transport
	hub   *hub
	role  role
	conns []*Conn

	// ctx ends with the client. It bounds the opening of sockets.
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}
	wg     sync.WaitGroup // everything that runs

	mu      sync.Mutex // guards what follows
	err     error      // why the client is over; nil before
	tasks   map[*task]struct{}
	up      int // connections with a socket
	giveUp  *task
	changed chan struct{} // closed and replaced when something changes
}

func newSession(opts Options) *session {
	s := &session{
		opts:    opts,
		log:     opts.Logger,
		http:    newTransport(&opts),
		done:    make(chan struct{}),
		tasks:   make(map[*task]struct{}),
		changed: make(chan struct{}),
	}
	s.hub = newHub(opts.EventQueue)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if opts.OnEvent != nil {
		s.handle(opts.OnEvent)
	}
	return s
}

// connect opens all sockets and starts reading them.
func (s *session) connect(ctx context.Context) error {
	for _, c := range s.conns {
		sock, err := c.dial(ctx, nil)
		if err != nil {
			return err
		}
		if !c.attach(sock, false) {
			return s.Err()
		}
		if !s.spawn(func() { c.run(sock) }) {
			sock.cut()
			return s.Err()
		}
	}
	s.http.release()
	return nil
}

// Done is closed when the client is over: closed, logged out, or its session
// ended by the server. Err then says why.
func (s *session) Done() <-chan struct{} { return s.done }

// Err returns nil while the client is in use, and an [EndError] when it is over.
func (s *session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close closes the sockets with a close frame, which ends the session at the
// server, and waits for everything that runs, handlers included. So it must not
// be called by a handler. Calling it again only waits.
func (s *session) Close() {
	s.end(&EndError{}, closeCleanly)
	s.wait()
}

// Abort is Close without close frames: to the server it looks like a crash, and
// the session lives on for its grace time.
func (s *session) Abort() {
	s.end(&EndError{}, closeAbruptly)
	s.wait()
}

func (s *session) wait() {
	s.wg.Wait()
	s.http.release()
}

// WaitConnected waits until all connections have a socket. It returns an
// [EndError] when the client is over.
func (s *session) WaitConnected(ctx context.Context) error {
	return s.until(ctx, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.up == len(s.conns)
	})
}

// until waits for a condition. Each change wakes it.
func (s *session) until(ctx context.Context, met func() bool) error {
	for {
		changed := s.watch()
		if met() {
			return nil
		}
		if err := s.Err(); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// watch returns a channel that is closed at the next change.
func (s *session) watch() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// wake tells those who watch.
func (s *session) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wakeLocked()
}

func (s *session) wakeLocked() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *session) connUp(c *Conn, again, resumed bool) {
	s.mu.Lock()
	s.up++
	s.giveUp.stopLocked()
	s.giveUp = nil
	s.wakeLocked()
	s.mu.Unlock()
	s.hub.publish(Connected{Backend: c.backend, Again: again, Resumed: resumed})
}

func (s *session) connDown(c *Conn, cause error) {
	s.mu.Lock()
	s.up--
	if s.up == 0 && s.opts.Reconnect.GiveUp > 0 {
		s.giveUp = s.afterLocked(s.opts.Reconnect.GiveUp, func() {
			s.end(&EndError{Err: ErrGaveUp}, closeCleanly)
		})
	}
	s.wakeLocked()
	s.mu.Unlock()
	s.hub.publish(Disconnected{Backend: c.backend, Err: cause})
}

// end ends the client; only the first call counts. It does not wait.
func (s *session) end(err error, how closing) {
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return
	}
	s.err = err
	for t := range s.tasks {
		t.stopLocked()
	}
	for _, c := range s.conns {
		s.wg.Go(func() { c.shut(how) })
	}
	s.wakeLocked()
	s.mu.Unlock()
	s.cancel()
	close(s.done)
	s.hub.end(err)
}

// spawn starts a goroutine that Close waits for, unless the client is over.
func (s *session) spawn(fn func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return false
	}
	s.wg.Go(fn)
	return true
}

// sleep pauses; it reports false when the client is over.
func (s *session) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.done:
		return false
	}
}

// A task runs later, unless it is stopped or the client ends first.
type task struct {
	session *session
	timer   *time.Timer
}

// after runs fn once after d.
func (s *session) after(d time.Duration, fn func()) *task {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.afterLocked(d, fn)
}

func (s *session) afterLocked(d time.Duration, fn func()) *task {
	if s.err != nil {
		return nil
	}
	t := &task{session: s}
	t.timer = time.AfterFunc(d, func() {
		s.mu.Lock()
		_, due := s.tasks[t]
		delete(s.tasks, t)
		if due {
			s.wg.Add(1)
		}
		s.mu.Unlock()
		if due {
			defer s.wg.Done()
			fn()
		}
	})
	s.tasks[t] = struct{}{}
	return t
}

// stop keeps a task from running if it has not started. A nil task is fine.
func (t *task) stop() {
	if t == nil {
		return
	}
	t.session.mu.Lock()
	defer t.session.mu.Unlock()
	t.stopLocked()
}

func (t *task) stopLocked() {
	if t == nil {
		return
	}
	t.timer.Stop()
	delete(t.session.tasks, t)
}
