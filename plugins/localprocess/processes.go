package localprocess

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/openpragma/engine/pragma"
)

// processes are those that run, by key: by allocation or by server. A key that was
// started or ended is remembered, so that a repeated call starts nothing. The zero
// value is ready for use; it must not be copied.
type processes struct {
	config *pragma.Live[config]
	log    *slog.Logger

	mu      sync.Mutex
	known   map[string]time.Time // started or ended; also of processes that are gone
	running map[string]*process
	forgot  time.Time // when it was last looked for what may be forgotten
	closed  bool
	wg      sync.WaitGroup // of the processes
}

// settings returns what is configured, or what the fields of the plugin say.
func (ps *processes) settings(fields config) config {
	if ps.config != nil {
		return ps.config.Load()
	}
	return fields
}

// mount prepares the processes for a server, which ends them when it stops.
func (ps *processes) mount(m *pragma.PluginMount, fields config) error {
	ps.config = nil
	live, err := pragma.PluginConfig(m, fields)
	if err != nil {
		return err
	}
	if err := live.Load().Validate(); err != nil { // without a section nobody else asks
		return err
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.config, ps.log, ps.closed = live, m.Log(), false
	m.Go("game servers", func(ctx context.Context) {
		<-ctx.Done()
		ps.close(live.Load().StopGraceMillis)
	})
	return nil
}

// start starts the process of a key, unless that was started or ended before. With
// too many processes it returns [ErrTooManyProcesses].
func (ps *processes) start(ctx context.Context, key string, most int, begin func(log *slog.Logger) (*process, error)) error {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.forget()
	switch _, again := ps.known[key]; {
	case again:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case ps.closed:
		return pragma.ErrUnavailable.With("the server is shutting down")
	case len(ps.running) >= most:
		return ErrTooManyProcesses
	}
	proc, err := begin(cmp.Or(ps.log, slog.Default()))
	if err != nil {
		return err
	}
	ps.remember(key)
	if ps.running == nil {
		ps.running = make(map[string]*process)
	}
	ps.running[key] = proc
	ps.wg.Go(func() { ps.await(key, proc) })
	return nil
}

// end calls fn with the process of a key that is over, if it runs. From then on
// none is started for that key.
func (ps *processes) end(key string, fn func(proc *process)) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.forget()
	ps.remember(key)
	if proc := ps.running[key]; proc != nil && !ps.closed { // else close ends it
		fn(proc)
	}
}

const (
	// rememberKey is how long a repeated call for a key is recognised.
	rememberKey = 2 * time.Hour
	// forgetEvery is how often it is looked for what may be forgotten.
	forgetEvery = time.Minute
)

// remember notes that no process is to be started for a key. ps.mu is held.
func (ps *processes) remember(key string) {
	if ps.known == nil {
		ps.known = make(map[string]time.Time)
	}
	ps.known[key] = time.Now()
}

// forget forgets keys that nobody will ask for again. ps.mu is held.
func (ps *processes) forget() {
	now := time.Now()
	if now.Sub(ps.forgot) < forgetEvery {
		return
	}
	ps.forgot = now
	maps.DeleteFunc(ps.known, func(key string, at time.Time) bool {
		return ps.running[key] == nil && now.Sub(at) > rememberKey
	})
}

func (ps *processes) await(key string, proc *process) {
	proc.wait()
	ps.mu.Lock()
	defer ps.mu.Unlock()
	delete(ps.running, key)
}

func (ps *processes) count() int {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return len(ps.running)
}

// close ends all processes and waits for them.
func (ps *processes) close(stopGraceMillis int) {
	ps.mu.Lock()
	ps.closed = true
	for _, proc := range ps.running {
		ps.wg.Go(func() { proc.stop(millis(stopGraceMillis)) })
	}
	ps.mu.Unlock()
	ps.wg.Wait()
}
