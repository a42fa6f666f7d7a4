package pragma

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/openpragma/engine/internal/admission"
	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/internal/token"
	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma/store"
)

// loginQueue lets players in to log in (engine §2.7, wire §1.2). A player holds
// a signed ticket, which says since when he waits; once he is let in it is a
// pass for the log-in. So this node keeps places only to know who is before
// whom: a restart, or another node, puts him back by his ticket.
//
// Each node has a line of its own and lets players in at the full rate: with
// several of them, share targetLoginRatePerSecond out. Sessions are counted over
// all nodes, those of others up to a minute late.
type loginQueue struct {
	core   *core
	config *Live[loginQueueConfig]
	line   admission.Line
	game   *side // nil on a node without the Game backend

	marked time.Time // when the mark was last written; of the work in run alone
}

const (
	// ticketLife is how long a place is kept for one who does not ask: a ticket
	// that was signed longer ago, and is not in line, is worth nothing. One that
	// is half as old is replaced when it is shown.
	ticketLife = 10 * time.Minute
	// ticketLimit is how long a ticket can be shown at all, by a client that
	// keeps its first one.
	ticketLimit = 24 * time.Hour
	// holdTime is how long nobody is let in after a restart in the middle of a
	// queue. Those who would have been next ask again within it.
	holdTime = 5 * time.Second
	// markInterval is how often a queue is marked in the store.
	markInterval = 10 * time.Second
)

// loginQueueConfig is LoginQueueServiceConfig. All of it changes live.
type loginQueueConfig struct {
	TargetLoginRatePerSecond   int  `yaml:"targetLoginRatePerSecond"`
	TargetCcuLimit             int  `yaml:"targetCcuLimit"`          // 0 lets nobody in
	EstimatedSecondsToLogin    int  `yaml:"estimatedSecondsToLogin"` // from being let in to the session; counted against the limit meanwhile
	PollIntervalMillis         int  `yaml:"pollIntervalMillis"`      // of those who are next; others ask up to every 30 s
	PassTokenExpirationMinutes int  `yaml:"passTokenExpirationMinutes"`
	RequireLoginQueuePassToken bool `yaml:"requireLoginQueuePassToken"`
}

// Validate implements [conf.Validator].
func (c *loginQueueConfig) Validate() error {
	var errs []error
	for _, s := range []struct {
		name                 string
		value, least, atMost int
	}{
		{"targetLoginRatePerSecond", c.TargetLoginRatePerSecond, 1, 1_000_000},
		{"targetCcuLimit", c.TargetCcuLimit, 0, maxNumber},
		{"estimatedSecondsToLogin", c.EstimatedSecondsToLogin, 1, 3600},
		{"pollIntervalMillis", c.PollIntervalMillis, 100, 600_000},
		{"passTokenExpirationMinutes", c.PassTokenExpirationMinutes, 1, 1440},
	} {
		if s.value < s.least || s.value > s.atMost {
			errs = append(errs, conf.Fieldf(s.name, "want %d to %d", s.least, s.atMost))
		}
	}
	return errors.Join(errs...)
}

func defaultLoginQueue(mode Mode) loginQueueConfig {
	return loginQueueConfig{
		TargetLoginRatePerSecond: 50, TargetCcuLimit: 10000, EstimatedSecondsToLogin: 10,
		PollIntervalMillis: 1000, PassTokenExpirationMinutes: 10,
		RequireLoginQueuePassToken: mode == Production,
	}
}

func (c *loginQueueConfig) passLife() time.Duration {
	return time.Duration(c.PassTokenExpirationMinutes) * time.Minute
}

func (c *loginQueueConfig) limits() admission.Limits {
	return admission.Limits{
		PerSecond: c.TargetLoginRatePerSecond,
		Inside:    c.TargetCcuLimit,
		Arrival:   seconds(c.EstimatedSecondsToLogin),
		Poll:      millis(c.PollIntervalMillis),
		// As long as the ticket that was let in could get into line again.
		Keep: max(c.passLife(), ticketLife),
	}
}

