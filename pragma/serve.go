package pragma

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// serve runs until ctx ends, then drains.
func (c *core) serve(ctx context.Context, s *Server, cut context.CancelFunc) {
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	var background sync.WaitGroup
	for _, side := range c.sides {
		background.Go(side.runWork(work))
		background.Go(func() { side.sessions.run(work) })
	}
	background.Go(func() { c.watchConfig(work, s.Config) })
	background.Go(func() { c.partners.run(work) })
	background.Go(func() { c.watchCertificates(work) })
	stopMetrics := c.serveMetrics()

	var serving sync.WaitGroup
	addresses := make(Addresses)
	for _, g := range c.doors {
		addresses[g.id] = g.listener.Addr().String()
		serving.Go(func() {
			if err := g.accept(); !errors.Is(err, http.ErrServerClosed) {
				c.log.Error("gateway stopped", "gateway", g.id.String(), "err", err)
			}
		})
	}
	c.log.Info("server is ready", "mode", c.mode, "node", c.node, "gateways", len(c.doors))
	if s.Ready != nil {
		s.Ready(addresses)
	}

	<-ctx.Done()
	c.drain(cut)
	serving.Wait()
	stopWork()
	background.Wait()
	stopMetrics()
	c.log.Info("server has stopped")
}

// flushTime is how long a drain waits for peers to take what is queued for them.
const flushTime = 2 * time.Second

// drain lets nothing new in, finishes the calls in flight, cuts the sockets one by
// one and without a close frame, so that existing clients reconnect (wire §3), and
// waits until what they leave behind is stored.
func (c *core) drain(cut context.CancelFunc) {
	deadline, cancel := context.WithTimeout(context.Background(), millis(c.config.Load().ShutdownTimeoutMillis))
	defer cancel()
	c.sockets.close()
	var closing sync.WaitGroup
	for _, g := range c.doors {
		closing.Go(func() { _ = g.http.Shutdown(deadline) }) // what is left is cut below
	}
	c.calls.close()
	if !c.calls.wait(deadline) {
		c.log.Warn("calls are still running after the shutdown time; they are cut off")
	}
	c.cutSlowly(deadline)
	flushed, stop := context.WithTimeout(deadline, flushTime)
	if !c.sockets.wait(flushed) {
		c.eachSocket(func(s *socket) { s.cut(closeCause{name: "drain", cut: true}) })
	}
	stop()
	if !c.sockets.wait(deadline) {
		c.log.Warn("sockets did not close in time")
	}
	cut()
	closing.Wait()
	for _, g := range c.doors {
		_ = g.http.Close()
	}
}

// cutTick is how often some more sockets are cut in a drain.
const cutTick = 10 * time.Millisecond

// cutSlowly asks all sockets to end after what is queued for them, not all at once,
// so that the clients do not all come back at once (drainSocketsPerSecond). It
// leaves the last third of the time until the deadline to those that take theirs.
func (c *core) cutSlowly(deadline context.Context) {
	var socks []*socket
	c.eachSocket(func(s *socket) { socks = append(socks, s) })
	until, _ := deadline.Deadline()
	window := time.Until(until) * 2 / 3
	perSecond := float64(c.session.Load().DrainSocketsPerSecond)
	atOnce := perSecond == 0 || window <= cutTick
	perSecond = max(perSecond, float64(len(socks))/window.Seconds())
	tick := time.NewTicker(cutTick)
	defer tick.Stop()
	for begin, cut := time.Now(), 0; cut < len(socks); {
		due := len(socks)
		if !atOnce {
			due = min(due, int(time.Since(begin).Seconds()*perSecond)+1)
		}
		for ; cut < due; cut++ {
			socks[cut].close(closeCause{name: "drain", cut: true})
		}
		if cut < len(socks) {
			<-tick.C
		}
	}
}

func (c *core) eachSocket(fn func(*socket)) {
	for _, side := range c.sides {
		for _, sock := range side.sockets.snapshot() {
			fn(sock)
		}
	}
}

// serveMetrics serves /metrics and /healthz on their own listener, if configured.
func (c *core) serveMetrics() (stop func()) {
	if c.metricsDoor == nil {
		return func() {}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", c.metrics.handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := srv.Serve(c.metricsDoor); !errors.Is(err, http.ErrServerClosed) {
			c.log.Error("metrics listener stopped", "err", err)
		}
	})
	return func() {
		_ = srv.Close()
		wg.Wait()
	}
}

// gate counts what is under way and can be closed.
type gate struct {
	mu     sync.Mutex
	n      int
	closed bool
	idle   chan struct{} // made by close; closed when n is 0
}

// begin counts one more, unless the gate is closed.
func (g *gate) begin() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.n++
	return true
}

// done takes back one begin.
func (g *gate) done() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n--
	if g.closed && g.n == 0 {
		close(g.idle)
	}
}

// close lets nothing more begin. It is called once.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed, g.idle = true, make(chan struct{})
	if g.n == 0 {
		close(g.idle)
	}
}

// wait waits until nothing is under way behind a closed gate, or ctx ends.
func (g *gate) wait(ctx context.Context) bool {
	select {
	case <-g.idle:
		return true
	case <-ctx.Done():
		return false
	}
}
