package entity

// What tests need of the inside: an engine on a host of their own.
type (
	Engine = engine
	Host   = host
)

const (
	MaxTries   = maxTries
	MaxWaiting = maxWaiting
	TimerSlots = timerSlots
)

func NewEngine(h Host) *Engine { return newEngine(h, nil) }

func OfHost[T any](e *Engine, h Host, name string, o Options[T]) *Kind[T] { return of(e, h, name, o) }

func NewLaneHost[Req, Res any](e *Engine, h Host, name string, o LaneOptions[Req, Res]) *Lane[Req, Res] {
	return newLane(e, h, name, o)
}

// LocksHeld returns how many entities are locked.
func LocksHeld(e *Engine) int { return e.locks.Len() }

// Cached reports what the cache holds: entries, bytes, and work under way.
func Cached(e *Engine) (entries, bytes, flights int) {
	e.cache.mu.Lock()
	defer e.cache.mu.Unlock()
	for _, k := range e.cache.keys {
		if k.next != nil {
			entries++
		}
		if k.refs > 0 {
			flights++
		}
	}
	if extra := len(e.cache.keys) - entries - flights; extra > 0 {
		flights += extra // keys of which nothing is known should be gone
	}
	return entries, e.cache.bytes, flights
}

// LimitCache makes the cache smaller.
func LimitCache(e *Engine, bytes int) { e.cache.limit = bytes }

// Backoff returns the wait after the n-th failure.
var Backoff = backoff