// newLoginQueue binds the configuration, which the log-in on Social needs too.
func newLoginQueue(c *core) *loginQueue {
	q := &loginQueue{core: c}
	q.line.Admitted = func(waited time.Duration) { c.metrics.queueWait.Observe(waited.Seconds()) }
	q.line.Lapsed = func(n int) { c.metrics.queueLapsed.Add(float64(n)) }
	q.config, _ = bind(c.conf, conf.Binding[loginQueueConfig]{
		Path: "game.serviceConfigs.LoginQueueServiceConfig", Default: defaultLoginQueue(c.mode),
	})
	return q
}

// mount registers the endpoints on the Game backend.
func (q *loginQueue) mount(m *Mount) {
	q.game = m.side
	q.core.metrics.watchLoginQueue(q)
	m.HandleHTTP(Player, "GET /v1/loginqueue/getinqueuev1", q.handler(m, q.enter))
	m.HandleHTTP(Player, "POST /v1/loginqueue/getinqueuev1", q.handler(m, q.enter))
	m.HandleHTTP(Player, "POST /v1/loginqueue/checkticketv1", q.handler(m, q.check))
	m.OnStart(q.resume)
	m.Go("login queue", q.run)
}

// handler makes an HTTP handler of one of the endpoints. Trouble is told as on
// the gateway (wire §16.8).
func (q *loginQueue) handler(m *Mount, answer func(*http.Request, []byte) (*wire.LoginQueueTicket, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && !isJSON(r.Header.Get("Content-Type")) {
			m.RefuseHTTP(w, http.StatusUnsupportedMediaType, errContentType)
			return
		}
		body, err := readBody(w, r, maxHTTPBody)
		var ticket *wire.LoginQueueTicket
		if err == nil {
			ticket, err = answer(r, body)
		}
		if err != nil {
			m.RefuseHTTP(w, refusalStatus(err), err)
			return
		}
		m.AnswerHTTP(w, ticket)
	})
}

// isJSON reports whether a body with this content type is JSON. One that does
// not say is taken for it.
func isJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	typ, _, err := mime.ParseMediaType(contentType)
	return err == nil && typ == "application/json"
}

// enter gives a ticket to somebody new. The body says nothing.
func (q *loginQueue) enter(r *http.Request, body []byte) (*wire.LoginQueueTicket, error) {
	if r.Method == http.MethodPost && len(body) > 0 {
		if err := wire.Unmarshal(body, &wire.Empty{}); err != nil {
			return nil, ErrMalformed.With("%v", err).Wrap(err)
		}
	}
	now, config := time.Now(), q.config.Load()
	return q.ticket(now, &config, q.line.Enter(now, config.limits(), q.players()), "")
}

// check tells a ticket where it stands. A pass stays one until it expires.
func (q *loginQueue) check(_ *http.Request, body []byte) (*wire.LoginQueueTicket, error) {
	var req wire.CheckTicketRequest
	if err := wire.Unmarshal(body, &req); err != nil {
		return nil, ErrMalformed.With("%v", err).Wrap(err)
	}
	claims, err := q.core.tokens.verifyQueue(req.Token)
	if err != nil {
		return nil, err
	}
	now, config := time.Now(), q.config.Load()
	if claims.IsAllowedIn == "true" {
		return &wire.LoginQueueTicket{Token: req.Token, PollNextDuration: wire.Int32(config.PollIntervalMillis), IsAllowedIn: true}, nil
	}
	number, err := strconv.ParseInt(claims.TicketNumber, 10, 64)
	if err != nil {
		return nil, ErrTokenDecode.Wrap(err)
	}
	age := now.Sub(time.Unix(claims.IssuedAt, 0))
	if age > ticketLife && !q.line.Knows(number) {
		return nil, ErrTokenExpired.With("the place in the log-in queue is lost")
	}
	old := req.Token
	if age > ticketLife/2 {
		old = ""
	}
	return q.ticket(now, &config, q.line.Ask(now, config.limits(), q.players(), number), old)
}

