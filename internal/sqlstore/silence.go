package sqlstore

import (
	"context"
	"sync"
	"time"
)

// ConnectTime is how long a new connection may take, until it is ready.
const ConnectTime = 3 * time.Second

// After a server that does not even answer, such as a frozen one, nobody else
// waits for it during this time: callers that find out an unknown outcome ask
// several times in a second.
const (
	silentTime = time.Second
	silentRest = time.Second
)

// Silence keeps callers from waiting one after the other for a server that does
// not answer. The zero value is ready.
type Silence struct {
	mu     sync.Mutex
	until  time.Time // nobody tries before
	reason error
}

// Open makes a connection with ready, within ConnectTime, unless the server was
// silent a moment ago.
func Open[C any](ctx context.Context, s *Silence, ready func(context.Context) (C, error)) (C, error) {
	var none C
	begin := time.Now()
	s.mu.Lock()
	until, reason := s.until, s.reason
	s.mu.Unlock()
	if begin.Before(until) {
		return none, reason
	}
	limited, cancel := context.WithTimeout(ctx, ConnectTime)
	defer cancel()
	c, err := ready(limited)
	if now := time.Now(); err != nil && ctx.Err() == nil && now.Sub(begin) >= silentTime {
		s.mu.Lock()
		s.until, s.reason = now.Add(silentRest), err
		s.mu.Unlock()
	}
	return c, err
}
