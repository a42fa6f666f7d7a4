package client

import (
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

// Never switches off what a duration of [Options] or [Reconnect] controls.
const Never time.Duration = -1

// Options say where the backend is and how a client behaves. Only Game is
// needed. They are copied; changing them later has no effect.
type Options struct {
	// Game is the game backend's gateway for this kind of client, such as
	// "http://127.0.0.1:10000" or "127.0.0.1:10000" (wire §1.1).
	Game string
	// Social is the same for the social backend. If it is empty, both backends
	// are used as GET /v1/info on Game names them.
	Social string
	// ClientVersion is the version of the game client, sent where a player
	// creates or joins something.
	ClientVersion string
	// ZonePings is the measured way to each game server zone, sent where a
	// player creates or joins something. See [PartyCalls.SetZonePings].
	ZonePings map[string]time.Duration

	// HTTPClient is used for HTTP calls and for the upgrade of sockets. Nil means
	// one of its own, which connects with Dial. Share one between many clients of
	// a load test.
	HTTPClient *http.Client
	// Dial opens network connections when HTTPClient is nil. Nil means TCP.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Logger gets what nobody is there to be told: broken connections, malformed
	// frames, failed refreshes. Nil means nothing is logged.
	Logger *slog.Logger

	// CallTimeout bounds each call besides its ctx. Default 10 s.
	CallTimeout time.Duration
	// ConnectTimeout bounds each HTTP request and each opening of a socket.
	// Default 10 s.
	ConnectTimeout time.Duration
	// Heartbeat is the time between heartbeats (wire §6). A socket on which
	// nothing came for three times as long is cut. Default 15 s; Never sends none.
	Heartbeat time.Duration
	// Reconnect says how a broken connection comes back.
	Reconnect Reconnect

	// MaxInFlight bounds the unanswered calls of one connection; further ones
	// fail with [ErrBusy]. Default 256.
	MaxInFlight int
	// MaxFrame is the largest message accepted from the server, in bytes.
	// Default 16 MiB.
	MaxFrame int64
	// EventQueue bounds each [Subscription] and the queue of the handlers. When
	// it is full the oldest event is dropped and [EventsLost] says so. Default 1024.
	EventQueue int

	// OnEvent is a handler for all events that is there from the start, so it
	// misses none; see [On]. It may be called before the client is returned.
	OnEvent func(Event)
	// OnQueue is called while [LogIn] waits in the log-in queue.
	OnQueue func(QueuePosition)
}

// Reconnect are the settings of the back-off (wire §6). Try number n comes after
// n² times Initial, at most Max, and up to Jitter more at random.
type Reconnect struct {
	// Initial is the pause before the first try. Default 1 s; with Never a break
	// ends the client.
	Initial time.Duration
	// Jitter is the most that chance adds to a pause. Default 1 s; Never adds nothing.
	Jitter time.Duration
	// Max is the longest pause before jitter. Default 64 s.
	Max time.Duration
	// GiveUp is how long all connections may be down before the client ends with
	// [ErrGaveUp]. Default 300 s; Never tries for ever.
	GiveUp time.Duration
}

// QueuePosition is the place of a player in the log-in queue (wire §1.2).
type QueuePosition struct {
	Position int
	// Eta is the server's estimate of the wait.
	Eta time.Duration
}

func (o Options) withDefaults() Options {
	o.ZonePings = maps.Clone(o.ZonePings)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.CallTimeout = orDefault(o.CallTimeout, 10*time.Second)
	o.ConnectTimeout = orDefault(o.ConnectTimeout, 10*time.Second)
	o.Heartbeat = orDefault(o.Heartbeat, 15*time.Second)
	o.Reconnect.Initial = orDefault(o.Reconnect.Initial, time.Second)
	o.Reconnect.Jitter = orDefault(o.Reconnect.Jitter, time.Second)
	o.Reconnect.Max = orDefault(o.Reconnect.Max, 64*time.Second)
	o.Reconnect.GiveUp = orDefault(o.Reconnect.GiveUp, 300*time.Second)
	o.MaxInFlight = orDefault(o.MaxInFlight, 256)
	o.MaxFrame = orDefault(o.MaxFrame, 16<<20)
	o.EventQueue = orDefault(o.EventQueue, 1024)
	return o
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// pause returns how long to wait before try n, which counts from 1.
func (r Reconnect) pause(n int) time.Duration {
	wait := r.Max
	if n < 1<<15 && r.Initial < r.Max/time.Duration(n*n) {
		wait = r.Initial * time.Duration(n*n)
	}
	if r.Jitter > 0 {
		wait += rand.N(r.Jitter)
	}
	return wait
}