// ticket makes the answer about a place. old is a ticket for the same place that
// is still good; empty: a new one is signed.
func (q *loginQueue) ticket(now time.Time, config *loginQueueConfig, p admission.Place, old string) (*wire.LoginQueueTicket, error) {
	number := strconv.FormatInt(p.Number, 10)
	out := &wire.LoginQueueTicket{
		Token:            old,
		PositionInQueue:  wire.Int32(p.Position),
		Eta:              wire.Int64(p.Wait.Milliseconds()),
		PollNextDuration: wire.Int32(p.Poll.Milliseconds()),
		IsAllowedIn:      !p.In.IsZero(),
	}
	claims := token.Claims{Subject: number, TicketNumber: number, IsAllowedIn: strconv.FormatBool(out.IsAllowedIn)}
	life := ticketLimit
	if out.IsAllowedIn {
		if life = p.In.Add(config.passLife()).Sub(now); life < time.Second {
			return nil, ErrTokenExpired.With("the time to log in is over")
		}
	} else if old != "" {
		return out, nil
	}
	var err error
	if out.Token, err = q.core.tokens.sign(claims, life); err != nil {
		return nil, fmt.Errorf("sign ticket: %w", err)
	}
	return out, nil
}

// players is how many live sessions count against the limit.
func (q *loginQueue) players() int { return int(max(q.game.sessions.alive.Load(), 0)) }

// queueMark is the record that says when somebody last waited, so that a server
// that starts knows whether to wait for those who come back.
var queueMark = store.Key{Kind: "login-queue", ID: "waiting"}

// resume holds the line if there was one a short while ago.
func (q *loginQueue) resume(ctx context.Context) error {
	now, err := q.game.store.Now(ctx)
	if err != nil {
		return err
	}
	recs, err := q.game.store.Get(ctx, queueMark)
	if err != nil {
		return fmt.Errorf("read mark of the log-in queue: %w", err)
	}
	if recs[0].Exists() && recs[0].Due.After(now) {
		q.line.Hold(time.Now().Add(holdTime))
	}
	return nil
}

// run keeps the line going between questions, marks it in the store, and counts
// the sessions anew now and then, until ctx ends.
func (q *loginQueue) run(ctx context.Context) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	minute := time.NewTicker(recountInterval)
	defer minute.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-minute.C:
			if err := q.game.sessions.recount(ctx); err != nil && ctx.Err() == nil {
				q.core.log.WarnContext(ctx, "cannot count the live sessions", "err", err)
			}
		case now := <-second.C:
			config := q.config.Load()
			q.line.Tick(now, config.limits(), q.players())
			if q.line.Waiting() > 0 && now.Sub(q.marked) >= markInterval {
				q.marked = now
				if err := q.mark(ctx); err != nil && ctx.Err() == nil {
					q.core.log.WarnContext(ctx, "cannot mark the log-in queue; a restart would mix it up", "err", err)
				}
			}
		}
	}
}

// mark writes the mark. Its due is when it says nothing any more. Another node
// that writes it at the same time says the same.
func (q *loginQueue) mark(ctx context.Context) error {
	now, err := q.game.store.Now(ctx)
	if err != nil {
		return err
	}
	recs, err := q.game.store.Get(ctx, queueMark)
	if err != nil {
		return err
	}
	put := store.Put{Key: queueMark, Expect: recs[0].Rev, Due: now.Add(ticketLife), Body: []byte("{}")}
	err = store.Commit(ctx, q.game.store, &store.Batch{Puts: []store.Put{put}})
	if errors.Is(err, store.ErrConflict) {
		return nil
	}
	return err
}
